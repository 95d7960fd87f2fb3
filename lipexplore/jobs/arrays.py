"""What is too large for a line of JSON: certificates, witnesses, radii, each in a file of its own.

The files lie in a folder that only this user can read. A worker writes them, its client reads one
when somebody looks at it, and a file goes when nobody can ask for it any more. They are pickled:
both ends are this very package.
"""

from __future__ import annotations

import pickle
import weakref
from pathlib import Path
from typing import Any, BinaryIO

from lipexplore.errors import InvalidCertificate

LARGEST = 256 * 2**20
"""Bytes; what is larger is not kept."""


class Kept:
    """Arrays of one answer.

    Parameters
    ----------
    path
        The file, which goes with this object; None where the arrays were larger than ``LARGEST``.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path is not None:
            weakref.finalize(self, path.unlink, missing_ok=True)

    def read(self) -> Any:
        """Return the arrays.

        Raises
        ------
        InvalidCertificate
            If they were too large, or the file is gone.
        """
        if self.path is None:
            raise InvalidCertificate(
                f"the arrays take more than {LARGEST // 2**20} MB and were not kept: save them by "
                "`lipexplore bound --certificate FILE`"
            )
        try:
            return pickle.loads(self.path.read_bytes())
        except OSError:
            raise InvalidCertificate(
                "the file of this run's arrays is gone: run the method again"
            ) from None


class _Limited:
    """A file that takes no more than ``LARGEST`` bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, LARGEST

    def write(self, data: Any) -> int:
        self._left -= memoryview(data).nbytes
        if self._left < 0:
            raise OverflowError
        return self._file.write(data)


def keep(arrays: Any, path: Path) -> str | None:
    """Write arrays to a file; return its path, None where they are too large."""
    try:
        with path.open("wb") as file:
            pickle.dump(arrays, _Limited(file), protocol=pickle.HIGHEST_PROTOCOL)
    except OverflowError:
        path.unlink()
        return None
    return str(path)

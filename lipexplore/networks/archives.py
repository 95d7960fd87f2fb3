"""Arrays of an .npz archive, read without ever running a pickle."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork

Arrays = Mapping[str, NDArray[np.generic]]


def read_arrays(source: Path | bytes) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of an .npz file, or of its content, by name.

    Raises
    ------
    InvalidNetwork
        If the file is missing, is no .npz or holds Python objects; the message names the array.
    """
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InvalidNetwork("this is a single array: save the network with numpy.savez")
        with archive:
            return {name: _member(archive, name) for name in archive.files}
    except FileNotFoundError:
        raise InvalidNetwork("there is no such file") from None
    except (
        OSError,
        ValueError,
        EOFError,
        RuntimeError,
        MemoryError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        raise InvalidNetwork("this is no .npz file: save the network with numpy.savez") from None


def text_of(arrays: Arrays, name: str, default: str) -> str:
    """Return the first entry of an array as text, or ``default`` where there is none."""
    return str(arrays[name].ravel()[0]) if name in arrays and arrays[name].size else default


def _member(archive: np.lib.npyio.NpzFile, name: str) -> NDArray[np.generic]:
    try:
        array = archive[name]
    except ValueError:
        raise InvalidNetwork(
            f"{name} is damaged or holds Python objects: save it as an array of numbers"
        ) from None
    if not isinstance(array, np.ndarray):
        raise InvalidNetwork(f"{name} is no array: save the network with numpy.savez")
    return array

"""The arrays of finished runs, as their worker kept them."""

from __future__ import annotations

from dataclasses import replace

from lipexplore.bounds import Bound
from lipexplore.panels.rows import Row


class ProofBook:
    """Reads certificates and witnesses; the last one stays at hand."""

    def __init__(self) -> None:
        self._last: tuple[Row | None, Bound | None] = (None, None)

    def get(self, row: Row) -> Bound | None:
        """Return a run's bound with its arrays, None for a run that has not finished.

        Raises
        ------
        InvalidCertificate
            If the arrays were too large to be kept, or their file is gone.
        """
        if row.bound is None or row.arrays is None:
            return row.bound
        if self._last[0] is not row:
            certificate, witness = row.arrays.read()
            found = replace(row.bound, certificate=certificate, witness=witness)
            self._last = (row, found)
        return self._last[1]

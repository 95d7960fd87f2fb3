"""The arrays of finished runs: they stay in the worker, so they are computed again on demand."""

from __future__ import annotations

from typing import Any

from lipexplore.bounds import Bound, bound
from lipexplore.panels.rows import Row

SHORT = 3.0
"""Runs that took more seconds are computed again only when asked for."""
LONGEST = 5.0


class ProofBook:
    """Bounds with their certificates and witnesses, by run."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Bound] = {}

    def get(self, row: Row) -> Bound | None:
        """Return the bound with its arrays if they are at hand."""
        found = row.bound
        if found is not None and (found.certificate is not None or found.witness is not None):
            return found
        return self._known.get(row.identity)

    def is_short(self, row: Row) -> bool:
        """Tell whether the run may be repeated without asking."""
        return row.bound is not None and row.bound.seconds <= SHORT

    def compute(self, row: Row) -> Bound:
        """Run the method once more in this process, for little longer than it took.

        Raises
        ------
        LipexploreError
            As the method does.
        """
        question, before = row.question, row.bound
        found = bound(
            question.network,
            row.run.method,
            question.norm,
            question.region,
            question.output,
            question.minus,
            layers=question.layers,
            time_limit=None if before is None else max(LONGEST, 1.5 * before.seconds),
            **row.run.settings,
        )
        self._known[row.identity] = found
        return found

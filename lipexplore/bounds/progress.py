"""Passing a solver's iterations on to whoever watches a bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lipexplore.bounds.method import OnProgress

if TYPE_CHECKING:
    from lipexplore.solvers import Progress


def in_units(on_progress: OnProgress | None, unit: float) -> Callable[[Progress], None] | None:
    """Return a listener to a solver that reports its values times ``unit``; they are no bounds."""
    if on_progress is None:
        return None

    def forward(progress: Progress) -> None:
        on_progress(
            {
                "iteration": progress.iteration,
                "primal": None if progress.primal is None else progress.primal * unit,
                "dual": None if progress.dual is None else progress.dual * unit,
            }
        )

    return forward

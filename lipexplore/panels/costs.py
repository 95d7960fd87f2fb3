"""What a run will cost, counted before anything is built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds import estimate
from lipexplore.errors import LipexploreError
from lipexplore.figures.texts import bytes_text
from lipexplore.panels.settings import PlannedRun, Question, has_degree
from lipexplore.panels.timings import Timings
from lipexplore.relaxations.memory import limit_bytes

MOST_TERMS = 1_000_000
HOPELESS_TERMS = 50_000_000
"""Polynomials with more terms than the first are not expanded just to count a program; with more
than the second, the methods themselves refuse at once."""


@dataclass(frozen=True)
class Cost:
    """Size, memory and seconds of a planned run; ``refused`` says why it will not be started.

    ``seconds`` are ``counted_seconds`` corrected by the ``runs`` of the method made here.
    """

    run: PlannedRun
    size: Mapping[str, int] = field(default_factory=dict)
    seconds: float | None = None
    memory_bytes: float = 0.0
    refused: str = ""
    note: str = ""
    counted_seconds: float | None = None
    runs: int = 0

    @property
    def expected(self) -> float:
        """Expected seconds, infinite where they are not known."""
        return math.inf if self.seconds is None else self.seconds


def cost_of(question: Question, run: PlannedRun, timings: Timings | None = None) -> Cost:
    """Count one run; never raises for what the user may choose."""
    timings = timings or Timings()
    try:
        if has_degree(run.method):
            terms = _count_terms(question)
            if MOST_TERMS < terms <= HOPELESS_TERMS:
                note = f"not counted before the run: up to {terms:,} terms in the polynomial"
                return Cost(run, note=note)
        expected = estimate(
            question.network,
            run.method,
            question.norm,
            question.region,
            question.output,
            question.minus,
            layers=question.layers,
            **run.settings,
        )
    except (LipexploreError, ArithmeticError) as error:
        return Cost(run, refused=str(error))
    return Cost(
        run,
        expected.size,
        timings.expected(run.method, expected.seconds),
        expected.memory_bytes,
        _too_large(run, expected.size, expected.memory_bytes),
        counted_seconds=expected.seconds,
        runs=timings.runs(run.method),
    )


def _too_large(run: PlannedRun, size: Mapping[str, int], memory: float) -> str:
    chosen = run.settings.get("memory_limit")
    limit = limit_bytes(chosen)
    if memory <= limit:
        return ""
    counts = ", ".join(f"{count:,} {name}" for name, count in size.items())
    return (
        f"{counts} need about {bytes_text(memory)} of memory, above the limit of "
        f"{bytes_text(limit)}: lower the degree, prune the network or take smaller cliques"
    )


def _count_terms(question: Question) -> int:
    """Bound the terms of the gradient polynomial: 2 per unit on each path of non-zero weights."""
    part = question.part.head(question.output, question.minus)
    paths = np.ones(part.n_inputs)
    for weight in part.weights:
        paths = (weight != 0.0).astype(np.float64) @ paths
    return int(min(paths[0] * 2.0 ** (part.depth + 1), 2.0**62))

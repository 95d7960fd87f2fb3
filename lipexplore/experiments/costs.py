"""What the cases of a sweep are expected to cost, before anything runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lipexplore.bounds import estimate
from lipexplore.experiments.cases import Case
from lipexplore.jobs.protocol import FAILURES, one_sentence

PATIENCE = 5.0
"""Seconds that counting may take; the cases after that get the mean of the others."""


@dataclass(frozen=True)
class Cost:
    """Expected seconds and size of a run, or why it will be refused."""

    seconds: float
    size: Mapping[str, int] = field(default_factory=dict)
    refusal: str = ""
    counted: bool = True


def cost_of(case: Case) -> Cost:
    """Return what a case is expected to cost on a machine like that of the model."""
    try:
        found = estimate(case.network, case.method, case.norm, case.region, case.output)
    except FAILURES as problem:
        return Cost(0.0, refusal=one_sentence(problem))
    heads = case.network.n_outputs if case.output == "all" else 1
    seconds = heads * found.seconds
    return Cost(seconds if case.time_limit is None else min(seconds, case.time_limit), found.size)


def costs_of(cases: Sequence[Case], patience: float = PATIENCE) -> list[Cost]:
    """Return the costs of all cases, spread evenly in the order of counting."""
    costs: list[Cost | None] = [None] * len(cases)
    end = time.perf_counter() + patience
    for place in _spread(len(cases)):
        costs[place] = cost_of(cases[place])
        if time.perf_counter() > end:
            break
    known = [cost.seconds for cost in costs if cost is not None]
    mean = Cost(sum(known) / max(len(known), 1), counted=False)
    return [mean if cost is None else cost for cost in costs]


def _spread(count: int) -> list[int]:
    """Return the numbers below ``count`` so that the first ones lie everywhere."""
    stride = next((s for s in (7919, 104729) if count % s), 1)
    return [place * stride % count for place in range(count)]

"""What the panel of unfolded networks shows later: certificates, sampling and training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from lipexplore.bounds import bound
from lipexplore.errors import InvalidSetting
from lipexplore.panels.unfolded_view import (
    DICTIONARY,
    MATRICES,
    SHOWN,
    Request,
    data_size,
    ista_of,
    problem_of,
    samples_of,
    start_of,
)
from lipexplore.properties.generalization import joint_gap, sampled_lipschitz, samples_needed
from lipexplore.properties.incremental_qc import lipschitz
from lipexplore.rounding import Array
from lipexplore.training.unfolded_problem import layer_errors
from lipexplore.training.unfolded_training import Learned, Plan, learned

TRAINED: Final = (30, 200, 1000)
PLANS: Final = {MATRICES: Plan(steps=150, batch=200), DICTIONARY: Plan(steps=100, batch=200)}
LMI_UNITS = 200
"""Most units for which the slope LMI is solved while sliders move."""

DEPTHS: Final = (1, 2, 4, 8, 12)
WANTED = 1.0
"""Gap for which samples are counted; the largest that is possible is 2."""


@dataclass(frozen=True, eq=False)
class Slow:
    """What takes about a second: bounds by programs, an estimate, samples by depth, training."""

    request: Request
    bounds: dict[str, float]
    sampled: float
    needed: dict[str, list[float]]
    errors: dict[str, Array]
    learned: list[Learned]


def slow(request: Request, wanted: Callable[[], bool] = lambda: True) -> Slow | None:
    """Compute what is dear; None as soon as the answer is not ``wanted`` any more."""
    _, ista, _ = ista_of(request)
    plain = ista.unclipped
    product = bound(plain.to_network(), "norm-product", "l2", output="all", output_norm="l2")
    bounds = {"norm product": product.value}
    if wanted() and ista.n_layers * ista.n_codes <= LMI_UNITS:
        bounds["slope LMI"] = lipschitz(plain, time_limit=20.0).value
    needed = {}
    for name, own in (("all layers share", False), ("every layer its own", True)):
        if not wanted():
            return None
        needed[name] = [samples_at(request, depth, depth if own else 1) for depth in DEPTHS]
    runs: list[Learned] = []
    start, problem = start_of(request), problem_of(request.measurements, request.sparsity)
    for samples in TRAINED:
        if not wanted():
            return None
        runs.append(learned(problem, start, start.family, samples, PLANS[request.kind]))
    found = {f"learned, m = {run.samples}": errors_of(run, request) for run in (runs[0], runs[-1])}
    return Slow(request, bounds, sampled_lipschitz(plain), needed, found, runs)


def samples_at(request: Request, depth: int, groups: int) -> float:
    """Return the samples for the gap ``WANTED`` at another depth, nan where 2^62 do not do."""
    family = start_of(replace(request, layers=depth, groups=groups)).family
    radius = problem_of(request.measurements, request.sparsity).radius
    try:
        return float(samples_needed(joint_gap(family, data_size(request), radius), WANTED))
    except InvalidSetting:
        return float("nan")


def errors_of(run: Learned, request: Request) -> Array:
    """Return the trained network's errors by layer, on the signals that ISTA's are drawn for."""
    y, x = (part[:SHOWN] for part in samples_of(request.measurements, request.sparsity))
    network = run.parameters.network(problem_of(request.measurements, request.sparsity).radius)
    return layer_errors(network.recovered(network.codes(y)), x)

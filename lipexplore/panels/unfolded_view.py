"""What the panel of unfolded networks shows, computed without widgets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from lipexplore.bounds import bound
from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.networks.unfolded_arguments import Pattern
from lipexplore.properties.generalization import (
    Block,
    GapBound,
    IstaClass,
    LayerwiseClass,
    all_active_norm,
    input_lipschitz,
    sampled_lipschitz,
)
from lipexplore.properties.generalization.scaling import joint_gap
from lipexplore.properties.incremental_qc import lipschitz
from lipexplore.rounding import Array
from lipexplore.training.unfolded_parameters import IstaParameters, LayerwiseParameters, Parameters
from lipexplore.training.unfolded_problem import RecoveryProblem, layer_errors
from lipexplore.training.unfolded_training import Learned, Plan, fresh_samples, gap_curve

CODES = 20
DICTIONARY, MATRICES = "dictionaries (ISTA)", "free matrices (LISTA)"
KINDS: Final = (MATRICES, DICTIONARY)
RADIUS, THRESHOLD_RADIUS = 0.5, 0.1
"""Of the balls of free matrices and thresholds around ISTA's."""

SAMPLES: Final = tuple(int(m) for m in np.logspace(1, 8, 22))
TRAINED: Final = (30, 200, 1000)
PLANS: Final = {MATRICES: Plan(steps=150, batch=200), DICTIONARY: Plan(steps=100, batch=200)}
LMI_UNITS = 200
"""Most units for which the slope LMI is solved while sliders move."""


@dataclass(frozen=True)
class Request:
    """What the controls say: L, n, s, how many groups of layers share, tau |A|^2, lambda."""

    kind: str
    layers: int
    measurements: int
    sparsity: int
    groups: int
    step: float
    weight: float

    @property
    def pattern(self) -> Pattern:
        """For every layer the group it belongs to: groups of neighbours, as equal as can be."""
        groups = min(self.groups, self.layers)
        return tuple(layer * groups // self.layers for layer in range(self.layers))


@dataclass(frozen=True, eq=False)
class View:
    """What follows at once: errors of ISTA and FISTA, quick bounds, the theorem against m.

    ``blocks`` are those for one sample: their constants K grow like the root of m.
    """

    request: Request
    errors: dict[str, Array]
    bounds: dict[str, float]
    sampled: float
    active: float
    gaps: list[GapBound]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Slow:
    """What takes seconds: the slope LMI and training."""

    request: Request
    bounds: dict[str, float]
    errors: dict[str, Array]
    learned: list[Learned]


@lru_cache(maxsize=64)
def problem_of(measurements: int, sparsity: int) -> RecoveryProblem:
    """Return the synthetic problem of those sizes."""
    return RecoveryProblem.random(CODES, measurements, sparsity)


def ista_of(request: Request) -> tuple[RecoveryProblem, UnfoldedNetwork, float]:
    """Return the problem, ISTA with the true dictionary, and its step tau."""
    problem = problem_of(request.measurements, request.sparsity)
    step = request.step * problem.usual_step
    return problem, problem.ista(request.layers, step, request.weight), step


def start_of(request: Request) -> Parameters:
    """Return where training begins: ISTA's own parameters, in the class that is asked for."""
    problem, ista, step = ista_of(request)
    pattern, threshold = request.pattern, step * request.weight
    if request.kind == DICTIONARY:
        family = IstaClass(
            problem.measurements,
            CODES,
            request.layers,
            step,
            threshold,
            threshold_radius=threshold,
            dictionary_of=pattern,
            threshold_of=pattern,
        )
        return IstaParameters.start(family, problem.dictionary)
    count = max(pattern) + 1
    center = UnfoldedNetwork(
        ista.G * count, ista.H * count, ista.thresholds * count, ista.Phi, (pattern,) * 3
    )
    return LayerwiseParameters.start(LayerwiseClass(center, RADIUS, RADIUS, THRESHOLD_RADIUS))


def view(request: Request) -> View:
    """Compute everything that is quick."""
    problem, ista, step = ista_of(request)
    y, x = fresh_samples(problem)
    fista = problem.fista(y, request.layers, step, request.weight)
    errors = {
        "ISTA": layer_errors(ista.recovered(ista.codes(y)), x),
        "FISTA": layer_errors(ista.recovered(fista), x),
    }
    plain = ista.unclipped
    product = bound(plain.to_network(), "norm-product", "l2", output="all", output_norm="l2")
    bounds = {"naive (formula)": input_lipschitz(ista), "norm product": product.value}
    size = float(np.sqrt(np.square(y).sum(axis=1).mean()))
    family = start_of(request).family
    gap_of = joint_gap(family, size, problem.radius)
    return View(
        request,
        errors,
        bounds,
        sampled_lipschitz(plain, 300),
        all_active_norm(plain),
        [gap_of(samples) for samples in SAMPLES],
        family.blocks(size, 1),
    )


def slow(request: Request) -> Slow:
    """Solve the slope LMI of ISTA, then train for several numbers of samples."""
    problem, ista, _ = ista_of(request)
    bounds = {}
    if ista.n_layers * ista.n_codes <= LMI_UNITS:
        bounds["slope LMI"] = lipschitz(ista.unclipped, time_limit=20.0).value
    start = start_of(request)
    runs = gap_curve(problem, start, start.family, TRAINED, PLANS[request.kind])
    y, x = fresh_samples(problem)
    errors = {}
    for run in (runs[0], runs[-1]):
        network = run.parameters.network(problem.radius)
        found = layer_errors(network.recovered(network.codes(y)), x)
        errors[f"learned, m = {run.samples}"] = found
    return Slow(request, bounds, errors, runs)

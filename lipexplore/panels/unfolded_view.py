"""What the panel of unfolded networks shows, computed without widgets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.networks.unfolded_arguments import Pattern
from lipexplore.properties.generalization import (
    Block,
    GapBound,
    IstaClass,
    LayerwiseClass,
    all_active_norm,
    input_lipschitz,
)
from lipexplore.properties.generalization.scaling import joint_gap
from lipexplore.rounding import Array
from lipexplore.training.unfolded_parameters import IstaParameters, LayerwiseParameters, Parameters
from lipexplore.training.unfolded_problem import RecoveryProblem, Samples, layer_errors
from lipexplore.training.unfolded_training import fresh_samples

CODES = 20
DICTIONARY, MATRICES = "dictionaries (ISTA)", "free matrices (LISTA)"
KINDS: Final = (MATRICES, DICTIONARY)
RADIUS, THRESHOLD_RADIUS = 0.5, 0.1
"""Of the balls of free matrices and thresholds around ISTA's."""

SAMPLES: Final = tuple(round(m) for m in np.logspace(1, 8, 15))
SHOWN = 500
"""Signals whose errors are drawn: few, since every move of a slider recovers them anew."""


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
    """What follows at once: errors of ISTA and FISTA, the formula's bound, the theorem against m.

    ``blocks`` are those for one sample: their constants K grow like the root of m.
    """

    request: Request
    errors: dict[str, Array]
    naive: float
    active: float
    gaps: list[GapBound]
    blocks: tuple[Block, ...]


@lru_cache(maxsize=64)
def problem_of(measurements: int, sparsity: int) -> RecoveryProblem:
    """Return the synthetic problem of those sizes."""
    return RecoveryProblem.random(CODES, measurements, sparsity)


@lru_cache(maxsize=16)
def samples_of(measurements: int, sparsity: int) -> Samples:
    """Return measurements and signals that no training saw."""
    return fresh_samples(problem_of(measurements, sparsity))


def data_size(request: Request) -> float:
    """Return the root mean square of |y|: |Y|_F of m such measurements is sqrt(m) times that."""
    y, _ = samples_of(request.measurements, request.sparsity)
    return float(np.sqrt(np.square(y).sum(axis=1).mean()))


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
    y, x = (part[:SHOWN] for part in samples_of(request.measurements, request.sparsity))
    fista = problem.fista(y, request.layers, step, request.weight)
    errors = {
        "ISTA": layer_errors(ista.recovered(ista.codes(y)), x),
        "FISTA": layer_errors(ista.recovered(fista), x),
    }
    size, family = data_size(request), start_of(request).family
    gap_of = joint_gap(family, size, problem.radius)
    return View(
        request,
        errors,
        input_lipschitz(ista),
        all_active_norm(ista.unclipped),
        [gap_of(samples) for samples in SAMPLES],
        family.blocks(size, 1),
    )

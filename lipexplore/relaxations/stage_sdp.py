"""ECLipsE's semidefinite program of one layer: the slope LMI of a network with one hidden layer."""

from __future__ import annotations

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.networks.slope_system import sector_system, slope_system
from lipexplore.norms import Norm
from lipexplore.relaxations.slope_lmi import MARGIN, slope_lmi
from lipexplore.relaxations.stage_multipliers import Stage, line_search
from lipexplore.rounding import Array

SHRINKS = (0.0, 1e-12, 1e-9, 1e-6)
NEGLIGIBLE, SMALLEST_TAU = 1e-14, 1e-9


def stage_sdp(
    stage: Stage,
    tolerance: float = 1e-8,
    time_limit: float | None = None,
    memory_limit: float = np.inf,
) -> Array:
    """Return the tau with the least lambda_max(W' S W'^T), never worse than the line search's.

    What is known of the layers before is |u| <= |t| with g = R u, R R^T = C. So a stage asks for
    the l_2 constant of the network W' s(R u): its best multipliers are those of LipSDP-Neuron.

    Raises
    ------
    RelaxationTooLarge
        If the matrix inequality of the stage is out of reach.

    References
    ----------
    Xu and Sivaranjani, NeurIPS 2024 (arXiv 2404.04375).
    """
    searched = line_search(stage)
    if not stage.free.any() or not stage.covariance.any() or not stage.following.any():
        return searched
    found = _solved(stage, tolerance, time_limit, memory_limit)
    shrunk = [] if found is None else [found * (1.0 - shrink) for shrink in SHRINKS]
    return min((searched, *shrunk), key=stage.rating)


def _solved(
    stage: Stage, tolerance: float, time_limit: float | None, memory_limit: float
) -> Array | None:
    from lipexplore.solvers import solve

    network = Network([_root(stage.covariance), stage.following])
    slopes = SlopeRanges((stage.lower,), (stage.upper,))
    system = sector_system(slope_system(network, slopes))
    if system.n_units == 0:
        return None
    lmi = slope_lmi(system, Norm.L2, memory_limit=memory_limit)
    solution = solve(
        lmi.problem(MARGIN * tolerance),
        time_limit=time_limit,
        tolerance=tolerance,
        structure=lmi.structure(),
    )
    mu, t = lmi.multipliers(solution.primal.get("c"))
    if mu is None or t is None or not mu[0] > 0.0:
        return None
    found = np.ldexp(t / (2.0 * mu[0]), -2 * system.exponents)
    middle = float(np.median(found))
    if not (np.isfinite(found).all() and middle > 0.0):
        return None
    tau = np.full(len(stage.lower), middle)
    tau[system.units] = np.maximum(found, SMALLEST_TAU * middle)
    return tau


def _root(covariance: Array) -> Array:
    """Return R with R R^T = C and as few columns as the rank of C."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > NEGLIGIBLE * values[-1]
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))

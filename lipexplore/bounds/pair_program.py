"""LipSDP-Neuron of one pair of matrices: a bound of max ||A D B||_2 for layers of any width."""

from __future__ import annotations

from lipexplore.bounds.pair_maximum import Pair
from lipexplore.certificates.lmi import verified_bound
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_system import SectorSystem, sector_system, slope_system
from lipexplore.norms import Norm
from lipexplore.relaxations.memory import limit_bytes
from lipexplore.relaxations.slope_lmi import (
    MARGIN,
    check_size,
    predicted_seconds,
    predicted_size,
    slope_lmi,
)

TOLERANCE = 1e-8
DEARER = 5.0
"""So much longer than a slope LMI of the size, where few units make the fixed costs count."""


def relaxed_maximum(pair: Pair, time_limit: float | None) -> tuple[float, str]:
    """Return the verified value of the semidefinite program and the solver's status.

    Raises
    ------
    RelaxationTooLarge
        If there are too many units, or too little memory.
    """
    from lipexplore.solvers import solve

    lmi = slope_lmi(_system(pair), Norm.L2, "auto", limit_bytes(None))
    solution = solve(
        lmi.problem(MARGIN * TOLERANCE),
        solver="cvxopt",
        time_limit=time_limit,
        tolerance=TOLERANCE,
        structure=lmi.structure(),
    )
    multipliers = lmi.multipliers(solution.primal.get("c"))
    return verified_bound(lmi.source, Norm.L2, *multipliers).value, solution.status


def relaxation_seconds(pair: Pair) -> float:
    """Predict the time of :func:`relaxed_maximum` without building its program.

    Raises
    ------
    RelaxationTooLarge
        As :func:`relaxed_maximum`.
    """
    size = predicted_size(_system(pair), Norm.L2, "auto")
    check_size(size, limit_bytes(None))
    return DEARER * predicted_seconds(size)


def _system(pair: Pair) -> SectorSystem:
    two_layers = Network([pair.right, pair.left], activations="identity")
    return sector_system(slope_system(two_layers, pair.slopes))

"""Lower ends for implicit networks: all slope patterns, and Jacobians at points."""

from __future__ import annotations

import numpy as np

from lipexplore.errors import NoContraction, RelaxationTooLarge
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.norms import Norm
from lipexplore.properties.implicit.gain import (
    SlopeBox,
    box_norm_above,
    box_norm_below,
    jacobian_box,
)
from lipexplore.properties.implicit.programs import is_well_posed
from lipexplore.regions import Region
from lipexplore.rounding import Array, affine_interval

MOST_UNDECIDED = 16
SAMPLES, SEED = 2000, 0
PROVEN = 5
"""How many of the best samples are enclosed."""


def pattern_interval(network: ImplicitNetwork, slopes: SlopeBox, norm: Norm) -> tuple[float, float]:
    """Return proven ends of P*, the maximum of |J| over all slopes in the box, by its vertices.

    With all other slopes fixed J is affine in s_i / (1 - s_i c), which is monotone, and norms are
    convex: the maximum is at a vertex. Every vertex is enclosed by :func:`.jacobian_box`.

    Raises
    ------
    RelaxationTooLarge
        Above 16 undecided slopes.
    NoContraction
        If the network is not proven to be well-posed: then some slopes may have no Jacobian.
    """
    if not is_well_posed(network):
        raise NoContraction(
            "neither l_inf nor l_2 weights prove that there is a single equilibrium: scale A down"
        )
    free = np.flatnonzero(slopes.lower < slopes.upper)
    if free.size > MOST_UNDECIDED:
        raise RelaxationTooLarge(
            f"{free.size} undecided slopes have 2^{free.size} patterns: choose a smaller region, "
            f"or at most {MOST_UNDECIDED}"
        )
    upper = lower = 0.0
    for number in range(2**free.size):
        bits = (number >> np.arange(free.size)) & 1
        pattern = slopes.lower.copy()
        pattern[free[bits == 1]] = slopes.upper[free[bits == 1]]
        fixed = SlopeBox(pattern, pattern)
        centre, error = jacobian_box(network, fixed)
        upper = max(upper, box_norm_above(centre, error, norm))
        lower = max(lower, box_norm_below(centre, error, norm))
    return upper, lower


def sampled_bound(
    network: ImplicitNetwork, region: Region, norm: Norm, samples: int = SAMPLES, seed: int = SEED
) -> float:
    """Return a proven lower bound of L over the region: |J| at the best of some random points.

    The slopes at the equilibrium are enclosed with its proven radius, both sides of a kink included
    where it cannot be excluded, so that the bound holds for the network in real arithmetic.
    """
    points = region.sample(samples, np.random.default_rng(seed), network.n_inputs)
    jacobians = network.jacobian(points)
    if norm is Norm.L2:
        sizes = np.linalg.norm(jacobians, 2, axis=(1, 2))
    else:
        sizes = np.abs(jacobians).sum(axis=2 if norm is Norm.LINF else 1).max(axis=1)
    best = np.argsort(-sizes)[:PROVEN]
    boxes = [jacobian_box(network, point_slopes(network, points[k])) for k in best]
    return max(box_norm_below(centre, error, norm) for centre, error in boxes)


def point_slopes(network: ImplicitNetwork, x: Array) -> SlopeBox:
    """Enclose the slopes of all states at the equilibrium of one input."""
    lower, upper = network.equilibrium(x).box
    ends = np.concatenate([lower, x]), np.concatenate([upper, x])
    inner = affine_interval(network.incoming, network.b, *ends)
    return SlopeBox(*network.activation.slope_range(*inner))

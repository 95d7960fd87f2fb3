"""A point of the network that attains a slope pattern: P* is then the true constant L."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipexplore.exact.pattern_feasibility import Feasibility
from lipexplore.exact.pattern_units import LEFT, PatternUnits, Sides, pattern_units
from lipexplore.exact.region_points import is_inside, pulled_inside
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import gradient_norm_below
from lipexplore.networks.slope_ranges import SlopeRanges, check_region
from lipexplore.norms import Norm
from lipexplore.regions import Ball, Box, Region, WholeSpace
from lipexplore.rounding import Array, affine_interval

REPAIRS = 4
MARGINS = 0.25 ** np.arange(12)
NO_DISTANCE = 1e-12
"""A residual below which the inequalities of a least distance problem contradict each other."""


@dataclass(frozen=True, eq=False)
class Witness:
    """A point of the region at which the slopes are proven.

    Parameters
    ----------
    point
        The input x, shape (n_0,).
    slopes
        The slopes at x, one array (n_l,) per hidden layer; exact for every unit that has a path to
        the output and a non-zero weight.
    margin
        Proven: every such pre-activation is at least this far from zero.
    lower
        Proven lower bound of the gradient's dual norm at x, hence of L over the region.
    """

    point: Array
    slopes: tuple[Array, ...]
    margin: float
    lower: float


@np.errstate(over="ignore", invalid="ignore")
def witness(
    network: Network,
    region: Region,
    slopes: tuple[Array, ...],
    norm: Norm,
    feasibility: Feasibility | None = None,
) -> Witness | None:
    """Return a point of the region that has a slope pattern, or None where none was proven.

    One hidden layer over the whole space with independent rows: the least-squares solution of
    W_1 x + b_1 = -+1, so every pattern is attained with margin 1. Deeper, or in an l_2 ball: the
    nearest point with a margin, a least distance problem. Else the linear program of
    :class:`Feasibility`, which maximises the margin. Units whose slope does not change the
    gradient (no path to the output, zero weights, nothing but inactive units before or behind)
    may have another slope at the point than in the pattern.

    Parameters
    ----------
    network
        A scalar piecewise linear network.
    slopes
        One array (n_l,) per hidden layer; each entry is the slope left or right of the kink.
    norm
        The input norm; the gradient is measured in its dual.
    feasibility
        That of the same network and region, to build the linear program once for many patterns.

    Raises
    ------
    UnsupportedQuestion
        If an activation is smooth or there is no hidden layer.
    InvalidRegion
        If the region's dimension is not the network's.
    """
    check_region(network, region)
    units = pattern_units(network)
    sides = units.sides(slopes, slopes)
    search = _Search(
        network, region, norm, units, sides, units.signed & _cared(network, units, sides)
    )
    if isinstance(region, WholeSpace) and network.depth == 1:
        found = search.proven(_least_squares(network, sides, search.cared))
        if found is not None:
            return found
    if isinstance(region, Box) or (isinstance(region, Ball) and region.norm is not Norm.L2):
        return search.by_program(feasibility)
    found = search.nearest(sides)
    if found is None:
        found = search.by_program(feasibility)
        return found and (search.nearest(units.sides_at(network, found.point)) or found)
    return found


@dataclass(frozen=True, eq=False)
class _Search:
    """The pattern to attain; ``cared`` marks the units whose slope changes the gradient."""

    network: Network
    region: Region
    norm: Norm
    units: PatternUnits
    sides: Sides
    cared: NDArray[np.bool_]

    def proven(self, point: Array | None) -> Witness | None:
        """Return the witness at a point if it is proven to have the pattern."""
        found = None if point is None else proven_at(self.network, self.region, point, self.norm)
        if found is None:
            return None
        there = self.units.sides(found.slopes, found.slopes)
        return found if (there == self.sides)[self.cared].all() else None

    def by_program(self, feasibility: Feasibility | None) -> Witness | None:
        """Maximise the margin; where that fails, let units that do not matter change sides."""
        programs, sides = feasibility or Feasibility(self.network, self.region), self.sides
        for _ in range(REPAIRS):
            point = programs.examine(sides).point
            found = self.proven(point)
            if point is None or found is not None:
                return found
            there = self.units.sides_at(self.network, point)
            changed = np.where(self.cared, sides, there).astype(np.int8)
            if (changed == sides).all():
                return None
            sides = changed
        return None

    def nearest(self, sides: Sides) -> Witness | None:
        """Return the point nearest to the centre that has margin 1, or 1/4, 1/16, ..."""
        center = self.region.center if isinstance(self.region, Ball) else None
        weight, offset = _affine_forms(self.network, self.units, sides)
        signs = sides[self.units.signed].astype(np.float64)
        rows = signs[:, None] * weight[self.units.signed]
        start = np.zeros(self.network.n_inputs) if center is None else center
        needed = -signs * (offset + weight @ start)[self.units.signed]
        for margin in MARGINS:
            step = least_distance(rows, needed + margin)
            found = None if step is None else self.proven(pulled_inside(self.region, start + step))
            if found is not None:
                return found
        return None


def proven_at(network: Network, region: Region, x: Array, norm: Norm) -> Witness | None:
    """Return what is proven at a point, or None outside the region or too near to a kink.

    The signs of all pre-activations and the gradient's norm are computed with outward rounding.
    """
    if not is_inside(region, x):
        return None
    units = pattern_units(network)
    lower, upper, margin = x, x, np.inf
    low_slopes, high_slopes = [], []
    for weight, bias, act, signed in zip(
        network.weights,
        network.biases,
        network.activations,
        units.split(units.signed),
        strict=False,
    ):
        lower, upper = affine_interval(weight, bias, lower, upper)
        distances = np.maximum(lower, -upper)[signed]
        margin = min(margin, float(distances.min(initial=np.inf)))
        if not margin > 0.0:
            return None
        low, high = act.slope_range(lower, upper)
        low_slopes.append(low)
        high_slopes.append(high)
        lower, upper = act.value_range(lower, upper)
    ranges = SlopeRanges(tuple(low_slopes), tuple(high_slopes))
    return Witness(x, ranges.upper, margin, gradient_norm_below(network, ranges, norm))


def least_distance(rows: Array, needed: Array) -> Array | None:
    """Return the shortest y with rows y >= needed as floating point finds it, or None.

    References
    ----------
    Lawson, Hanson, *Solving Least Squares Problems*, 1974, chapter 23 (problem LDP).
    """
    from scipy.optimize import nnls

    if not (needed > 0.0).any():  # SciPy 1.17 corrupts memory where there are no rows at all
        return np.zeros(rows.shape[1])
    matrix = np.vstack([rows.T, needed])
    if not np.isfinite(matrix).all():
        return None
    target = np.zeros(len(matrix))
    target[-1] = 1.0
    try:
        multipliers, _ = nnls(matrix, target)
    except RuntimeError:  # too many iterations
        return None
    residual = matrix @ multipliers - target
    if not residual[-1] < -NO_DISTANCE:
        return None
    shortest: Array = -residual[:-1] / residual[-1]
    return shortest


def _affine_forms(network: Network, units: PatternUnits, sides: Sides) -> tuple[Array, Array]:
    """Return all pre-activations of a pattern as weight x + offset, in floating point."""
    slopes = units.split(np.where(sides == LEFT, units.left, units.right))
    weights, offsets = [network.weights[0]], [network.biases[0]]
    for weight, bias, slope in zip(
        network.weights[1:-1], network.biases[1:-1], slopes[:-1], strict=True
    ):
        weights.append((weight * slope) @ weights[-1])
        offsets.append((weight * slope) @ offsets[-1] + bias)
    return np.concatenate(weights), np.concatenate(offsets)


def _least_squares(network: Network, sides: Sides, cared: NDArray[np.bool_]) -> Array:
    weight, bias = network.weights[0][cared], network.biases[0][cared]
    point = np.linalg.lstsq(weight, sides[cared] - bias, rcond=None)[0]
    return np.asarray(point, dtype=np.float64)


def _cared(network: Network, units: PatternUnits, sides: Sides) -> NDArray[np.bool_]:
    """Tell which slopes the gradient of the pattern depends on."""
    slopes = units.split(np.where(sides == LEFT, units.left, units.right))
    behind = [(network.weights[-1] != 0.0).any(axis=0)]
    for weight, slope in zip(network.weights[-2:0:-1], reversed(slopes[1:]), strict=True):
        behind.insert(0, ((weight != 0.0) & (behind[0] & (slope != 0.0))[:, None]).any(axis=0))
    before = [(network.weights[0] != 0.0).any(axis=1)]
    for weight, slope in zip(network.weights[1:-1], slopes[:-1], strict=True):
        before.append(((weight != 0.0) & (before[-1] & (slope != 0.0))).any(axis=1))
    both: NDArray[np.bool_] = np.concatenate(behind) & np.concatenate(before)
    return both

"""All activation patterns of a small piecewise linear network, hence its true constant L."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lipexplore.exact.pattern_feasibility import FEASIBLE, Feasibility
from lipexplore.exact.pattern_units import LEFT, OPEN, RIGHT, PatternUnits, Sides, pattern_units
from lipexplore.exact.region_points import pulled_inside
from lipexplore.exact.witness import Witness, proven_at
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import jacobian_enclosure, norm_above
from lipexplore.networks.slope_ranges import SlopeRanges, check_region, slope_ranges
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import Array

CLEAR = 1e-6
"""A pre-activation this far from zero (relative to the layer's largest) has a clear side."""

OnStep = Callable[[int, int, float, float], None]


@dataclass(frozen=True, eq=False)
class Enumeration:
    """The outcome: lower <= L <= upper.

    Parameters
    ----------
    upper
        Proven: no open set of the region has a gradient of larger norm.
    lower
        Proven: the gradient's norm at ``witness``; 0 without one.
    patterns
        Number of activation patterns not excluded.
    excluded
        Number of partial patterns that were proven to have no open set of inputs.
    left
        Partial patterns that a time limit left open.
    """

    upper: float
    lower: float
    witness: Witness | None
    patterns: int
    excluded: int
    left: int


@dataclass(frozen=True, eq=False)
class _Node:
    """Sides, a point that has them if known, and a proven bound over all completions."""

    sides: Sides
    point: Array | None
    above: float


def enumerate_patterns(
    network: Network,
    region: Region,
    norm: Norm,
    deadline: float = math.inf,
    on_step: OnStep | None = None,
) -> Enumeration:
    """Enumerate the activation patterns that inputs of a region take, unit by unit.

    The hyperplanes of the first layer are added one by one; inside each cell the next layer is
    affine and its hyperplanes follow. A point inside a cell decides one side of each new unit for
    free, a linear program the other. A side is dropped only with a proof that it has no interior,
    so ``upper`` is proven whatever the solver says.

    Parameters
    ----------
    network
        A scalar piecewise linear network.
    norm
        The input norm; the gradient is measured in its dual.
    deadline
        Value of time.perf_counter() at which to stop; open nodes then count with their slopes
        free.
    on_step
        Called with patterns, open nodes, and the two proven ends at that time.

    Raises
    ------
    UnsupportedQuestion
        If an activation is smooth.
    InvalidRegion
        If the region's dimension is not the network's.

    References
    ----------
    Jordan, Dimakis, NeurIPS 2020 (arXiv 2003.01219): L is the maximum over the linear regions.
    """
    check_region(network, region)
    if network.depth == 0:
        return _affine(network, region, norm)
    search = _Search(network, region, norm)
    stack, excluded = [search.node(search.root, None)], 0
    while stack and time.perf_counter() < deadline:
        node = stack.pop()
        unit = search.next_unit(node.sides)
        if unit is None:
            search.finish(node)
        else:
            children = list(search.children(node, unit))
            excluded += 2 - len(children)
            stack += children
        if on_step is not None:
            on_step(search.patterns, len(stack), search.upper_with(stack), search.lower)
    return Enumeration(
        upper=search.upper_with(stack),
        lower=search.lower,
        witness=search.witness,
        patterns=search.patterns,
        excluded=excluded,
        left=len(stack),
    )


def _affine(network: Network, region: Region, norm: Norm) -> Enumeration:
    """Return the one pattern of a network without hidden layers."""
    point = region.sample(1, np.random.default_rng(0), network.n_inputs)[0]
    found = proven_at(network, region, pulled_inside(region, point), norm)
    above = _norm_above(network, SlopeRanges((), ()), norm)
    return Enumeration(above, found.lower if found else 0.0, found, 1, 0, 0)


def _norm_above(network: Network, slopes: SlopeRanges, norm: Norm) -> float:
    lower, upper = jacobian_enclosure(network, slopes)
    magnitude = np.maximum(-lower[0], upper[0])
    return norm_above(magnitude, norm.dual) if magnitude.any() else 0.0


def count_above(network: Network, region: Region) -> int:
    """Return an upper bound of the number of activation patterns over a region.

    n hyperplanes cut R^k into at most C(n, 0) + ... + C(n, k) cells, and each cell of one layer is
    cut again by the next; the rank of a layer's affine image bounds k.
    """
    if network.depth == 0:
        return 1
    units = pattern_units(network)
    sides = _root(network, region, units)
    count, dimension = 1, network.n_inputs
    for layer, width in enumerate(network.widths[1:-1]):
        n_open = int((units.signed & (units.layer == layer) & (sides == OPEN)).sum())
        count *= sum(math.comb(n_open, k) for k in range(min(dimension, n_open) + 1))
        dimension = min(dimension, width)
    return count


def _root(network: Network, region: Region, units: PatternUnits) -> Sides:
    ranges = slope_ranges(network, region, "back-substitution")
    return units.sides(ranges.lower, ranges.upper)


class _Search:
    """The best ends so far and how a node is split."""

    def __init__(self, network: Network, region: Region, norm: Norm) -> None:
        self.network, self.region, self.norm = network, region, norm
        self.programs = Feasibility(network, region)
        self.units = self.programs.units
        self.root = _root(network, region, self.units)
        self.upper, self.lower, self.patterns = 0.0, 0.0, 0
        self.witness: Witness | None = None

    def next_unit(self, sides: Sides) -> int | None:
        """Return the first unit whose side is open and belongs to the pattern."""
        waiting = self.units.signed & (sides == OPEN)
        return int(waiting.argmax()) if waiting.any() else None

    def children(self, node: _Node, unit: int) -> Iterator[_Node]:
        """Yield the sides of a unit that are not excluded, each with a point where one is known."""
        here = None if node.point is None else self._clear_side(node.point, unit)
        for side in (LEFT, RIGHT):
            sides = node.sides.copy()
            sides[unit] = side
            if side == here:
                yield self.node(sides, node.point)
                continue
            answer = self.programs.examine(sides)
            if not answer.excluded:
                yield self.node(sides, self._inner_point(sides, answer.point, answer.margin))

    def finish(self, node: _Node) -> None:
        """Count a pattern and prove its gradient at a point if that raises the lower end."""
        self.patterns += 1
        self.upper = max(self.upper, node.above)
        if node.above <= self.lower:
            return
        for point in (node.point, None):
            chosen = self.programs.examine(node.sides).point if point is None else point
            found = chosen is not None and proven_at(self.network, self.region, chosen, self.norm)
            if found and found.lower > self.lower:
                self.lower, self.witness = found.lower, found
                break

    def node(self, sides: Sides, point: Array | None) -> _Node:
        """Return a node with its bound."""
        slopes = SlopeRanges(*self.units.slopes(sides))
        return _Node(sides, point, _norm_above(self.network, slopes, self.norm))

    def upper_with(self, waiting: Sequence[_Node]) -> float:
        """Return the proven upper end while some nodes are open."""
        return max([self.upper, *(node.above for node in waiting)])

    def _clear_side(self, point: Array, unit: int) -> int | None:
        layer = int(self.units.layer[unit])
        z = self.network.preactivations(point)[layer]
        value = float(z[unit - int((self.units.layer < layer).sum())])
        if abs(value) <= CLEAR * float(np.abs(z).max()):
            return None
        return RIGHT if value > 0.0 else LEFT

    def _inner_point(self, sides: Sides, point: Array | None, margin: float) -> Array | None:
        """Return the point if its signs are those decided, so that its side of a unit is real."""
        if point is None or margin <= FEASIBLE:
            return None
        there = self.units.sides_at(self.network, point)
        return point if (there == sides)[self.units.signed & (sides != OPEN)].all() else None

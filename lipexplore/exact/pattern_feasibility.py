"""Whether inputs with a partially decided activation pattern exist: pruning for L."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.errors import UnsupportedQuestion
from lipexplore.exact.pattern_program import Optimum, PatternProgram
from lipexplore.exact.pattern_proofs import ExactForms, is_contradiction
from lipexplore.exact.pattern_units import Sides, pattern_units
from lipexplore.exact.region_points import pulled_inside
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import check_region
from lipexplore.regions import Region
from lipexplore.rounding import Array

FEASIBLE = 1e-7
"""A relative margin above which no proof of infeasibility is tried."""


@dataclass(frozen=True, eq=False)
class Examination:
    """What one linear program said about a node.

    Parameters
    ----------
    excluded
        Whether it is proven that no open set of the region has the node's slopes.
    point
        The point of the region with the largest margin, be it negative; None without an answer.
    margin
        The largest margin in the solver's words, relative to the sizes of the pre-activations.
    """

    excluded: bool
    point: Array | None
    margin: float


class Feasibility:
    """Linear programs over the inputs that have given slopes, for nodes of a search for L.

    A node is a pair of slopes per layer, ``lower[l] <= slope <= upper[l]``, each of shape (n_l,):
    a unit whose two ends agree has its sign decided, any other is open. Pre-activations are affine
    in x up to the first layer with an open unit; beyond it the triangle relaxation bounds the open
    units over a bounded region, and nothing is stated over the whole space. The model is built
    once; a node changes bounds and starts from the last basis. Units without a path to the output
    are free, units with zero weights keep the slope of their bias, whatever the node says.

    Parameters
    ----------
    network
        Piecewise linear, with any number of outputs.
    region
        WHOLE_SPACE, a Box or a Ball; an l_2 ball is approached from outside by tangent planes.

    Raises
    ------
    UnsupportedQuestion
        If an activation is smooth or there is no hidden layer.
    InvalidRegion
        If the region's dimension is not the network's.

    References
    ----------
    Ehlers, ATVA 2017 (arXiv 1705.01320), for the triangle relaxation; Jordan, Dimakis, NeurIPS
    2020 (arXiv 2003.01219), for L as a maximum over the activation patterns of a network.
    """

    def __init__(self, network: Network, region: Region) -> None:
        check_region(network, region)
        if network.depth == 0:
            raise UnsupportedQuestion("activation patterns need a hidden layer: use norm-product")
        self.units = pattern_units(network)
        self.region = region
        self._program = PatternProgram(network, region, self.units)
        self._exact = ExactForms(network, region, self.units)
        self._last: tuple[bytes, Examination] | None = None

    def is_proven_infeasible(self, lower: tuple[Array, ...], upper: tuple[Array, ...]) -> bool:
        """Tell whether it is proven that no open set of the region has slopes in these ranges.

        The proof checks the solver's multipliers, in floating point with every rounding counted or
        in integers, so a wrong answer of the solver only costs a node that could have been pruned.
        """
        return self.examine(self.units.sides(lower, upper)).excluded

    def point(self, lower: tuple[Array, ...], upper: tuple[Array, ...]) -> Array | None:
        """Return the point of the region with the largest margin of all decided signs, or None.

        A candidate: with open units, or near a tie, the network may have other slopes there.
        """
        node = self.examine(self.units.sides(lower, upper))
        return node.point if node.margin > FEASIBLE else None

    def examine(self, sides: Sides) -> Examination:
        """Return what the linear program says about one node; the last answer is remembered."""
        key = sides.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, self._examine(sides)
        return self._last[1]

    def _examine(self, sides: Sides) -> Examination:
        found = self._program.optimum(sides)
        if found is None or not np.isfinite(found.point).all():
            return Examination(excluded=False, point=None, margin=0.0)
        excluded = found.margin <= FEASIBLE and self._is_excluded(sides, found)
        return Examination(excluded, pulled_inside(self.region, found.point), found.margin)

    def _is_excluded(self, sides: Sides, found: Optimum) -> bool:
        bounds = self._program.row_bounds(sides)
        return is_contradiction(self._program, *bounds, found.rows) or (
            self._exact.excludes_interior(sides, found)
        )

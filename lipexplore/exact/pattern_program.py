"""The linear program of a partially decided activation pattern, built once for all nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lipexplore.exact.pattern_units import LEFT, OPEN, RIGHT, PatternUnits, Sides
from lipexplore.exact.region_points import cut_off
from lipexplore.networks.feedforward import Network
from lipexplore.networks.linear_relaxation import activation_lines, back_substituted_ranges
from lipexplore.norms import Norm
from lipexplore.regions import Ball, Region, WholeSpace
from lipexplore.rounding import Array

LARGEST_CUTS = 300
OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "presolve": "off",
    "solver": "simplex",
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-9,
}


@dataclass(frozen=True, eq=False)
class Optimum:
    """Largest margin of a node with its point, and the multipliers that limit it."""

    margin: float
    point: Array
    rows: Array
    inputs: Array


class PatternProgram:
    """Maximise the margin of the signs that a node prescribes; nodes change row bounds only.

    Columns are x, z and h = sigma(z) of all N units, and the margin e. Six blocks of N rows: the
    layers z - W h = b; the lines h - right z and h - left z through the kink; the chord of a unit
    that is open over a bounded region (triangle relaxation); z - d e >= 0 for the right side and
    z + d e <= 0 for the left, d the size of z. A negative e relaxes signs and chords, so the
    program always has an optimum, and its node is infeasible where that is negative. Over the
    whole space only layers up to the first open unit are stated.

    Parameters
    ----------
    matrix
        The coefficients of rows and columns, without the margin; shape (6 N, n_0 + 2 N).
    ranges
        Proven ends of z and h over a bounded region, stacked: shape (2 N,) each; else None.
    """

    def __init__(self, network: Network, region: Region, units: PatternUnits) -> None:
        import scipy.sparse as sp

        self.units, self.region = units, region
        self.n_inputs, self.n_units = network.n_inputs, len(units.left)
        self.bias = np.concatenate(network.biases[:-1])
        self.ranges: tuple[Array, Array] | None = None
        self.chord_slope, self.chord_level = np.zeros(self.n_units), np.full(self.n_units, np.inf)
        self._enclose(network)
        eye, none = sp.eye_array(self.n_units), sp.csr_array((self.n_units, self.n_inputs))
        inputs, hidden = _layers(network)
        self.matrix = sp.block_array(
            [
                [-inputs, eye, -hidden],
                [none, -sp.diags_array(units.right), eye],
                [none, -sp.diags_array(units.left), eye],
                [none, -sp.diags_array(self.chord_slope), eye],
                [none, eye, None],
                [none, eye, None],
            ],
            format="csc",
        )
        zero, size = np.zeros(3 * self.n_units), self._sizes(network)
        tilt = np.where(units.left <= units.right, size, -size)
        margins = sp.csc_array(np.concatenate([zero, tilt, -size, size])[:, None])
        self._highs = self._start(sp.hstack([self.matrix, margins], format="csc"))
        free = np.full(6 * self.n_units, np.inf)
        self._lower, self._upper = -free, free

    def optimum(self, sides: Sides) -> Optimum | None:
        """Return the largest margin of a node, or None where the solver found no optimum."""
        lower, upper = self.row_bounds(sides)
        moved = np.flatnonzero((lower != self._lower) | (upper != self._upper)).astype(np.int32)
        self._highs.changeRowsBounds(len(moved), moved, lower[moved], upper[moved])
        self._lower, self._upper = lower, upper
        found = self._run()
        if isinstance(self.region, Ball) and self.region.norm is Norm.L2:
            for _ in range(max(3, 60 // self.n_inputs)):
                if found is None or found.margin <= 0.0 or not self._cut(found.point):
                    break
                found = self._run()
        return found

    def row_bounds(self, sides: Sides) -> tuple[Array, Array]:
        """Return the ends of all rows; infinite where the node says nothing."""
        units, free = self.units, np.full(self.n_units, np.inf)
        stated = units.used.copy()
        if self.ranges is None:
            stated &= units.layer <= first_open_layer(units, sides)
        is_open = stated & (sides == OPEN)
        convex = units.left <= units.right
        lower, upper = [np.where(stated, self.bias, -free)], [np.where(stated, self.bias, free)]
        for side in (RIGHT, LEFT):
            on_line = stated & (sides == side)
            lower.append(np.where(on_line | (is_open & convex), 0.0, -free))
            upper.append(np.where(on_line | (is_open & ~convex), 0.0, free))
        chord = is_open & np.isfinite(self.chord_level)
        lower.append(np.where(chord & ~convex, self.chord_level, -free))
        upper.append(np.where(chord & convex, self.chord_level, free))
        signed = stated & units.signed
        lower += [np.where(signed & (sides == RIGHT), 0.0, -free), -free]
        upper += [free, np.where(signed & (sides == LEFT), 0.0, free)]
        return np.concatenate(lower), np.concatenate(upper)

    def _enclose(self, network: Network) -> None:
        if isinstance(self.region, WholeSpace):
            return
        ranges = back_substituted_ranges(network, self.region)
        values, slopes, levels = [], [], []
        for act, (low, high) in zip(network.activations, ranges, strict=True):
            values.append(act.value_range(low, high))
            lines = activation_lines(act, low, high)
            convex = float(act.slope(np.array(-1.0))) <= float(act.slope(np.array(1.0)))
            slopes.append(lines.upper_slope if convex else lines.lower_slope)
            levels.append(lines.upper_offset if convex else lines.lower_offset)
        self.ranges = (
            np.concatenate([ends[0] for ends in (*ranges, *values)]),
            np.concatenate([ends[1] for ends in (*ranges, *values)]),
        )
        self.chord_slope, self.chord_level = np.concatenate(slopes), np.concatenate(levels)
        useless = ~(np.isfinite(self.chord_slope) & np.isfinite(self.chord_level))
        self.chord_slope[useless], self.chord_level[useless] = 0.0, np.inf

    @np.errstate(over="ignore", invalid="ignore")
    def _sizes(self, network: Network) -> Array:
        if self.ranges is not None:
            sizes = np.maximum(np.abs(self.ranges[0]), np.abs(self.ranges[1]))[: self.n_units]
        else:
            stacked, size = [], np.ones(network.n_inputs)
            for weight, act in zip(network.weights, network.activations, strict=False):
                stacked.append(np.abs(weight) @ size)
                size = act.largest_slope * stacked[-1]
            sizes = np.concatenate(stacked)
        return np.where(np.isfinite(sizes) & (sizes > 0.0), sizes, 1.0)

    def _start(self, matrix: Any) -> Any:
        import highspy

        # Its threads are shared by the whole process and refuse to change their number.
        highspy.Highs.resetGlobalScheduler(True)
        highs = highspy.Highs()
        for name, value in OPTIONS.items():
            highs.setOptionValue(name, value)
        lp, n_columns = highspy.HighsLp(), matrix.shape[1]
        free = np.full(n_columns, np.inf)
        lower, upper = -free, free.copy()
        if not isinstance(self.region, WholeSpace):
            lower[: self.n_inputs], upper[: self.n_inputs] = self.region.box()
        cost = np.zeros(n_columns)
        cost[-1], upper[-1] = -1.0, 1.0
        lp.num_row_, lp.num_col_ = matrix.shape
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, lower, upper
        lp.row_lower_ = np.full(matrix.shape[0], -np.inf)
        lp.row_upper_ = np.full(matrix.shape[0], np.inf)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
        lp.a_matrix_.value_ = matrix.data
        highs.passModel(lp)
        if isinstance(self.region, Ball) and self.region.norm is not Norm.LINF:
            stretch = math.sqrt(self.n_inputs) if self.region.norm is Norm.L2 else 1.0
            _add_distances(highs, self.region, n_columns, stretch * self.region.radius)
        return highs

    def _cut(self, point: Array) -> bool:
        """Add the tangent plane between an l_2 ball and a point; all nodes keep it."""
        cut = cut_off(self.region, point) if isinstance(self.region, Ball) else None
        n_cuts = self._highs.getNumRow() - 6 * self.n_units - 2 * self.n_inputs - 1
        if cut is None or n_cuts >= LARGEST_CUTS:
            return False
        columns = np.arange(self.n_inputs, dtype=np.int32)
        self._highs.addRow(-np.inf, cut[1], self.n_inputs, columns, cut[0])
        return True

    def _run(self) -> Optimum | None:
        import highspy

        self._highs.run()
        if self._highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        solution = self._highs.getSolution()
        columns, duals = np.array(solution.col_value), np.array(solution.row_dual)
        if len(duals) < 6 * self.n_units:  # the model was refused: numbers beyond HiGHS's range
            return None
        return Optimum(
            margin=float(columns[self.n_inputs + 2 * self.n_units]),
            point=columns[: self.n_inputs],
            rows=duals[: 6 * self.n_units],
            inputs=np.array(solution.col_dual)[: self.n_inputs],
        )


def first_open_layer(units: PatternUnits, sides: Sides) -> int:
    """Return the first layer with an open unit in use; beyond it nothing is affine in x."""
    is_open = units.used & (sides == OPEN)
    return int(units.layer[is_open.argmax()]) if is_open.any() else int(units.layer[-1])


def _layers(network: Network) -> tuple[Any, Any]:
    """Return the weights that all units put on x and on all hidden units."""
    import scipy.sparse as sp

    widths = network.widths[1:-1]
    others = sp.csr_array((sum(widths[1:]), network.n_inputs))
    inputs = sp.vstack([sp.csr_array(network.weights[0]), others])
    blocks: list[list[Any]] = [[None] * len(widths) for _ in widths]
    for layer, width in enumerate(widths):
        blocks[layer][layer] = sp.csr_array((width, width))
        if layer:
            blocks[layer][layer - 1] = sp.csr_array(network.weights[layer])
    return inputs, sp.block_array(blocks)


def _add_distances(highs: Any, ball: Ball, first: int, largest: float) -> None:
    """State sum_i |x_i - c_i| <= largest with one more column per input."""
    size = ball.dimension
    for i, center in enumerate(ball.center.tolist()):
        highs.addCol(0.0, 0.0, ball.radius, 0, np.zeros(0, np.int32), np.zeros(0))
        pair = np.array([i, first + i], dtype=np.int32)
        highs.addRow(-np.inf, center, 2, pair, np.array([1.0, -1.0]))
        highs.addRow(center, np.inf, 2, pair, np.array([1.0, 1.0]))
    columns = np.arange(first, first + size, dtype=np.int32)
    highs.addRow(-np.inf, largest, size, columns, np.ones(size))

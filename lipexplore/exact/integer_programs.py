"""P* as mixed-integer linear programs: products of slopes made linear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, coo_array, csc_matrix, diags_array, eye_array

from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.expansion import underflow_error
from lipexplore.polynomials.polynomial import EMPTY, Index, PolynomialProblem
from lipexplore.rounding import Array, affine_interval, down, up


@dataclass(frozen=True, eq=False)
class IntegerProgram:
    """Maximise scale (cost . x) + offset over row_lower <= A x <= row_upper, lower <= x <= upper.

    P* is the ``root`` of the maximum. ``slope_columns`` holds per hidden layer the binary column of
    every unit, -1 where the unit does not matter.
    """

    cost: Array
    lower: Array
    upper: Array
    matrix: csc_matrix
    row_lower: Array
    row_upper: Array
    slope_columns: Sequence[Index]
    scale: float
    offset: float = 0.0
    root: int = 1

    @property
    def integral(self) -> NDArray[np.bool_]:
        """Flags of the columns that are binary and not fixed."""
        flags = np.zeros(len(self.cost) + 1, dtype=bool)
        for columns in self.slope_columns:
            flags[columns] = True
        return np.asarray(flags[:-1] & (self.lower < self.upper))

    def maximum(self, value: float) -> float:
        """Return P* where the objective is ``value``."""
        return math.sqrt(max(value, 0.0)) if self.root == 2 else value

    def ends(self, slopes: SlopeRanges, x: Array | None) -> tuple[Array, ...]:
        """Return the slopes at a point, all lower ends where there is none."""
        chosen = np.zeros(len(self.cost) + 1) if x is None else np.append(x, 0.0)
        return tuple(
            np.where(chosen[columns] > 0.5, high, low)
            for columns, low, high in zip(
                self.slope_columns, slopes.lower, slopes.upper, strict=True
            )
        )


@dataclass(eq=False)
class _Blocks:
    """Columns and rows of a program, block by block."""

    lower: list[Array] = field(default_factory=list)
    upper: list[Array] = field(default_factory=list)
    rows: list[tuple[Array, dict[int, Any], Array]] = field(default_factory=list)

    def add(self, lower: Array, upper: Array) -> int:
        """Add columns with these bounds and return the block's number."""
        self.lower.append(lower)
        self.upper.append(upper)
        return len(self.lower) - 1

    def require(self, least: Array, parts: dict[int, Any], most: Array) -> None:
        """Add the rows least <= sum over blocks of matrix times columns <= most."""
        self.rows.append((least, parts, most))

    def start(self, block: int) -> int:
        """Return the first column of a block."""
        return sum(map(len, self.lower[:block]))

    def matrix(self) -> csc_matrix:
        """Return all rows as one matrix."""
        if not self.rows:
            return csc_matrix((0, self.start(len(self.lower))))
        count = len(self.lower)
        grid = [[parts.get(block) for block in range(count)] for _, parts, _ in self.rows]
        return csc_matrix(block_array(grid, format="csc"))


def layer_program(network: Network, slopes: SlopeRanges, norm: Norm) -> IntegerProgram:
    """State l_inf or l_1 with columns t, f_1, z_1, b_1, f_2, ...

    Every weight matrix is multiplied by a power of two that brings it near 1.
    """
    underflow_error(network, slopes)
    exponents = [math.frexp(np.abs(weight).max())[1] for weight in network.weights]
    weights = [np.ldexp(w, -power) for w, power in zip(network.weights, exponents, strict=True)]
    blocks = _Blocks()
    ones = np.ones(network.n_inputs)
    if norm is Norm.L1:  # t = t+ - t-, and their sum is at most 1
        weights[0] = np.hstack([weights[0], -weights[0]])
        ones = np.concatenate([ones, ones])
        t = blocks.add(0.0 * ones, ones)
        blocks.require(np.zeros(1), {t: coo_array(ones[None])}, np.ones(1))
    else:
        t = blocks.add(-ones, ones)
    hidden: dict[int, Any] = {t: eye_array(len(ones))}
    ranges, binaries = (blocks.lower[t], blocks.upper[t]), []
    for weight, low, high in zip(weights, slopes.lower, slopes.upper, strict=False):
        below, above = affine_interval(weight, np.zeros(len(low)), *ranges)
        f = blocks.add(below, above)
        blocks.require(
            0.0 * low,
            {f: eye_array(len(low))}
            | {block: coo_array(-(weight @ part)) for block, part in hidden.items()},
            0.0 * low,
        )
        z, b = _product(blocks, f, free=low < high)
        binaries.append(blocks.start(b) + np.arange(len(low)))
        hidden = {f: diags_array(low), z: diags_array(high - low)}
        corners = [end * slope for end in (below, above) for slope in (low, high)]
        ranges = down(np.minimum.reduce(corners)), up(np.maximum.reduce(corners))
    cost = [np.zeros(len(block)) for block in blocks.lower]
    for block, part in hidden.items():
        cost[block] = weights[-1][0] @ part
    return IntegerProgram(
        cost=np.concatenate(cost),
        lower=np.concatenate(blocks.lower),
        upper=np.concatenate(blocks.upper),
        matrix=blocks.matrix(),
        row_lower=np.concatenate([np.empty(0), *(least for least, _, _ in blocks.rows)]),
        row_upper=np.concatenate([np.empty(0), *(most for _, _, most in blocks.rows)]),
        slope_columns=binaries,
        scale=math.ldexp(1.0, sum(exponents)),
    )


def _product(blocks: _Blocks, f: int, free: NDArray[np.bool_]) -> tuple[int, int]:
    """Add z = b f for the block f between its bounds, b binary where ``free`` and 0 elsewhere."""
    below, above = blocks.lower[f], blocks.upper[f]
    one, least, most = eye_array(len(free)), diags_array(below), diags_array(above)
    zero, unlimited = np.zeros(len(free)), np.full(len(free), np.inf)
    z = blocks.add(np.minimum(below, 0.0), np.maximum(above, 0.0))
    b = blocks.add(zero, free.astype(np.float64))
    blocks.require(-unlimited, {z: one, b: -most}, zero)
    blocks.require(zero, {z: one, b: -least}, unlimited)
    blocks.require(-unlimited, {z: one, f: -one, b: -least}, -below)
    blocks.require(-above, {z: one, f: -one, b: -most}, unlimited)
    return z, b


def monomial_program(problem: PolynomialProblem) -> IntegerProgram:
    """State a polynomial's maximum at the vertices of the cube, one column per long monomial."""
    terms, coefficients = problem.objective.terms, problem.objective.coefficients
    sizes = (terms != EMPTY).sum(axis=1)
    variables = np.unique(terms[terms != EMPTY])
    column = np.full(problem.n_variables + 1, -1, dtype=np.int64)
    column[variables] = np.arange(len(variables))
    rising = np.flatnonzero((sizes > 1) & (coefficients > 0.0))
    falling = np.flatnonzero((sizes > 1) & (coefficients <= 0.0))
    count = len(variables) + len(rising) + len(falling)
    cost = np.zeros(count + 1)
    cost[column[terms[sizes == 1].max(axis=1, initial=EMPTY)]] = coefficients[sizes == 1]
    cost[len(variables) : -1] = coefficients[np.concatenate([rising, falling])]
    cost = cost[:-1]
    scale = float(np.abs(cost).max(initial=0.0)) or 1.0
    i, place = np.nonzero(terms[rising] != EMPTY)
    j, position = np.nonzero(terms[falling] != EMPTY)
    n, m = len(i), len(falling)
    entries = [  # y_i - x <= 0 for each x in a rising monomial, sum x - y_j <= factors - 1
        (np.arange(n), len(variables) + i, 1.0),
        (np.arange(n), column[terms[rising[i], place]], -1.0),
        (n + j, column[terms[falling[j], position]], 1.0),
        (n + np.arange(m), len(variables) + len(rising) + np.arange(m), -1.0),
    ]
    row, col = (np.concatenate([entry[axis] for entry in entries]) for axis in (0, 1))
    values = np.concatenate([np.full(len(rows), value) for rows, _, value in entries])
    return IntegerProgram(
        cost=cost / scale,
        lower=np.zeros(count),
        upper=np.ones(count),
        matrix=csc_matrix((values, (row, col)), shape=(n + m, count)),
        row_lower=np.full(n + m, -np.inf),
        row_upper=np.concatenate([np.zeros(n), sizes[falling] - 1.0]),
        slope_columns=[column[list(b)] for name, b in problem.blocks.items() if name != "t"],
        scale=scale,
        offset=float(coefficients[sizes == 0].sum()),
        root=problem.root,
    )

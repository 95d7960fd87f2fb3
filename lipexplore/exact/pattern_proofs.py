"""Proofs that no open set of inputs has a given activation pattern."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lipexplore.exact.pattern_program import Optimum, PatternProgram, first_open_layer
from lipexplore.exact.pattern_units import LEFT, OPEN, RIGHT, PatternUnits, Sides
from lipexplore.networks.feedforward import Network
from lipexplore.regions import Region, WholeSpace
from lipexplore.rounding import Array, product_error, sum_down, sum_up, up

Integers = NDArray[np.object_]

NEGLIGIBLE = 1e-8
LARGEST_SYSTEM = 80
LARGEST_CACHE = 2000
PRIME = 2**31 - 1


@np.errstate(over="ignore", invalid="ignore")
def is_contradiction(
    program: PatternProgram, lower: Array, upper: Array, multipliers: Array
) -> bool:
    """Tell whether multipliers prove that the rows ``lower <= A v <= upper`` exclude the region.

    v = (x, z, h) of any x of the region lies in proven ranges, so y^T A v is at most the support
    function of (A^T y)_x over the region plus sum_j max (A^T y)_j v_j; the rows say that it is at
    least sum_i y_i lower_i (y_i > 0) + y_i upper_i (y_i < 0). Whatever y is, with every rounding
    counted, a sum above the support is a proof.

    Parameters
    ----------
    lower, upper
        Row bounds of the node, shape (6 N,).
    multipliers
        Any numbers y, shape (6 N,).
    """
    if program.ranges is None or not np.isfinite(multipliers).all():
        return False
    useless = ((multipliers > 0.0) & np.isinf(lower)) | ((multipliers < 0.0) & np.isinf(upper))
    y = np.where(useless, 0.0, multipliers)
    terms = y * np.where(y > 0.0, lower, np.where(y < 0.0, upper, 0.0))
    terms = np.where(terms == 0.0, -(2.0**-1070), np.nextafter(terms, -np.inf))
    at_least = sum_down(np.maximum(terms, 0.0)) - sum_up(np.maximum(-terms, 0.0))

    transposed = program.matrix.T
    coefficients = transposed @ y
    slack = product_error(len(y), abs(transposed) @ np.abs(y))
    n_inputs = program.n_inputs
    inputs, rest = coefficients[:n_inputs], coefficients[n_inputs:]
    _, support = program.region.affine_bounds(inputs[None, :], np.zeros(1))
    low, high = program.ranges
    sizes = np.concatenate([np.maximum(*map(np.abs, program.region.box())), _size(low, high)])
    best = np.where(rest == 0.0, 0.0, up(np.maximum(rest * low, rest * high)))
    charges = np.where(slack == 0.0, 0.0, up(slack * sizes))
    positive = [float(support[0]), *best.tolist(), *charges.tolist()]
    if not (np.isfinite(positive).all() and math.isfinite(at_least)):
        return False
    at_most = sum_up(max(item, 0.0) for item in positive) - sum_down(
        max(-item, 0.0) for item in positive
    )
    return at_least - at_most > 2.0**-50 * (abs(at_least) + abs(at_most))


def _size(low: Array, high: Array) -> Array:
    return np.maximum(np.abs(low), np.abs(high))


class ExactForms:
    """Integer pre-activations of a decided prefix of layers: the exact half of the proof.

    z = (G x + c) 2^-e with integers G, c, because floats are dyadic. Over the whole space, where
    the first weight has full row rank, x stands for the first layer's pre-activations: that only
    drops constraints.
    """

    def __init__(self, network: Network, region: Region, units: PatternUnits) -> None:
        self.units, self.region = units, region
        first = network.weights[0]
        self.from_first_layer = (
            isinstance(region, WholeSpace)
            and len(first) <= first.shape[1]
            and has_independent_rows(first)
        )
        self.n_columns = len(first) if self.from_first_layer else first.shape[1]
        self._network = network
        self._known: dict[bytes, tuple[Integers, int]] = {}
        self._layer = cache(self._integers)

    def excludes_interior(self, sides: Sides, found: Optimum) -> bool:
        """Tell whether the solver's multipliers lead to an exact proof of infeasibility.

        Rows r_i(x) >= 0 are the decided signs of the exact prefix and the faces of the region's
        box. Multipliers y >= 0 with sum_i y_i r_i constant and negative exclude every point; with
        the constant 0, every point where a non-constant r_i of positive y_i is positive, hence
        every open set (Motzkin's theorem of the alternative). The multipliers that are not small
        are corrected in rationals so that the sum is exactly constant.
        """
        if self.n_columns > LARGEST_SYSTEM:
            return False
        rows = self._rows(sides, found)
        if not rows:
            return False
        parts = [abs(max(row, key=abs)) * multiplier for row, multiplier in rows]
        kept = [item for item, part in zip(rows, parts, strict=True) if part > _least(parts)]
        return is_motzkin_proof([row for row, _ in kept], [guess for _, guess in kept])

    def _rows(self, sides: Sides, found: Optimum) -> list[tuple[Integers, Fraction]]:
        """Return the rows in which the solver sees a conflict, with its multipliers for them."""
        units, n_units = self.units, len(self.units.left)
        multipliers = np.where(sides == RIGHT, found.rows[4 * n_units : 5 * n_units], 0.0)
        multipliers = np.where(sides == LEFT, -found.rows[5 * n_units :], multipliers)
        wanted = units.signed & (sides != OPEN) & np.isfinite(multipliers) & (multipliers > 0.0)
        rows: list[tuple[Integers, Fraction]] = []
        for layer in range(first_open_layer(units, sides) + 1):
            members = np.flatnonzero(units.layer == layer)
            form, exponent = self._form(layer, sides)
            for unit, row in zip(members, form, strict=True):
                if wanted[unit]:
                    divisor = math.gcd(*row)
                    guess = Fraction(multipliers[unit]) * divisor / 2**exponent
                    rows.append((row * int(sides[unit]) // max(divisor, 1), guess))
        if not isinstance(self.region, WholeSpace):
            ends = self.region.box()
            for column in np.flatnonzero(
                np.isfinite(found.inputs) & (found.inputs != 0.0)
            ).tolist():
                slope = float(found.inputs[column])
                rows.append(self._face(column, 1 if slope > 0.0 else -1, ends, abs(slope)))
        return rows

    def _face(
        self, column: int, sign: int, ends: tuple[Array, Array], multiplier: float
    ) -> tuple[Integers, Fraction]:
        """Return x - lower >= 0 (sign 1) or upper - x >= 0 of one input, in integers."""
        end = Fraction(ends[0 if sign > 0 else 1][column])
        row = np.array([0] * (self.n_columns + 1), dtype=object)
        row[column], row[-1] = sign * end.denominator, -sign * end.numerator
        return row, Fraction(multiplier) / end.denominator

    def _integers(self, layer: int) -> tuple[tuple[Integers, int], tuple[Integers, int]]:
        return _dyadic(self._network.weights[layer]), _dyadic(self._network.biases[layer])

    def _form(self, layer: int, sides: Sides) -> tuple[Integers, int]:
        """Return integers [G, c], shape (n_l, columns + 1), and the exponent e of a layer."""
        key = bytes([layer]) + sides[self.units.layer < layer].tobytes()
        if key not in self._known:
            if len(self._known) > LARGEST_CACHE:
                self._known.clear()
            self._known[key] = self._new_form(layer, sides)
        return self._known[key]

    def _new_form(self, layer: int, sides: Sides) -> tuple[Integers, int]:
        if layer == 0:
            identity = np.array(
                [[int(i == j) for j in range(self.n_columns + 1)] for i in range(self.n_columns)],
                dtype=object,
            )
            if self.from_first_layer:
                return identity, 0
            hidden, exponent = identity, 0
        else:
            below = self.units.layer == layer - 1
            form, exponent = self._form(layer - 1, sides)
            slope = np.where(sides == LEFT, self.units.left, self.units.right)[below]
            integers, more = _dyadic(slope)
            hidden, exponent = integers[:, None] * form, exponent + more
        (weight, weight_exponent), (bias, bias_exponent) = self._layer(layer)
        result, exponent = weight @ hidden, exponent + weight_exponent
        if bias_exponent > exponent:
            result, exponent = result * 2 ** (bias_exponent - exponent), bias_exponent
        result[:, -1] += bias * 2 ** (exponent - bias_exponent)
        return result, exponent


def _least(parts: list[Fraction]) -> Fraction:
    """Return the size up to which a multiplier is taken for a solver's zero."""
    return max(parts) * Fraction(NEGLIGIBLE)


def is_motzkin_proof(rows: list[Integers], guess: list[Fraction]) -> bool:
    """Tell whether multipliers near a guess prove that no open set has all rows non-negative.

    Integer Gauss-Jordan elimination (Bareiss) solves sum_i y_i G_i = 0 for the multipliers of the
    largest guesses, the others keep the guess; then all signs are checked in integers.

    Parameters
    ----------
    rows
        Integer vectors [G_i, c_i] of one length n + 1 that stand for G_i x + c_i >= 0.
    guess
        Positive numbers, one per row.
    """
    if not rows:
        return False
    order = sorted(range(len(rows)), key=lambda i: -abs(max(rows[i], key=abs)) * guess[i])
    ordered = [rows[i] for i in order]
    system = np.array([row[:-1] for row in ordered], dtype=object).T
    pivots, scale = _eliminate(system)
    free = [i for i in range(len(ordered)) if i not in pivots]
    y, unit = [0] * len(ordered), min((guess[order[i]] for i in free), default=Fraction(1)) / 2**80
    for i in free:
        y[i] = abs(scale) * round(guess[order[i]] / unit)
    for column, row in pivots.items():
        y[column] = -sum(system[row, i] * y[i] for i in free) // scale
    if min(y) < 0 or max(y) == 0:
        return False
    constant = sum(a * row[-1] for a, row in zip(y, ordered, strict=True))
    strict = any(a > 0 and row[:-1].any() for a, row in zip(y, ordered, strict=True))
    return bool(constant < 0 or (constant == 0 and strict))


def _eliminate(system: Integers) -> tuple[dict[int, int], int]:
    """Bring an integer matrix to reduced echelon form times a common pivot, in place.

    Returns
    -------
    tuple
        The row of each pivot column and the value that all pivots have.
    """
    pivots: dict[int, int] = {}
    previous, n_rows = 1, len(system)
    for column in range(system.shape[1]):
        top = len(pivots)
        candidates = [i for i in range(top, n_rows) if system[i, column] != 0]
        if not candidates:
            continue
        system[[top, candidates[0]]] = system[[candidates[0], top]]
        pivot = system[top, column]
        for i in range(n_rows):
            if i != top:
                system[i] = (pivot * system[i] - system[i, column] * system[top]) // previous
        previous, pivots[column] = pivot, top
    return pivots, previous


def _dyadic(array: Array) -> tuple[Integers, int]:
    """Return integers and e with array = integers * 2^-e, exactly."""
    ratios = [value.as_integer_ratio() for value in array.ravel().tolist()]
    exponent = max(denominator.bit_length() for _, denominator in ratios) - 1
    integers = np.empty(len(ratios), dtype=object)
    integers[:] = [a * (2**exponent // b) for a, b in ratios]
    return integers.reshape(array.shape), exponent


def has_independent_rows(matrix: Array) -> bool:
    """Prove that the rows of a float matrix are independent; False says nothing.

    Elimination modulo a prime: floats are dyadic rationals, and a minor that is not zero modulo the
    prime is not zero.
    """
    rows = np.array([[_residue(entry) for entry in row] for row in matrix.tolist()], dtype=np.int64)
    for k in range(len(rows)):
        (columns,) = np.nonzero(rows[k])
        if not len(columns):
            return False
        pivot = int(columns[0])
        inverse = pow(int(rows[k, pivot]), -1, PRIME)
        factors = rows[k + 1 :, pivot] * inverse % PRIME
        rows[k + 1 :] = (rows[k + 1 :] - factors[:, None] * rows[k]) % PRIME
    return True


def _residue(number: float) -> int:
    numerator, denominator = number.as_integer_ratio()
    return numerator * pow(denominator, -1, PRIME) % PRIME

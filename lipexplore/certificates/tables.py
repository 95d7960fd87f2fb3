"""A proven bound from any multipliers of a Krivine program, in exact integer arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from lipexplore.polynomials.polynomial import EMPTY, Index, PolynomialProblem
from lipexplore.relaxations.krivine import KrivineRelaxation, split_like
from lipexplore.rounding import Array, sum_up, up

BITS = 59
LARGEST_MULTIPLIER = 2.0**40


@dataclass(frozen=True, eq=False)
class TableCertificate:
    """Non-negative multipliers, one per product, that prove an upper bound of a polynomial.

    Parameters
    ----------
    subsets
        The relaxation's subsets, arrays (count, size).
    multipliers
        Integer arrays (count, 2^size), at least 0: the multiplier of product (S, v) is the integer
        times 2^exponent.
    exponent
        Power of two that every integer is multiplied by.
    value
        The proven bound, a float rounded up.
    residual
        Sum of the sizes of all coefficients of lambda - p - sum_j c_j h_j for the multipliers as
        they were given and lambda the solver's value: ``value`` exceeds lambda at most by this.
    entry
        For the l_1 norm, the input and sign of the gradient's entry that is bounded.
    """

    subsets: Sequence[Index]
    multipliers: Sequence[Index]
    exponent: int
    value: float
    residual: float
    entry: tuple[int, int] | None = None


def verified_bound(
    relaxation: KrivineRelaxation, multipliers: Array | None, claimed: float = math.nan
) -> TableCertificate:
    """Return the best proven bound of p on [0,1]^N that the multipliers give, whatever they are.

    For any c >= 0 the products satisfy sum_j c_j h_j >= 0 on the box, hence with A the matrix of
    their coefficients

        p(x) <= p(x) + sum_j c_j h_j(x) = (p + A c)_0 + sum_{M != 0} (p + A c)_M x^M
             <= (p + A c)_0 + sum_{M != 0} max(0, (p + A c)_M),

    because every monomial lies in [0, 1]. The solver's own value is not used. Negative, NaN and
    infinite multipliers count as 0. Multiplied by 2^k and rounded, c consists of integers (any
    non-negative vector is allowed, so this rounding needs no proof), A c is exact in int64, p is
    replaced by a proven upper bound rounded up to an integer, and the last sum is taken in Python
    integers. So the result is a theorem about the polynomial, checked by ``certificates/check.py``
    in a few lines.

    Two multiplier vectors are tried and the better kept: the given one, and the one in which
    what is missing to the identity lambda - p = sum_j c_j h_j is spread evenly over the subsets.

    Parameters
    ----------
    relaxation
        The program.
    multipliers
        Array (products,) for the objective p / ``relaxation.scale``, or None for none.
    claimed
        The solver's value of lambda / ``relaxation.scale``, used for ``residual`` alone.

    References
    ----------
    Jansson, Chaykin, Keil, *Rigorous error bounds for the optimal value in semidefinite
    programming*, SIAM J. Numer. Anal. 46 (2007), for the idea of repairing a solver's dual.
    """
    given = split_like(relaxation.faces, _clean(multipliers, relaxation.matrix.shape[1]))
    as_given = _evaluate(relaxation, given)
    repaired = _evaluate(relaxation, _spread(relaxation, given))
    best = min(as_given, repaired, key=lambda evaluation: evaluation.value)
    return TableCertificate(
        relaxation.subsets,
        best.integers,
        best.exponent,
        float_above(best.value),
        as_given.residual(claimed * relaxation.scale),
        relaxation.source.entry,
    )


@dataclass(frozen=True, eq=False)
class _Evaluation:
    """The coefficients of p + sum_j c_j h_j as integers times 2^exponent."""

    integers: Sequence[Index]
    total: Index
    exponent: int

    @cached_property
    def value(self) -> Fraction:
        """The constant plus all positive coefficients."""
        excess = _exact_sum(np.maximum(self.total[1:], 0))
        return (int(self.total[0]) + excess) * Fraction(2) ** self.exponent

    def residual(self, claimed: float) -> float:
        """Sum the |coefficients| of lambda - p - sum_j c_j h_j, without the constant for NaN."""
        unit = Fraction(2) ** self.exponent
        others = _exact_sum(np.abs(self.total[1:])) * unit
        if not math.isfinite(claimed):
            return float_above(others)
        return float_above(others + abs(Fraction(claimed) - int(self.total[0]) * unit))


def trivial_bound(problem: PolynomialProblem) -> float:
    """Return p_0 + sum of the positive coefficients, rounded up: the bound without multipliers."""
    polynomial = problem.objective
    constant = (polynomial.terms == EMPTY).all(axis=1)
    upper = up(polynomial.coefficients + polynomial.errors)
    return sum_up(np.where(constant, upper, np.maximum(upper, 0.0)).tolist())


def _clean(multipliers: Array | None, count: int) -> Array:
    if multipliers is None or np.shape(multipliers) != (count,):
        return np.zeros(count)
    return np.where(
        np.isfinite(multipliers) & (multipliers > 0.0),
        np.clip(multipliers, 0.0, LARGEST_MULTIPLIER),
        0.0,
    )


def _evaluate(relaxation: KrivineRelaxation, tables: Sequence[Array]) -> _Evaluation:
    objective = relaxation.objective / relaxation.scale
    errors = relaxation.errors / relaxation.scale + 2.0**-1000
    bits = BITS - math.ceil(math.log2(_largest_sum(relaxation, tables, objective, errors)))
    unit = 2.0**bits
    integers = [np.rint(table * unit).astype(np.int64) for table in tables]
    total = _coefficients(relaxation, integers)
    # each ceil is exact, and + 1 covers the rounding of the product errors * unit
    total += np.ceil(objective * unit).astype(np.int64)
    total += np.ceil(errors * unit).astype(np.int64) + 1
    return _Evaluation(integers, total, int(math.log2(relaxation.scale)) - bits)


def _largest_sum(
    relaxation: KrivineRelaxation, tables: Sequence[Array], objective: Array, errors: Array
) -> float:
    """Bound every partial sum of the integer evaluation, in units of the scaled objective."""
    totals = np.abs(objective) + errors
    for faces, table in zip(relaxation.faces, tables, strict=True):
        per_subset = np.repeat(table.sum(axis=1), faces.shape[1])
        totals += np.bincount(faces.ravel(), per_subset, len(totals))
    return max(2.0 * float(totals.max()), 2.0**-40)


def _coefficients(relaxation: KrivineRelaxation, tables: Sequence[Index]) -> Index:
    """Return A c: the coefficients of sum_{S,v} c_{S,v} h_{S,v}, exactly for integers."""
    total = np.zeros(len(relaxation.monomials), dtype=np.int64)
    for faces, table in zip(relaxation.faces, tables, strict=True):
        np.add.at(total, faces, _moebius(table))
    return total


def _moebius(tables: Array | Index) -> Array | Index:
    """Turn values on the vertices of {0,1}^S into coefficients of the multilinear polynomial."""
    result = tables.copy()
    for bit in range(tables.shape[1].bit_length() - 1):
        cube = result.reshape(len(tables), -1, 2, 1 << bit)
        cube[:, :, 1] -= cube[:, :, 0]
    return result


def _vertex_values(coefficients: Array) -> Array:
    """Undo :func:`_moebius`."""
    result = coefficients.copy()
    for bit in range(coefficients.shape[1].bit_length() - 1):
        cube = result.reshape(len(coefficients), -1, 2, 1 << bit)
        cube[:, :, 1] += cube[:, :, 0]
    return result


def _spread(relaxation: KrivineRelaxation, tables: Sequence[Array]) -> list[Array]:
    """Return multipliers max(T_S) - T_S, where the tables T_S sum to p but for rounding."""
    coefficients = [_moebius(-table) for table in tables]
    residual = relaxation.objective / relaxation.scale
    holders = np.zeros(len(residual))
    for faces, block in zip(relaxation.faces, coefficients, strict=True):
        residual = residual - np.bincount(faces.ravel(), block.ravel(), len(residual))
        holders += np.bincount(faces.ravel(), minlength=len(residual))
    share = residual / np.maximum(holders, 1.0)
    share[0] = 0.0
    repaired = [
        _vertex_values(block + share[faces])
        for faces, block in zip(relaxation.faces, coefficients, strict=True)
    ]
    return [table.max(axis=1, keepdims=True) - table for table in repaired]


def _exact_sum(values: Index) -> int:
    """Add non-negative int64 numbers without overflow."""
    return (int((values >> 31).sum()) << 31) + int((values & (2**31 - 1)).sum())


def float_above(value: Fraction) -> float:
    """Return the smallest float64 that is not below a rational number."""
    try:
        nearest = float(value)
    except OverflowError:
        return math.inf
    return nearest if Fraction(nearest) >= value else math.nextafter(nearest, math.inf)


def root_above(value: Fraction, root: int) -> float:
    """Return the least float64 not below the root of ``value``, or ``value`` itself for root 1."""
    if root == 1 or value <= 0:
        return max(float_above(value), 0.0)
    power = (value.numerator.bit_length() - value.denominator.bit_length()) // 2
    scaled = value / Fraction(4) ** power
    result = math.sqrt(scaled)
    while Fraction(result) ** 2 < scaled:
        result = math.nextafter(result, math.inf)
    while Fraction(math.nextafter(result, 0.0)) ** 2 >= scaled:
        result = math.nextafter(result, 0.0)
    return float_above(Fraction(result) * Fraction(2) ** power)

"""Check a proof by sums of squares in rational arithmetic, with nothing but the stored numbers.

The claim is p(x) <= value wherever every h_j(x) >= 0 and x lies in the cube [0,1]^N, its first
variables being 0 or 1. The proof consists of Gram matrices G_b, non-negative numbers c_j and tables
T_S of non-negative values on the vertices of {0,1}^S. With m_b the basis of G_b and T_S(x) the
multilinear interpolation of the table,

    p <= p + sum_b m_b^T G_b m_b + sum_j c_j h_j + sum_S T_S = sum_M r_M x^M
      <= r_0 + sum over M != 0 of max(0, r_M),

because monomials lie in [0, 1]. Floats are integers times 2^-1074, so everything is added up in
integers. That a Gram matrix is semidefinite is decided by rational elimination as long as the
orders are small, and for large ones proven by a Cholesky factorisation with Rump's margin.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lipexplore.certificates.check import LARGEST_EXPONENT, Coefficients
from lipexplore.certificates.psd import is_exactly_semidefinite, is_proven_semidefinite
from lipexplore.errors import InvalidCertificate

LARGEST_EXACT_CUBES = 60**3
"""Sum of the cubed orders up to which Gram matrices are decomposed in rationals (a second)."""
SMALLEST_BIT = 1074

Monomial = tuple[int, ...]
Fact = Sequence[tuple[Monomial, float]]
Totals = dict[Monomial, int]


def proven_sum(
    polynomial: Coefficients,
    part: Mapping[str, Any],
    facts: Sequence[Fact] = (),
    n_binary: int | None = None,
) -> Fraction:
    """Return the upper bound of the polynomial that one part of a certificate proves.

    Parameters
    ----------
    polynomial
        The multilinear polynomial p.
    part
        ``exponent``, ``grams``, ``region``, ``subsets`` and ``multipliers`` of the file.
    facts
        The polynomials h_j, one for each number in ``region``: monomials, perhaps with repeated
        variables, and coefficients.
    n_binary
        Variables below this number are 0 or 1, so x^2 = x; None for all.

    Raises
    ------
    InvalidCertificate
        If a Gram matrix is not proven to be positive semidefinite.
    ValueError
        If the numbers are malformed.
    """
    exponent = part["exponent"]
    if type(exponent) is not int or abs(exponent) > LARGEST_EXPONENT:
        raise ValueError("the exponent is no integer of a sensible size")
    if len(part["region"]) != len(facts):
        raise ValueError("the number of multipliers does not fit the region's inequalities")
    total: Totals = defaultdict(int)
    _add_squares(total, part["grams"], n_binary)
    _add_tables(total, part["subsets"], part["multipliers"])
    for monomial in total:
        total[monomial] <<= SMALLEST_BIT
    for multiplier, fact in zip(_non_negative(part["region"]), facts, strict=True):
        for monomial, coefficient in fact if multiplier else ():
            total[_reduced(monomial, n_binary)] += multiplier * _units(coefficient)
    unit = Fraction(2) ** (exponent - 2 * SMALLEST_BIT)
    result = {monomial: number * unit for monomial, number in total.items()}
    for variables, weight in polynomial.items():
        key = tuple(sorted(variables))
        result[key] = result.get(key, Fraction(0)) + weight
    constant = result.pop((), Fraction(0))
    return constant + sum((weight for weight in result.values() if weight > 0), Fraction(0))


def _add_squares(total: Totals, grams: Sequence[Any], n_binary: int | None) -> None:
    """Add m^T G m for each Gram matrix, given by its rows up to the diagonal."""
    exact = sum(len(gram["rows"]) ** 3 for gram in grams) <= LARGEST_EXACT_CUBES
    for gram in grams:
        basis = [_variables(monomial) for monomial in gram["basis"]]
        rows = gram["rows"]
        if len(rows) != len(basis) or any(len(row) != i + 1 for i, row in enumerate(rows)):
            raise ValueError("a Gram matrix does not fit its basis")
        units = [[_units(number) for number in row] for row in rows]
        if not (_is_semidefinite(rows) if exact else _is_proven_semidefinite(rows)):
            raise InvalidCertificate("a Gram matrix is not positive semidefinite")
        for i, row in enumerate(units):
            for j, number in enumerate(row):
                if number:
                    monomial = _reduced(basis[i] + basis[j], n_binary)
                    total[monomial] += number if i == j else 2 * number


def _is_semidefinite(rows: Sequence[Sequence[float]]) -> bool:
    below = [[Fraction(number) for number in row] for row in rows]
    order = range(len(rows))
    return is_exactly_semidefinite([[below[max(i, j)][min(i, j)] for j in order] for i in order])


def _is_proven_semidefinite(rows: Sequence[Sequence[float]]) -> bool:
    matrix = np.zeros((len(rows), len(rows)))
    for i, row in enumerate(rows):
        matrix[i, : i + 1] = matrix[: i + 1, i] = row
    return not matrix.any() or is_proven_semidefinite(matrix, np.zeros_like(matrix))


def _add_tables(total: Totals, subsets: Iterable[Any], multipliers: Iterable[Any]) -> None:
    """Add the interpolation of each table; its coefficients are differences of its values."""
    for subset, table in zip(subsets, multipliers, strict=True):
        variables, values = _variables(subset), _non_negative(table)
        if len(set(variables)) != len(variables) or len(values) != 2 ** len(variables):
            raise ValueError("a subset repeats a variable or has the wrong number of multipliers")
        for bit in range(len(variables)):
            for mask in range(len(values)):
                if mask >> bit & 1:
                    values[mask] -= values[mask ^ 1 << bit]
        for mask, number in enumerate(values):
            if number:
                held = sorted(v for i, v in enumerate(variables) if mask >> i & 1)
                total[tuple(held)] += number


def _reduced(variables: Iterable[int], n_binary: int | None) -> Monomial:
    """Return the monomial of a product, with x^2 = x for the binary variables."""
    result: list[int] = []
    for v in sorted(variables):
        if not (result and result[-1] == v and (n_binary is None or v < n_binary)):
            result.append(v)
    return tuple(result)


def _variables(monomial: Any) -> Monomial:
    if any(type(variable) is not int or variable < 0 for variable in monomial):
        raise ValueError("a variable is no number of one")
    return tuple(monomial)


def _non_negative(numbers: Iterable[Any]) -> list[int]:
    units = [_units(number) for number in numbers]
    if min(units, default=0) < 0:
        raise ValueError("a multiplier is negative")
    return units


def _units(number: Any) -> int:
    """Return a float as an integer times 2^-1074, exactly."""
    if type(number) is not float or not math.isfinite(number):
        raise ValueError("a multiplier is no finite float")
    numerator, denominator = number.as_integer_ratio()
    return (numerator << SMALLEST_BIT) // denominator

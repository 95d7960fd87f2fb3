"""Sign patterns of linear forms on a cone: cells of a hyperplane arrangement.

A side of a hyperplane is left out only if exact rational multipliers prove that the cone does not
reach it (Farkas), so the patterns always cover the cone; where a proof fails one pattern too many
is listed, which harms nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidSetting
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from collections.abc import Sequence

Pattern = NDArray[np.bool_]

MOST_POINTS, MOST_RANK = 8, 6
"""Up to so many rows and coordinates patterns are enumerated."""

NEAR = 1e-9


def largest_number(n_rows: int, rank: int) -> int:
    """Return 2 sum_{k<r} C(n-1, k): no n x r matrix has more patterns (Cover 1965).

    >>> largest_number(5, 2)
    10
    """
    return 2 * sum(comb(n_rows - 1, k) for k in range(rank))


@dataclass(frozen=True, eq=False)
class Cell:
    """One cell: the pattern 1{rows z > 0} on it, array (n,), and its closure {z: cone z >= 0}."""

    pattern: Pattern
    cone: Array


def cells(rows: Array, cone: Array | None = None) -> list[Cell]:
    """Return all cells of the hyperplanes rows z = 0 that reach the interior of a cone.

    Parameters
    ----------
    rows
        Array (n, m). A zero row has the pattern 0.
    cone
        Array (k, m) of the cone {z: cone z >= 0}, which must have an interior; None for all z.

    Returns
    -------
    list of Cell
        Their closures cover the cone. Rows that are proven to follow from others are left out.

    Raises
    ------
    InvalidSetting
        If the rows or coordinates are more than are enumerated.

    References
    ----------
    Ergen and Pilanci, NeurIPS 2023 (arXiv 2110.09548).
    """
    if rows.ndim != 2 or len(rows) > MOST_POINTS or rows.shape[1] > MOST_RANK:
        raise InvalidSetting(
            f"patterns of {rows.shape} numbers are too many to enumerate: sample them, or use at "
            f"most {MOST_POINTS} points and {MOST_RANK} coordinates"
        )
    inside = np.zeros((0, rows.shape[1])) if cone is None else cone
    found = _cells(list(rows), inside)
    return [Cell(pattern, facets(end) if cone is None else end) for pattern, end in found]


def patterns(rows: Array) -> list[Pattern]:
    """Return the patterns 1{rows z > 0} of all cells; raises as :func:`cells`."""
    return [cell.pattern for cell in cells(rows)]


def sampled_patterns(rows: Array, count: int, seed: int) -> list[Pattern]:
    """Return the distinct patterns of ``count`` Gaussian vectors: some are missing, as a rule."""
    directions = np.random.default_rng(seed).standard_normal((count, rows.shape[1]))
    return list(np.unique(directions @ rows.T > 0.0, axis=0))


def sides(rows: Array, pattern: Pattern) -> Array:
    """Return (2 P - I) rows without zero rows: the cell is {z: sides z >= 0}."""
    turned = np.where(pattern, 1.0, -1.0)[:, None] * rows
    return np.asarray(turned[np.any(rows != 0.0, axis=1)])


def facets(cone: Array) -> Array:
    """Return the rows of a cone without those that are proven to follow from the others."""
    kept = list(range(len(cone)))
    for row in range(len(cone)):
        others = [other for other in kept if other != row]
        if is_beyond(-cone[row], cone[others]):
            kept = others
    return np.asarray(cone[kept])


def _cells(rows: Sequence[Array], cone: Array) -> Iterator[tuple[Pattern, Array]]:
    if not rows:
        yield np.zeros(0, dtype=bool), cone
        return
    first, rest = rows[0], rows[1:]
    reached = [False]
    if first.any():
        reached = [side for side in (False, True) if not is_beyond(_turned(first, side), cone)]
    for side in reached:
        smaller = cone
        if len(reached) > 1:
            smaller = np.concatenate([cone, _turned(first, side)[None]])
        for pattern, end in _cells(rest, smaller):
            yield np.concatenate([[side], pattern]), end


def _turned(row: Array, side: bool) -> Array:
    return row if side else -row


def is_beyond(form: Array, cone: Array) -> bool:
    """Tell whether exact multipliers prove form . z <= 0 for all z of {cone z >= 0}.

    They are the non-negative combination -form = cone^T t, found in floating point and solved again
    in rationals on its support.
    """
    if len(cone) == 0:
        return False
    from scipy.optimize import nnls

    multipliers, distance = nnls(cone.T, -form)
    if distance > NEAR * float(np.abs(form).max()):
        return False
    return _combines(cone[multipliers > 0.0], -form)


def _combines(rows: Array, target: Array) -> bool:
    """Tell whether target = rows^T t has a solution t >= 0, with free unknowns at 0, exactly."""
    table = [
        [Fraction(float(value)) for value in (*column, end)]
        for column, end in zip(rows.T, target, strict=True)
    ]
    line = 0
    for unknown in range(len(rows)):
        pivot = next((i for i in range(line, len(table)) if table[i][unknown]), None)
        if pivot is None:
            continue
        table[line], table[pivot] = table[pivot], table[line]
        head = table[line][unknown]
        table[line] = [value / head for value in table[line]]
        for i, other in enumerate(table):
            if i != line and other[unknown]:
                factor = other[unknown]
                table[i] = [a - factor * b for a, b in zip(other, table[line], strict=True)]
        line += 1
    solved, left = table[:line], table[line:]
    return all(not row[-1] for row in left) and all(row[-1] >= 0 for row in solved)


def sign_choices(width: int) -> list[tuple[int, ...]]:
    """Return the signs of the second layer up to the neurons' order, not all negative.

    With negative signs alone the inner sum is never positive and the sub-network is 0.
    """
    return sorted({tuple(sorted(s, reverse=True)) for s in product((1, -1), repeat=width)})[1:]

"""Affine and quadratic PICOS expressions as sparse matrices: one concatenation for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cvxopt
import numpy as np
import scipy.sparse
from picos.expressions import CONTINUOUS_VARTYPES, BinaryVariable, QuadraticExpression

if TYPE_CHECKING:
    import picos


@dataclass(frozen=True)
class Objective:
    """min ``cost.x + x.hessian.x/2``; the user's value is ``sign`` times that, plus ``offset``."""

    sign: float
    offset: float
    cost: np.ndarray
    hessian: scipy.sparse.csc_matrix | None


def slices(keys: Any, length: Any) -> dict[Any, slice]:
    """Return consecutive slices, one for each key, as long as ``length(key)``."""
    ends = np.cumsum([0, *(length(key) for key in keys)]).tolist()
    return dict(zip(keys, map(slice, ends, ends[1:]), strict=False))


def width(parts: dict[Any, slice]) -> int:
    """Return the end of the last slice."""
    return max((part.stop for part in parts.values()), default=0)


def linear_form(
    expressions: list[Any], columns: dict[Any, slice]
) -> tuple[scipy.sparse.csc_matrix, np.ndarray]:
    """Stack affine expressions to ``matrix @ x + constant``."""
    parts, constants, height = [], [np.zeros(0)], 0
    for expression in expressions:
        for variable, coefficient in expression._sparse_linear_coefs.items():
            parts.append(_triplets(coefficient, height, columns[variable].start))
        constants.append(np.array(cvxopt.matrix(expression._constant_coef)).ravel())
        height += len(expression)
    if not parts:
        return scipy.sparse.csc_matrix((height, width(columns))), np.concatenate(constants)
    i, j, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    matrix = scipy.sparse.csc_matrix((values, (i, j)), shape=(height, width(columns)))
    return matrix, np.concatenate(constants)


def variable_bounds(columns: dict[Any, slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return lower bounds, upper bounds and whether each scalar variable is integral."""
    size = width(columns)
    lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
    integral = np.zeros(size, dtype=bool)
    for variable, part in columns.items():
        if isinstance(variable, BinaryVariable):
            lower[part], upper[part] = 0.0, 1.0
        for bounds, target in zip(variable.bound_dicts, (lower, upper), strict=True):
            if bounds:
                target[part.start + np.array(list(bounds))] = list(bounds.values())
        integral[part] = not isinstance(variable, CONTINUOUS_VARTYPES)
    return lower, upper, integral


def read_objective(problem: picos.Problem, columns: dict[Any, slice]) -> Objective:
    """Return an affine or quadratic objective, turned round for a maximisation."""
    direction, function = problem.no
    sign = -1.0 if direction == "max" else 1.0
    quadratic = isinstance(function, QuadraticExpression)
    cost, offset = linear_form([function.aff if quadratic else function], columns)
    return Objective(
        sign=sign,
        offset=float(offset[0]),
        cost=sign * cost.toarray().ravel(),
        hessian=sign * _hessian(function, columns) if quadratic else None,
    )


def _hessian(function: Any, columns: dict[Any, slice]) -> scipy.sparse.csc_matrix:
    size = width(columns)
    form = scipy.sparse.csc_matrix((size, size))
    for (x, y), coefficient in function._sparse_quads.items():
        i, j, values = _triplets(coefficient, columns[x].start, columns[y].start)
        form += scipy.sparse.csc_matrix((values, (i, j)), shape=(size, size))
    return form + form.T


def _triplets(coefficient: Any, row: int, column: int) -> tuple[np.ndarray, ...]:
    starts, indices, values = (np.array(part).ravel() for part in coefficient.CCS)
    entries_of_column = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return indices + row, entries_of_column + column, values

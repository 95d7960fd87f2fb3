"""A PICOS program as the arrays that HiGHS takes: one concatenation, one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cvxopt
import numpy as np
import scipy.sparse
from picos.constraints import AffineConstraint
from picos.expressions import CONTINUOUS_VARTYPES, BinaryVariable, QuadraticExpression

if TYPE_CHECKING:
    import picos


@dataclass(frozen=True)
class Model:
    """min sign * (cost.x + x.Q.x/2)  s.t.  row_lower <= A x <= row_upper, lower <= x <= upper.

    Parameters
    ----------
    sign
        1 for a minimisation, -1 for a maximisation: HiGHS always minimises.
    offset
        Constant of the objective, kept outside the solver.
    cost, lower, upper, integral
        One entry per scalar variable; shape (n,).
    matrix, row_lower, row_upper
        One row per scalar constraint; shapes (m, n), (m,), (m,).
    hessian
        Lower triangle of ``sign * Q``, or None; shape (n, n).
    columns, rows
        Slices of each PICOS variable and of each affine constraint.
    """

    sign: float
    offset: float
    cost: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    integral: np.ndarray
    matrix: scipy.sparse.csc_matrix
    row_lower: np.ndarray
    row_upper: np.ndarray
    hessian: scipy.sparse.csc_matrix | None
    columns: dict[Any, slice]
    rows: dict[Any, slice]


def read_model(problem: picos.Problem) -> Model:
    """Return the arrays of a program with affine constraints and affine or quadratic objective."""
    columns = _slices(problem.variables.values(), lambda variable: variable.dim)
    affine = [c for c in problem.constraints.values() if isinstance(c, AffineConstraint)]
    rows = _slices(affine, len)
    direction, function = problem.no
    sign = -1.0 if direction == "max" else 1.0
    quadratic = isinstance(function, QuadraticExpression)
    linear = function.aff if quadratic else function
    cost, offset = _linear_form([linear], columns)
    matrix, constant = _linear_form([constraint.lmr for constraint in affine], columns)
    equal = _marked(rows, lambda constraint: constraint.is_equality())
    below = _marked(rows, lambda constraint: constraint.is_increasing())
    lower, upper, integral = _variable_bounds(columns)
    return Model(
        sign=sign,
        offset=float(offset[0]),
        cost=sign * cost.toarray().ravel(),
        lower=lower,
        upper=upper,
        integral=integral,
        matrix=matrix,
        row_lower=np.where(below & ~equal, -np.inf, -constant),
        row_upper=np.where(below | equal, -constant, np.inf),
        hessian=sign * _hessian(function, columns) if quadratic else None,
        columns=columns,
        rows=rows,
    )


def _slices(keys: Any, length: Any) -> dict[Any, slice]:
    ends = np.cumsum([0, *(length(key) for key in keys)]).tolist()
    return dict(zip(keys, map(slice, ends, ends[1:]), strict=False))


def _width(slices: dict[Any, slice]) -> int:
    return max((part.stop for part in slices.values()), default=0)


def _marked(rows: dict[Any, slice], test: Any) -> np.ndarray:
    counts = [part.stop - part.start for part in rows.values()]
    return np.repeat(np.array([test(key) for key in rows], dtype=bool), counts)


def _triplets(coefficient: Any, row: int, column: int) -> tuple[np.ndarray, ...]:
    starts, indices, values = (np.array(part).ravel() for part in coefficient.CCS)
    entries_of_column = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return indices + row, entries_of_column + column, values


def _linear_form(
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
        return scipy.sparse.csc_matrix((height, _width(columns))), np.concatenate(constants)
    i, j, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    matrix = scipy.sparse.csc_matrix((values, (i, j)), shape=(height, _width(columns)))
    return matrix, np.concatenate(constants)


def _variable_bounds(columns: dict[Any, slice]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    width = _width(columns)
    lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
    integral = np.zeros(width, dtype=bool)
    for variable, part in columns.items():
        if isinstance(variable, BinaryVariable):
            lower[part], upper[part] = 0.0, 1.0
        for bounds, target in zip(variable.bound_dicts, (lower, upper), strict=True):
            if bounds:
                target[part.start + np.array(list(bounds))] = list(bounds.values())
        integral[part] = not isinstance(variable, CONTINUOUS_VARTYPES)
    return lower, upper, integral


def _hessian(function: Any, columns: dict[Any, slice]) -> scipy.sparse.csc_matrix:
    width = _width(columns)
    form = scipy.sparse.csc_matrix((width, width))
    for (x, y), coefficient in function._sparse_quads.items():
        i, j, values = _triplets(coefficient, columns[x].start, columns[y].start)
        form += scipy.sparse.csc_matrix((values, (i, j)), shape=(width, width))
    return scipy.sparse.tril(form + form.T, format="csc")

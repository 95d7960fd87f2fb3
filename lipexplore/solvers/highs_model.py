"""A PICOS program as the arrays that HiGHS takes: one concatenation, one matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
from picos.constraints import AffineConstraint

from lipexplore.solvers.arrays import linear_form, read_objective, slices, variable_bounds

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
    columns = slices(problem.variables.values(), lambda variable: variable.dim)
    affine = [c for c in problem.constraints.values() if isinstance(c, AffineConstraint)]
    rows = slices(affine, len)
    objective = read_objective(problem, columns)
    matrix, constant = linear_form([constraint.lmr for constraint in affine], columns)
    equal = _marked(rows, lambda constraint: constraint.is_equality())
    below = _marked(rows, lambda constraint: constraint.is_increasing())
    lower, upper, integral = variable_bounds(columns)
    return Model(
        sign=objective.sign,
        offset=objective.offset,
        cost=objective.cost,
        lower=lower,
        upper=upper,
        integral=integral,
        matrix=matrix,
        row_lower=np.where(below & ~equal, -np.inf, -constant),
        row_upper=np.where(below | equal, -constant, np.inf),
        hessian=_lower_triangle(objective.hessian),
        columns=columns,
        rows=rows,
    )


def _marked(rows: dict[Any, slice], test: Any) -> np.ndarray:
    counts = [part.stop - part.start for part in rows.values()]
    return np.repeat(np.array([test(key) for key in rows], dtype=bool), counts)


def _lower_triangle(matrix: scipy.sparse.csc_matrix | None) -> scipy.sparse.csc_matrix | None:
    return None if matrix is None else scipy.sparse.tril(matrix, format="csc")

"""One PICOS statement for every linear matrix inequality whose terms have rank two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipexplore.rounding import Array

if TYPE_CHECKING:
    import picos

    from lipexplore.solvers.structured_kkt import DiagonalProductLMI


def diagonal_product_problem(
    structure: DiagonalProductLMI, constant: Array, cost: Array, name: str, margin: float = 0.0
) -> picos.Problem:
    """State: minimise cost . c over c >= 0 with constant + Diag(Q c) B + B^T Diag(Q c) >= margin I.

    The matrix is assembled once from triplets; solvers end a little outside, and the margin leaves
    the proof room.
    """
    import picos
    from cvxopt import matrix as dense
    from cvxopt import spmatrix
    from picos.expressions import AffineExpression

    order, count = len(structure.rows), len(structure.repeats)
    rows, columns = np.nonzero(structure.rows)
    owners = np.tile(np.repeat(np.arange(count), structure.repeats)[rows], 2)
    places = np.concatenate([rows + order * columns, columns + order * rows])
    values = np.tile(structure.rows[rows, columns], 2)
    c = picos.RealVariable("c", count, lower=0)
    moving = spmatrix(dense(values), dense(places), dense(owners), (order * order, count))
    terms = {c: moving, (): dense((constant - margin * np.eye(order)).ravel())}
    program = picos.Problem(name=name)
    program.set_objective("min", AffineExpression("cost", (1, 1), {c: dense(cost.reshape(1, -1))}))
    program.add_constraint(AffineExpression("M(c)", (order, order), terms) >> 0)
    return program

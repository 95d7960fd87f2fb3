"""The group lasso over cones that path-regularised networks are, stated in PICOS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.errors import LipexploreError
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import picos

SOLVER, TOLERANCE = "clarabel", 1e-10


def group_problem(
    operators: Sequence[Array], cones: Sequence[Array], targets: Array, beta: float
) -> picos.Problem:
    """State min 1/2 |sum_c A_c z_c - y|^2 + beta sum_c |z_c|_2 over cone_c z_c >= 0.

    Parameters
    ----------
    operators, cones
        Arrays (n, m_c) and (k_c, m_c), one of each per block.
    targets
        Array (n,).
    """
    import picos

    problem = picos.Problem()
    z = [picos.RealVariable(f"z{c}", op.shape[1]) for c, op in enumerate(operators)]
    t = picos.RealVariable("t", len(operators))
    stacked = picos.RealVariable("f", len(targets))
    total = operators[0] * z[0]
    for operator, variable in zip(operators[1:], z[1:], strict=True):
        total = total + operator * variable
    problem += stacked == total
    problem.minimize = 0.5 * abs(stacked - targets) ** 2 + beta * picos.sum(t)
    for c, (cone, variable) in enumerate(zip(cones, z, strict=True)):
        problem += abs(variable) <= t[c]
        if len(cone):
            problem += cone * variable >= 0
    return problem


def group_program(
    operators: Sequence[Array], cones: Sequence[Array], targets: Array, beta: float
) -> list[Array]:
    """Solve :func:`group_problem` and return z, an estimate to the solver's accuracy.

    Raises
    ------
    LipexploreError
        If the solver fails.
    """
    from lipexplore.solvers import solve

    problem = group_problem(operators, cones, targets, beta)
    solution = solve(problem, solver=SOLVER, tolerance=TOLERANCE)
    found = [solution.primal.get(f"z{c}") for c in range(len(operators))]
    if any(z is None or not np.isfinite(z).all() for z in found):
        raise LipexploreError(f"the group lasso has no solution: {solution.status}")
    return [np.asarray(z, dtype=np.float64) for z in found]

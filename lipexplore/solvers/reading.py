"""A PICOS solution as numpy arrays, without applying it to the problem."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cvxopt
import numpy as np

from lipexplore.solvers.records import Solution

if TYPE_CHECKING:
    import picos


RAYS = ("infeasible", "unbounded")
"""Endings after which solvers leave rays, which are neither points nor multipliers."""


@dataclass(frozen=True)
class Ending:
    """What a driver knows about the end of a run."""

    status: str
    value: float
    solver: str
    iterations: int
    seconds: float
    bound: float = math.nan


def read_solution(problem: picos.Problem, found: picos.Solution | None, end: Ending) -> Solution:
    """Return the record of a run; ``found`` is None where the solver left nothing."""
    primals, duals = (found.primals, found.duals) if found else ({}, {})
    if end.status in RAYS:
        primals, duals = {}, {}
    return Solution(
        status=end.status,
        value=math.nan if end.status in RAYS else end.value,
        primal={v.name: _shaped(v, values) for v, values in primals.items() if values is not None},
        duals=tuple(_flat(duals.get(c)) for c in problem.constraints.values()),
        solver=end.solver,
        iterations=end.iterations,
        seconds=end.seconds,
        bound=end.bound,
    )


def _shaped(variable: Any, values: Any) -> np.ndarray:
    matrix = np.array(cvxopt.matrix(variable._vec.devectorize(cvxopt.matrix(values))))
    return matrix.ravel() if 1 in variable.shape else matrix


def _flat(multipliers: Any) -> np.ndarray | None:
    if multipliers is None:
        return None
    return np.array(cvxopt.matrix(multipliers), dtype=float).ravel(order="F")

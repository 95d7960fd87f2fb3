"""CVXOPT through PICOS, looked at between its iterations.

CVXOPT has no callbacks, but it calls its KKT solver once per iteration and ends with the current
iterate when that raises ArithmeticError. `watched` wraps CVXOPT's own KKT solvers accordingly.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from cvxopt import misc

from lipexplore.solvers.monitor import Monitor
from lipexplore.solvers.reading import Ending, read_solution

if TYPE_CHECKING:
    from types import FunctionType

    import picos

    from lipexplore.solvers.records import Settings, Solution
    from lipexplore.solvers.structured_kkt import DiagonalProductLMI

MAX_ITERATIONS = 60
TOLERANCE = 1e-8
STATUSES = {
    "optimal": "optimal",
    "primal infeasible": "infeasible",
    "dual infeasible": "unbounded",
}


class _Stopped(ArithmeticError):
    """Makes CVXOPT return its current iterate."""


def solve_with_cvxopt(problem: picos.Problem, settings: Settings) -> Solution:
    """Solve with CVXOPT's cone solver and the KKT solver that fits the program.

    Sparse Cholesky for a linear program, the structured solver for an inequality whose structure
    is known, dense Cholesky otherwise.
    """
    monitor = Monitor(settings.time_limit, settings.cancel, settings.on_progress)
    limit = settings.max_iterations or MAX_ITERATIONS
    tolerance = settings.tolerance or TOLERANCE
    found, trouble = None, ""
    try:
        found = problem.solve(
            solver="cvxopt",
            cvxopt_kktsolver=watched(monitor, problem, settings.structure),
            max_iterations=limit,
            rel_ipm_opt_tol=tolerance,
            abs_ipm_opt_tol=tolerance,
            rel_prim_fsb_tol=tolerance,
            rel_dual_fsb_tol=tolerance,
            primals=None,
            apply_solution=False,
            verbosity=-1,
        )
    except ValueError as error:  # CVXOPT's answer to an ArithmeticError before iteration 0
        trouble = str(error)
    except ArithmeticError:  # its own, between iterations
        trouble = _STALL
    raw = (found.info.get("cvxopt_sol") if found else None) or {}
    iterations = int(raw.get("iterations", 0))
    cost, bound = raw.get("primal objective"), raw.get("dual objective")
    if iterations and not monitor.stopped:
        monitor.report(iterations, cost, bound)
    monitor.reraise()
    claimed = raw.get("status", "primal infeasible" if found else "unknown")
    status = STATUSES.get(claimed) or monitor.stopped
    if status is None:
        status = "iteration limit" if iterations >= limit else f"failed: CVXOPT {trouble or _STALL}"
    value = math.nan if cost is None else monitor.sign * cost + monitor.offset
    return read_solution(
        problem, found, Ending(status, value, "cvxopt", iterations, monitor.seconds)
    )


_STALL = "met a singular system: loosen the tolerance or scale the program"


def watched(
    monitor: Monitor, problem: picos.Problem, structure: DiagonalProductLMI | None = None
) -> FunctionType:
    """Return a KKT solver for PICOS's option ``cvxopt_kktsolver`` that reports to the monitor."""
    factor: Any = None

    def kktsolver(scaling: dict[str, Any]) -> Any:
        nonlocal factor
        conelp = sys._getframe(1).f_locals
        if factor is None:
            make = structure.kktsolver if structure else _stock
            factor = make(conelp["G"], conelp["dims"], conelp["A"])
            monitor.measure(*_objective_of(problem))
        elif conelp.get("iters"):
            monitor.report(conelp["iters"], conelp.get("pcost"), conelp.get("dcost"))
        if monitor.should_stop():
            raise _Stopped
        return factor(scaling)

    return kktsolver  # type: ignore[return-value]


def _stock(inequalities: Any, dims: dict[str, Any], equalities: Any) -> Any:
    linear = not dims["q"] and not dims["s"]
    make = misc.kkt_chol2 if linear else misc.kkt_chol
    return make(inequalities, dims, equalities)


def _objective_of(problem: picos.Problem) -> tuple[float, float]:
    """Return the sign and the constant that CVXOPT's costs lack."""
    direction, function = problem.strategy.solver.external_problem().no
    return (-1.0 if direction == "max" else 1.0), float(np.real(function.cst.value))

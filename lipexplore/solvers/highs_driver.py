"""HiGHS through PICOS: which of its methods for which program."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lipexplore.solvers.choice import has_affine_objective
from lipexplore.solvers.highs import HighsSolver
from lipexplore.solvers.plugin import solve_by_plugin
from lipexplore.solvers.reading import Ending, read_solution

if TYPE_CHECKING:
    import picos

    from lipexplore.solvers.highs_run import Run
    from lipexplore.solvers.records import Settings, Solution

# Presolve off: it removes little from our programs, and HiGHS undoes it only after an optimal end,
# so that an early stop would leave no iterate.
INTERIOR = {"solver": "ipm", "run_crossover": "off", "presolve": "off"}
FIRST_ORDER = {"solver": "hipdlp", "presolve": "off"}
FIRST_ORDER_TOLERANCE = 1e-4
FIRST_ORDER_ITERATIONS = 100_000  # it does not notice infeasible or unbounded programs

STATUSES = {
    "kOptimal": "optimal",
    "kModelEmpty": "optimal",
    "kInfeasible": "infeasible",
    "kUnbounded": "unbounded",
    "kTimeLimit": "time limit",
    "kIterationLimit": "iteration limit",
    "kUnboundedOrInfeasible": "failed: HiGHS found the program infeasible or unbounded",
    "kUnknown": "failed: HiGHS stopped short of its tolerances",
    "kMemoryLimit": "failed: HiGHS ran out of memory",
}


def solve_with_highs(problem: picos.Problem, settings: Settings) -> Solution:
    """Solve by interior point (LP), branch and bound (MIP) or active sets (QP)."""
    if not has_affine_objective(problem):
        return _solve(problem, settings, "highs", {})
    if not problem.continuous:
        gap = settings.tolerance or 0.0
        return _solve(problem, settings, "highs", {"mip_rel_gap": gap, "mip_abs_gap": gap})
    return _solve_by_interior_point(problem, settings)


def _solve_by_interior_point(problem: picos.Problem, settings: Settings) -> Solution:
    native = INTERIOR | _tolerances(settings.tolerance, "ipm")
    solution = _solve(problem, settings, "highs", native)
    if solution.status != STATUSES["kUnknown"]:
        return solution
    # Degenerate programs, often tiny ones, need presolve after all.
    if settings.time_limit is not None:
        left = max(settings.time_limit - solution.seconds, 1e-3)
        settings = replace(settings, time_limit=left)
    again = _solve(problem, settings, "highs", native | {"presolve": "on"})
    return again if again.status == "optimal" else solution


def solve_with_pdlp(problem: picos.Problem, settings: Settings) -> Solution:
    """Solve by the primal-dual first-order method: a few digits, quickly."""
    tolerance = settings.tolerance or FIRST_ORDER_TOLERANCE
    limit = settings.max_iterations or FIRST_ORDER_ITERATIONS
    settings = replace(settings, max_iterations=limit)
    return _solve(problem, settings, "highs-pdlp", FIRST_ORDER | _tolerances(tolerance, "pdlp"))


def _tolerances(tolerance: float | None, method: str) -> dict[str, float]:
    if tolerance is None:
        return {}
    return {f"{method}_optimality_tolerance": tolerance, "kkt_tolerance": max(tolerance, 1e-10)}


def _solve(
    problem: picos.Problem, settings: Settings, name: str, native: dict[str, Any]
) -> Solution:
    native = native | {"threads": settings.threads}
    found, seconds = solve_by_plugin(HighsSolver, problem, settings, native)
    run: Run = found.info["highs"]
    status = found.info["stopped"] if run.status == "kInterrupt" else STATUSES.get(run.status)
    ending = Ending(
        status=status or f"failed: HiGHS ended with {run.status}",
        value=run.objective,
        solver=name,
        iterations=run.iterations,
        seconds=seconds,
        bound=run.bound,
    )
    if _left_nothing(run):
        return read_solution(problem, None, replace(ending, value=math.nan))
    return read_solution(problem, found, ending)


def _left_nothing(run: Run) -> bool:
    """Whether the arrays are a ray, or the starting point of an LP that was stopped early."""
    if run.status == "kUnboundedOrInfeasible":
        return True
    if run.status == "kOptimal" or run.rows is None:
        return False
    return run.iterations == 0 or not run.rows.any()

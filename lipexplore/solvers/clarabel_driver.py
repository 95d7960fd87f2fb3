"""Clarabel through PICOS."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from picos.modeling.strategy import NoStrategyFound, Strategy

from lipexplore.solvers.clarabel import ClarabelSolver, register
from lipexplore.solvers.clarabel_run import Run, named_status
from lipexplore.solvers.plugin import solve_by_plugin
from lipexplore.solvers.reading import RAYS, Ending, read_solution

if TYPE_CHECKING:
    import picos

    from lipexplore.solvers.records import Settings, Solution

STATUSES = {
    "Solved": "optimal",
    "CloseToSolved": "optimal",
    "AlmostSolved": "failed: Clarabel stopped short of its tolerances",
    "PrimalInfeasible": "infeasible",
    "DualInfeasible": "unbounded",
    "AlmostPrimalInfeasible": "failed: Clarabel found the program almost infeasible",
    "AlmostDualInfeasible": "failed: Clarabel found the program almost unbounded",
    "MaxIterations": "iteration limit",
    "MaxTime": "time limit",
    "InsufficientProgress": "failed: Clarabel stopped short of its tolerances",
    "NumericalError": "failed: Clarabel met a singular system: scale the program",
}


def takes(problem: picos.Problem) -> bool:
    """Whether PICOS can bring the program into a form that Clarabel solves."""
    register(problem)
    try:
        Strategy.from_problem(problem, solver="clarabel")
    except NoStrategyFound:
        return False
    return True


def solve_with_clarabel(problem: picos.Problem, settings: Settings) -> Solution:
    """Solve by the homogeneous interior point method."""
    native: dict[str, Any] = {"max_threads": settings.threads}
    if settings.tolerance is not None:
        names = ("tol_gap_abs", "tol_gap_rel", "tol_feas")
        native |= dict.fromkeys(names, settings.tolerance)
    found, seconds = solve_by_plugin(ClarabelSolver, problem, settings, native)
    run: Run = found.info["clarabel"]
    status = _status(run, found.info["stopped"], settings.max_iterations)
    started = run.iterations > 0 or status == "optimal"
    almost_ray = run.status.startswith("Almost") and run.status.endswith("Infeasible")
    useful = started and not almost_ray
    value = run.objective if useful and status not in RAYS else math.nan
    ending = Ending(status, value, "clarabel", run.iterations, seconds)
    return read_solution(problem, found if useful else None, ending)


def _status(run: Run, stopped: str | None, limit: int | None) -> str:
    """Return the status; an early stop may leave an almost solved program."""
    name = named_status(run)
    if STATUSES.get(name) in ("optimal", *RAYS):
        return STATUSES[name]
    if stopped is not None:
        return stopped
    if limit is not None and run.iterations >= limit:
        return STATUSES["MaxIterations"]
    return STATUSES.get(name, f"failed: Clarabel ended with {run.status}")

"""Solving a PICOS program: a table of solvers, the choice among them, one function.

PICOS and the solvers are imported by the first solve; names and availability need none of them.

>>> solver_names()
('auto', 'highs', 'highs-pdlp', 'cvxopt', 'clarabel')
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lipexplore.solvers.choice import (
    CLARABEL,
    CVXOPT,
    HIGHS_PDLP,
    SOLVERS,
    SolverChoice,
    candidates,
    solver_names,
)
from lipexplore.solvers.records import Progress, Settings, Solution

if TYPE_CHECKING:
    import threading

    import picos

    from lipexplore.solvers.structured_kkt import DiagonalProductLMI

__all__ = ["SOLVERS", "Progress", "Solution", "SolverChoice", "solve", "solver_names"]


def solve(
    problem: picos.Problem,
    *,
    solver: str = "auto",
    time_limit: float | None = None,
    max_iterations: int | None = None,
    tolerance: float | None = None,
    threads: int = 1,
    on_progress: Callable[[Progress], None] | None = None,
    cancel: threading.Event | None = None,
    structure: DiagonalProductLMI | None = None,
) -> Solution:
    """Solve a PICOS program; every ending but a wrong call comes back as a status.

    The problem's variables are not given values: read the returned record.

    Parameters
    ----------
    problem
        Stated fresh, solved once; options set on it are overruled.
    solver
        One of `solver_names`. "auto": CVXOPT for a small linear program (HiGHS if that fails)
        and where HiGHS is missing or does not take the program, else HiGHS; Clarabel for several
        cones with no LMI of order above 60 (CVXOPT if that fails).
    time_limit
        Seconds; looked at between the iterations of the solver, and inside those of HiGHS's
        interior point method. Clarabel's set-up does not look at it.
    max_iterations
        If not given: CVXOPT 60, Clarabel 200, HiGHS no limit.
    tolerance
        Relative; if not given 1e-8 (CVXOPT, Clarabel, HiGHS's interior point), 1e-4 (highs-pdlp)
        or 0 (gap of an integer program).
    threads
        Threads of HiGHS and Clarabel; CVXOPT takes as many as its BLAS.
    on_progress
        Called once per iteration (highs-pdlp: once per log line); what it raises ends the solve
        and is raised again here.
    cancel
        Set it from another thread to stop the solve. highs-pdlp does not listen.
    structure
        What the program's only matrix inequality looks like: "auto" is then CVXOPT, and CVXOPT
        takes the KKT solver made for it. The program has bounds, but no other constraints.

    Raises
    ------
    InvalidSetting
        Unknown solver, or one that cannot solve this kind of program.
    SolverUnavailable
        The solver's package is not installed.
    """
    settings = Settings(
        time_limit, max_iterations, tolerance, threads, on_progress, cancel, structure
    )
    structured = structure is not None and solver == "auto"
    for choice in candidates(problem, CVXOPT.name if structured else solver):
        solution = _solve_with(choice, problem, settings)
        if not solution.status.startswith("failed"):
            break
    return solution


def _solve_with(choice: SolverChoice, problem: picos.Problem, settings: Settings) -> Solution:
    if choice is CVXOPT:
        from lipexplore.solvers.cvxopt_driver import solve_with_cvxopt

        return solve_with_cvxopt(problem, settings)
    if choice is CLARABEL:
        from lipexplore.solvers.clarabel_driver import solve_with_clarabel

        return solve_with_clarabel(problem, settings)
    from lipexplore.solvers.highs_driver import solve_with_highs, solve_with_pdlp

    return (solve_with_pdlp if choice is HIGHS_PDLP else solve_with_highs)(problem, settings)

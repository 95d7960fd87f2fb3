"""Solving a PICOS program: a table of solvers, the choice among them, one function.

PICOS and the solvers are imported by the first solve; names and availability need none of them.

>>> solver_names()
('auto', 'highs', 'highs-pdlp', 'cvxopt')
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipexplore.errors import InvalidSetting, SolverUnavailable
from lipexplore.solvers.records import Progress, Settings, Solution

if TYPE_CHECKING:
    import threading

    import picos

__all__ = ["SOLVERS", "Progress", "Solution", "SolverChoice", "solve", "solver_names"]


@dataclass(frozen=True)
class SolverChoice:
    """One line of the table of solvers."""

    name: str
    package: str
    purpose: str

    @property
    def available(self) -> bool:
        """Whether the package is installed."""
        return importlib.util.find_spec(self.package) is not None


SOLVERS = (
    SolverChoice("highs", "highspy", "linear programs (interior point), integer programs"),
    SolverChoice("highs-pdlp", "highspy", "large linear programs to a few digits, quickly"),
    SolverChoice("cvxopt", "cvxopt", "linear programs (sparse Cholesky), semidefinite programs"),
)


def solver_names() -> tuple[str, ...]:
    """Return the names that `solve` takes."""
    return ("auto", *(choice.name for choice in SOLVERS))


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
) -> Solution:
    """Solve a PICOS program; every ending but a wrong call comes back as a status.

    The problem's variables are not given values: read the returned record.

    Parameters
    ----------
    problem
        Stated fresh, solved once; options set on it are overruled.
    solver
        One of `solver_names`. "auto" takes HiGHS where it is installed and fits, else CVXOPT.
    time_limit
        Seconds; looked at between the iterations of the solver, and inside those of HiGHS's
        interior point method.
    max_iterations
        CVXOPT: 60 if not given; HiGHS: no limit if not given.
    tolerance
        Relative; if not given 1e-8 (CVXOPT, HiGHS's interior point), 1e-4 (highs-pdlp) or
        0 (gap of an integer program).
    threads
        Threads of HiGHS; CVXOPT takes as many as its BLAS.
    on_progress
        Called once per iteration (highs-pdlp: once per log line); what it raises ends the solve
        and is raised again here.
    cancel
        Set it from another thread to stop the solve. highs-pdlp does not listen.

    Raises
    ------
    InvalidSetting
        Unknown solver, or one that cannot solve this kind of program.
    SolverUnavailable
        The solver's package is not installed.
    """
    settings = Settings(time_limit, max_iterations, tolerance, threads, on_progress, cancel)
    name = _automatic(problem) if solver == "auto" else _checked(problem, solver)
    if name == "cvxopt":
        from lipexplore.solvers.cvxopt_driver import solve_with_cvxopt

        return solve_with_cvxopt(problem, settings)
    from lipexplore.solvers.highs_driver import solve_with_highs, solve_with_pdlp

    return (solve_with_pdlp if name == "highs-pdlp" else solve_with_highs)(problem, settings)


def _automatic(problem: picos.Problem) -> str:
    if SOLVERS[0].available and _highs_takes(problem):
        return "highs"
    if not problem.continuous:
        raise SolverUnavailable("integer programs need HiGHS: install it by `pip install highspy`")
    return "cvxopt"


def _checked(problem: picos.Problem, name: str) -> str:
    choice = next((choice for choice in SOLVERS if choice.name == name), None)
    if choice is None:
        raise InvalidSetting(
            f"no solver is called {name!r}: use one of {', '.join(solver_names())}"
        )
    if not choice.available:
        raise SolverUnavailable(
            f"solver {name!r} needs the package {choice.package}: "
            f"install it by `pip install {choice.package}`"
        )
    takes = problem.continuous if name == "cvxopt" else _highs_takes(problem)
    if name == "highs-pdlp":
        takes = takes and problem.continuous and _is_affine(problem)
    if not takes:
        raise InvalidSetting(f"solver {name!r} does not solve programs of this kind: use 'auto'")
    return name


def _highs_takes(problem: picos.Problem) -> bool:
    from lipexplore.solvers.highs_driver import takes

    return takes(problem)


def _is_affine(problem: picos.Problem) -> bool:
    from lipexplore.solvers.highs_driver import is_affine

    return is_affine(problem)

"""The table of solvers and the choice among them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lipexplore.errors import InvalidSetting, SolverUnavailable

if TYPE_CHECKING:
    import picos

SMALL_ROWS = 5_000
"""Up to here CVXOPT ends a linear program before HiGHS does (measured: 1,320 rows 16 against
40 ms, 4,480 rows 62 against 71 ms; at 36,000 rows HiGHS is ahead, and the lead grows)."""

SMALL_ORDER = 60
"""Up to here an LMI is small to Clarabel, whose system has a dense block of order N(N+1)/2 for it
(measured, one LMI: N = 20 0.03 s, 40 0.3 s, 60 2 s; 121 18 s before the first iteration)."""


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


HIGHS = SolverChoice("highs", "highspy", "linear programs (interior point), integer programs")
HIGHS_PDLP = SolverChoice("highs-pdlp", "highspy", "large linear programs, quickly to 4 digits")
CVXOPT = SolverChoice("cvxopt", "cvxopt", "small linear programs, semidefinite programs")
CLARABEL = SolverChoice("clarabel", "clarabel", "conic programs with many small cones")
SOLVERS = (HIGHS, HIGHS_PDLP, CVXOPT, CLARABEL)


def solver_names() -> tuple[str, ...]:
    """Return the names that `solve` takes."""
    return ("auto", *(choice.name for choice in SOLVERS))


def candidates(problem: picos.Problem, name: str) -> tuple[SolverChoice, ...]:
    """Return the solvers to try in turn until one does not fail.

    Raises
    ------
    InvalidSetting
        Unknown solver, or one that cannot solve this kind of program.
    SolverUnavailable
        The package is not installed.
    """
    if name != "auto":
        return (_checked(problem, name),)
    if not problem.continuous:
        return (_checked(problem, HIGHS.name),)
    if CLARABEL.available and has_many_small_cones(problem) and _fits(CLARABEL, problem):
        return (CLARABEL,) if _has_exponential_cones(problem) else (CLARABEL, CVXOPT)
    fitting = tuple(c for c in (HIGHS, CVXOPT) if c.available and _fits(c, problem))
    if is_linear(problem) and _row_count(problem) <= SMALL_ROWS:
        return fitting[::-1]
    return fitting[:1]


def is_linear(problem: picos.Problem) -> bool:
    """Whether objective and constraints are affine."""
    from picos.constraints import AffineConstraint

    constraints = problem.constraints.values()
    return has_affine_objective(problem) and all(
        isinstance(constraint, AffineConstraint) for constraint in constraints
    )


def has_affine_objective(problem: picos.Problem) -> bool:
    """Whether the objective is affine."""
    from picos.expressions import AffineExpression

    return isinstance(problem.no.function, AffineExpression)


def has_many_small_cones(problem: picos.Problem) -> bool:
    """Whether there are at least two cones (or exponential ones), and no LMI of a large order."""
    from picos.constraints import AffineConstraint, LMIConstraint

    cones = [c for c in problem.constraints.values() if not isinstance(c, AffineConstraint)]
    orders = [cone.size[0] for cone in cones if isinstance(cone, LMIConstraint)]
    many = len(cones) > 1 or _has_exponential_cones(problem)
    return many and max(orders, default=0) <= SMALL_ORDER


def _has_exponential_cones(problem: picos.Problem) -> bool:
    from picos.constraints import ExpConeConstraint

    return any(isinstance(c, ExpConeConstraint) for c in problem.constraints.values())


def _checked(problem: picos.Problem, name: str) -> SolverChoice:
    choice = next((choice for choice in SOLVERS if choice.name == name), None)
    if choice is None:
        raise InvalidSetting(
            f"no solver is called {name!r}: use one of {', '.join(solver_names())}"
        )
    if not choice.available:
        raise SolverUnavailable(
            f"this program needs the solver {name!r}: install it by `pip install {choice.package}`"
        )
    if not _fits(choice, problem):
        raise InvalidSetting(f"solver {name!r} does not solve programs of this kind: use 'auto'")
    return choice


def _fits(choice: SolverChoice, problem: picos.Problem) -> bool:
    if choice is CVXOPT:
        return bool(problem.continuous)
    if choice is CLARABEL:
        from lipexplore.solvers.clarabel_driver import takes

        return takes(problem)
    if choice is HIGHS_PDLP:
        return bool(problem.continuous) and is_linear(problem)
    from lipexplore.solvers.highs import HighsSolver

    return bool(HighsSolver.supports(problem.footprint))


def _row_count(problem: picos.Problem) -> int:
    return sum(len(constraint) for constraint in problem.constraints.values())

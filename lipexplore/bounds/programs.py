"""Running the programs of one question: solve, verify, book size and time."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lipexplore.bounds.method import OnProgress
from lipexplore.bounds.progress import in_units
from lipexplore.certificates.sums_of_squares import SumsCertificate, verified_bound
from lipexplore.certificates.tables import root_above
from lipexplore.relaxations.moments import MomentRelaxation, seconds_per_iteration
from lipexplore.relaxations.triangles import violated_triangles, with_triangles

if TYPE_CHECKING:
    from lipexplore.solvers import Solution

SHORTEST_SECONDS = 1e-3
LARGEST_ROUNDS, CUTS_PER_ROUND = 20, 500
SMALLEST_VIOLATION, SMALLEST_GAIN = 1e-5, 1e-6


@dataclass(frozen=True, eq=False)
class Attempt:
    """One relaxation, the solver's answer (None if there was nothing to solve) and the proof."""

    relaxation: MomentRelaxation
    solution: Solution | None
    certificate: SumsCertificate

    @property
    def solver_value(self) -> float:
        """The solver's own value in units of the polynomial."""
        if self.solution is None:
            return self.certificate.value
        return self.solution.value * self.relaxation.scale


@dataclass(eq=False)
class ProgramRun:
    """The programs of one question; the largest of their proven values is the answer.

    Parameters
    ----------
    solver
        Name of the solver, or "auto" for :func:`preferred_solver`.
    time_limit
        Seconds for all programs together from now, or None.
    on_progress
        Called with every iteration, in units of the polynomial.
    """

    solver: str
    time_limit: float | None
    on_progress: OnProgress | None
    start: float = field(default_factory=time.perf_counter)
    kept: list[Attempt] = field(default_factory=list)
    iterations: int = 0
    programs: int = 0
    solve_seconds: float = 0.0
    verify_seconds: float = 0.0

    @property
    def largest(self) -> float:
        """The largest proven bound so far."""
        return max((attempt.certificate.value for attempt in self.kept), default=-math.inf)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the time limit, at least a thousandth."""
        if self.time_limit is None:
            return None
        return max(self.start + self.time_limit - time.perf_counter(), SHORTEST_SECONDS)

    @property
    def out_of_time(self) -> bool:
        """Whether the time limit has passed."""
        return self.seconds_left == SHORTEST_SECONDS

    def attempt(self, relaxation: MomentRelaxation) -> Attempt:
        """Solve a relaxation and prove a bound from the multipliers."""
        solution = self._solution(relaxation) if relaxation.blocks else None
        start = time.perf_counter()
        duals: Sequence[Any] = solution.duals if solution else ()
        claimed = solution.value if solution else math.nan
        certificate = verified_bound(relaxation, duals, claimed)
        self.verify_seconds += time.perf_counter() - start
        return Attempt(relaxation, solution, certificate)

    def with_triangles(self, attempt: Attempt) -> Attempt:
        """Add violated triangle inequalities and solve again while the proven bound falls."""
        best = last = attempt
        for _ in range(LARGEST_ROUNDS):
            if last.solution is None or not last.solution.primal or self.out_of_time:
                break
            moments = last.solution.primal["y"]
            cuts = violated_triangles(last.relaxation, moments, CUTS_PER_ROUND, SMALLEST_VIOLATION)
            if len(cuts.triples) == 0:
                break
            last = self.attempt(with_triangles(last.relaxation, cuts))
            gain = best.certificate.value - last.certificate.value
            best = last if gain > 0.0 else best
            if gain < SMALLEST_GAIN * best.certificate.value:
                break
        return best

    def _solution(self, relaxation: MomentRelaxation) -> Solution:
        from lipexplore.solvers import solve

        name = preferred_solver(relaxation.size) if self.solver == "auto" else self.solver
        program = relaxation.problem()
        start = time.perf_counter()
        solution = solve(
            program,
            solver=name,
            time_limit=self.seconds_left,
            on_progress=in_units(self.on_progress, relaxation.scale),
        )
        self.solve_seconds += time.perf_counter() - start
        self.programs += 1
        self.iterations += solution.iterations
        return solution

    def summary(self, root: int = 1) -> dict[str, Any]:
        """Return the fields of the Bound that the kept attempts make up.

        Parameters
        ----------
        root
            The bound is this root of the largest proven value.
        """
        best = max(self.kept, key=lambda attempt: attempt.certificate.value).certificate
        value, below = best.value, best.value - best.residual
        solver_value = max(attempt.solver_value for attempt in self.kept)
        total = time.perf_counter() - self.start
        return {
            "value": root_above(Fraction(value), root),
            "solver_value": _root(solver_value, root),
            "residual": best.residual if root == 1 else _root(value, root) - _root(below, root),
            "status": "; ".join(sorted({_status(attempt) for attempt in self.kept})),
            "certificate": tuple(attempt.certificate for attempt in self.kept),
            "size": self._size(),
            "build_seconds": total - self.solve_seconds - self.verify_seconds,
            "solve_seconds": self.solve_seconds,
            "verify_seconds": self.verify_seconds,
        }

    def _size(self) -> dict[str, int]:
        sizes = [attempt.relaxation.size for attempt in self.kept]
        total = {key: sum(size[key] for size in sizes) for key in sizes[0]}
        total["largest_block"] = max(size["largest_block"] for size in sizes)
        return {**total, "programs": self.programs, "iterations": self.iterations}


def preferred_solver(size: Mapping[str, int]) -> str:
    """Return the solver that is expected to be faster, or "auto" without Clarabel."""
    from lipexplore.solvers.choice import CLARABEL

    seconds = seconds_per_iteration(size)
    return min(seconds, key=seconds.__getitem__) if CLARABEL.available else "auto"


def _status(attempt: Attempt) -> str:
    return attempt.solution.status if attempt.solution else "constant gradient"


def _root(value: float, root: int) -> float:
    return value if root == 1 else math.sqrt(max(value, 0.0))

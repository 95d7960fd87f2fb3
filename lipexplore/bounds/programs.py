"""Running the programs of one question: solve, verify, book size and time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lipexplore.bounds.method import OnProgress, SlopeMethod
from lipexplore.bounds.progress import in_units
from lipexplore.certificates import sums_of_squares, tables
from lipexplore.certificates.sums_of_squares import SumsCertificate
from lipexplore.certificates.tables import TableCertificate, root_above, trivial_bound
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problems
from lipexplore.polynomials.polynomial import PolynomialProblem
from lipexplore.regions import Region
from lipexplore.relaxations.krivine import KrivineRelaxation
from lipexplore.relaxations.moment_size import seconds_per_iteration
from lipexplore.relaxations.moments import MomentRelaxation
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from lipexplore.solvers import Solution

SHORTEST_SECONDS = 1e-3

Relaxation = KrivineRelaxation | MomentRelaxation


@dataclass(frozen=True, eq=False)
class Attempt:
    """What is left of one relaxation: the proof, and the solver's value, moments and status."""

    certificate: TableCertificate | SumsCertificate
    size: Mapping[str, int]
    solver_value: float
    moments: Array | None
    status: str


@dataclass(eq=False)
class ProgramRun:
    """The programs of one question; the largest of their proven values is the answer.

    Parameters
    ----------
    solver
        Name of the solver, or "auto" for the one that is expected to be fastest.
    time_limit
        Seconds for all programs together from now, or None.
    on_progress
        Called with every iteration, in units of the polynomial.
    threads
        Threads of the solver.
    """

    solver: str
    time_limit: float | None
    on_progress: OnProgress | None
    threads: int = 1
    start: float = field(default_factory=time.perf_counter)
    kept: list[Attempt] = field(default_factory=list)
    iterations: int = 0
    programs: int = 0
    solve_seconds: float = 0.0
    verify_seconds: float = 0.0

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

    def open_problems(self, problems: Sequence[PolynomialProblem]) -> Iterator[PolynomialProblem]:
        """Yield the problems whose coefficients alone do not prove that a kept one is larger."""
        for problem in sorted(problems, key=trivial_bound, reverse=True):
            largest = max((kept.certificate.value for kept in self.kept), default=-math.inf)
            if trivial_bound(problem) > largest:
                yield problem

    def attempt(self, relaxation: Relaxation) -> Attempt:
        """Solve a relaxation, if there is anything to solve, and prove a bound from the answer."""
        size = relaxation.size
        stated = size["columns"] or size.get("blocks")
        solution = self._solution(relaxation) if stated else None
        start = time.perf_counter()
        certificate = _proof(relaxation, solution)
        self.verify_seconds += time.perf_counter() - start
        if solution is None:
            return Attempt(certificate, size, certificate.value, None, "constant gradient")
        value, moments = solution.value * relaxation.scale, solution.primal.get("y")
        return Attempt(certificate, size, value, moments, solution.status)

    def _solution(self, relaxation: Relaxation) -> Solution:
        from lipexplore.solvers import solve

        program = relaxation.problem()
        start = time.perf_counter()
        solution = solve(
            program,
            solver=self._solver(relaxation),
            time_limit=self.seconds_left,
            threads=self.threads,
            on_progress=in_units(self.on_progress, relaxation.scale),
        )
        self.solve_seconds += time.perf_counter() - start
        self.programs += 1
        self.iterations += solution.iterations
        return solution

    def _solver(self, relaxation: Relaxation) -> str:
        if isinstance(relaxation, MomentRelaxation) and self.solver == "auto":
            return preferred_solver(relaxation.size)
        return self.solver

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
            "status": "; ".join(sorted({attempt.status for attempt in self.kept})),
            "certificate": tuple(attempt.certificate for attempt in self.kept),
            "size": self._size(),
            "build_seconds": total - self.solve_seconds - self.verify_seconds,
            "solve_seconds": self.solve_seconds,
            "verify_seconds": self.verify_seconds,
        }

    def _size(self) -> dict[str, int]:
        sizes = [attempt.size for attempt in self.kept]
        total = {
            key: (max if key == "largest_block" else sum)(size[key] for size in sizes)
            for key in sizes[0]
        }
        return {**total, "programs": self.programs, "iterations": self.iterations}


def posed(
    method: SlopeMethod, network: Network, region: Region, norm: Norm
) -> tuple[SlopeRanges, list[PolynomialProblem]]:
    """Check a question; return the slope ranges and the polynomials that are to be maximised."""
    method.check(network, norm)
    slopes = method.slope_ranges(network, region)
    return slopes, list(norm_gradient_problems(network, slopes, norm))


def longest(problems: Sequence[PolynomialProblem]) -> PolynomialProblem:
    """Return the problem with the most monomials, whose program is counted for an estimate."""
    return max(problems, key=lambda problem: len(problem.objective.terms))


def preferred_solver(size: Mapping[str, int]) -> str:
    """Return the SDP solver that is expected to be faster, or "auto" without Clarabel."""
    from lipexplore.solvers.choice import CLARABEL

    seconds = seconds_per_iteration(size)
    return min(seconds, key=seconds.__getitem__) if CLARABEL.available else "auto"


def _proof(relaxation: Relaxation, solution: Solution | None) -> TableCertificate | SumsCertificate:
    duals: Sequence[Any] = solution.duals if solution else ()
    claimed = solution.value if solution else math.nan
    if isinstance(relaxation, KrivineRelaxation):
        return tables.verified_bound(relaxation, duals[0] if duals else None, claimed)
    return sums_of_squares.verified_bound(relaxation, duals, claimed)


def _root(value: float, root: int) -> float:
    return value if root == 1 else math.sqrt(max(value, 0.0))

"""LiPopt's linear programs: the gradient polynomial bounded by products of one degree."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.progress import in_units
from lipexplore.certificates.tables import (
    TableCertificate,
    root_above,
    trivial_bound,
    verified_bound,
)
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problems
from lipexplore.polynomials.polynomial import PolynomialProblem
from lipexplore.polynomials.sparsity import (
    CLIQUE_FAMILIES,
    check_degree,
    clique_family,
)
from lipexplore.regions import Region
from lipexplore.relaxations.krivine import (
    krivine_relaxation,
    predicted_memory,
    predicted_seconds,
    predicted_size,
)
from lipexplore.relaxations.memory import limit_bytes

if TYPE_CHECKING:
    import picos

    from lipexplore.solvers import Solution

STAGES = ("build_seconds", "solve_seconds", "verify_seconds")
SHORTEST_SECONDS = 1e-3
CLIQUES_IN_A_TREE = 300
"""Up to so many cliques the running-intersection property costs a few milliseconds to report."""
SOLVERS = ("auto", "highs", "highs-pdlp", "cvxopt", "clarabel")


@dataclass(frozen=True)
class LipoptLP(SlopeMethod):
    """Maximise the gradient polynomial over moments that make every product non-negative.

    For l_inf the polynomial is that of the paper; for l_2 the multilinear reduction of the squared
    gradient in the slopes alone; for l_1 plus and minus each entry of the gradient.

    max p . y subject to L_y(h) >= 0 for all products h of ``degree`` factors x_v or 1 - x_v with
    distinct variables from one clique, y_empty = 1. The reported value is recomputed from the
    multipliers in exact integers and does not trust the solver.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020 (arXiv 2004.08688).
    """

    degree: int | None = field(
        default=None,
        metadata={"help": "factors in each product; empty for the least possible", "minimum": 1},
    )
    clique_family: str = field(
        default="output",
        metadata={"help": "which sets of variables may meet", "choices": CLIQUE_FAMILIES},
    )
    subsets: str = field(
        default="all",
        metadata={
            "help": "all subsets of the cliques, or only those in which variables meet",
            "choices": ("all", "meeting"),
        },
    )
    solver: str = field(default="auto", metadata={"help": "LP solver", "choices": SOLVERS})
    memory_limit: float | None = field(
        default=None,
        metadata={"help": "gigabytes; empty for half of the free memory", "minimum": 0.0},
    )
    threads: int = field(default=1, metadata={"help": "threads of the solver", "minimum": 1})

    name = "lipopt-lp"
    label = "LiPopt LP"
    side = "upper"
    of = "P*"
    sources = ("Latorre, Rolland, Cevher, ICLR 2020, arXiv 2004.08688",)
    explanation = (
        "The gradient's norm is a polynomial in the slopes. Products of factors x and 1 - x are "
        "never negative, so a combination of them that equals a number minus the polynomial proves "
        "that number as a bound: a linear program finds the smallest. Higher degree means tighter "
        "and dearer; sparse networks need few products."
    )

    def __call__(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Bound:
        """Return the verified value of the linear program."""
        self.check(network, norm)
        start = time.perf_counter()
        deadline = None if time_limit is None else start + time_limit
        slopes = self.slope_ranges(network, region)
        problems = norm_gradient_problems(network, slopes, norm)
        run = _Run(self, network, slopes, deadline, on_progress)
        for problem in sorted(problems, key=trivial_bound, reverse=True):
            run.solve(problem)
        return self.answer(verified=True, lower=0.0, **run.summary(start))

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Count the program without building it.

        Raises
        ------
        DegreeTooLow
            If the degree cannot cover the polynomial.
        """
        self.check(network, norm)
        slopes = self.slope_ranges(network, region)
        problems = norm_gradient_problems(network, slopes, norm)
        largest = max(problems, key=lambda problem: len(problem.objective.terms))
        degree = self.degree_for(largest)
        check_degree(largest, degree)
        cliques = clique_family(largest, network, slopes, self.clique_family)
        size = predicted_size(cliques, degree)
        seconds = len(problems) * predicted_seconds(size)
        return Estimate(size, seconds, predicted_memory(size))

    def degree_for(self, problem: PolynomialProblem) -> int:
        """Return the asked degree, or the least that covers the polynomial."""
        return self.degree or max(1, problem.objective.degree)

    def memory_bytes(self) -> float:
        """Return the memory limit in bytes."""
        return limit_bytes(self.memory_limit)


@dataclass(eq=False)
class _Run:
    """The programs of one question: one for l_inf and l_2, two per input for l_1."""

    method: LipoptLP
    network: Network
    slopes: SlopeRanges
    deadline: float | None
    on_progress: OnProgress | None
    certificates: list[TableCertificate] = field(default_factory=list)
    solver_values: list[float] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    size: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    root: int = 1

    @property
    def largest(self) -> float:
        """The largest proven bound so far."""
        return max((certificate.value for certificate in self.certificates), default=-math.inf)

    def solve(self, problem: PolynomialProblem) -> None:
        """Bound one problem, unless its coefficients alone prove that another one is larger."""
        method, self.root = self.method, problem.root
        if trivial_bound(problem) <= self.largest:
            return
        start = time.perf_counter()
        degree = method.degree_for(problem)
        cliques = clique_family(problem, self.network, self.slopes, method.clique_family)
        relaxation = krivine_relaxation(
            problem,
            cliques,
            degree,
            method.memory_bytes(),
            meeting_only=method.subsets == "meeting",
        )
        program = relaxation.problem() if relaxation.size["columns"] else None
        built = time.perf_counter()
        solution = self._solution(program, relaxation.scale) if program else None
        solved = time.perf_counter()
        multipliers = solution.duals[0] if solution and solution.duals else None
        claimed = solution.value if solution else math.nan
        self.certificates.append(verified_bound(relaxation, multipliers, claimed))
        value = solution.value * relaxation.scale if solution else self.certificates[-1].value
        self.solver_values.append(value)
        self.statuses.append(solution.status if solution else "constant gradient")
        iterations = solution.iterations if solution else 0
        for key, count in {**relaxation.size, "iterations": iterations, "programs": 1}.items():
            self.size[key] = self.size.get(key, 0) + count
        self.size |= {
            "degree": degree,
            "cliques": len(cliques.members),
            "largest_clique": cliques.largest,
        }
        if len(cliques.members) <= CLIQUES_IN_A_TREE:
            self.size["junction_tree"] = int(bool(cliques.running_intersection))
        spent = (built - start, solved - built, time.perf_counter() - solved)
        for stage, amount in zip(STAGES, spent, strict=True):
            self.seconds[stage] += amount

    def _solution(self, program: picos.Problem, scale: float) -> Solution:
        from lipexplore.solvers import solve

        left = None if self.deadline is None else self.deadline - time.perf_counter()
        return solve(
            program,
            solver=self.method.solver,
            time_limit=None if left is None else max(left, SHORTEST_SECONDS),
            threads=self.method.threads,
            on_progress=in_units(self.on_progress, scale),
        )

    def summary(self, start: float) -> dict[str, Any]:
        """Return the fields of the Bound that these programs make up."""
        winner = max(range(len(self.certificates)), key=lambda i: self.certificates[i].value)
        best = self.certificates[winner]
        value = root_above(Fraction(best.value), self.root)
        solver_value = max(self.solver_values)
        known = sum(self.seconds.values())
        self.seconds["build_seconds"] += time.perf_counter() - start - known
        return {
            "value": value,
            "solver_value": solver_value if self.root == 1 else math.sqrt(max(solver_value, 0.0)),
            "residual": best.residual if self.root == 1 else _root_residual(best),
            "status": "; ".join(sorted(set(self.statuses))),
            "certificate": tuple(self.certificates),
            "size": self.size,
            **self.seconds,
        }


def _root_residual(certificate: TableCertificate) -> float:
    """Return by how much the square root can exceed that of the solver's value."""
    below = max(certificate.value - certificate.residual, 0.0)
    return math.sqrt(max(certificate.value, 0.0)) - math.sqrt(below)

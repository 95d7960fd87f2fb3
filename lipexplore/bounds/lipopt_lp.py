"""LiPopt's linear programs: the gradient polynomial bounded by products of one degree."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lipexplore.bounds.method import Bound, BoundMethod, Estimate, OnProgress
from lipexplore.certificates.tables import verified_bound
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges, slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.polynomial import PolynomialProblem
from lipexplore.polynomials.sparsity import (
    CLIQUE_FAMILIES,
    Cliques,
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
from lipexplore.relaxations.memory import default_memory_limit

if TYPE_CHECKING:
    from lipexplore.solvers import Progress

SOLVERS = ("auto", "highs", "highs-pdlp", "cvxopt")


@dataclass(frozen=True)
class LipoptLP(BoundMethod):
    """Maximise the gradient polynomial over moments that make every product non-negative.

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
    norms = (Norm.LINF,)
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
        from lipexplore.solvers import solve

        self.check(network, norm)
        start = time.perf_counter()
        question = self._question(network, region, norm)
        degree = self.degree or max(1, question.problem.objective.degree)
        relaxation = krivine_relaxation(
            question.problem, question.cliques(self.clique_family), degree, self._memory_bytes()
        )
        program = relaxation.problem() if relaxation.size["columns"] else None
        built = time.perf_counter()
        solution = None
        if program is not None:
            solution = solve(
                program,
                solver=self.solver,
                time_limit=time_limit,
                threads=self.threads,
                on_progress=_forward(on_progress, relaxation.scale),
            )
        solved = time.perf_counter()
        duals = solution.duals[0] if solution and solution.duals else None
        certificate = verified_bound(relaxation, duals)
        return self.answer(
            value=max(certificate.value, 0.0),
            lower=0.0,
            verified=True,
            status=solution.status if solution else "constant gradient",
            solver_value=solution.value * relaxation.scale if solution else certificate.value,
            residual=certificate.residual,
            certificate=certificate,
            size={
                **relaxation.size,
                "degree": degree,
                "iterations": solution.iterations if solution else 0,
            },
            build_seconds=built - start,
            solve_seconds=solved - built,
            verify_seconds=time.perf_counter() - solved,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Count the program without building it.

        Raises
        ------
        DegreeTooLow
            If the degree cannot cover the polynomial.
        """
        self.check(network, norm)
        question = self._question(network, region, norm)
        degree = self.degree or max(1, question.problem.objective.degree)
        check_degree(question.problem, degree)
        size = predicted_size(question.cliques(self.clique_family), degree)
        return Estimate(size, predicted_seconds(size), predicted_memory(size))

    def _question(self, network: Network, region: Region, norm: Norm) -> _Question:
        slopes = slope_ranges(network, region)
        return _Question(network, slopes, norm_gradient_problem(network, slopes, norm))

    def _memory_bytes(self) -> float:
        return default_memory_limit() if self.memory_limit is None else self.memory_limit * 1e9


@dataclass(frozen=True, eq=False)
class _Question:
    network: Network
    slopes: SlopeRanges
    problem: PolynomialProblem

    def cliques(self, family: str) -> Cliques:
        return clique_family(self.problem, self.network, self.slopes, family)


def _forward(on_progress: OnProgress | None, scale: float) -> Callable[[Progress], None] | None:
    """Pass a solver's iterations on in the units of the polynomial."""
    if on_progress is None:
        return None

    def forward(progress: Progress) -> None:
        on_progress(
            {
                "iteration": progress.iteration,
                "primal": None if progress.primal is None else progress.primal * scale,
                "dual": None if progress.dual is None else progress.dual * scale,
            }
        )

    return forward

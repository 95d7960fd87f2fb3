"""LiPopt's linear programs: the gradient polynomial bounded by products of one degree."""

from __future__ import annotations

from dataclasses import dataclass, field

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.programs import ProgramRun, longest, posed
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.polynomials.polynomial import PolynomialProblem
from lipexplore.polynomials.sparsity import CLIQUE_FAMILIES, Cliques, check_degree, clique_family
from lipexplore.regions import Region
from lipexplore.relaxations.krivine import (
    krivine_relaxation,
    predicted_memory,
    predicted_seconds,
    predicted_size,
)
from lipexplore.relaxations.memory import limit_bytes

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
        run = ProgramRun(self.solver, time_limit, on_progress, self.threads)
        slopes, problems = posed(self, network, region, norm)
        counts: dict[str, int] = {}
        for problem in run.open_problems(problems):
            cliques = clique_family(problem, network, slopes, self.clique_family)
            relaxation = krivine_relaxation(
                problem,
                cliques,
                self.degree_for(problem),
                limit_bytes(self.memory_limit),
                meeting_only=self.subsets == "meeting",
            )
            run.kept.append(run.attempt(relaxation))
            counts = {"degree": relaxation.degree, **_clique_counts(cliques)}
        summary = run.summary(problems[0].root)
        summary["size"] |= counts
        return self.answer(verified=True, lower=0.0, **summary)

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Count the program without building it.

        Raises
        ------
        DegreeTooLow
            If the degree cannot cover the polynomial.
        """
        slopes, problems = posed(self, network, region, norm)
        largest = longest(problems)
        degree = self.degree_for(largest)
        check_degree(largest, degree)
        cliques = clique_family(largest, network, slopes, self.clique_family)
        size = predicted_size(cliques, degree)
        seconds = len(problems) * predicted_seconds(size)
        return Estimate(size, seconds, predicted_memory(size))

    def degree_for(self, problem: PolynomialProblem) -> int:
        """Return the asked degree, or the least that covers the polynomial."""
        return self.degree or max(1, problem.objective.degree)


def _clique_counts(cliques: Cliques) -> dict[str, int]:
    counts = {"cliques": len(cliques.members), "largest_clique": cliques.largest}
    if len(cliques.members) <= CLIQUES_IN_A_TREE:
        counts["junction_tree"] = int(bool(cliques.running_intersection))
    return counts

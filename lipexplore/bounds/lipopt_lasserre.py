"""LiPopt's semidefinite programs: the gradient polynomial bounded by sums of squares."""

from __future__ import annotations

from dataclasses import dataclass, field

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.programs import ProgramRun, longest, posed
from lipexplore.bounds.triangle_rounds import attempt_with_triangles
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.polynomial import PolynomialProblem
from lipexplore.polynomials.sparsity import CLIQUE_FAMILIES, Cliques, clique_family
from lipexplore.regions import Region
from lipexplore.relaxations.lasserre import (
    check_order,
    clique_relaxation,
    elimination_cliques,
    least_order,
    pair_relaxation,
    predicted_clique_size,
    predicted_pair_size,
)
from lipexplore.relaxations.memory import limit_bytes
from lipexplore.relaxations.moment_size import (
    LARGEST_BLOCK,
    predicted_memory,
    predicted_seconds,
)
from lipexplore.relaxations.moments import MomentRelaxation

VARIANTS = ("pairs", "triangles", "cliques")
SOLVERS = ("auto", "clarabel", "cvxopt")


@dataclass(frozen=True)
class LipoptLasserre(SlopeMethod):
    """Maximise the gradient polynomial over moments whose matrices are positive semidefinite.

    max p . y subject to M(y) >= 0 (semidefinite), where M holds the moments of all products of two
    monomials and x^2 = x, as the maximum is at a vertex. ``pairs``: Shor's relaxation (one matrix,
    or cheaper ones on cliques that lose nothing) and the products of the polynomial's own degree
    (those of ``lipopt-lp`` with the family ``layerwise``); ``triangles``: triangle inequalities in
    addition, where violated; ``cliques``: one matrix per clique, with all monomials up to the
    order. The reported value is recomputed from the multipliers with a proof that every Gram matrix
    is semidefinite.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020 (arXiv 2004.08688); Lasserre, SIAM J. Optim. 17 (2006);
    Chen, Lasserre, Magron, Pauwels, NeurIPS 2020 (arXiv 2002.03657).
    """

    variant: str = field(
        default="pairs",
        metadata={
            "help": "Shor with products, with triangle inequalities too, or matrices on cliques",
            "choices": VARIANTS,
        },
    )
    order: int | None = field(
        default=None,
        metadata={
            "help": "half the degree of the moments on cliques; empty for the least possible",
            "minimum": 1,
        },
    )
    clique_family: str = field(
        default="output",
        metadata={"help": "sets of variables for 'cliques'", "choices": CLIQUE_FAMILIES},
    )
    solver: str = field(default="auto", metadata={"help": "SDP solver", "choices": SOLVERS})
    memory_limit: float | None = field(
        default=None,
        metadata={"help": "gigabytes; empty for half of the free memory", "minimum": 0.0},
    )

    name = "lipopt-lasserre"
    label = "LiPopt SDP"
    side = "upper"
    of = "P*"
    sources = (
        "Latorre, Rolland, Cevher, ICLR 2020, arXiv 2004.08688",
        "Lasserre, SIAM J. Optim. 17, 2006",
        "Chen, Lasserre, Magron, Pauwels, NeurIPS 2020, arXiv 2002.03657",
    )
    explanation = (
        "The gradient's norm is a polynomial in the slopes. If a number minus the polynomial is a "
        "sum of squares plus products of factors x and 1 - x, which are never negative, that "
        "number is a bound: a semidefinite program finds the smallest. For one hidden layer the "
        "default is at least as tight as Shor's relaxation and as the linear program of degree 2, "
        "and mostly exact on small networks."
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
        """Return the verified value of the semidefinite program."""
        run = ProgramRun(self.solver, time_limit, on_progress)
        slopes, problems = posed(self, network, region, norm)
        for problem in run.open_problems(problems):
            relaxation = self._relaxation(problem, network, slopes)
            triangles = self.variant == "triangles"
            run.kept.append(
                attempt_with_triangles(run, relaxation) if triangles else run.attempt(relaxation)
            )
        return self.answer(verified=True, lower=0.0, **run.summary(problems[0].root))

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Count the program without building it.

        Raises
        ------
        DegreeTooLow
            If the order cannot cover the polynomial.
        """
        slopes, problems = posed(self, network, region, norm)
        largest = longest(problems)
        size = self._predicted(largest, *self._cliques(largest, network, slopes))
        seconds = len(problems) * predicted_seconds(size)
        memory = predicted_memory(size)
        total = {key: count * len(problems) for key, count in size.items()}
        return Estimate({**total, "largest_block": size["largest_block"]}, seconds, memory)

    def _relaxation(
        self, problem: PolynomialProblem, network: Network, slopes: SlopeRanges
    ) -> MomentRelaxation:
        cliques, matrices = self._cliques(problem, network, slopes)
        limit = limit_bytes(self.memory_limit)
        if self.variant == "cliques":
            return clique_relaxation(problem, cliques, self._order(problem), limit)
        return pair_relaxation(problem, cliques, matrices, limit)

    def _cliques(
        self, problem: PolynomialProblem, network: Network, slopes: SlopeRanges
    ) -> tuple[Cliques, Cliques]:
        """Return the cliques of products (or of the hierarchy) and those of Shor's matrices."""
        if self.variant == "cliques":
            cliques = clique_family(problem, network, slopes, self.clique_family)
            return cliques, cliques
        products = clique_family(problem, network, slopes, "layerwise")
        dense = clique_family(problem, network, slopes, "dense")
        choices = [dense] if self.variant == "triangles" else [dense, elimination_cliques(products)]

        def cost(matrices: Cliques) -> tuple[int, float]:
            size = predicted_pair_size(problem, products, matrices)
            return max(size["largest_block"], LARGEST_BLOCK), predicted_seconds(size)

        return products, min(choices, key=cost)

    def _predicted(
        self, problem: PolynomialProblem, cliques: Cliques, matrices: Cliques
    ) -> dict[str, int]:
        if self.variant == "cliques":
            check_order(problem, self._order(problem))
            return predicted_clique_size(cliques, self._order(problem))
        return predicted_pair_size(problem, cliques, matrices)

    def _order(self, problem: PolynomialProblem) -> int:
        return self.order or least_order(problem)

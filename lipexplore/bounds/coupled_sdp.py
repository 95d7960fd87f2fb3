"""The coupled program over a bounded region: an upper bound that can go below P*."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lipexplore.bounds.method import Bound, BoundMethod, Estimate, OnProgress
from lipexplore.bounds.programs import ProgramRun
from lipexplore.bounds.triangle_rounds import attempt_with_triangles
from lipexplore.errors import RelaxationTooLarge
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.relaxations.coupled import (
    PRODUCTS,
    CoupledProblem,
    coupled_problem,
    coupled_relaxation,
)
from lipexplore.relaxations.memory import limit_bytes
from lipexplore.relaxations.moment_size import (
    LARGEST_BLOCK,
    check_size,
    predicted_memory,
    predicted_seconds,
)

SOLVERS = ("auto", "clarabel", "cvxopt")


@dataclass(frozen=True)
class CoupledSdp(BoundMethod):
    """Maximise the gradient over slopes that agree with the signs of the pre-activations.

    P* lets every slope move freely in its range. Over a bounded region the slope of a ReLU unit is
    1 where a_j x + b_j > 0 and 0 where it is < 0; the semidefinite program with the input x as a
    further variable knows that. So its value is proven to be at least L, and can be below P*. For
    one hidden layer and the l_inf norm. The reported value is recomputed from the multipliers with
    a proof that the Gram matrix is semidefinite.

    References
    ----------
    Chen, Lasserre, Magron, Pauwels, NeurIPS 2020 (arXiv 2002.03657).
    """

    products: str = field(
        default="triples",
        metadata={
            "help": "none, of two bounds (McCormick), of three, or triangle inequalities too",
            "choices": (*PRODUCTS, "triangles"),
        },
    )
    solver: str = field(default="auto", metadata={"help": "SDP solver", "choices": SOLVERS})
    memory_limit: float | None = field(
        default=None,
        metadata={"help": "gigabytes; empty for half of the free memory", "minimum": 0.0},
    )

    name = "coupled-sdp"
    label = "Coupled SDP"
    side = "upper"
    of = "L"
    norms = (Norm.LINF,)
    depths = (1,)
    activations = ("relu",)
    bounded_regions_only = True
    sources = ("Chen, Lasserre, Magron, Pauwels, NeurIPS 2020, arXiv 2002.03657",)
    explanation = (
        "Inside a ball or box a ReLU unit's slope is not free: it is 1 exactly where its "
        "pre-activation is positive. With the input as a further variable a semidefinite program "
        "uses that, so its bound can be smaller than the maximum over free slopes; the smaller the "
        "region, the more."
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
        """Return the verified value of the coupled program."""
        self.check(network, norm)
        self.check_bounded(region)
        run = ProgramRun(self.solver, time_limit, on_progress)
        relaxation = coupled_relaxation(
            network,
            region,
            _problem(network, region),
            self._products,
            memory_limit=limit_bytes(self.memory_limit),
        )
        triangles = self.products == "triangles"
        run.kept.append(
            attempt_with_triangles(run, relaxation) if triangles else run.attempt(relaxation)
        )
        return self.answer(verified=True, lower=0.0, **run.summary())

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Count the program without building it.

        Raises
        ------
        RelaxationTooLarge
            If its block is too large, whatever the memory.
        """
        self.check(network, norm)
        self.check_bounded(region)
        problem = _problem(network, region)
        size = problem.predicted_size(self._products)
        check_size(size, math.inf)
        return Estimate(size, predicted_seconds(size), predicted_memory(size))

    @property
    def _products(self) -> str:
        return "triples" if self.products == "triangles" else self.products


def _problem(network: Network, region: Region) -> CoupledProblem:
    """Return the variables of the program; large networks are refused before they are expanded."""
    slopes, least = slope_ranges(network, region), 1 + network.n_inputs
    if slopes.undecided and least > LARGEST_BLOCK:
        raise RelaxationTooLarge(
            f"the semidefinite block would have order {least:,} at least, one per input, above "
            f"{LARGEST_BLOCK}: choose a network with fewer inputs or another method"
        )
    return coupled_problem(network, slopes)

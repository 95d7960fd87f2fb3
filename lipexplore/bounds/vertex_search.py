"""A lower bound of P* by block-coordinate ascent over slopes and the dual vector."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.exact.pattern_ascent import Vertices, ascend, shaken
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import gradient_norm_below
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import Array


@dataclass(frozen=True)
class VertexSearch(SlopeMethod):
    """Maximise t^T W_1^T D_1 ... D_d w over t in the dual ball and slopes at ends of their ranges.

    The value is affine in each slope and the best t is known in closed form, so every block has an
    exact update; many random starts are run as one batch. Then the best vertex is copied, a random
    share of each copy's slopes is flipped, and the copies ascend again (iterated local search). The
    result is attained by slopes, not necessarily by an input: a lower bound of P*, no floor for L.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020, sections 2 and 3 (arXiv 2004.08688), for the polynomial.
    """

    starts: int = field(default=200, metadata={"help": "number of random starts", "minimum": 1})
    rounds: int = field(
        default=6, metadata={"help": "times that the best vertex is shaken", "minimum": 0}
    )
    seed: int = field(default=0, metadata={"help": "seed of the random starts", "minimum": 0})

    name = "vertex-search"
    label = "vertex search (below P*)"
    side = "lower"
    of = "P*"
    sources = ("Latorre, Rolland, Cevher, ICLR 2020, arXiv 2004.08688, section 3",)
    explanation = (
        "P* is attained when every slope is at an end of its range. Starting from random slopes, "
        "one layer after the other is set to its best ends until nothing improves. What it finds "
        "is a lower bound of P*: an upper bound that meets it is exact for P*."
    )

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Bound:
        """Return the best slope assignment found and a proven lower bound of its norm."""
        del on_progress
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        ranges = self.slope_ranges(network, region)
        chain, rng = slope_chain(network, ranges), np.random.default_rng(self.seed)
        vertices = rng.random((self.starts, sum(network.widths[1:-1]))) < 0.5
        vertices[0] = True
        value, best = _best(*ascend(chain, norm, vertices, deadline))
        for _ in range(self.rounds):
            copies = shaken(best, self.starts, rng)
            candidate = _best(*ascend(chain, norm, copies, deadline))
            if candidate[0] > value:
                value, best = candidate
        value = float(np.ldexp(value, chain.exponent))
        layers = np.split(best, np.cumsum(network.widths[1:-1])[:-1]) if network.depth else []
        ends = tuple(map(np.where, layers, ranges.upper, ranges.lower))
        searched = time.perf_counter()
        lower = gradient_norm_below(network, SlopeRanges(ends, ends), norm)
        return self.answer(
            value=np.inf,
            lower=lower,
            lower_of="P*",
            verified=True,
            solver_value=value,
            residual=max(0.0, value - lower),
            witness=ends,
            size={"starts": self.starts},
            solve_seconds=searched - start,
            verify_seconds=time.perf_counter() - searched,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of about ten sweeps."""
        del region, norm
        work = 10 * self.starts * sum(w.size for w in network.weights) * (network.depth + 1)
        return Estimate({"starts": self.starts}, 2e-3 + 4e-10 * work)


def _best(values: Array, vertices: Vertices) -> tuple[float, Vertices]:
    winner = int(values.argmax())
    return float(values[winner]), vertices[winner]

"""A lower bound from gradients of the network at random points."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import Bound, BoundMethod, Estimate, OnProgress
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import gradient_norm_below, point_slopes
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import Array

CHUNK_NUMBERS = 2_000_000
SECONDS_PER_NUMBER, SECONDS_PER_WEIGHT = 1.8e-8, 1e-10
"""At one point, for each input or unit and for each weight: fitted to processor time."""


@dataclass(frozen=True)
class SampledGradient(BoundMethod):
    """Evaluate the gradient's dual norm at random points and certify the best of them.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020, section 7 (arXiv 2004.08688): 50,000 points.
    """

    points: int = field(default=50_000, metadata={"help": "number of random points", "minimum": 1})
    seed: int = field(default=0, metadata={"help": "seed of the random points", "minimum": 0})

    name = "sampled-gradient"
    label = "sampled gradients"
    side = "lower"
    of = "L"
    sources = ("Latorre, Rolland, Cevher, ICLR 2020, arXiv 2004.08688, section 7",)
    explanation = (
        "The gradient at any point is a lower bound of the Lipschitz constant. The best of many "
        "random points is taken, and its slopes are enclosed so that neither rounding nor a kink "
        "fakes a larger value. Random points rarely find the worst one."
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
        """Return the best certified gradient norm; stops early at the time limit."""
        start = time.perf_counter()
        rng = np.random.default_rng(self.seed)
        chunk = max(1, CHUNK_NUMBERS // (network.n_inputs + sum(network.widths)))
        best, best_point, done = -1.0, np.zeros(network.n_inputs), 0
        while done < self.points:
            count = min(chunk, self.points - done)
            points = region.sample(count, rng, network.n_inputs)
            norms = np.linalg.norm(
                network.jacobian(points)[:, 0, :], ord=norm.dual.exponent, axis=1
            )
            winner, done = int(norms.argmax()), done + count
            if done == count or norms[winner] > best:
                best, best_point = float(norms[winner]), points[winner]
            if on_progress is not None:
                on_progress({"done": done, "total": self.points, "lower": best})
            if time_limit is not None and time.perf_counter() - start > time_limit:
                break
        sampled = time.perf_counter()
        lower = certified_at(network, best_point, norm)
        return self.answer(
            value=np.inf,
            lower=lower,
            verified=True,
            status="done" if done == self.points else f"time limit after {done} points",
            solver_value=best,
            residual=max(0.0, best - lower),
            witness=best_point,
            size={"points": done},
            solve_seconds=sampled - start,
            verify_seconds=time.perf_counter() - sampled,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of the forward and backward passes."""
        del region, norm
        numbers = network.n_inputs + sum(network.widths[1:-1])
        each = SECONDS_PER_NUMBER * numbers + SECONDS_PER_WEIGHT * sum(
            weight.size for weight in network.weights
        )
        return Estimate({"points": self.points}, 0.01 + self.points * each)


def certified_at(network: Network, point: Array, norm: Norm) -> float:
    """Return a proven lower bound of the gradient's dual norm on each piece at a point."""
    return gradient_norm_below(network, point_slopes(network, point), norm)

"""A lower bound from points at which ascent has made the gradient large."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import Bound, BoundMethod, Estimate, OnProgress
from lipexplore.bounds.sampled_gradient import certified_at
from lipexplore.exact.gradient_moves import inside, next_points, smoothed_ascent, step_lengths
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import check_region
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import Array

FINALISTS = 12
PATIENCE = 3
CROWD = 30
"""Random points per start that are looked at before the first ascent."""

FIRST_STEP, LAST_STEP = 0.5, 0.003
FIRST_WINDOW, LAST_WINDOW = 0.5, 0.02


@dataclass(frozen=True)
class GradientAscent(BoundMethod):
    """Ascend the gradient's dual norm over inputs, project on the region, certify the best points.

    Where activations are piecewise linear the gradient is piecewise constant and has nothing to
    ascend. So slopes are averaged over a window around each pre-activation, (sigma(z + h) -
    sigma(z - h)) / 2h, and the window shrinks. Every round after the first starts from the best
    points so far: half of the copies are shaken, half are pushed just across the boundary of one
    unit whose switch would raise the norm. The search proves nothing; the value is the gradient's
    norm at the best points, enclosed with every rounding, kinks included.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020, section 7 (arXiv 2004.08688), for the sampled lower bound;
    Madry et al., ICLR 2018 (arXiv 1706.06083), for projected ascent on inputs.
    """

    starts: int = field(default=100, metadata={"help": "points that ascend at once", "minimum": 1})
    steps: int = field(default=16, metadata={"help": "steps of one ascent", "minimum": 1})
    rounds: int = field(
        default=8,
        metadata={
            "help": "ascents that start from the best points; three in vain end the search",
            "minimum": 0,
        },
    )
    seed: int = field(default=0, metadata={"help": "seed of the random points", "minimum": 0})

    name = "gradient-ascent"
    label = "gradient ascent"
    side = "lower"
    of = "L"
    sources = (
        "Latorre, Rolland, Cevher, ICLR 2020, arXiv 2004.08688, section 7",
        "Madry et al., ICLR 2018, arXiv 1706.06083",
    )
    explanation = (
        "The gradient at any point is a lower bound of the Lipschitz constant. Starting from many "
        "points, inputs move to where the gradient grows and units switch in its favour. The best "
        "points' gradients are enclosed, so the value is proven; how far it is below the constant "
        "is not. Usually above the best of thousands of random points, at less cost."
    )

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
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
        check_region(network, region)
        deadline = math.inf if time_limit is None else start + time_limit
        rng = np.random.default_rng(self.seed)
        best = _Finalists(network, norm)
        points = self._first_points(network, region, best, rng)
        done, vain, status = self.starts * CROWD, 0, "done"
        for turn in range(self.rounds + 1):
            if turn > 0:
                points = next_points(network, region, norm, best.copies(self.starts), rng)
            before = best.largest
            done += self._ascend(network, region, norm, points, best, deadline, 0.3**turn)
            if on_progress is not None:
                on_progress({"done": done, "total": self._total, "lower": best.largest})
            vain = 0 if best.largest > before * (1.0 + 1e-9) else vain + 1
            if time.perf_counter() > deadline:
                status = f"time limit after {done} points"
            if vain == PATIENCE or status != "done":
                break
        searched = time.perf_counter()
        lower, witness = max(
            ((certified_at(network, point, norm), point) for point in best.points),
            key=lambda pair: pair[0],
        )
        return self.answer(
            value=np.inf,
            lower=lower,
            verified=True,
            status=status,
            solver_value=best.largest,
            residual=max(0.0, best.largest - lower),
            witness=witness,
            size={"points": done},
            solve_seconds=searched - start,
            verify_seconds=time.perf_counter() - searched,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of some six passes through the network for every step."""
        del region, norm
        work = self._total * sum(w.size for w in network.weights)
        return Estimate({"points": self._total}, 0.01 + 2e-9 * work)

    @property
    def _total(self) -> int:
        return self.starts * (CROWD + self.steps * (self.rounds + 1))

    def _first_points(
        self, network: Network, region: Region, best: _Finalists, rng: np.random.Generator
    ) -> Array:
        """Return random points and, half of them, the best of many more."""
        points = region.sample(self.starts * CROWD, rng, network.n_inputs)
        if region.dimension is None:
            points = points * 10.0 ** rng.uniform(-1.0, 1.5, (len(points), 1))
        order = np.argsort(-best.offer(points), kind="stable")
        half = self.starts // 2
        return np.concatenate([points[order[:half]], points[order[half - self.starts :]]])

    def _ascend(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        points: Array,
        best: _Finalists,
        deadline: float,
        reach: float,
    ) -> int:
        """Ascend all points, offer each one on the way, and return how many there were."""
        shares = np.geomspace(1.0, LAST_STEP / FIRST_STEP, self.steps)
        windows = np.geomspace(FIRST_WINDOW, LAST_WINDOW, self.steps)
        for count, (share, window) in enumerate(zip(shares, windows, strict=True), 1):
            best.offer(points)
            if count == self.steps or time.perf_counter() > deadline:
                break
            scale = step_lengths(region, points)
            slope = smoothed_ascent(network, points, norm, reach * window) * scale
            largest = np.abs(slope).max(axis=1, keepdims=True)
            usable = np.isfinite(slope).all(axis=1, keepdims=True) & (largest > 0.0)
            moves = np.where(usable, slope / np.where(usable, largest, 1.0), 0.0)
            points = inside(region, points + FIRST_STEP * reach * share * scale * moves)
        return count * len(points)


class _Finalists:
    """The points with the largest gradients so far, best first."""

    def __init__(self, network: Network, norm: Norm) -> None:
        self.network, self.norm = network, norm
        self.points = np.empty((0, network.n_inputs))
        self.values = np.empty(0)

    @property
    def largest(self) -> float:
        """The largest gradient norm so far, not certified."""
        return float(self.values[0]) if self.values.size else 0.0

    def offer(self, points: Array) -> Array:
        """Keep the points whose gradients are among the largest; return all gradients' norms."""
        gradients = self.network.jacobian(points)[:, 0, :]
        found = np.linalg.norm(gradients, ord=self.norm.dual.exponent, axis=1)
        found = np.where(np.isfinite(found), found, -1.0)
        top = np.argsort(-found, kind="stable")[:FINALISTS]
        values = np.concatenate([self.values, found[top]])
        places = np.concatenate([self.points, points[top]])
        distinct = np.unique(values, return_index=True)[1][::-1][:FINALISTS]
        self.values, self.points = values[distinct], places[distinct]
        return found

    def copies(self, count: int) -> Array:
        """Return the finalists again and again, ``count`` points."""
        return np.resize(self.points, (count, self.points.shape[1]))

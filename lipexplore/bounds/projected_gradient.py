"""A lower bound from points at which ascent has made the gradient large."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from lipexplore.bounds.method import Bound, BoundMethod, Estimate, OnProgress
from lipexplore.bounds.sampled_gradient import certified_at
from lipexplore.exact.pattern_ascent import dual_vector
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import check_region
from lipexplore.norms import Norm
from lipexplore.regions import Ball, Box, Region
from lipexplore.rounding import Array

FINALISTS = 12
PATIENCE = 3
CROWD = 30
"""Random points per start that are looked at before the first ascent."""

FIRST_STEP, LAST_STEP = 0.5, 0.003
FIRST_WINDOW, LAST_WINDOW = 0.5, 0.02
OVERSHOOT = 1.02


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
                points = _next_points(network, region, norm, best.copies(self.starts), rng)
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
            scale = _scale(region, points)
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


def smoothed_ascent(network: Network, points: Array, norm: Norm, window: float) -> Array:
    """Return d/dx of the dual norm of the gradient whose slopes are averaged over windows.

    Parameters
    ----------
    points
        Array (count, n_0).
    window
        Half-width of the windows in units of each layer's root mean square pre-activation.
    """
    slopes, bends = [], []
    for act, z in zip(network.activations, network.preactivations(points), strict=True):
        half = max(window * float(np.sqrt(np.square(z).mean())), 1e-150)
        slopes.append((act.value(z + half) - act.value(z - half)) / (2.0 * half))
        bends.append((act.slope(z + half) - act.slope(z - half)) / (2.0 * half))
    influence = _influences(network, slopes, norm, len(points))
    seeds = [gain * bend for gain, bend in zip(influence, bends, strict=True)]
    return _pulled_back(network, slopes, seeds, len(points))


def _influences(network: Network, slopes: Sequence[Array], norm: Norm, count: int) -> list[Array]:
    """Return the derivative of the gradient's norm by each slope, one array per layer."""
    outer = [np.broadcast_to(network.weights[-1][0], (count, network.widths[-2]))]
    for weight, slope in zip(network.weights[-2::-1], reversed(slopes), strict=True):
        outer.append((outer[-1] * slope) @ weight)
    inner = dual_vector(outer[-1], norm)
    found = []
    for weight, slope, behind in zip(network.weights, slopes, outer[-2::-1], strict=False):
        inner = inner @ weight.T
        found.append(inner * behind)
        inner = inner * slope
    return found


def _pulled_back(
    network: Network, slopes: Sequence[Array], seeds: Sequence[Array], count: int
) -> Array:
    """Return d/dx of the sum of seed times pre-activation over all units."""
    total = np.zeros((count, network.widths[-2]))
    for weight, slope, seed in zip(
        network.weights[-2::-1], reversed(slopes), reversed(seeds), strict=True
    ):
        total = (seed + total * slope if total.any() else seed) @ weight
    return total


def _next_points(
    network: Network, region: Region, norm: Norm, points: Array, rng: np.random.Generator
) -> Array:
    """Shake the second half of the points, push the first across one unit's boundary each."""
    middle = len(points) // 2
    scale = _scale(region, points)
    size = 10.0 ** rng.uniform(-4.0, -0.5, (len(points), 1))
    moves = size * scale * rng.standard_normal(points.shape)
    if network.depth > 0 and middle > 0:
        moves[:middle] = _crossings(network, points[:middle], scale[:middle], norm, rng)
    return inside(region, np.where(np.isfinite(moves), points + moves, points))


def _crossings(
    network: Network, points: Array, scale: Array, norm: Norm, rng: np.random.Generator
) -> Array:
    """Return moves that take one unit each, drawn by what its switch would gain, beyond zero."""
    layers = network.preactivations(points)
    slopes = [act.slope(z) for act, z in zip(network.activations, layers, strict=True)]
    influence = _influences(network, slopes, norm, len(points))
    gains = np.concatenate(
        [
            np.maximum(gain * (act.slope_bounds[0] + act.slope_bounds[1] - 2.0 * slope), 0.0)
            for gain, slope, act in zip(influence, slopes, network.activations, strict=True)
        ],
        axis=1,
    )
    chosen = np.argmax(gains * rng.random(gains.shape), axis=1)[:, None]
    ends = np.cumsum([0, *network.widths[1:-1]])
    units = np.arange(ends[-1])
    seeds = [(units[a:b] == chosen).astype(np.float64) for a, b in pairwise(ends)]
    direction = _pulled_back(network, slopes, seeds, len(points)) * np.square(scale)
    squares = (direction * direction / np.square(scale)).sum(axis=1, keepdims=True)
    levels = np.take_along_axis(np.concatenate(layers, axis=1), chosen, axis=1)
    crossing: Array = -OVERSHOOT * levels / np.where(squares > 0.0, squares, np.inf) * direction
    return crossing


def _scale(region: Region, points: Array) -> Array:
    """Return the length of an ordinary step per coordinate: the region's size, or the point's."""
    if region.dimension is None:
        sizes = np.sqrt(np.square(points).mean(axis=1, keepdims=True))
        return np.broadcast_to(np.maximum(sizes, 1e-3), points.shape)
    lower, upper = region.box()
    return np.broadcast_to(0.5 * upper - 0.5 * lower, points.shape)


def inside(region: Region, points: Array) -> Array:
    """Return points of a ball or box near those given, never outside it."""
    match region:
        case Box():
            return np.clip(points, region.lower, region.upper)
        case Ball():
            radius = region.radius * (1.0 - 1e-9) - 1e-12 * float(np.abs(region.center).max())
            radius -= region.dimension * 2.0**-1070
            if radius <= 0.0:
                return np.tile(region.center, (len(points), 1))
            moves = np.nan_to_num(points - region.center)
            if region.norm is Norm.LINF:
                return region.center + np.clip(moves, -radius, radius)
            lengths = np.linalg.norm(moves, ord=region.norm.exponent, axis=1, keepdims=True)
            shrink = np.minimum(1.0, radius / np.maximum(lengths, 1e-300))
            return np.asarray(region.center + shrink * moves)
        case _:
            return points

"""Moves of input points that make the gradient larger."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lipexplore.exact.pattern_ascent import dual_vector
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.regions import Ball, Box, Region
from lipexplore.rounding import Array

OVERSHOOT = 1.02
"""A point that is pushed across a unit's boundary goes by this factor farther."""


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


def next_points(
    network: Network, region: Region, norm: Norm, points: Array, rng: np.random.Generator
) -> Array:
    """Shake the second half of the points, push the first across one unit's boundary each."""
    middle = len(points) // 2
    scale = step_lengths(region, points)
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


def step_lengths(region: Region, points: Array) -> Array:
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

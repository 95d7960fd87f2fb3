"""The largest spectral norm of A D B over diagonal matrices D, proven from above."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipexplore.certificates.psd import definiteness_defect, spectral_norm_above
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.rounding import UNIT, Array, product_error, sum_up, up

CHUNK_NUMBERS = 400_000
WIDENING = 1e-13


@dataclass(frozen=True, eq=False)
class Pair:
    """The matrices A D B with D = diag(s), lower <= s <= upper.

    Parameters
    ----------
    left, right
        A (m, n) and B (n, k).
    lower, upper
        Ends of the slopes, arrays (n,).
    """

    left: Array
    right: Array
    lower: Array
    upper: Array

    @property
    def undecided(self) -> int:
        """Number of slopes that move and matter."""
        matters = self.left.any(axis=0) & self.right.any(axis=1)
        return int(((self.lower < self.upper) & matters).sum())

    @property
    def slopes(self) -> SlopeRanges:
        """The slopes as those of a network with one hidden layer."""
        return SlopeRanges((self.lower,), (self.upper,))


@np.errstate(over="ignore", invalid="ignore")
def vertex_maximum(pair: Pair, keep_going: Callable[[int, int], bool]) -> float | None:
    """Return a proven upper bound of max ||A D B||_2, tight to about 1e-12, or None if stopped.

    The norm is convex in D, so it is largest where every slope is at an end of its range. For each
    of the 2^n vertices a Cholesky factorisation proves that mu I - M M^T is positive semidefinite,
    M the rounded A D B; where it fails mu is raised. All roundings are added at the end.

    Parameters
    ----------
    keep_going
        Called with the numbers of vertices done and to do; its False stops.
    """
    left, right, power = _scaled(pair)
    total, square = 2**pair.undecided, 0.0
    slopes_size = np.maximum(np.abs(pair.lower), np.abs(pair.upper))
    sizes = (np.abs(left) * slopes_size) @ np.abs(right)
    error = norm_above(product_error(len(slopes_size) + 4, sizes).ravel(), Norm.L2)
    sizes = up(sizes * (1.0 + 2.0**-20))
    for done, slopes in _vertices(pair, left.shape[0] * right.shape[1]):
        if not keep_going(done, total):
            return None
        products = (left * slopes[:, None, :]) @ right
        if products.shape[1] > products.shape[2]:
            products = products.swapaxes(1, 2)
        grams = products @ products.swapaxes(1, 2)
        square = _raised(grams, square)
    if not math.isfinite(square):
        return math.inf
    order = min(sizes.shape)
    thin = sizes if len(sizes) <= sizes.shape[1] else sizes.T
    residue = norm_above(product_error(thin.shape[1] + 8, thin @ thin.T).ravel(), Norm.L2)
    diagonal = float(np.diagonal(thin @ thin.T).max())
    margin = definiteness_defect((2.0 * square + diagonal) * np.eye(order))
    margin += 8.0 * UNIT * (square + diagonal)
    root = math.sqrt(sum_up([square, residue, margin]))
    return float(up(np.ldexp(sum_up([float(up(root)), error]), power)))


def _raised(grams: Array, square: float) -> float:
    """Return ``square``, or more, so that square I - G has a Cholesky factor for every G."""
    identity = np.eye(grams.shape[-1])
    widening = WIDENING * len(identity)
    if _all_below(grams, square * identity):
        return square
    top = float(np.linalg.eigvalsh(grams).max()) if np.isfinite(grams).all() else math.inf
    for _ in range(40):
        if not math.isfinite(top):
            break
        candidate = max(square, top * (1.0 + widening))
        if candidate > 0.0 and _all_below(grams, candidate * identity):
            return candidate
        widening, top = 10.0 * widening, max(top, 2.0**-1000)
    return math.inf


def _all_below(grams: Array, ceiling: Array) -> bool:
    try:
        factors = np.linalg.cholesky(ceiling - grams)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(np.diagonal(factors, axis1=1, axis2=2)).all())


def _vertices(pair: Pair, entries: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield how many vertices came before, and arrays (count, n) of slopes."""
    matters = pair.left.any(axis=0) & pair.right.any(axis=1)
    free = np.flatnonzero((pair.lower < pair.upper) & matters)
    chunk = max(1, CHUNK_NUMBERS // max(entries, pair.left.size))
    for start in range(0, 2**free.size, chunk):
        numbers = np.arange(start, min(start + chunk, 2**free.size))
        slopes = np.tile(pair.upper, (len(numbers), 1))
        high = (numbers[:, None] >> np.arange(free.size)) & 1
        slopes[:, free] = np.where(high, pair.upper[free], pair.lower[free])
        yield start, slopes


def _scaled(pair: Pair) -> tuple[Array, Array, int]:
    """Return A and B over powers of two (exactly, or charged as underflow), and their exponent."""
    powers = [math.frexp(float(np.abs(matrix).max()))[1] - 1 for matrix in (pair.left, pair.right)]
    left, right = np.ldexp(pair.left, -powers[0]), np.ldexp(pair.right, -powers[1])
    return left, right, sum(powers)


@np.errstate(over="ignore", invalid="ignore")
def averaged_bound(pair: Pair) -> float:
    """Return c ||A B|| + r ||A|| ||B|| for slopes in [c - r, c + r]: valid for any width."""
    bottom, top = float(pair.lower.min()), float(pair.upper.max())
    center = 0.5 * bottom + 0.5 * top
    radius = float(up(max(up(top - center), up(center - bottom))))
    product = pair.left @ pair.right
    sizes = np.abs(pair.left) @ np.abs(pair.right)
    error = norm_above(product_error(pair.left.shape[1] + 2, sizes).ravel(), Norm.L2)
    together = sum_up([spectral_norm_above(product), error])
    apart = float(up(spectral_norm_above(pair.left) * spectral_norm_above(pair.right)))
    value = sum_up([float(up(abs(center) * together)), float(up(radius * apart))])
    return math.inf if math.isnan(value) else value

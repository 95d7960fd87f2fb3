"""Enclosure of the gradient when every slope moves freely in its range."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.rounding import (
    UNIT,
    Array,
    affine_interval,
    down,
    product_error,
    sum_down,
    sum_up,
    up,
)


@np.errstate(over="ignore", invalid="ignore")
def jacobian_enclosure(network: Network, slopes: SlopeRanges) -> tuple[Array, Array]:
    """Enclose W_{d+1} D_d ... D_1 W_1 entry by entry, from the output backwards.

    Slopes are intervals and products take the best and worst of their four corners, so ranges below
    0 or above 1 are fine. The one rounding that :meth:`Network.head` allows itself is included.

    Returns
    -------
    tuple of arrays of shape (m, n_0)
        Outward-rounded lower and upper ends.

    References
    ----------
    Weng et al., ICML 2018 (arXiv 1804.09699); Zhang et al., AAAI 2019 (arXiv 1810.11783).
    """
    last = network.weights[-1]
    slack = 2.0 * UNIT * np.abs(last)
    lower, upper = last - slack, last + slack
    for weight, low, high in zip(
        network.weights[-2::-1], reversed(slopes.lower), reversed(slopes.upper), strict=True
    ):
        corners = [(end, slope) for end in (lower, upper) for slope in (low, high)]
        lower, upper = _through(
            weight,
            np.minimum.reduce([_product(*corner, down) for corner in corners]),
            np.maximum.reduce([_product(*corner, up) for corner in corners]),
        )
    return lower, upper


def _product(a: Array, b: Array, direction: Callable[[Array], Array]) -> Array:
    return np.where((a == 0.0) | (b == 0.0), 0.0, direction(a * b))


def _through(weight: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    positive, negative = np.maximum(weight, 0.0), np.minimum(weight, 0.0)
    largest = np.maximum(np.abs(lower), np.abs(upper))
    magnitude = largest @ np.abs(weight)
    reached = (largest != 0.0) @ (weight != 0.0)
    slack = np.where(reached, product_error(2 * weight.shape[0] + 2, magnitude), 0.0)
    below = lower @ positive + upper @ negative - slack
    above = upper @ positive + lower @ negative + slack
    known = np.isfinite(below) & np.isfinite(above)
    return np.where(known, below, -np.inf), np.where(known, above, np.inf)


@np.errstate(over="ignore")
def norm_above(magnitude: Array, norm: Norm) -> float:
    """Return a float not below the ``norm`` of any vector with entries at most ``magnitude``."""
    match norm:
        case Norm.L1:
            return sum_up(magnitude.tolist())
        case Norm.LINF:
            return float(magnitude.max())
        case Norm.L2:
            scale = float(magnitude.max())
            if scale == 0.0 or math.isinf(scale):
                return scale
            squares = up(np.square(up(magnitude / scale)))
            return float(up(up(math.sqrt(sum_up(squares.tolist()))) * scale))


@np.errstate(over="ignore")
def norm_below(magnitude: Array, norm: Norm) -> float:
    """Return a float not above the ``norm`` of any vector with entries at least ``magnitude``."""
    match norm:
        case Norm.L1:
            return sum_down(magnitude.tolist())
        case Norm.LINF:
            return float(magnitude.max())
        case Norm.L2:
            scale = float(magnitude.max())
            if scale == 0.0 or math.isinf(scale):
                return scale
            squares = down(np.square(np.maximum(down(magnitude / scale), 0.0)))
            total = sum_down(np.maximum(squares, 0.0).tolist())
            return max(0.0, float(down(down(math.sqrt(total)) * scale)))


def gradient_norm_below(network: Network, slopes: SlopeRanges, norm: Norm) -> float:
    """Return a lower bound of the gradient's dual norm that holds for *every* slope in range."""
    lower, upper = jacobian_enclosure(network, slopes)
    return norm_below(np.maximum(np.maximum(lower, -upper), 0.0)[0], norm.dual)


def point_slopes(network: Network, x: Array) -> SlopeRanges:
    """Enclose the slopes at one input, both sides of a kink included where it cannot be excluded.

    Every linear piece that touches the input has its slopes inside, so a lower bound over these
    ranges is a lower bound of the true Lipschitz constant on any convex set around the input.
    """
    lower, upper, results = x, x, []
    for weight, bias, act in zip(
        network.weights, network.biases, network.activations, strict=False
    ):
        lower, upper = affine_interval(weight, bias, lower, upper)
        results.append(act.slope_range(lower, upper))
        lower, upper = act.value_range(lower, upper)
    return SlopeRanges(tuple(low for low, _ in results), tuple(high for _, high in results))

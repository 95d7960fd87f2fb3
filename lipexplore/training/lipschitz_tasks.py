"""What 1-Lipschitz networks are trained on: curves, distances of distributions, digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lipexplore.rounding import Array
from lipexplore.training.lipschitz_networks import Loss

WAVES = 3
POLYLINE_PIECES, POLYLINE_SEED = 16, 7


def folded(x: Array) -> Array:
    """Return | | |x| - 1/2 | - 1/4 |: |x| folded twice, a zigzag of slopes -1 and 1."""
    return np.asarray(np.abs(np.abs(np.abs(x) - 0.5) - 0.25))


def sine(x: Array) -> Array:
    """Return sin(3 pi x) / (3 pi), whose largest slope is 1."""
    return np.asarray(np.sin(WAVES * np.pi * x) / (WAVES * np.pi))


def polyline(x: Array) -> Array:
    """Return the polyline on [-1, 1] with 16 equal pieces and random slopes in [-1, 1]."""
    slopes = 2.0 * np.random.default_rng(POLYLINE_SEED).random(POLYLINE_PIECES) - 1.0
    knots = np.linspace(-1.0, 1.0, POLYLINE_PIECES + 1)
    levels = np.concatenate([[0.0], np.cumsum(slopes) * (2.0 / POLYLINE_PIECES)])
    return np.asarray(np.interp(x, knots, levels - levels.mean()))


TARGETS: Final[dict[str, Callable[[Array], Array]]] = {
    "|x| folded twice": folded,
    "sine of slope 1": sine,
    "random polyline": polyline,
}
"""Curves on [-1, 1] with Lipschitz constant at most 1."""


def squared_error(y: Array) -> Loss:
    """Return the mean of |f(x_i) - y_i|^2 over the points; y has shape (count,)."""

    def loss(outputs: Array) -> tuple[Array, Array]:
        misfit = outputs[..., 0] - y
        return np.square(misfit).mean(axis=1), 2.0 * misfit[..., None] / len(y)

    return loss


def wasserstein(count: int) -> Loss:
    """Return mean f over the points from ``count`` on less mean f over the first ``count``.

    Minus this is at most the distance W_1 of the two sets for every 1-Lipschitz f, and reaches it
    for the best f (Kantorovich and Rubinstein): the loss is minimised.
    """

    def loss(outputs: Array) -> tuple[Array, Array]:
        values = outputs[..., 0]
        signs = np.full(values.shape[1], 1.0 / (values.shape[1] - count))
        signs[:count] = -1.0 / count
        gradient = np.broadcast_to(signs[:, None], (*values.shape, 1))
        return values @ signs, gradient

    return loss


def transport_distance(first: Array, second: Array, exponent: float = 2.0) -> float:
    """Return W_1 of two equally large sets of points (count, n): the best assignment's mean cost.

    ``exponent`` is that of the norm in which points are apart. Not rounded: a reference value.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    name = "chebyshev" if exponent == np.inf else "minkowski"
    distances = cdist(first, second, name, **({} if exponent == np.inf else {"p": exponent}))
    rows, columns = linear_sum_assignment(distances)
    return float(distances[rows, columns].mean())


def hinge(labels: NDArray[np.int64], margin: float) -> Loss:
    """Return the mean over images of sum_j max(0, margin - (f_label - f_j)), j not the label.

    A 1-Lipschitz network can spread its outputs no further than the images are apart, so a
    cross-entropy would ask for what it cannot give; a margin asks for a radius.
    """
    rows = np.arange(len(labels))

    def loss(outputs: Array) -> tuple[Array, Array]:
        own = outputs[:, rows, labels]
        lacking = np.maximum(margin - (own[..., None] - outputs), 0.0)
        lacking[:, rows, labels] = 0.0
        gradient = (lacking > 0.0).astype(np.float64) / len(labels)
        gradient[:, rows, labels] = -gradient.sum(axis=2)
        return lacking.sum(axis=2).mean(axis=1), gradient

    return loss

"""Changed classes close to an image: upper limits of every radius that can be certified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.norms import Norm
from lipexplore.properties.robustness import Classes, as_points, margins_below
from lipexplore.rounding import Array, up

OVERSHOOT = 1e-3
SHRINKING = 0.98
BISECTIONS = 30
SMALLEST = 1e-300


@dataclass(frozen=True, eq=False)
class Attacks:
    """For each image the closest point of another class that was found.

    Parameters
    ----------
    points
        Array (count, n_0): the image itself where none was found.
    radius
        Array (count,): a float not below the distance of the point, whose class is proven to differ
        in interval arithmetic; infinite where none was found.
    """

    points: Array
    radius: Array


def attack(
    network: Network, images: ArrayLike, norm: str | Norm = "linf", *, steps: int = 30
) -> Attacks:
    """Look for the shortest change of every image that changes its class.

    Towards each other class j the margin f_c - f_j is set to zero in its linearisation, ``steps``
    times (DeepFool); the best point of all is drawn back towards the image by bisection, and then
    pushed down the margin inside balls that shrink (projected gradient steps), as long as the class
    stays changed. Images may leave the unit cube, as they may in :func:`.certified_radii`.

    References
    ----------
    Moosavi-Dezfooli, Fawzi, Frossard, CVPR 2016 (arXiv 1511.04599); Madry et al., ICLR 2018
    (arXiv 1706.06083).
    """
    norm, points = Norm.parse(norm), as_points(network, images)
    classes = np.asarray(network(points).argmax(axis=1), dtype=np.int64)
    best, length = np.zeros_like(points), np.full(len(points), np.inf)
    for step in range(1, network.n_outputs):
        rivals = (classes + step) % network.n_outputs
        change = _linear(network, points, classes, rivals, norm, steps)
        change = _shorten(network, points, classes, change)
        shorter = _lengths(change, norm) < length
        best[shorter], length[shorter] = change[shorter], _lengths(change, norm)[shorter]
    best = _shrink(network, points, classes, best, norm, steps)
    return _proven(network, points, classes, best, norm)


def _linear(
    network: Network, points: Array, classes: Classes, rivals: Classes, norm: Norm, steps: int
) -> Array:
    """Return changes of the images that are meant to reach the rival class."""
    change = np.zeros_like(points)
    for _ in range(steps):
        margin, gradient = _margin(network, points + change, classes, rivals)
        size = np.maximum(_lengths(gradient, norm.dual), SMALLEST)
        length = np.where(margin >= 0.0, (1.0 + OVERSHOOT) * margin / size + 1e-9, 0.0)
        change = change + length[:, None] * _steepest(-gradient, norm)
    return np.where(np.isfinite(change), change, 0.0)


def _shorten(network: Network, points: Array, classes: Classes, change: Array) -> Array:
    """Return the changes times the smallest factor that bisection finds; NaN where none works."""
    low, high = np.zeros(len(points)), np.ones(len(points))
    works = _changed(network, points + change, classes)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        yes = _changed(network, points + middle[:, None] * change, classes)
        low, high = np.where(yes, low, middle), np.where(yes, middle, high)
    return np.where(works[:, None], high[:, None] * change, np.nan)


def _shrink(
    network: Network, points: Array, classes: Classes, change: Array, norm: Norm, steps: int
) -> Array:
    """Descend the margin of the nearest rival inside shrinking balls; keep what changes a class."""
    current = change.copy()
    for _ in range(steps):
        length = SHRINKING * _lengths(change, norm)
        values = network(points + current)
        values[np.arange(len(points)), classes] = -np.inf
        rivals = np.asarray(values.argmax(axis=1), dtype=np.int64)
        _, gradient = _margin(network, points + current, classes, rivals)
        for share in (0.5, 0.1):
            step = share * length[:, None] * _steepest(-gradient, norm)
            candidate = _inside(current + step, length, norm)
            yes = _changed(network, points + candidate, classes)[:, None]
            change, current = np.where(yes, candidate, change), np.where(yes, candidate, current)
    return change


def _proven(
    network: Network, points: Array, classes: Classes, change: Array, norm: Norm
) -> Attacks:
    """Measure the distances upwards and prove the changed classes, stepping out a little if due."""
    radius, found = np.full(len(points), np.inf), points.copy()
    for factor in (1.0, 1.0 + 1e-12, 1.0 + 1e-9, 1.0 + 1e-6):
        left = np.flatnonzero(np.isinf(radius) & np.isfinite(change).all(axis=1))
        moved = points[left] + factor * change[left]
        # f_j(x) > f_c(x) is proven if the margin of j over c has a positive lower end
        rivals = np.asarray(network(moved).argmax(axis=1), dtype=np.int64)
        below = margins_below(network, moved, rivals)[np.arange(len(left)), classes[left]]
        done = (rivals != classes[left]) & (below > 0.0)
        found[left[done]] = moved[done]
        for place in left[done]:
            radius[place] = norm_above(up(np.abs(found[place] - points[place])), norm)
    return Attacks(found, radius)


def _changed(network: Network, points: Array, classes: Classes) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(network(points).argmax(axis=1) != classes)


def _margin(
    network: Network, points: Array, classes: Classes, rivals: Classes
) -> tuple[Array, Array]:
    """Return f_c - f_j and its gradient at each point: arrays (count,) and (count, n_0)."""
    before = network.preactivations(points)
    hidden = network.activations[-1].value(before[-1]) if before else points
    rows = network.weights[-1][classes] - network.weights[-1][rivals]
    margin = (rows * hidden).sum(axis=1) + network.biases[-1][classes] - network.biases[-1][rivals]
    for weight, act, inner in zip(
        network.weights[-2::-1], reversed(network.activations), reversed(before), strict=True
    ):
        rows = (rows * act.slope(inner)) @ weight
    return margin, rows


def _steepest(gradient: Array, norm: Norm) -> Array:
    """Return the direction of length 1 in ``norm`` along which the gradient gains most."""
    match norm:
        case Norm.LINF:
            return np.sign(gradient)
        case Norm.L2:
            return gradient / np.maximum(_lengths(gradient, norm), SMALLEST)[:, None]
        case Norm.L1:
            top = np.abs(gradient).argmax(axis=1)[:, None]
            result = np.zeros_like(gradient)
            np.put_along_axis(result, top, np.sign(np.take_along_axis(gradient, top, 1)), 1)
            return result


def _inside(change: Array, length: Array, norm: Norm) -> Array:
    """Return changes no longer than ``length``: clipped for l_inf, scaled otherwise."""
    if norm is Norm.LINF:
        return np.clip(change, -length[:, None], length[:, None])
    factor = np.minimum(1.0, length / np.maximum(_lengths(change, norm), SMALLEST))
    return factor[:, None] * change


def _lengths(rows: Array, norm: Norm) -> Array:
    with np.errstate(invalid="ignore"):
        return np.asarray(np.linalg.norm(rows, ord=norm.exponent, axis=1))

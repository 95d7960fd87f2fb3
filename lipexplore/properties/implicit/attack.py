"""Changed classes close to an image of an implicit network: upper limits of certified radii."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.attack import BISECTIONS, OVERSHOOT, SHRINKING, SMALLEST, Attacks
from lipexplore.properties.reachability import EmbeddedNetwork
from lipexplore.properties.robustness import Classes
from lipexplore.rounding import Array, up


def attack_implicit(network: ImplicitNetwork, images: ArrayLike, *, steps: int = 20) -> Attacks:
    """Look for the shortest change of every image, in l_inf, that changes its class.

    Every step goes to the boundary that is nearest by the linearised margins (DeepFool); the change
    is drawn back by bisection, and then pushed down the margin in boxes that shrink, as long as the
    class stays changed. Images may leave the unit cube.

    Raises
    ------
    NoContraction
        If the network is not proven to be well-posed.
    InvalidNetwork
        If it has fewer than two outputs.

    References
    ----------
    Moosavi-Dezfooli, Fawzi, Frossard, CVPR 2016 (arXiv 1511.04599); Madry et al., ICLR 2018
    (arXiv 1706.06083).
    """
    if network.n_outputs < 2:
        raise InvalidNetwork("a classifier needs at least two outputs")
    points = np.atleast_2d(np.asarray(images, dtype=np.float64))
    classes = np.asarray(network(points).argmax(axis=1), dtype=np.int64)
    change = np.zeros_like(points)
    for _ in range(steps):
        distance, direction = _nearest(network, points + change, classes)
        length = np.where(distance >= 0.0, (1.0 + OVERSHOOT) * distance + 1e-9, 0.0)
        change = change + length[:, None] * direction
    change = _shorten(network, points, classes, np.where(np.isfinite(change), change, 0.0))
    change = _shrink(network, points, classes, change, steps)
    return _proven(network, points, classes, _shorten(network, points, classes, change))


def _nearest(network: ImplicitNetwork, points: Array, classes: Classes) -> tuple[Array, Array]:
    """Return the smallest linearised l_inf distance to another class and the way there.

    Arrays (count,) and (count, m); negative distances are those of changed classes.
    """
    each = np.arange(len(points))
    values, jacobian = network(points), network.jacobian(points)
    margins = values[each, classes][:, None] - values
    slopes = jacobian[each, classes][:, None] - jacobian
    distances = margins / np.maximum(np.abs(slopes).sum(axis=2), SMALLEST)
    distances[each, classes] = np.inf
    rival = distances.argmin(axis=1)
    return distances[each, rival], -np.sign(slopes[each, rival])


def _shorten(network: ImplicitNetwork, points: Array, classes: Classes, change: Array) -> Array:
    """Return the changes times the smallest factor that bisection finds; NaN where none works."""
    low, high = np.zeros(len(points)), np.ones(len(points))
    works = _changed(network, points + change, classes)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        yes = _changed(network, points + middle[:, None] * change, classes)
        low, high = np.where(yes, low, middle), np.where(yes, middle, high)
    return np.where(works[:, None], high[:, None] * change, np.nan)


def _shrink(
    network: ImplicitNetwork, points: Array, classes: Classes, change: Array, steps: int
) -> Array:
    """Step down the nearest margin inside shrinking boxes; keep what changes a class."""
    current = np.where(np.isfinite(change), change, 0.0)
    for _ in range(steps):
        length = SHRINKING * np.abs(change).max(axis=1)[:, None]
        _, direction = _nearest(network, points + current, classes)
        candidate = np.clip(current + 0.3 * length * direction, -length, length)
        candidate = np.where(np.isfinite(candidate), candidate, 0.0)
        yes = _changed(network, points + candidate, classes)[:, None]
        change = np.where(yes, candidate, change)
        current = candidate
    return change


def _proven(network: ImplicitNetwork, points: Array, classes: Classes, change: Array) -> Attacks:
    """Measure the distances upwards where the change of class is proven."""
    radius, found = np.full(len(points), np.inf), points.copy()
    embedded = EmbeddedNetwork(network)
    for factor in (1.0, 1.0 + 1e-9, 1.0 + 1e-6):
        left = np.flatnonzero(np.isinf(radius) & np.isfinite(change).all(axis=1))
        if not left.size:
            break
        moved = points[left] + factor * change[left]
        rivals = np.asarray(network(moved).argmax(axis=1), dtype=np.int64)
        below = embedded.margins(moved, moved, rivals)[np.arange(len(left)), classes[left]]
        done = np.asarray((rivals != classes[left]) & (below > 0.0))
        found[left[done]] = moved[done]
        lengths = np.asarray(up(np.abs(moved - points[left])).max(axis=1))
        radius[left[done]] = lengths[done]
    return Attacks(found, radius)


def _changed(network: ImplicitNetwork, points: Array, classes: Classes) -> np.ndarray:
    finite = np.asarray(np.isfinite(points).all(axis=1))
    answers = network(np.where(finite[:, None], points, 0.0)).argmax(axis=1)
    return np.asarray(finite & (answers != classes))

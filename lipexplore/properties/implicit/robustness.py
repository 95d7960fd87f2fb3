"""Certified robustness of implicit classifiers in l_inf, by the embedded network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipexplore.errors import InvalidNetwork, InvalidSetting
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.implicit.gain import all_slopes, states_above
from lipexplore.properties.reachability import EmbeddedNetwork, Labels, ball_box
from lipexplore.rounding import Array, down, product_error, up

BISECTIONS = 24
PIXELS = (0.0, 1.0)


def is_certified(
    network: ImplicitNetwork,
    images: ArrayLike,
    labels: ArrayLike,
    radius: float | Array,
    *,
    clip: tuple[float, float] | None = PIXELS,
) -> NDArray[np.bool_]:
    """Tell of every image whether all inputs within ``radius`` are proven to have its label.

    The box of the l_inf ball is cut to the range of valid inputs. At radius 0 this is a proven
    correct answer.

    Parameters
    ----------
    network
        A classifier with m inputs.
    images, labels
        Arrays (count, m) and (count,).
    radius
        One number, or one per image.
    clip
        Least and largest value of an input; None if all numbers are inputs.

    Raises
    ------
    InvalidNetwork
        If there are fewer than two outputs.
    InvalidSetting
        If images, labels and radii do not fit.
    """
    points, classes = _checked(network, images, labels)
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), (len(points),))
    return _certified(EmbeddedNetwork(network), points, classes, radii, clip)


def certified_radii(
    network: ImplicitNetwork,
    images: ArrayLike,
    labels: ArrayLike,
    *,
    largest: float = 1.0,
    bisections: int = BISECTIONS,
    clip: tuple[float, float] | None = PIXELS,
) -> Array:
    """Return for every image the largest radius up to ``largest`` that bisection certified.

    It is the last *certified* radius, never the last one tried; 0 where not even the image itself
    is proven to have its label.

    Parameters
    ----------
    network, images, labels, clip
        As for :func:`is_certified`.
    largest
        The radius where bisection starts.
    bisections
        How often the interval is halved.

    Returns
    -------
    array (count,)

    Raises
    ------
    InvalidNetwork, InvalidSetting
        As :func:`is_certified`.
    """
    points, classes = _checked(network, images, labels)
    embedded, count = EmbeddedNetwork(network), len(points)
    proven, failed = np.zeros(count), np.full(count, float(largest))
    unsettled = _certified(embedded, points, classes, proven, clip)
    whole = unsettled & _certified(embedded, points, classes, failed, clip)
    proven[whole], unsettled = largest, unsettled & ~whole
    for _ in range(bisections):
        rows = np.flatnonzero(unsettled)
        if not rows.size:
            break
        tried = 0.5 * (proven[rows] + failed[rows])
        yes = _certified(embedded, points[rows], classes[rows], tried, clip)
        proven[rows[yes]], failed[rows[~yes]] = tried[yes], tried[~yes]
    return proven


def margin_constants(network: ImplicitNetwork) -> Array:
    """Return proven l_inf Lipschitz constants of y_c - y_j for all pairs, shape (p, p).

    |C_c - C_j| x + |D_c - D_j| 1 with x >= (I - M)^-1 |B| 1: the closed form, once rows are
    subtracted.
    """
    free, ones = all_slopes(network), np.ones((network.n_inputs, 1))
    entering = np.abs(network.B) @ ones
    entering = up(entering + product_error(network.n_inputs + 2, entering)) * network.slope
    states = states_above(network, free.upper, up(entering))
    outer = np.concatenate([network.C, network.D], axis=1)
    reach = np.concatenate([states, ones])
    result = np.empty((network.n_outputs, network.n_outputs))
    for c, row in enumerate(outer):
        size = (np.abs(row - outer) @ reach)[:, 0]
        rounding = product_error(len(reach) + 4, ((np.abs(row) + np.abs(outer)) @ reach)[:, 0])
        result[c] = up(size + rounding)
    np.fill_diagonal(result, 0.0)
    return result


def lipschitz_radii(network: ImplicitNetwork, images: ArrayLike, labels: ArrayLike) -> Array:
    """Return min_j (y_c(x) - y_j(x)) / L_cj for every image x with label c, rounded down, (count,).

    What Lipschitz constants alone certify; :func:`certified_radii` is never below it by more than
    its bisection leaves, since the embedded box is never wider.

    Parameters
    ----------
    network, images, labels
        As for :func:`is_certified`.

    Raises
    ------
    InvalidNetwork, InvalidSetting
        As :func:`is_certified`.
    """
    points, classes = _checked(network, images, labels)
    margins = EmbeddedNetwork(network).margins(points, points, classes)
    constants = margin_constants(network)[classes]
    with np.errstate(divide="ignore", invalid="ignore"):
        radii = np.where(margins > 0.0, down(margins / constants), 0.0)
    radii[np.arange(len(points)), classes] = np.inf
    return np.asarray(radii.min(axis=1))


def certified_accuracy(
    network: ImplicitNetwork,
    images: ArrayLike,
    labels: ArrayLike,
    radii: Sequence[float],
    *,
    clip: tuple[float, float] | None = PIXELS,
) -> Array:
    """Return the share of images that are certified at each radius, shape (len(radii),)."""
    shares = [is_certified(network, images, labels, radius, clip=clip).mean() for radius in radii]
    return np.array(shares, dtype=np.float64)


def _certified(
    embedded: EmbeddedNetwork,
    points: Array,
    classes: Labels,
    radii: Array,
    clip: tuple[float, float] | None,
) -> NDArray[np.bool_]:
    margins = embedded.margins(*ball_box(points, radii, clip), classes)
    margins[np.arange(len(points)), classes] = np.inf
    return np.asarray((margins > 0.0).all(axis=1))


def _checked(
    network: ImplicitNetwork, images: ArrayLike, labels: ArrayLike
) -> tuple[Array, Labels]:
    points = np.atleast_2d(np.asarray(images, dtype=np.float64))
    classes = np.atleast_1d(np.asarray(labels)).astype(np.int64)
    if network.n_outputs < 2:
        raise InvalidNetwork("a classifier needs at least two outputs")
    if points.ndim != 2 or points.shape[1] != network.n_inputs or classes.shape != (len(points),):
        raise InvalidSetting(
            f"images must have shape (count, {network.n_inputs}) and labels (count,), not "
            f"{points.shape} and {classes.shape}"
        )
    if not ((classes >= 0) & (classes < network.n_outputs)).all():
        raise InvalidSetting(f"labels must be classes from 0 to {network.n_outputs - 1}")
    return points, classes

"""What Lipschitz bounds of margins prove: radii in which a classifier keeps its answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipexplore.bounds.margins import MarginTable
from lipexplore.errors import InvalidNetwork, InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.regions import WHOLE_SPACE
from lipexplore.rounding import Array, affine_interval, around, down, product_error

Classes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CertifiedRadii:
    """For each image a radius in which the class is proven not to change.

    Parameters
    ----------
    classes
        Array (count,): the output that is largest at the image, ties to the first.
    radius
        Array (count,): f_c(x + d) > f_j(x + d) is proven for every j and every d that is not longer
        than this; 0 where not even the class of the image itself is proven.
    rival
        Array (count,): the class j that limits the radius.
    """

    classes: Classes
    radius: Array
    rival: Classes


def certified_radii(network: Network, images: ArrayLike, table: MarginTable) -> CertifiedRadii:
    """Return min_j (f_c(x) - f_j(x)) / L_cj for every image x, rounded down.

    L_cj are the proven bounds of a table over the whole space, in whose norm the radii are; the
    margins are lower ends of intervals, so that the radii hold for the network in real arithmetic.

    Parameters
    ----------
    network
        A classifier.
    images
        Array (count, n_0).
    table
        Bounds of all its margins over the whole space, of :func:`lipexplore.margins`.

    Raises
    ------
    InvalidNetwork
        If the network has fewer than two outputs, or the table is of another network.
    InvalidSetting
        If the table holds for a bounded region only, or the images are not of the network's size.

    References
    ----------
    Hein, Andriushchenko, NeurIPS 2017 (arXiv 1705.08475); Tsuzuku, Sato, Sugiyama, NeurIPS 2018
    (arXiv 1802.04034).
    """
    _check(network, table)
    points = as_points(network, images)
    classes = np.asarray(network(points).argmax(axis=1), dtype=np.int64)
    margins = margins_below(network, points, classes)
    slopes = table.value[classes]
    with np.errstate(divide="ignore", invalid="ignore"):
        quotients = down(margins / slopes)
    quotients = np.where(slopes == 0.0, np.inf, np.maximum(quotients, 0.0))
    radii = np.where((margins > 0.0) & ~np.isnan(slopes), quotients, 0.0)
    radii[np.arange(len(points)), classes] = np.inf
    rival = np.asarray(radii.argmin(axis=1), dtype=np.int64)
    return CertifiedRadii(classes, radii.min(axis=1), rival)


def margins_below(network: Network, points: Array, classes: Classes) -> Array:
    """Return proven lower bounds of f_c(x) - f_j(x) for the given class c of each point x.

    Returns
    -------
    array (count, m)
        Column c is 0.
    """
    hidden = [_hidden_interval(network, point) for point in points]
    last, bias = network.weights[-1], network.biases[-1]
    result = np.empty((len(points), network.n_outputs))
    for row, (lower, upper), chosen in zip(result, hidden, classes, strict=True):
        weight, offset = last[chosen] - last, bias[chosen] - bias
        below, _ = affine_interval(weight, offset, lower, upper)
        largest = np.maximum(np.abs(lower), np.abs(upper))
        # the two differences are rounded once each
        slack = product_error(len(lower) + 2, np.abs(weight) @ largest + np.abs(offset))
        row[:] = around(below, slack)[0]
        row[chosen] = 0.0
    return result


def accuracy_at(radius: Array, correct: NDArray[np.bool_], at: Array) -> Array:
    """Return the share of all images that are correct and have at least each radius of ``at``."""
    own = np.sort(np.where(correct, radius, -np.inf))
    return np.asarray(1.0 - np.searchsorted(own, at, side="left") / max(len(own), 1))


def as_points(network: Network, images: ArrayLike) -> Array:
    """Return images as an array (count, n_0) of float64.

    Raises
    ------
    InvalidSetting
        If they are not of the network's size, or hold NaN or infinite numbers.
    """
    points = np.atleast_2d(np.asarray(images, dtype=np.float64))
    if points.ndim != 2 or points.shape[1] != network.n_inputs:
        raise InvalidSetting(
            f"images must have shape (count, {network.n_inputs}), not {np.shape(images)}"
        )
    if not np.isfinite(points).all():
        raise InvalidSetting("images hold NaN or infinite numbers: give finite ones")
    return points


def _check(network: Network, table: MarginTable) -> None:
    if network.n_outputs < 2:
        raise InvalidNetwork("a classifier needs at least two outputs")
    if table.value.shape != (network.n_outputs, network.n_outputs) or any(
        bound.network_hash != network.content_hash for bound in table.bounds.values()
    ):
        raise InvalidNetwork("the table of margins belongs to another network: compute its own")
    if any(bound.region != WHOLE_SPACE.to_dict() for bound in table.bounds.values()):
        raise InvalidSetting("radii need a table of margins over the whole space")


def _hidden_interval(network: Network, point: Array) -> tuple[Array, Array]:
    """Enclose the activations of the last hidden layer at one input."""
    lower, upper = point, point
    for weight, bias, act in zip(
        network.weights, network.biases, network.activations, strict=False
    ):
        lower, upper = act.value_range(*affine_interval(weight, bias, lower, upper))
    return lower, upper

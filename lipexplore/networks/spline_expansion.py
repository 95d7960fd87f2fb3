"""Spline networks as ReLU networks, exactly: then whatever knows activation patterns knows them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import UnsupportedQuestion
from lipexplore.networks.activations import Activation
from lipexplore.networks.feedforward import Network
from lipexplore.networks.splines import Splines
from lipexplore.rounding import Array

Exact = NDArray[np.object_]


def relu_network(network: Network) -> Network:
    """Return the network in which every spline is a sum of ReLUs; itself if there is none.

    With kinks t_1 < .. < t_m, slopes s_0, .., s_m between them and c = sigma(t_1),

        sigma(z) = c - s_0 relu(t_1 - z) + s_1 relu(z - t_1) + sum_{k > 1} (s_k - s_{k-1})
        relu(z - t_k),

    so a unit becomes m + 1 units. Both networks are the same function, hence have the same L; their
    maxima P* over slope patterns differ, because a pattern of the ReLUs need not be one segment.

    Raises
    ------
    UnsupportedQuestion
        If a number of the new network is no float: then the two would differ by rounding. Networks
        on a grid, such as those of :mod:`lipexplore.training`, are fine.

    Examples
    --------
    >>> zigzag = Splines([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0])
    >>> relu_network(Network([[[1.0]], [[1.0]]], activations=zigzag)).widths
    (1, 2, 1)
    """
    if not any(isinstance(act, Splines) for act in network.activations):
        return network
    weights, biases = (
        list(map(exact_array, network.weights)),
        list(map(exact_array, network.biases)),
    )
    acts: list[Activation | str] = list(network.activations)
    for layer, act in enumerate(network.activations):
        if isinstance(act, Splines):
            after = weights[layer + 1]
            rows, offsets, columns, shift = _expanded(act, weights[layer], biases[layer], after)
            biases[layer + 1] = biases[layer + 1] + shift
            weights[layer], biases[layer], weights[layer + 1] = rows, offsets, columns
            acts[layer] = "relu"
    return Network(floats(weights), floats(biases), acts, network.name)


def _expanded(
    act: Splines, weight: Exact, bias: Exact, after: Exact
) -> tuple[Exact, Exact, Exact, Exact]:
    rows, offsets, columns = [], [], []
    shift = exact_array(np.zeros(len(after)))
    for unit in range(len(weight)):
        kinks, slopes, level = _kinks(act, unit if act.units else 0)
        row, start = weight[unit], bias[unit]
        steps = [slopes[1], *(b - a for a, b in pairwise(slopes[1:]))]
        rows += [-row, *(row for _ in kinks)]
        offsets += [kinks[0] - start, *(start - kink for kink in kinks)]
        columns += [after[:, unit] * -slopes[0], *(after[:, unit] * step for step in steps)]
        shift = shift + after[:, unit] * level
    return np.array(rows), np.array(offsets), np.array(columns).T, shift


def _kinks(act: Splines, unit: int) -> tuple[list[Fraction], list[Fraction], Fraction]:
    """Return where the slope really changes, all slopes, and the value at the first kink.

    A straight line gets one kink that is none.
    """
    there = ~np.isnan(act.knots[unit])
    t, c = exact_array(act.knots[unit, there]), exact_array(act.values[unit, there])
    slopes = [(b - a) / (v - u) for a, b, u, v in zip(c, c[1:], t, t[1:], strict=False)]
    bends = [k for k in range(1, len(slopes)) if slopes[k] != slopes[k - 1]]
    if not bends:
        return [t[0]], [slopes[0], slopes[0]], c[0]
    return [t[k] for k in bends], [slopes[0], *(slopes[k] for k in bends)], c[bends[0]]


def exact_array(array: Array) -> Exact:
    """Return the rationals that the floats are."""
    exact: Exact = np.vectorize(Fraction, otypes=[object])(array)
    return exact


def floats(arrays: Sequence[Exact]) -> list[Array]:
    """Return arrays of rationals as floats.

    Raises
    ------
    UnsupportedQuestion
        If one of them is no float.
    """
    nearest = [np.vectorize(float, otypes=[np.float64])(array) for array in arrays]
    for exact, found in zip(arrays, nearest, strict=True):
        if (exact_array(found) != exact).any():
            raise UnsupportedQuestion(
                "the rewritten network has numbers that no float holds: round weights, knots and "
                "values to multiples of a power of two, say 2^-20, and train or project again"
            )
    return nearest

"""Set the smallest weights to zero, train the rest again, repeat (Han et al., NeurIPS 2015)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.rounding import Array
from lipexplore.training.feedforward import Labels, Recipe, train
from lipexplore.training.parameters import biases_of, flatten, weights_of


def magnitude_mask(network: Network, zeros: float) -> Array:
    """Return 0 for the share ``zeros`` of all weights with the least size, else 1, shape (P,).

    One threshold holds for the weights of all layers, the last one included; biases stay.

    Raises
    ------
    InvalidSetting
        If ``zeros`` is not in [0, 1).
    """
    if not 0.0 <= zeros < 1.0:
        raise InvalidSetting(f"the share of zeros must be in [0, 1), not {zeros}")
    sizes = flatten(
        [np.abs(weight) for weight in weights_of(network)],
        [np.full(len(bias), np.inf) for bias in biases_of(network)],
    )
    count = round(zeros * sum(weight.size for weight in weights_of(network)))
    mask = np.ones_like(sizes)
    mask[np.argsort(sizes, kind="stable")[:count]] = 0.0
    return mask


def train_pruned(
    network: Network, images: Array, labels: Labels, recipe: Recipe, stages: Sequence[float]
) -> Network:
    """Return the network pruned to each share of zeros in turn and trained after each."""
    for zeros in stages:
        network = train(network, images, labels, recipe, magnitude_mask(network, zeros))
    return network


def units_with_path(network: Network) -> list[int]:
    """Count, per hidden layer, the units on a path of non-zero weights from input to output."""
    alive = [weight != 0.0 for weight in network.weights]
    forward, backward = [np.ones(network.n_inputs, bool)], [np.ones(network.n_outputs, bool)]
    for matrix in alive:
        forward.append(matrix @ forward[-1])
    for matrix in reversed(alive):
        backward.append(backward[-1] @ matrix)
    pairs = zip(forward[1:-1], backward[-2:0:-1], strict=True)
    return [int((there & back).sum()) for there, back in pairs]

"""A network's numbers as one vector, so that an optimiser is a few elementwise lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.rounding import Array


def flatten(weights: Sequence[Array], biases: Sequence[Array]) -> Array:
    """Return (W_1, b_1, W_2, b_2, ...) row by row as one vector of shape (P,)."""
    pairs = zip(weights, biases, strict=True)
    return np.concatenate([array.ravel() for pair in pairs for array in pair])


def unflatten(network: Network, vector: Array) -> tuple[list[Array], list[Array]]:
    """Cut a vector (P,) into arrays shaped like the network's weights and biases."""
    weights, biases, start = [], [], 0
    for weight in network.weights:
        middle, end = start + weight.size, start + weight.size + len(weight)
        weights.append(vector[start:middle].reshape(weight.shape))
        biases.append(vector[middle:end])
        start = end
    return weights, biases


def with_parameters(network: Network, vector: Array) -> Network:
    """Return the network whose weights and biases are the entries of ``vector`` (P,)."""
    return Network(*unflatten(network, vector), network.activations, network.name)

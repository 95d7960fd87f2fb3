"""A network's numbers as one vector, so that an optimiser is a few elementwise lines.

They are the weights and biases of dense layers, kernels and the channels' biases of convolutions;
other layers have none that are trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.layers import Convolution, Dense, Layer
from lipexplore.rounding import Array


def weights_of(network: Network) -> list[Array]:
    """Return the matrices and kernels of the layers that are trained."""
    return [array for layer in network.layers for array in _trained(layer)[:1]]


def biases_of(network: Network) -> list[Array]:
    """Return the biases (n_out,) or (c_out,) of the layers that are trained."""
    return [array for layer in network.layers for array in _trained(layer)[1:]]


def _trained(layer: Layer) -> tuple[Array, ...]:
    if isinstance(layer, Dense):
        return layer.weight, layer.bias
    if isinstance(layer, Convolution):
        return layer.kernel, layer.channel_bias
    return ()


def flatten(weights: Sequence[Array], biases: Sequence[Array]) -> Array:
    """Return (W_1, b_1, W_2, b_2, ...) row by row as one vector of shape (P,)."""
    pairs = zip(weights, biases, strict=True)
    return np.concatenate([array.ravel() for pair in pairs for array in pair])


def unflatten(network: Network, vector: Array) -> tuple[list[Array], list[Array]]:
    """Cut a vector (P,) into arrays shaped like the network's trained weights and biases."""
    weights, biases, start = [], [], 0
    for weight in weights_of(network):
        middle, end = start + weight.size, start + weight.size + len(weight)
        weights.append(vector[start:middle].reshape(weight.shape))
        biases.append(vector[middle:end])
        start = end
    return weights, biases


def with_parameters(network: Network, vector: Array) -> Network:
    """Return the network whose trained weights and biases are the entries of ``vector`` (P,)."""
    pairs = zip(*unflatten(network, vector), strict=True)
    layers: list[Layer] = []
    for layer in network.layers:
        if isinstance(layer, Convolution):
            layer = layer.with_kernel(*next(pairs))
        elif isinstance(layer, Dense):
            layer = Dense(*next(pairs))
        layers.append(layer)
    return Network(layers, (), network.activations, network.name)

"""Small random networks that independent code was run on, and brute force around them."""

from itertools import pairwise

import numpy as np

import lipexplore
from lipexplore.networks.activations import Activation


def seeded_network(seed, widths, activations="relu"):
    """Draw weights and biases layer by layer."""
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for n_in, n_out in pairwise(widths):
        weights.append(rng.standard_normal((n_out, n_in)) / np.sqrt(n_in))
        biases.append(0.5 * rng.standard_normal(n_out))
    return lipexplore.Network(weights, biases, activations)


def checksum(network):
    """Return the sum of all numbers, by which the draws are recognised."""
    return sum(array.sum() for array in (*network.weights, *network.biases))


def clipped_relu(threshold):
    """Return min(max(z, 0), threshold)."""
    return Activation(
        "clipped_relu",
        lambda x: np.clip(x, 0.0, threshold),
        lambda x: np.where((x >= 0.0) & (x < threshold), 1.0, 0.0),
        (0.0, 1.0),
        kinks=(0.0, threshold),
        piecewise_linear=True,
    )


def jacobians_of_random_slopes(network, slopes, count, seed=0):
    """Return Jacobians (count, m, n_0) at random slopes, most of them at the ends."""
    rng = np.random.default_rng(seed)
    drawn = []
    for low, high in zip(slopes.lower, slopes.upper, strict=True):
        share = rng.choice([0.0, 1.0, 0.5], (count, low.size), p=[0.45, 0.45, 0.1])
        drawn.append(low + share * (high - low))
    return np.broadcast_to(
        network.jacobian_of_slopes(drawn), (count, network.n_outputs, network.n_inputs)
    )

"""Small systems and residual maps whose properties are worth looking at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.residual import ResidualMap
from lipexplore.properties.incremental.maps import IncrementalMap


def neural_oscillator() -> ResidualMap:
    """Return x' = -x + W tanh(x) with a rotating W: it contracts, though |x| may grow at first."""
    turn = np.array([[0.7, 2.4], [-0.5, 0.6]])
    return ResidualMap(Network([np.eye(2), turn], activations="tanh", name="oscillator"), -1.0)


def stretched_map() -> ResidualMap:
    """Return a planar map x+ = S x + W2 relu(W1 x): no contraction in |.|, but in another norm."""
    rng = np.random.default_rng(3)
    layers = [rng.normal(0, 0.6, (6, 2)), rng.normal(0, 0.15, (2, 6))]
    skip = np.array([[0.55, 0.9], [0.0, 0.5]])
    return ResidualMap(Network(layers, [rng.normal(0, 0.4, 6), np.zeros(2)], name="map"), skip)


def residual_block() -> ResidualMap:
    """Return a residual block x + g(x) of six tanh units: invertible, though |g| has slope 4."""
    rng = np.random.default_rng(8)
    layers = [rng.normal(0, 1.0, (6, 2)), np.zeros((2, 6))]
    layers[1] = 0.35 * layers[0].T + rng.normal(0, 0.12, (2, 6))
    return ResidualMap(Network(layers, [rng.normal(0, 0.5, 6), np.zeros(2)], "tanh", "block"), 1.0)


def equilibrium_layer() -> ImplicitNetwork:
    """Return an implicit network of eight states with two inputs and outputs."""
    rng = np.random.default_rng(2)
    state = 0.9 * rng.normal(0, 1, (8, 8)) / 8**0.5 / 2.0 - 0.6 * np.eye(8)
    return ImplicitNetwork(
        state,
        rng.normal(0, 0.7, (8, 2)),
        rng.normal(0, 0.4, 8),
        rng.normal(0, 0.5, (2, 8)),
        name="layer",
    )


EXAMPLES: Final[Mapping[str, Callable[[], IncrementalMap]]] = {
    "oscillator x' = -x + W tanh(x)": neural_oscillator,
    "planar map x+ = S x + W₂ relu(W₁ x)": stretched_map,
    "residual block x + g(x)": residual_block,
    "equilibrium layer z = relu(A z + B x + b)": equilibrium_layer,
}
"""By what a menu shows."""

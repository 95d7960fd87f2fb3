"""Gradients of kernels, by difference quotients, and training with layers of every kind."""

import numpy as np
import pytest

from lipexplore.training import initial_weights, loss_and_gradient, train_pruned, weights_of
from lipexplore.training.feedforward import Recipe
from lipexplore.training.parameters import biases_of, flatten, with_parameters
from tests.networks.structured import every_kind

X = np.random.default_rng(4).standard_normal((7, 18))
LABELS = np.array([0, 1, 1, 0, 1, 0, 0])


@pytest.mark.parametrize("mode", ["zeros", "circular", "replicate"])
def test_gradient_equals_difference_quotients(mode):
    network = every_kind("tanh", mode)
    point = flatten(weights_of(network), biases_of(network))
    assert point.shape == (12 + 2 + 8 + 2,)
    _, gradient = loss_and_gradient(network, X, LABELS, decay=0.1)
    for place, slope in enumerate(gradient):
        change = np.zeros_like(point)
        change[place] = 1e-6
        ends = [
            loss_and_gradient(with_parameters(network, point + sign * change), X, LABELS, 0.1)[0]
            for sign in (1.0, -1.0)
        ]
        assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-8)


def test_parameters_go_into_their_layers():
    network = every_kind()
    changed = with_parameters(network, np.arange(24.0))
    assert changed.layers[1].kernel.ravel().tolist() == list(range(12))
    assert changed.layers[1].channel_bias.tolist() == [12.0, 13.0]
    assert changed.layers[3].weight.ravel().tolist() == list(range(14, 22))
    assert changed.layers[0] is network.layers[0]
    assert changed.layers[2] is network.layers[2]


def test_first_weights_lie_in_the_range_of_their_taps():
    network = initial_weights(every_kind(), 0)
    kernel, weight = weights_of(network)
    for array, taps in ((kernel, 6), (weight, 4)):
        assert 0.5 * np.sqrt(6 / taps) < np.abs(array).max() <= np.sqrt(6 / taps)
    assert [bias.tolist() for bias in biases_of(network)] == [[0.5, 0.5], [0.0, 0.0]]


def test_pruned_training_keeps_zeros_and_lowers_the_loss():
    start = initial_weights(every_kind("tanh"), 1)
    recipe = Recipe(epochs=200, batch=7, step=0.02, decay=0.0)
    network = train_pruned(start, X, LABELS, recipe, (0.25, 0.5))
    assert sum(map(np.count_nonzero, weights_of(network))) == 10
    assert loss_and_gradient(network, X, LABELS)[0] < 0.5 * loss_and_gradient(start, X, LABELS)[0]

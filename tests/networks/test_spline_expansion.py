"""Spline and GroupSort networks rewritten: the same function in rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipexplore import Network, bound
from lipexplore.errors import InvalidNetwork, UnsupportedQuestion
from lipexplore.networks.group_sort import group_sort_network
from lipexplore.networks.spline_expansion import relu_network
from lipexplore.networks.splines import Splines
from tests import spline_oracle as oracle

RELU = [(Fraction(-1), Fraction(0)), (Fraction(0), Fraction(0)), (Fraction(1), Fraction(1))]


def on_grid(rng, *shape):
    return np.round(64 * rng.standard_normal(shape)) / 64


def spline_network(seed, n_inputs=2):
    rng = np.random.default_rng(seed)
    knots = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
    values = on_grid(rng, 3, 5)
    values[1] = knots  # a straight line
    values[2, 2:] = values[2, 2]  # flat to the right
    weights = [on_grid(rng, 3, n_inputs), on_grid(rng, 2, 3), on_grid(rng, 1, 2)]
    biases = [on_grid(rng, 3), on_grid(rng, 2), on_grid(rng, 1)]
    return Network(weights, biases, [Splines(knots, values), "relu"])


@pytest.mark.parametrize("seed", range(3))
def test_the_same_function(seed):
    network = spline_network(seed)
    rewritten = relu_network(network)
    assert {act.name for act in rewritten.activations} == {"relu"}
    splines = network.activations[0]
    layers = [
        [oracle.points(t, c) for t, c in zip(splines.knots, splines.values, strict=True)],
        [RELU] * 2,
    ]
    relus = [[RELU] * width for width in rewritten.widths[1:-1]]
    for x in 3.0 * np.random.default_rng(seed).standard_normal((20, 2)):
        exact = oracle.evaluate(network.weights, network.biases, layers, x)
        assert oracle.evaluate(rewritten.weights, rewritten.biases, relus, x) == exact


def test_one_unit_more_than_kinks():
    zigzag = Splines([-1.0, 0.0, 0.5, 1.0], [1.0, 0.0, 0.5, 0.0])
    assert relu_network(Network([[[1.0]], [[1.0]]], activations=zigzag)).widths == (1, 3, 1)


def test_rounding_is_refused():
    network = Network([[[0.1]], [[0.1]]], activations=Splines([-0.1, 0.1, 0.3], [0.0, 0.7, 0.1]))
    with pytest.raises(UnsupportedQuestion, match="round weights"):
        relu_network(network)
    with pytest.raises(UnsupportedQuestion, match="round weights"):
        bound(network, "activation-patterns")


def test_networks_without_splines_stay():
    network = Network([[[1.0]], [[1.0]]])
    assert relu_network(network) is network


@pytest.mark.parametrize("seed", range(3))
def test_group_sort_is_exact(seed):
    rng = np.random.default_rng(seed)
    weights = [on_grid(rng, 4, 2), on_grid(rng, 2, 4), on_grid(rng, 2, 2)]
    biases = [on_grid(rng, 4), on_grid(rng, 2), on_grid(rng, 2)]
    network = group_sort_network(weights, biases)
    for x in rng.standard_normal((20, 2)):
        x = np.round(x * 2**20) / 2**20
        hidden = x
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            z = weight @ hidden + bias
            hidden = np.ravel(np.sort(z.reshape(-1, 2), axis=1)[:, ::-1])
        # everything is a multiple of 2^-38 below 2^14: no float operation rounds
        np.testing.assert_array_equal(network(x), weights[-1] @ hidden + biases[-1])


def test_group_sort_keeps_the_product_in_l2_and_the_true_constant():
    """max(x, -x) = |x|: two units, constant 1 after weights of norm 1."""
    h = 0.5
    network = group_sort_network([[[h], [-h]], [[h, 0.0]]], [[0.0, 0.0], [0.0]])
    assert bound(network, "activation-patterns", "l2").value == pytest.approx(h * h, rel=1e-12)
    rotated = np.prod([np.linalg.norm(weight, 2) for weight in network.weights])
    assert rotated == pytest.approx(np.sqrt(2) * h * h)


def test_group_sort_takes_pairs():
    with pytest.raises(InvalidNetwork, match="pairs"):
        group_sort_network([np.ones((3, 1)), np.ones((1, 3))], [np.zeros(3), np.zeros(1)])

"""Thousands of random small networks: no verified bound below rational brute force."""

from itertools import pairwise

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import METHODS
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from tests.oracles import is_lower, is_upper, polynomial_maximum

WIDTHS = [(2, 3, 1), (3, 4, 2), (1, 2, 1), (2, 2, 2, 1), (3, 2, 3, 2), (4, 5, 1), (2, 2, 2, 2, 1)]
ACTIVATIONS = ["relu", "leaky_relu:0.2", "leaky_relu:-0.5", "elu:1.0", "silu", "tanh", "abs"]
SCALES = [1.0, 1.0, 1e-6, 1e6, 0.3]


def random_case(rng):
    widths = WIDTHS[rng.integers(len(WIDTHS))]
    weights = []
    for n_in, n_out in pairwise(widths):
        weight = rng.standard_normal((n_out, n_in)) * SCALES[rng.integers(len(SCALES))]
        style = rng.integers(4)
        if style == 0:
            weight *= rng.random(weight.shape) < 0.6
        elif style == 1:
            weight = np.round(2 * weight) / 2
        weights.append(weight)
    biases = [rng.standard_normal(len(w)) for w in weights]
    act = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    network = lipexplore.Network(weights, biases, act)
    region = lipexplore.WHOLE_SPACE
    if rng.integers(2):
        norm = list(Norm)[rng.integers(3)]
        center, radius = rng.standard_normal(widths[0]), 10.0 ** rng.uniform(-2, 1)
        region = lipexplore.Ball(center, radius, norm)
    minus = int(rng.integers(1, widths[-1])) if widths[-1] > 1 and rng.integers(2) else None
    return network, region, minus


@pytest.mark.parametrize("batch", range(10))
def test_no_verified_bound_is_below_brute_force(batch, many):
    rng = np.random.default_rng(1000 + batch)
    for _ in range(many(25, 200)):
        network, region, minus = random_case(rng)
        if not network.head(0, minus).has_path():
            continue
        slopes = slope_ranges(network, region)
        norm = list(Norm)[rng.integers(3)]
        maximum = polynomial_maximum(
            network.weights, slopes.lower, slopes.upper, norm.value, 0, minus
        )
        for method in METHODS:
            if norm not in method.norms or method.of != "P*":
                continue
            answer = lipexplore.bound(network, method.name, norm, region, 0, minus)
            assert is_upper(answer.value, maximum, norm.value), (network.weights, method.name)
            assert is_lower(answer.lower, maximum, norm.value), (network.weights, method.name)
            if answer.status == "optimal":
                excess = answer.value - answer.solver_value
                assert excess <= answer.residual + 1e-9 * answer.value

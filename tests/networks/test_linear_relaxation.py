"""Back-substituted ranges: they hold, are never wider, and no LP relaxation contradicts them."""

import numpy as np
import pytest
from scipy.optimize import linprog

import lipexplore
from lipexplore.networks.activations import activation
from lipexplore.networks.generators import random_dense
from lipexplore.networks.linear_relaxation import activation_lines, back_substituted_ranges
from lipexplore.networks.slope_ranges import preactivation_ranges

ACTIVATIONS = [
    "identity", "relu", "leaky_relu:0.1", "leaky_relu:-0.4", "leaky_relu:2.0", "elu:1.0",
    "elu:2.0", "selu", "softplus", "tanh", "sigmoid", "silu", "gelu:exact", "gelu:tanh", "abs",
]  # fmt: skip


def regions(n):
    center = np.linspace(-0.3, 0.4, n)
    for radius in (1e-6, 0.1, 1.0, 30.0):
        for norm in ("linf", "l2", "l1"):
            yield lipexplore.Ball(center, radius, norm)
    yield lipexplore.Box(center - 0.1, center + 0.5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_lines_hold_on_the_interval(name):
    rng = np.random.default_rng(0)
    act = activation(name)
    low = np.concatenate([rng.normal(0, s, 300) for s in (0.01, 1.0, 20.0)])
    high = low + np.abs(np.concatenate([rng.normal(0, s, 300) for s in (0.02, 2.0, 30.0)]))
    low[0], high[0] = -1.0, 0.0
    low[1], high[1] = 0.0, 1.0
    low[2] = high[2] = 0.5
    lines = activation_lines(act, low, high)
    for share in np.linspace(0, 1, 41):
        z = np.clip(low + share * (high - low), low, high)
        value = act.value(z)
        slack = 1e-14 * (1 + np.abs(z) + np.abs(value))
        assert (lines.lower_slope * z + lines.lower_offset <= value + slack).all()
        assert (lines.upper_slope * z + lines.upper_offset >= value - slack).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_ranges_hold_and_are_never_wider(name):
    network = random_dense((4, 6, 5, 4, 2), 3, name)
    rng = np.random.default_rng(1)
    for region in regions(4):
        tight, plain = (
            back_substituted_ranges(network, region),
            preactivation_ranges(network, region),
        )
        values = network.preactivations(region.sample(4000, rng, 4))
        for (low, high), (wide_low, wide_high), z in zip(tight, plain, values, strict=True):
            assert (low >= wide_low).all()
            assert (high <= wide_high).all()
            assert (z >= low - 1e-13 * (1 + np.abs(z))).all()
            assert (z <= high + 1e-13 * (1 + np.abs(z))).all()


def test_strictly_tighter_on_deep_networks():
    network = random_dense((8, 10, 10, 10, 1), 0)
    region = lipexplore.Ball(np.zeros(8), 0.5, "l2")
    tight, plain = back_substituted_ranges(network, region), preactivation_ranges(network, region)
    widths = [(high - low).sum() for low, high in tight]
    wide = [(high - low).sum() for low, high in plain]
    assert widths[2] < 0.7 * wide[2]


@pytest.mark.parametrize("seed", range(5))
def test_never_below_the_triangle_relaxation(seed):
    """The LP over the triangle relaxation of ReLU is tighter: back-substitution is a dual of it."""
    network = random_dense((3, 4, 4, 3, 1), seed)
    region = lipexplore.Box(np.full(3, -0.4), np.full(3, 0.7))
    ranges = back_substituted_ranges(network, region)
    sizes = [3, 4, 4]  # x, h1, h2
    n = sum(sizes)
    rows, rhs = [], []
    start = [0, 3, 7]
    for layer in range(2):
        weight, bias = network.weights[layer], network.biases[layer]
        low, high = ranges[layer]
        for j in range(4):
            z = np.zeros(n)
            z[start[layer] : start[layer] + sizes[layer]] = weight[j]
            h = np.zeros(n)
            h[start[layer + 1] + j] = 1.0
            rows += [-h, z - h]
            rhs += [0.0, -bias[j]]
            slope = np.clip(high[j], 0, None) / (max(high[j], 0) - min(low[j], 0) + 1e-300)
            if low[j] >= 0:
                rows.append(h - z)
                rhs.append(bias[j])
            else:
                rows.append(h - slope * z)
                rhs.append(slope * (bias[j] - min(low[j], 0)))
    bounds = [(-0.4, 0.7)] * 3 + [(None, None)] * 8
    for j in range(3):
        cost = np.zeros(n)
        cost[7:] = network.weights[2][j]
        for sign, end in ((1, ranges[2][1][j]), (-1, -ranges[2][0][j])):
            best = linprog(-sign * cost, rows, rhs, bounds=bounds)
            assert best.status == 0
            assert -best.fun + sign * network.biases[2][j] <= end + 1e-9


def test_linear_network_is_exact():
    network = random_dense((5, 6, 4, 3), 2, "identity")
    region = lipexplore.Ball(np.full(5, 0.3), 0.7, "l2")
    low, high = back_substituted_ranges(network, region)[1]
    product = network.weights[1] @ network.weights[0]
    middle = network.preactivations(np.full(5, 0.3))[1]
    reach = 0.7 * np.linalg.norm(product, axis=1)
    assert high == pytest.approx(middle + reach, rel=1e-9)
    assert low == pytest.approx(middle - reach, rel=1e-9)

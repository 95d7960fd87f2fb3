"""Path norms by listing paths; bounds against brute force; rescaled weights."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest

from lipexplore import bound
from lipexplore.errors import InvalidSetting
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.properties.path_norm import (
    balanced,
    group_bound,
    lipschitz_above,
    lipschitz_from_regulariser,
    path_norms,
    regulariser,
    rescaled,
    weight_decay,
)
from tests.oracles import fast_polynomial_maximum, is_upper, polynomial_maximum


def paths(part):
    """Return the product of weights along every path, one by one."""
    sizes = [part[0].shape[1], *(len(w) for w in part)]
    found = []
    for units in product(*(range(size) for size in sizes)):
        weight = 1.0
        for layer, matrix in enumerate(part):
            weight *= matrix[units[layer + 1], units[layer]]
        found.append(weight)
    return np.array(found)


def slope_ends(network):
    """Return the ends 0 and 1 of all slopes."""
    return [np.zeros(k) for k in network.widths[1:-1]], [np.ones(k) for k in network.widths[1:-1]]


def random_network(seed, constant=False, n_outputs=1):
    rng = np.random.default_rng(seed)
    depth = int(rng.integers(2, 5))
    parts = []
    n = int(rng.integers(1, 4)) + constant
    for _ in range(int(rng.integers(1, 4))):
        sizes = [n, *(int(s) for s in rng.integers(1, 4, depth - 1)), n_outputs]
        parts.append([rng.standard_normal((b, a)) for a, b in pairwise(sizes)])
    return ParallelNetwork(parts, constant)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 4.0, np.inf])
def test_path_norms_list_the_paths(power):
    for seed in range(10):
        network = random_network(seed, constant=seed % 2 == 0)
        expected = [np.linalg.norm(paths(part), power) for part in network.subnetworks]
        assert path_norms(network, power) == pytest.approx(expected, rel=1e-12)
        assert regulariser(network, power) == pytest.approx(sum(expected), rel=1e-12)


def test_formulas_of_the_paper_for_two_and_three_layers():
    rng = np.random.default_rng(0)
    w, a = rng.standard_normal((1, 3)), -2.5
    assert path_norms(ParallelNetwork([(w, [[a]])]))[0] == pytest.approx(abs(a) * np.linalg.norm(w))
    w1, w2, w3 = rng.standard_normal((4, 3)), rng.standard_normal(4), -0.7
    expected = abs(w3) * np.sqrt((np.square(w1).sum(axis=1) * np.square(w2)).sum())
    assert path_norms(ParallelNetwork([(w1, w2[None], [[w3]])]))[0] == pytest.approx(expected)


def test_powers_below_one_and_extreme_weights():
    with pytest.raises(InvalidSetting, match="at least 1"):
        path_norms(random_network(0), 0.5)
    tiny = ParallelNetwork([([[1e-99]], [[1e-99]], [[1e-99]])])
    assert lipschitz_from_regulariser(tiny) > 0.0
    huge = ParallelNetwork([([[1e100]], [[1e100]], [[1e100]], [[1e100]])])
    assert path_norms(huge)[0] == np.inf or path_norms(huge)[0] > 1e300
    assert lipschitz_above(huge) == np.inf
    assert lipschitz_from_regulariser(huge) == np.inf


def test_the_constant_counts_in_the_regulariser_and_not_in_the_slope():
    """Trap: biases are regularised too."""
    network = ParallelNetwork([([[3.0, 4.0]], [[2.0]])], constant=True)
    assert regulariser(network) == pytest.approx(10.0)
    assert regulariser(ParallelNetwork([([[3.0]], [[2.0]])])) == pytest.approx(6.0)
    assert lipschitz_above(network) == pytest.approx(6.0, rel=1e-14)
    assert lipschitz_from_regulariser(network) >= 10.0  # with the constant: larger, still a bound


@pytest.mark.parametrize("count", [2, 9])
def test_the_regulariser_is_no_lipschitz_bound(count):
    """Trap: m equal neurons have R = sqrt(m) and slope m; sqrt(m) R is the bound."""
    network = ParallelNetwork([(np.ones((count, 1)), np.ones((1, count)), [[1.0]])])
    slope = float(network([2.0])[0] - network([1.0])[0])
    assert slope == count
    assert regulariser(network) == pytest.approx(np.sqrt(count))
    assert regulariser(network) < slope <= lipschitz_from_regulariser(network)
    assert lipschitz_from_regulariser(network) == pytest.approx(count, rel=1e-12)
    assert group_bound(network) == pytest.approx(count, rel=1e-12)


def test_chain_of_bounds_over_brute_force():
    """Pattern maximum <= l_1 path sum; in l_2 <= sums over first-layer rows <= sqrt(n) R."""
    checked = 0
    for seed in range(60):
        network = random_network(seed, constant=seed % 3 == 0)
        whole = network.to_network()
        if sum(whole.widths[1:-1]) > 9:
            continue
        checked += 1
        slack = 1.0 + 1e-12
        for norm in ("linf", "l2", "l1"):
            truth = fast_polynomial_maximum(whole.weights, *slope_ends(whole), norm)
            assert truth <= lipschitz_above(network, norm) * slack
        by_paths, by_rows = lipschitz_above(network, "l2"), group_bound(network)
        assert by_paths <= by_rows * slack
        assert by_rows <= lipschitz_from_regulariser(network) * slack
    assert checked > 20


def test_bounds_of_several_outputs():
    for seed in range(20):
        network = random_network(seed, n_outputs=3)
        points = np.random.default_rng(seed).standard_normal((50, network.n_inputs))
        jacobians = network.to_network().jacobian(points)
        largest = np.linalg.norm(jacobians, 2, axis=(1, 2)).max()
        assert largest <= lipschitz_above(network, "l2") * (1.0 + 1e-12)
        assert largest <= group_bound(network) * (1.0 + 1e-12)
        assert largest <= lipschitz_from_regulariser(network) * (1.0 + 1e-12)
        rows = np.abs(jacobians).sum(axis=2).max()
        assert rows <= lipschitz_above(network, "linf") * (1.0 + 1e-12)


def test_the_path_bound_holds_on_a_thousand_networks():
    """Against the exact maximum over slope patterns, which is at least L, for l_inf inputs."""
    rng = np.random.default_rng(0)
    for number in range(1000):
        n, hidden = int(rng.integers(1, 4)), [int(k) for k in rng.integers(1, 4, 2)]
        parts = []
        for width in hidden:
            sizes = (n, width, 1, 1) if number % 2 else (n, width, 1)
            parts.append([rng.standard_normal((b, a)) for a, b in pairwise(sizes)])
        network = ParallelNetwork(parts)
        whole = network.to_network()
        truth = polynomial_maximum(whole.weights, *slope_ends(whole), "linf")
        value = bound(whole, "path", norm="linf").value
        assert is_upper(value, truth, "linf")
        assert is_upper(lipschitz_above(network, "linf"), truth, "linf")
        assert value == pytest.approx(lipschitz_above(network, "linf"), rel=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_rescaling_moves_no_path(seed):
    network = random_network(seed, constant=seed % 2 == 0)
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((20, network.n_inputs))
    k = int(rng.integers(len(network.subnetworks)))
    width = len(network.subnetworks[k][0])
    exact = rescaled(network, k, 0, np.exp2(rng.integers(-5, 6, width).astype(float)))
    assert np.array_equal(exact(points), network(points))
    other = rescaled(network, k, 0, np.exp(rng.standard_normal(width)))
    assert other(points) == pytest.approx(network(points), rel=1e-10, abs=1e-12)
    for power in (1.0, 2.0, np.inf):
        assert path_norms(other, power) == pytest.approx(path_norms(network, power), rel=1e-12)
    for number in (lipschitz_above, group_bound, lipschitz_from_regulariser):
        assert number(other) == pytest.approx(number(network), rel=1e-12)


def test_negative_factors_are_refused():
    with pytest.raises(InvalidSetting, match="positive"):
        rescaled(random_network(0), 0, 0, -np.ones(3))


@pytest.mark.parametrize("seed", range(8))
def test_balanced_weights_are_the_same_function_with_the_least_decay(seed):
    network = random_network(seed, constant=seed % 2 == 0)
    points = np.random.default_rng(seed).standard_normal((20, network.n_inputs))
    found, close = balanced(network), balanced(network, exact=True)
    assert found(points) == pytest.approx(network(points), rel=1e-10, abs=1e-12)
    assert np.array_equal(close(points), network(points))
    assert path_norms(found) == pytest.approx(path_norms(network), rel=1e-10)
    for part in found.subnetworks:
        for before, after in pairwise(part):
            assert np.linalg.norm(before, axis=1) == pytest.approx(np.linalg.norm(after, axis=0))
    assert weight_decay(found) <= weight_decay(network) * (1.0 + 1e-12)
    assert weight_decay(found) <= weight_decay(close) * (1.0 + 1e-12)
    rng = np.random.default_rng(seed)
    width = len(found.subnetworks[0][0])
    moved = rescaled(found, 0, 0, np.exp(0.2 * rng.standard_normal(width)))
    assert weight_decay(moved) >= weight_decay(found) * (1.0 - 1e-9)


def test_weight_decay_of_balanced_two_layers_is_the_regulariser():
    rng = np.random.default_rng(0)
    parts = [(rng.standard_normal((1, 3)), rng.standard_normal((1, 1))) for _ in range(5)]
    network = ParallelNetwork(parts)
    assert weight_decay(network) > regulariser(network)
    assert weight_decay(balanced(network)) == pytest.approx(regulariser(network), rel=1e-10)


def test_units_without_a_path_are_set_to_zero():
    network = ParallelNetwork([([[1.0], [2.0]], [[0.0, 3.0]])])
    found = balanced(network)
    assert found.subnetworks[0][0][0, 0] == 0.0
    assert found([1.5]) == pytest.approx(network([1.5]))

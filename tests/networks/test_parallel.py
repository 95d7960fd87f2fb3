"""Parallel networks: the same function as the networks they are converted from and to."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

from lipexplore import Network
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.files import load_model, load_network, save_network
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.networks.parallel_cases import from_network, from_residual
from lipexplore.networks.residual import ResidualMap


def small_integers(rng, *shape):
    """Weights whose sums and products are exact, so that functions agree to the bit."""
    return rng.integers(-3, 4, shape).astype(float)


def random_parallel(rng, constant, n_outputs=2):
    """Sub-networks of depths 1, 2, 3 and 4 (one of them linear)."""
    n = 3 + constant
    shapes = [(n, n_outputs), (n, 4, n_outputs), (n, 2, 3, n_outputs), (n, 2, 2, 1, n_outputs)]
    parts = [[small_integers(rng, b, a) for a, b in itertools.pairwise(s)] for s in shapes]
    return ParallelNetwork(parts, constant)


def by_hand(network, x):
    """The formula, one point and one number at a time."""
    total = np.zeros(network.n_outputs)
    for part in network.subnetworks:
        h = [*x, 1.0] if network.constant else list(x)
        for depth, weight in enumerate(part):
            z = [sum(float(w) * v for w, v in zip(row, h, strict=True)) for row in weight]
            h = z if depth == len(part) - 1 else [max(v, 0.0) for v in z]
        total += h
    return total


@pytest.mark.parametrize("constant", [False, True])
def test_values_and_feedforward_form_are_the_formula(constant):
    rng = np.random.default_rng(1)
    network = random_parallel(rng, constant)
    whole, points = network.to_network(), small_integers(rng, 30, 3)
    expected = np.array([by_hand(network, x) for x in points])
    assert np.array_equal(network(points), expected)
    assert np.array_equal(whole(points), expected)
    assert np.array_equal(network(points[0]), expected[0])
    assert np.array_equal(sum(network.outputs(points)), expected)
    assert whole.depth == network.depth == 3
    assert whole.n_inputs == network.n_inputs == 3


def test_blocks_do_not_touch_each_other():
    network = ParallelNetwork([([[1.0, 2.0]], [[3.0]], [[4.0]]), ([[5.0, 6.0]], [[7.0]], [[8.0]])])
    first, second, last = network.to_network().weights
    assert first.tolist() == [[1.0, 2.0], [5.0, 6.0]]
    assert second.tolist() == [[3.0, 0.0], [0.0, 7.0]]
    assert last.tolist() == [[4.0, 8.0]]


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_standard_networks_are_a_special_case(split, biased):
    rng = np.random.default_rng(2)
    sizes = (3, 4, 3, 2)
    weights = [small_integers(rng, b, a) for a, b in itertools.pairwise(sizes)]
    biases = [small_integers(rng, b) * biased for b in sizes[1:]]
    network = Network(weights, biases)
    found = from_network(network, split)
    points = small_integers(rng, 40, 3)
    assert np.array_equal(found(points), network(points))
    assert np.array_equal(found.to_network()(points), network(points))
    assert len(found.subnetworks) == ((3 + biased) if split else 1)
    assert all(len(part[-2]) == 1 for part in found.subnetworks) or not split
    assert found.constant is biased


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_residual_networks_are_a_special_case(count, biased):
    rng = np.random.default_rng(3)
    maps = [
        ResidualMap(
            Network(
                [small_integers(rng, 4, 2), small_integers(rng, 3, 4), small_integers(rng, 2, 3)],
                [small_integers(rng, k) * biased for k in (4, 3, 2)],
            ),
            small_integers(rng, 2, 2),
        )
        for _ in range(count)
    ]
    points = small_integers(rng, 40, 2)
    expected = points
    for block in maps:
        expected = block(expected)
    found = from_residual(maps if count > 1 else maps[0])
    assert np.array_equal(found(points), expected)
    assert np.array_equal(found.to_network()(points), expected)


def test_other_activations_and_wrong_shapes_are_refused_in_a_sentence():
    with pytest.raises(InvalidNetwork, match="not of tanh"):
        from_network(Network([[[1.0]], [[1.0]]], activations="tanh"))
    with pytest.raises(InvalidNetwork, match="weight_2_2 has 2 columns, but weight_2_1 has 1"):
        ParallelNetwork([([[1.0]], [[1.0]]), ([[1.0]], [[1.0, 1.0]])])
    with pytest.raises(InvalidNetwork, match="sub-network 2 maps 2 inputs"):
        ParallelNetwork([([[1.0]],), ([[1.0, 1.0]],)])
    with pytest.raises(InvalidNetwork, match="only input"):
        ParallelNetwork([([[1.0]],)], constant=True)
    with pytest.raises(InvalidNetwork, match="at least one"):
        ParallelNetwork([])
    with pytest.raises(InvalidNetwork, match="NaN"):
        ParallelNetwork([([[np.nan]],)])


def test_active_leaves_out_what_no_path_leads_through():
    dead = ([[0.0, 1.0], [1.0, 0.0]], [[0.0, 0.0]], [[1.0]])
    network = ParallelNetwork([dead, ([[1.0, 1.0]], [[1.0]], [[2.0]])])
    assert len(network.active().subnetworks) == 1
    assert np.array_equal(network.active()([1.0, 2.0]), network([1.0, 2.0]))
    assert len(ParallelNetwork([dead]).active().subnetworks) == 1


@pytest.mark.parametrize("constant", [False, True])
def test_files_bring_the_network_back_bit_by_bit(tmp_path, constant):
    network = random_parallel(np.random.default_rng(4), constant)
    save_network(network, tmp_path / "parallel-a.npz")
    back = load_model(tmp_path / "parallel-a.npz")
    assert (
        back.content_hash
        == network.content_hash
        == pickle.loads(pickle.dumps(network)).content_hash
    )
    other = ParallelNetwork(network.subnetworks[::-1], constant)
    assert other.content_hash != network.content_hash
    converted = load_network(tmp_path / "parallel-a.npz")
    assert converted.content_hash == network.to_network().content_hash


def test_files_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    usual = {"kind": "parallel", "weight_1_1": np.ones((1, 2)), "weight_1_2": np.ones((1, 1))}
    for change, message in (
        ({"bias_1": np.ones(1)}, "bias_1 is no known key"),
        ({"weight_1_4": np.ones((1, 1))}, "weight_1_3 is missing"),
        ({"weight_3_1": np.ones((1, 2))}, "weight_2_1 is missing"),
        ({"constant": np.array(2)}, "constant must be 0 or 1"),
        ({"weight_1_1": np.array([["a"]])}, "real numbers"),
    ):
        np.savez(path, **usual | change)
        with pytest.raises(InvalidNetwork, match=message):
            load_model(path)
    np.savez(path, kind="parallel", constant=np.array(0))
    with pytest.raises(InvalidNetwork, match="weight_1_1 is missing"):
        load_model(path)

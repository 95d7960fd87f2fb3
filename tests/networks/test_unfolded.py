"""Unfolded networks: the map, its derivative, the forms that bounds take, files, refusals."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from lipexplore import WHOLE_SPACE, Ball, bound
from lipexplore.bounds import METHODS
from lipexplore.errors import InvalidNetwork, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.files import load_model, load_network, save_network
from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.networks.unfolded_arguments import Sharing
from lipexplore.properties.incremental_qc import lipschitz
from tests.networks.unfolded_cases import all_patterns, direct, random_unfolded, spec_ista


def test_specification_values():
    net, Y = spec_ista()
    assert np.linalg.norm(net(Y.T)) == pytest.approx(7.0436009, rel=1e-6)
    assert net(Y.T)[0, 0] == pytest.approx(-0.384475545, rel=1e-6)
    clipped, _ = spec_ista(clip=0.5)
    assert np.linalg.norm(clipped(Y.T)) == pytest.approx(2.23606798, rel=1e-6)


def test_the_map_is_the_iteration_for_any_sharing():
    rng = np.random.default_rng(0)
    for seed in range(30):
        net = random_unfolded(seed, clip=1.0 if seed % 2 else np.inf)
        y = 2.0 * rng.standard_normal((7, net.n_inputs))
        assert np.allclose(net(y), direct(net, y), rtol=1e-12, atol=1e-13)
        assert np.allclose(net(y[0]), net(y)[0], rtol=1e-13, atol=1e-15)
        assert net.codes(y).shape == (net.n_layers, 7, net.n_codes)
        assert np.linalg.norm(net(y), axis=1).max() <= net.clip * (1.0 + 1e-12)


def test_jacobian_against_differences():
    rng = np.random.default_rng(1)
    for seed in range(20):
        net = random_unfolded(seed, clip=0.7 if seed % 2 else np.inf)
        y = 2.0 * rng.standard_normal((5, net.n_inputs))
        found, step = net.jacobian(y), 1e-6
        for k, unit in enumerate(np.eye(net.n_inputs)):
            slope = (net(y + step * unit) - net(y - step * unit)) / (2.0 * step)
            assert np.allclose(found[:, :, k], slope, rtol=1e-5, atol=1e-6)
        assert np.allclose(net.jacobian(y[0]), found[0], rtol=1e-12, atol=1e-14)


def test_kinks_take_the_right_derivative():
    net = UnfoldedNetwork([[[1.0]]], [[[1.0]]], [0.5], [[1.0]])
    points = np.array([[0.5], [-0.5], [np.nextafter(-0.5, -1.0)]])
    assert net.jacobian(points).ravel().tolist() == [1.0, 0.0, 1.0]
    assert net(points[:2]).ravel().tolist() == [0.0, 0.0]


def test_feedforward_form_is_the_same_function():
    rng = np.random.default_rng(2)
    for seed in range(20):
        net = random_unfolded(seed)
        same = net.to_network()
        y = 3.0 * rng.standard_normal((9, net.n_inputs))
        assert np.allclose(same(y), net(y), rtol=1e-12, atol=1e-13)
        assert np.allclose(same.jacobian(y), net.jacobian(y), rtol=1e-12, atol=1e-13)
        for act, width in zip(same.activations, same.widths[1:], strict=False):
            low, high = act.unit_slope_bounds(width)
            assert set(low.tolist()) <= {0.0, 1.0}
            assert high.tolist() == [1.0] * width  # no rounding: LMI and P* stay sharp


def test_common_form_has_the_gradients_of_every_pattern():
    rng = np.random.default_rng(3)
    for seed in range(10):
        net = random_unfolded(seed)
        system = net.slope_system(WHOLE_SPACE)
        count, inputs = net.n_codes * net.n_layers, net.n_inputs
        weights, out = system.incoming.toarray(), system.outgoing.toarray()
        assert not np.triu(weights[:, inputs:]).any()  # strictly lower triangular
        slopes = rng.integers(0, 2, count).astype(float)
        units = np.linalg.solve(
            np.eye(count) - slopes[:, None] * weights[:, inputs:],
            slopes[:, None] * weights[:, :inputs],
        )
        change = np.zeros((net.n_codes, inputs))
        for (G, H, _), own in zip(net.layers, np.split(slopes, net.n_layers), strict=True):
            change = own[:, None] * (G @ change + H)
        assert np.allclose(out[:, inputs:] @ units, net.Phi @ change, atol=1e-12)
        assert not out[:, :inputs].any()


def test_slopes_over_a_region_hold_and_shrink():
    net, Y = spec_ista()
    rng, ball = np.random.default_rng(4), Ball(Y[:, 0], 0.05, "l2")
    system = net.slope_system(ball)
    assert (system.lower == system.upper).any()
    y = ball.sample(200, rng, net.n_inputs)
    code = np.zeros((200, net.n_codes))
    for layer, (G, H, theta) in enumerate(net.layers):
        inner = code @ G.T + y @ H.T
        slope = (np.abs(inner) > theta).astype(float)
        rows = slice(layer * net.n_codes, (layer + 1) * net.n_codes)
        assert (system.lower[rows] <= slope).all()
        assert (slope <= system.upper[rows]).all()
        code = np.sign(inner) * np.maximum(np.abs(inner) - theta, 0.0)
    assert lipschitz(net, ball).value <= lipschitz(net).value * (1 + 1e-7)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_every_method_bounds_the_map(norm):
    net = random_unfolded(5, sizes=(2, 2, 2, 2))
    same, order = net.to_network(), {"l1": np.inf, "l2": 2, "linf": 1}[norm]
    most = max(np.linalg.norm(J[0], order) for J in all_patterns(net))
    points = np.random.default_rng(0).standard_normal((4000, 2)) * 5.0
    below = np.linalg.norm(net.jacobian(points)[:, 0], order, axis=-1).max()
    asked = 0
    for method in METHODS:
        try:
            found = bound(same, method.name, norm, time_limit=200.0)
        except UnsupportedQuestion:
            continue
        asked += 1
        if method.side != "lower":
            assert found.value >= below * (1.0 - 1e-12), method.name
        if method.side != "lower" and found.of == "P*":
            assert found.value >= most * (1.0 - 1e-12), method.name
        assert found.lower <= most * (1.0 + 1e-12), method.name
        if method.name == "exact":
            assert found.value == pytest.approx(most, rel=1e-9)
    assert asked >= 10


def test_files_keep_every_bit(tmp_path):
    for seed in range(6):
        net = random_unfolded(seed, clip=2.0 if seed % 2 else np.inf)
        save_network(net, tmp_path / "net.npz")
        read = load_model(tmp_path / "net.npz")
        assert isinstance(read, UnfoldedNetwork)
        assert read.content_hash == net.content_hash
        assert (read.sharing, read.clip, read.name) == (net.sharing, net.clip, net.name)
        again = pickle.loads(pickle.dumps(net))
        assert again.content_hash == net.content_hash
        if np.isinf(net.clip):
            converted = load_network(tmp_path / "net.npz")
            assert converted.content_hash == net.to_network().content_hash
    with pytest.raises(UnsupportedQuestion, match="unclipped, whose l2"):
        load_network(tmp_path / "net.npz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"theta": np.ones(2)}, "no known key"),
        ({"Phi": None}, "Phi is missing"),
        ({"G_1": None}, "missing"),
        ({"threshold_1": np.array([-0.1])}, "negative"),
        ({"clip": np.array([1.0, 2.0])}, "one number"),
        ({"clip": np.array(-1.0)}, "positive"),
        ({"sharing": np.zeros((2, 2), dtype=int)}, "three patterns"),
        ({"sharing": np.array([[0, 1], [0, 0], [0, 0]])}, "use each of"),
        ({"H_1": np.array([["a"]])}, "real numbers"),
        ({"G_1": np.ones((3, 3))}, "shape"),
    ],
)
def test_bad_files_are_named(tmp_path, change, words):
    good = {
        "kind": np.array("unfolded"),
        "G_1": np.eye(2),
        "H_1": np.ones((2, 1)),
        "threshold_1": np.array([0.1]),
        "Phi": np.eye(2),
        "sharing": np.zeros((3, 2), dtype=int),
    }
    arrays = {key: value for key, value in {**good, **change}.items() if value is not None}
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(InvalidNetwork, match=words):
        load_model(tmp_path / "net.npz")


def test_refusals():
    with pytest.raises(InvalidNetwork, match="negative"):
        UnfoldedNetwork([[[1.0]]], [[[1.0]]], [-1e-9], [[1.0]])
    with pytest.raises(InvalidNetwork, match="one number or"):
        UnfoldedNetwork([[[1.0]]], [[[1.0]]], [[0.1, 0.2]], [[1.0]])
    with pytest.raises(InvalidNetwork, match="for every layer"):
        UnfoldedNetwork([[[1.0]]], [[[1.0]]], [0.1], [[1.0]], ((0, 0), (0,), (0,)))
    net = random_unfolded(1, clip=1.0)
    with pytest.raises(InvalidSetting, match="numbers each"):
        net(np.zeros(net.n_inputs + 1))
    # an inverse or one-sided bound of the unclipped map would be false for the clipped one
    for refused in (net.to_network, lambda: net.slope_system(WHOLE_SPACE)):
        with pytest.raises(UnsupportedQuestion, match="unclipped"):
            refused()
    assert net.unclipped.to_network().n_outputs == net.n_outputs


def test_sharing_counts_different_parameters_once():
    net, _ = spec_ista()
    assert (len(net.G), len(net.H), len(net.thresholds)) == (1, 1, 1)
    assert net.sharing == Sharing((0,) * 4, (0,) * 4, (0,) * 4)
    two = UnfoldedNetwork.ista(
        np.eye(2), [np.eye(2), 0.5 * np.eye(2)], 4, [1.0], [0.1, 0.2], dictionary_of=(0, 0, 1, 1),
        threshold_of=(0, 1, 1, 0),
    )  # fmt: skip
    assert len(two.G) == 2
    assert two.sharing.G == (0, 0, 1, 1)
    assert np.array_equal(two.Phi, 0.5 * np.eye(2))
    y = np.random.default_rng(0).standard_normal((5, 2))
    assert np.allclose(two(y), direct(two, y))

"""Networks whose layers have structure behave as their unrolled networks do."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from lipexplore import Network
from lipexplore.errors import InvalidNetwork, UnsupportedQuestion
from lipexplore.networks import feedforward
from lipexplore.networks.generators import random_dense
from lipexplore.networks.layers import (
    LAYERS,
    NO_MAX_POOL,
    AveragePool,
    Convolution,
    Dense,
    Layer,
    Scaling,
)
from tests.networks.structured import every_kind

X = np.random.default_rng(9).standard_normal((5, 18))


def layers_of(network, *places):
    return [network.layers[i] for i in places]


def test_every_kind_has_a_name():
    assert set(LAYERS) == {"dense", "convolution", "average_pool", "scaling"}
    assert all(LAYERS[kind].kind == kind for kind in LAYERS)
    assert {type(layer) for layer in every_kind().layers} == set(LAYERS.values())


@pytest.mark.parametrize("mode", ["zeros", "replicate"])
def test_values_and_jacobians_are_those_of_the_unrolled_network(mode):
    network = every_kind("tanh", mode)
    dense = network.to_dense()
    assert dense.is_dense
    assert not network.is_dense
    assert dense.widths == network.widths == (18, 18, 8, 4, 2)
    np.testing.assert_allclose(network(X), dense(X), atol=1e-14)
    np.testing.assert_allclose(network(X[0]), dense(X[0]), atol=1e-14)
    np.testing.assert_allclose(network.jacobian(X), dense.jacobian(X), atol=1e-14)
    for a, b in zip(network.preactivations(X), dense.preactivations(X), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    assert network.density == pytest.approx(dense.density)
    assert network.has_path()
    assert dense.to_dense() is dense


def test_values_by_hand():
    """Scaling, then a mean of four, then a convolution of one tap."""
    scaling, pool = Scaling(2.0, [1.0], (1, 2, 2)), AveragePool((1, 2, 2), 2)
    last = Convolution([[[[3.0]]], [[[-1.0]]]], [0.5, 0.0], (1, 1, 1))
    network = Network([scaling, pool, last], (), "identity")
    # (2 * 1 + 1 + 2 * 2 + 1 + 2 * 3 + 1 + 2 * 6 + 1) / 4 = 7
    assert network([1.0, 2.0, 3.0, 6.0]).tolist() == [21.5, -7.0]
    assert network.jacobian(np.zeros(4)).tolist() == [[1.5] * 4, [-0.5] * 4]


def test_heads_slices_and_pruned_networks_keep_the_structure():
    network = every_kind()
    dense = network.to_dense()
    for arguments in ((1,), (0, 1)):
        head = network.head(*arguments)
        np.testing.assert_allclose(head(X), dense.head(*arguments)(X), atol=1e-14)
        assert head.layers[:-1] == network.layers[:-1]
    part = network.slice(2, 3)
    assert part.layers == network.layers[1:3]
    np.testing.assert_allclose(part(X), dense.slice(2, 3)(X), atol=1e-14)
    pruned = network.prune(0.5)
    assert np.count_nonzero(pruned.layers[1].kernel) == 6
    assert np.count_nonzero(pruned.layers[3].weight) == 4
    assert layers_of(pruned, 0, 2) == layers_of(network, 0, 2)


def test_a_head_of_a_convolution_is_a_row_of_its_matrix():
    network = every_kind().slice(1, 2)
    head = network.head(3, 5)
    expected = network.layers[1].dense[[3]] - network.layers[1].dense[[5]]
    np.testing.assert_array_equal(head.weights[-1], expected)
    assert head.biases[-1].tolist() == [network.biases[-1][3] - network.biases[-1][5]]


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_pickles_and_copies(mode):
    network = every_kind(mode=mode)
    network.weights  # noqa: B018
    for again in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert again.content_hash == network.content_hash
        assert again.name == network.name
        np.testing.assert_array_equal(again(X), network(X))
        assert [type(layer) for layer in again.layers] == [type(x) for x in network.layers]


def test_the_hash_tells_every_setting_apart():
    rng = np.random.default_rng(0)
    kernel, image = rng.standard_normal((2, 2, 2, 2)), (2, 6, 6)
    tapped = kernel.copy()
    tapped[1, 1, 1, 1] = np.nextafter(tapped[1, 1, 1, 1], np.inf)
    variants = [
        Convolution(kernel, None, image),
        Convolution(tapped, None, image),
        Convolution(kernel, [0.0, 1.0], image),
        Convolution(kernel, None, image, padding=1),
        Convolution(kernel, None, image, padding=((1, 1), (1, 0))),
        Convolution(kernel, None, image, padding=1, padding_mode="circular"),
        Convolution(kernel, None, image, padding=1, padding_mode="reflect"),
        Convolution(kernel, None, image, 2),
        Convolution(kernel, None, image, (1, 2)),
        Convolution(kernel, None, image, dilation=2),
        Convolution(kernel[:, :1], None, image, groups=2),
        Convolution(kernel, None, (2, 4, 9)),
        AveragePool(image, 2),
        AveragePool(image, 2, 1),
        AveragePool(image, 2, 2, 1),
        AveragePool(image, 2, 2, 1, count_padding=False),
        Scaling(1.0, 0.0, image),
        Scaling(1.0, 0.0, (2, 4, 9)),
        Scaling(2.0, 0.0, image),
        Scaling(0.0, 1.0, image),
        Dense(np.eye(72)),
    ]
    hashes = {Network([layer]).content_hash for layer in variants}
    assert len(hashes) == len(variants)
    assert Network([variants[0]]).to_dense().content_hash not in hashes


def test_dense_layers_make_the_network_of_their_arrays():
    network = random_dense((3, 4, 2), 0, "tanh")
    layers = [Dense(w, b) for w, b in zip(network.weights, network.biases, strict=True)]
    again = Network(layers, activations="tanh")
    assert again.content_hash == network.content_hash
    mixed = Network([network.weights[0], layers[1]], [network.biases[0], None], "tanh")
    assert mixed.content_hash == network.content_hash


def test_dense_matrices_are_built_when_asked_for_and_refused_when_large(monkeypatch):
    network = every_kind()
    assert "weights" not in vars(network)
    monkeypatch.setattr(feedforward, "LARGEST_DENSE", 8.0 * (18 * 18 + 8 * 18 + 4 * 8))
    assert [w.shape for w in network.weights] == [(18, 18), (8, 18), (4, 8), (2, 4)]
    assert network.weights is network.weights
    with pytest.raises(ValueError, match="read-only"):
        network.weights[1][0, 0] = 1.0
    monkeypatch.setattr(feedforward, "LARGEST_DENSE", 8.0 * (18 * 18 + 8 * 18 + 4 * 8) - 1)
    with pytest.raises(UnsupportedQuestion, match="GB: use norm-product"):
        every_kind().weights  # noqa: B018


def test_a_large_network_runs_without_its_dense_matrices():
    """A layer of 64 channels on 32 x 32 pixels would take 34 GB."""
    rng = np.random.default_rng(0)
    layer = Convolution(rng.standard_normal((64, 1, 3, 3)), None, (64, 32, 32), 1, 1, groups=64)
    network = Network([layer, AveragePool(layer.output_shape, 32)], (), "relu")
    image = rng.standard_normal(network.n_inputs)
    assert network(image).shape == (64,)
    assert network.head(3)(image) == pytest.approx(network(image)[[3]])
    assert network.prune(0.5).density < network.density < 0.001
    assert network.has_path()
    with pytest.raises(UnsupportedQuestion, match=r"34\.\d GB, more than 2 GB"):
        network.weights  # noqa: B018


def test_scalings_spread_their_numbers():
    one, per_channel = Scaling(2.0, -1.0, (2, 1, 2)), Scaling([1.0, 2.0], [0.0, 3.0], (2, 1, 2))
    assert one.apply(np.arange(4.0)).tolist() == [-1.0, 1.0, 3.0, 5.0]
    assert per_channel.apply(np.arange(4.0)).tolist() == [0.0, 1.0, 7.0, 9.0]
    assert Scaling([1.0, 0.0, 3.0], 0.0, 3).nonzeros == 2
    assert Scaling(np.ones((2, 1, 2)), 0.0, (2, 1, 2)).output_shape == (2, 1, 2)


BAD = {
    "own bias": (lambda: Network([Scaling(1.0, 0.0, 2)], [[0.0, 0.0]]), "layer 1 brings its own"),
    "chain": (
        lambda: Network([Scaling(1.0, 0.0, 2), Scaling(1.0, 0.0, 3)], (), "identity"),
        "weight_2 has 3 columns, but weight_1 has 2 rows",
    ),
    "factor": (lambda: Scaling([1.0, 2.0], 0.0, (3, 2, 2)), "factor has 2 numbers, but the input"),
    "shift": (lambda: Scaling(1.0, np.nan, 2), "shift holds NaN"),
    "axes": (lambda: Scaling(1.0, 0.0, (2, 2)), "input_shape must be"),
    "no size": (lambda: Scaling(1.0, 0.0, 0), "input_shape must hold whole numbers from 1"),
    "size": (lambda: Scaling(1.0, 0.0, 2**27), "above 67,108,864 numbers"),
    "dense bias": (lambda: Dense([[1.0]], [1.0, 2.0]), "bias has 2 numbers, but weight has 1 rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_layer_is_refused(case):
    make, words = BAD[case]
    with pytest.raises(InvalidNetwork, match=words):
        make()


def test_max_pools_have_no_layer_and_a_reason():
    assert "not elementwise" in NO_MAX_POOL
    assert "\n" not in NO_MAX_POOL
    assert not any("max" in kind for kind in LAYERS)


@pytest.mark.parametrize(("window", "stride", "constant"), [(2, 2, 1.0), (3, 2, 2.0), (3, 1, 3.0)])
def test_the_constant_of_max_pooling(window, stride, constant):
    """In l_2 it is sqrt(windows that share a pixel): attained by raising that pixel alone."""
    size = 9
    starts = range(0, size - window + 1, stride)

    def pool(x):
        return np.array([[x[i : i + window, j : j + window].max() for j in starts] for i in starts])

    changes = []
    for i, j in np.ndindex(size, size):
        x = np.zeros((size, size))
        x[i, j] = 1.0
        changes.append(np.linalg.norm(pool(x) - pool(np.zeros((size, size)))))
    assert max(changes) == pytest.approx(constant)


def test_layers_are_layers_and_say_their_shapes():
    for layer in every_kind().layers:
        assert isinstance(layer, Layer)
        assert layer.matrix.shape == (layer.n_outputs, layer.n_inputs)
        np.testing.assert_array_equal(layer.matrix.toarray(), layer.dense)
        assert layer.bias.shape == (layer.n_outputs,)
    assert repr(every_kind().layers[1]) == "<Convolution 2x3x3 to 2x2x2>"


def test_dense_networks_need_no_scipy():
    code = (
        "import sys; import numpy as np; from lipexplore import Network; "
        "n = Network([np.eye(2), np.eye(2)]); n(np.ones(2)); n.content_hash; n.head(1).has_path(); "
        "assert 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

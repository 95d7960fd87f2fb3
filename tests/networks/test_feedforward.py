"""Networks: evaluation, derivatives, parts, identity."""

import copy
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore import Network
from lipexplore.errors import InvalidNetwork, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.activations import activation
from lipexplore.networks.generators import random_banded, random_dense, random_sparse
from tests.oracles import exact_affine, exact_gradient
from tests.strategies import ACTIVATIONS, SMOOTH, examples, half_integers, networks


def small(**changes):
    parts = {
        "weights": [[[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]], [[1.0, 2.0, -1.0], [0.0, 4.0, 0.5]]],
        "biases": [[0.1, 0.0, -0.2], [0.0, 1.0]],
        "activations": "relu",
    }
    return Network(**{**parts, **changes})


# -- evaluation


@examples(100)
@given(data=st.data())
def test_evaluation_is_exact_on_short_numbers(data):
    """Half-integers through ReLU, abs and identity need no rounding at all."""
    network = data.draw(networks(("relu", "abs", "identity"), half_integers))
    x = data.draw(st.lists(half_integers, min_size=network.n_inputs, max_size=network.n_inputs))
    hidden = [Fraction(v) for v in x]
    functions = {"relu": lambda z: max(z, 0), "abs": abs, "identity": lambda z: z}
    before = network.preactivations(np.array(x))
    for layer, act in enumerate(network.activations):
        hidden = exact_affine(network.weights[layer], network.biases[layer], hidden)
        assert before[layer].tolist() == hidden
        hidden = [functions[act.name](z) for z in hidden]
    assert network(x).tolist() == exact_affine(network.weights[-1], network.biases[-1], hidden)


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_many_points_are_each_point(act):
    network = random_dense((3, 5, 4, 2), 0, act)
    x = np.random.default_rng(1).standard_normal((7, 3))
    values, jacobians = network(x), network.jacobian(x)
    assert values.shape == (7, 2)
    assert jacobians.shape == (7, 2, 3)
    for i in range(7):
        np.testing.assert_allclose(network(x[i]), values[i], rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(network.jacobian(x[i]), jacobians[i], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("act", [*SMOOTH, "leaky_relu:0.3", "abs"])
def test_jacobian_against_difference_quotients(act):
    network = random_dense((3, 6, 5, 2), 2, act)
    for x in np.random.default_rng(3).standard_normal((5, 3)):
        jacobian, h = network.jacobian(x), 1e-6
        for j, unit in enumerate(np.eye(3)):
            quotient = (network(x + h * unit) - network(x - h * unit)) / (2 * h)
            np.testing.assert_allclose(jacobian[:, j], quotient, atol=2e-8)


@examples(60)
@given(data=st.data())
def test_jacobian_of_slopes_is_the_exact_product(data):
    network = data.draw(networks(elements=half_integers))
    slopes = [
        np.array(data.draw(st.lists(half_integers, min_size=n, max_size=n)))
        for n in network.widths[1:-1]
    ]
    jacobian = network.jacobian_of_slopes(slopes)
    for i in range(network.n_outputs):
        assert jacobian[i].tolist() == exact_gradient(network.weights, slopes, i)


def test_linear_network():
    network = Network([[[1.0, 2.0], [3.0, 4.0]]], [[5.0, 6.0]])
    assert network([1.0, 1.0]).tolist() == [8.0, 13.0]
    assert network.jacobian(np.zeros((3, 2))).shape == (3, 2, 2)
    assert network.jacobian(np.zeros(2)).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert (network.depth, network.activations, network.widths) == (0, (), (2, 2))


def test_facts():
    network = small()
    assert network.widths == (2, 3, 2)
    assert (network.n_inputs, network.n_outputs, network.depth) == (2, 2, 1)
    assert network.density == 10 / 12
    assert repr(network) == "<Network network: 2-3-2 relu>"
    assert [act.name for act in small(activations=[activation("elu:2.0")]).activations] == [
        "elu:2.0"
    ]


def test_missing_biases_are_zero():
    for biases in ((), [None, None]):
        assert all((bias == 0).all() for bias in small(biases=biases).biases)


# -- parts


def test_heads_and_margins():
    network = small()
    x = np.array([[0.3, -0.4], [1.0, 2.0]])
    np.testing.assert_array_equal(network.head(1)(x)[:, 0], network(x)[:, 1])
    margin = network.head(0, 1)
    np.testing.assert_allclose(margin(x)[:, 0], network(x)[:, 0] - network(x)[:, 1], atol=1e-15)
    assert margin.weights[-1].tolist() == [[1.0, -2.0, -1.5]]
    assert margin.biases[-1].tolist() == [-1.0]


@examples(60)
@given(networks(n_outputs=2))
def test_margin_rounds_each_weight_once(network):
    for difference, a, b in zip(
        network.head(0, 1).weights[-1][0], *network.weights[-1], strict=True
    ):
        exact = Fraction(a) - Fraction(b)
        assert abs(Fraction(difference) - exact) <= abs(exact) * Fraction(1, 2**53)


@pytest.mark.parametrize("where", ["weights", "biases"])
def test_a_margin_above_the_largest_weight_says_so(where):
    far, none = [[1e100], [-1e100]], [[0.0], [0.0]]
    last, bias = (far, none) if where == "weights" else (none, far)
    network = Network([last], [np.ravel(bias)])
    with pytest.raises(UnsupportedQuestion, match=r"output 0 over output 1 .* 1e\+100: halve"):
        network.head(0, 1)
    assert network.head(1).n_outputs == 1
    halved = Network([0.5 * w for w in network.weights], [0.5 * b for b in network.biases])
    margin = halved.head(0, 1)
    assert max(margin.weights[0].max(), margin.biases[0].max()) == 1e100


@pytest.mark.parametrize(
    ("output", "minus", "words"),
    [
        (2, None, "choose 0 to 1"),
        (-1, None, "choose 0 to 1"),
        (0, 5, "choose 0 to 1"),
        (1, 1, "two different outputs"),
    ],
)
def test_bad_heads_are_refused(output, minus, words):
    with pytest.raises(InvalidSetting, match=words):
        small().head(output, minus)


def test_slices_compose():
    network = random_dense((3, 4, 5, 2), 1, "tanh")
    x = np.random.default_rng(0).standard_normal((6, 3))
    first, rest = network.slice(1, 1), network.slice(2, 3)
    assert (first.widths, rest.widths) == ((3, 4), (4, 5, 2))
    np.testing.assert_array_equal(rest(np.tanh(first(x))), network(x))
    assert network.slice(1, 3) is network
    assert network.slice(2, 2).depth == 0


@pytest.mark.parametrize("layers", [(0, 1), (2, 1), (1, 3), (3, 3), (-1, 1)])
def test_bad_slices_are_refused(layers):
    with pytest.raises(InvalidSetting, match="choose from 1 to 2"):
        small().slice(*layers)


@pytest.mark.parametrize("density", [0.1, 0.35, 0.5, 1.0])
def test_pruning_keeps_the_largest(density):
    network = random_dense((6, 9, 3), 4)
    pruned = network.prune(density)
    for before, after in zip(network.weights, pruned.weights, strict=True):
        kept = after != 0
        assert kept.sum() == max(1, round(density * before.size))
        np.testing.assert_array_equal(after[kept], before[kept])
        if not kept.all():
            assert np.abs(before[kept]).min() >= np.abs(before[~kept]).max()
    assert all((a == b).all() for a, b in zip(pruned.biases, network.biases, strict=True))
    if density == 1.0:
        assert pruned.content_hash == network.content_hash


@pytest.mark.parametrize("density", [0.0, -0.1, 1.1, math.nan])
def test_bad_densities_are_refused(density):
    with pytest.raises(InvalidSetting, match=r"density must be in \(0, 1\]"):
        small().prune(density)


def test_paths():
    assert small().has_path()
    assert not Network([[[0.0]], [[1.0]]]).has_path()
    assert not Network([[[1.0], [0.0]], [[0.0, 5.0]]]).has_path()
    assert Network([[[5e-324], [0.0]], [[5e-324, 5.0]]]).has_path()
    assert not Network([[[0.0, -0.0]]]).has_path()


# -- identity


def test_hash_changes_with_every_bit_but_not_with_the_name():
    network = small()
    assert small(name="other").content_hash == network.content_hash
    hashes = {network.content_hash}
    for kind in ("weights", "biases"):
        for layer, array in enumerate(getattr(network, kind)):
            for index in np.ndindex(array.shape):
                changed = [np.array(a) for a in getattr(network, kind)]
                changed[layer][index] = np.nextafter(changed[layer][index], np.inf)
                hashes.add(small(**{kind: changed}).content_hash)
    hashes |= {small(activations=act).content_hash for act in ("tanh", "elu:1.0", "elu:1.1")}
    assert len(hashes) == 1 + 12 + 5 + 3


def test_hash_tells_shapes_apart():
    numbers = np.arange(1.0, 7.0)
    shapes = [(1, 6), (2, 3), (3, 2), (6, 1)]
    hashes = {Network([numbers.reshape(shape)]).content_hash for shape in shapes}
    assert len(hashes) == 4


def test_hash_is_the_same_for_both_zeros_and_every_memory_layout():
    weight = np.array([[0.0, 1.0], [2.0, 3.0]])
    negative = np.array([[-0.0, 1.0], [2.0, 3.0]])
    reference = Network([weight]).content_hash
    assert Network([negative]).content_hash == reference
    assert Network([np.asfortranarray(weight)]).content_hash == reference
    assert Network([weight.astype(">f8")]).content_hash == reference
    assert Network([weight.astype(np.float32)]).content_hash == reference
    assert Network([weight], [[-0.0, 0.0]]).content_hash == reference


def test_hash_of_a_known_network_never_changes():
    """Certificates on disk name this number."""
    expected = "fec106f2c33c455f5a639a0edf50dd281a5716d082edf2d8789ee51c0b2c14b0"
    assert small().content_hash == expected


def test_float32_is_widened():
    weight = np.array([[0.1, 1 / 3]], dtype=np.float32)
    stored = Network([weight]).weights[0]
    assert stored.dtype == np.float64
    assert [Fraction(float(x)) for x in weight[0]] == [Fraction(x) for x in stored[0]]
    assert stored[0, 0] != 0.1


def test_arrays_are_copies_and_read_only():
    source = np.ones((1, 2))
    network = Network([source])
    source[0, 0] = 5.0
    assert network.weights[0][0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        network.weights[0][0, 0] = 2.0
    with pytest.raises(AttributeError):
        network.name = "x"


@pytest.mark.parametrize("act", ["relu", "leaky_relu:0.2", "gelu:tanh"])
def test_pickles_and_copies(act):
    network = random_dense((3, 4, 2), 0, act)
    for again in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        assert again.content_hash == network.content_hash
        assert again.name == network.name
        np.testing.assert_array_equal(again(np.ones(3)), network(np.ones(3)))


# -- refusals


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": []}, "weight_1"),
        ({"weights": [[[math.nan]]], "biases": ()}, "weight_1 holds NaN"),
        ({"weights": [[[1.0]], [[math.inf]]], "biases": ()}, "weight_2 holds NaN or infinite"),
        ({"weights": [[[1e101]]], "biases": ()}, r"weight_1 holds numbers above 1e\+100"),
        ({"weights": [[1.0, 2.0]], "biases": ()}, r"weight_1 must be a matrix.*\(2,\)"),
        ({"weights": [[[]]], "biases": ()}, "weight_1 must be a matrix"),
        ({"weights": [[["a"]]], "biases": ()}, "weight_1 must be an array of numbers"),
        ({"weights": [[[1.0], [1.0, 2.0]]], "biases": ()}, "weight_1 must be an array"),
        ({"weights": [np.array([[1.0 + 2.0j]])], "biases": ()}, "weight_1 must be an array"),
        ({"weights": [[["1.0"]]], "biases": ()}, "weight_1 must be an array"),
        ({"weights": [[[None]]], "biases": ()}, "weight_1 must be an array"),
        ({"weights": [[[1.0]], [[1.0, 2.0]]], "biases": ()}, "weight_2 has 2 columns"),
        ({"biases": [[0.0], [0.0, 0.0]]}, "bias_1 has 1 numbers, but weight_1 has 3 rows"),
        ({"biases": [None, [[0.0, 0.0]]]}, "bias_2 must be a vector"),
        ({"biases": [None, [0.0, math.nan]]}, "bias_2 holds NaN"),
        ({"biases": [None]}, "2 weights need as many biases, not 1"),
        ({"activations": ["relu", "relu"]}, "1 hidden layers need as many activations, not 2"),
        ({"activations": "rele"}, "unknown activation 'rele'"),
    ],
)
def test_bad_networks_are_refused(changes, words):
    with pytest.raises(InvalidNetwork, match=words):
        small(**changes)


# -- generators


@pytest.mark.parametrize("make", [random_dense, lambda *a: random_banded(a[0], 1, *a[1:])])
def test_generators_are_functions_of_their_seed(make):
    hashes = [make((5, 6, 2), seed).content_hash for seed in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_dense_generator_is_what_it_says():
    network = random_dense((40, 50, 3), 0, "tanh")
    assert network.widths == (40, 50, 3)
    assert network.density == 1.0
    assert 0.9 / math.sqrt(40) < np.abs(network.weights[0]).max() <= 1 / math.sqrt(40)
    assert 0.4 < np.abs(network.biases[0]).max() <= 0.5
    assert network.activations[0].name == "tanh"


def test_banded_generator_has_its_band():
    network = random_banded((9, 9, 1), 2, 0)
    i, j = np.indices((9, 9))
    np.testing.assert_array_equal(network.weights[0] != 0, abs(i - j) <= 2)
    assert (network.weights[1] != 0).all()
    scaled = random_banded((10, 5, 2), 1, 0).weights[0]
    assert (scaled != 0).any(axis=1).all()


def test_sparse_generator_keeps_every_unit():
    network = random_sparse((30, 20, 4), 0.05, 0)
    assert (network.weights[0] != 0).any(axis=1).all()
    assert (network.weights[1] != 0).all()
    assert 0.05 < (network.weights[0] != 0).mean() < 0.2


@pytest.mark.parametrize(
    "make",
    [
        lambda: random_dense((3,), 0),
        lambda: random_dense((3, 0, 1), 0),
        lambda: random_banded((3, 2), -1, 0),
        lambda: random_sparse((3, 2), 0.0, 0),
        lambda: random_sparse((3, 2), 1.5, 0),
    ],
)
def test_bad_generator_settings_are_refused(make):
    with pytest.raises(InvalidSetting):
        make()


@pytest.mark.parametrize("value", [2**53 + 1, np.longdouble("0.1")])
def test_numbers_that_float64_rounds_are_refused(value):
    with pytest.raises(InvalidNetwork, match="weight_1 holds numbers that float64 rounds"):
        Network([np.array([[value, 1]])])


def test_a_pickled_network_stays_frozen():
    network = pickle.loads(pickle.dumps(Network([np.eye(2)], name="eye")))
    assert network.name == "eye"
    with pytest.raises(ValueError, match="read-only"):
        network.weights[0][0, 0] = 2.0

import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.training import Recipe, initial_network, loss_and_gradient, number_correct, train
from lipexplore.training import feedforward as trainer
from lipexplore.training.parameters import flatten, unflatten, with_parameters

ACTIVATIONS = [
    "relu", "leaky_relu:0.1", "elu:1.0", "selu", "softplus", "tanh", "sigmoid", "silu",
    "gelu:exact", "gelu:tanh", "abs", "identity",
]  # fmt: skip


def blobs(count=60, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(3, size=count)
    return rng.random((count, 4)) + 1.5 * np.eye(3, 4)[labels], labels


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(4, 3), (4, 5, 3), (4, 6, 5, 3)])
def test_gradient_agrees_with_finite_differences(activation, widths):
    network = initial_network(widths, activation, seed=1)
    images, labels = blobs(7)
    _, gradient = loss_and_gradient(network, images, labels, decay=0.03)
    point = flatten(network.weights, network.biases)
    steps = 1e-6 * np.eye(len(point))

    def loss(vector):
        return loss_and_gradient(with_parameters(network, vector), images, labels, decay=0.03)[0]

    differences = [(loss(point + step) - loss(point - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient, differences, atol=1e-8)


def test_loss_of_equal_outputs_is_the_logarithm_of_their_number():
    network = Network([np.zeros((5, 2))])
    loss, gradient = loss_and_gradient(network, np.ones((3, 2)), np.array([0, 1, 2]))
    assert loss == pytest.approx(np.log(5.0))
    np.testing.assert_allclose(gradient[-5:], [-2 / 15, -2 / 15, -2 / 15, 0.2, 0.2])


def test_loss_of_huge_outputs_is_finite():
    network = Network([[[1e5], [-1e5]]])
    loss, gradient = loss_and_gradient(network, np.ones((1, 1)), np.array([1]))
    assert loss == pytest.approx(2e5)
    assert np.isfinite(gradient).all()


def test_first_step_of_adam_has_the_length_of_the_step_size():
    network, (images, labels) = initial_network((4, 3), "relu", 0), blobs()
    recipe = Recipe(epochs=1, batch=len(images), step=0.125, decay=0.0)
    moved = train(network, images, labels, recipe)
    _, gradient = loss_and_gradient(network, images, labels)
    change = flatten(moved.weights, moved.biases) - flatten(network.weights, network.biases)
    np.testing.assert_allclose(change, -0.125 * np.sign(gradient), atol=1e-5)


def test_flatten_and_unflatten_are_inverse():
    network = initial_network((3, 4, 2), "relu", 0)
    weights, biases = unflatten(network, flatten(network.weights, network.biases))
    for given, back in zip((*network.weights, *network.biases), weights + biases, strict=True):
        np.testing.assert_array_equal(given, back)


def test_separable_classes_are_learned():
    images, labels = blobs()
    network = train(initial_network((4, 8, 3), "relu", 0), images, labels, Recipe(step=0.02))
    assert number_correct(network, *blobs(seed=1)) >= 57


def test_seed_decides():
    images, labels = blobs()
    start = initial_network((4, 5, 3), "tanh", 0)
    hashes = [
        train(start, images, labels, Recipe(epochs=3, seed=seed)).content_hash for seed in (1, 1, 2)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_decay_shrinks_weights_of_inputs_that_are_always_zero():
    images, labels = blobs()
    images[:, 3] = 0.0
    start = initial_network((4, 5, 3), "relu", 0)
    network = train(start, images, labels, Recipe(decay=1e-2, step=0.02))
    assert np.abs(start.weights[0][:, 3]).max() > 0.5
    assert np.abs(network.weights[0][:, 3]).max() < 0.05


def test_mask_keeps_exact_zeros():
    images, labels = blobs()
    start = initial_network((4, 5, 3), "relu", 0)
    point = flatten(start.weights, start.biases)
    mask = np.ones_like(point)
    mask[::2] = 0.0
    network = train(start, images, labels, Recipe(epochs=5), mask)
    after = flatten(network.weights, network.biases)
    assert (after[::2] == 0.0).all()
    assert (after[1::2] != 0.0).all()


def test_parameters_are_short_rationals():
    images, labels = blobs()
    network = train(initial_network((4, 5, 3), "elu", 0), images, labels, Recipe(epochs=2))
    scaled = flatten(network.weights, network.biases) * 2.0**20
    np.testing.assert_array_equal(scaled, np.round(scaled))


def test_other_rounding_errors_give_the_same_bits(monkeypatch):
    images, labels = blobs()
    start = initial_network((4, 8, 3), "elu", 0)
    recipe = Recipe(epochs=20)
    plain = train(start, images, labels, recipe)
    rng, exact = np.random.default_rng(0), trainer._cross_entropy

    def shaken(*arguments):
        loss, gradient = exact(*arguments)
        return loss, gradient * (1.0 + rng.uniform(-1e-15, 1e-15, len(gradient)))

    monkeypatch.setattr(trainer, "_cross_entropy", shaken)
    assert train(start, images, labels, recipe).content_hash == plain.content_hash


@pytest.mark.parametrize(
    ("images", "labels", "recipe", "word"),
    [
        (np.ones((3, 5)), np.zeros(3, int), Recipe(), "images"),
        (np.ones((0, 4)), np.zeros(0, int), Recipe(), "images"),
        (np.ones((3, 4)), np.zeros(2, int), Recipe(), "labels"),
        (np.ones((3, 4)), np.array([0, 1, 3]), Recipe(), "labels"),
        (np.ones((3, 4)), np.array([0, 1, -1]), Recipe(), "labels"),
        (np.ones((3, 4)), np.zeros(3, int), Recipe(epochs=0), "positive"),
        (np.ones((3, 4)), np.zeros(3, int), Recipe(decay=-1.0), "positive"),
    ],
)
def test_bad_input_is_refused(images, labels, recipe, word):
    with pytest.raises(InvalidSetting, match=word):
        train(initial_network((4, 3), "relu", 0), images, labels, recipe)

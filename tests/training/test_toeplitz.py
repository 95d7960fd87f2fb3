"""Training with LipBound: gradients by differences, and what the regulariser does."""

import math

import numpy as np
import pytest

from lipexplore.bounds.operator_norms.kernels import lip_bound, lip_bound_estimate
from lipexplore.errors import InvalidSetting
from lipexplore.networks.convolution import Convolution
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import digits
from lipexplore.training.feedforward import Recipe, loss_and_gradient, number_correct
from lipexplore.training.toeplitz import (
    SAMPLES,
    _gradient,
    _Taps,
    initial_convolutional,
    log_lip_bound,
    train_toeplitz,
)


@pytest.mark.parametrize("shape", [(3, 2, 3, 3), (2, 4, 2, 5), (10, 8, 1, 1)])
def test_gradient_of_the_logarithm(shape):
    kernel = np.random.default_rng(0).standard_normal(shape)
    value, gradient = log_lip_bound(kernel)
    assert value == pytest.approx(math.log(lip_bound_estimate(kernel, SAMPLES)), rel=1e-12)
    for place in np.ndindex(*shape):
        moved = kernel.copy()
        moved[place] += 1e-6
        assert (log_lip_bound(moved)[0] - value) / 1e-6 == pytest.approx(gradient[place], abs=1e-5)


def test_logarithm_of_scaled_and_of_no_kernel():
    kernel = np.random.default_rng(1).standard_normal((2, 2, 3, 3))
    value, gradient = log_lip_bound(kernel)
    doubled = log_lip_bound(8.0 * kernel)
    assert doubled[0] == pytest.approx(value + math.log(8.0))
    assert doubled[1] == pytest.approx(gradient / 8.0)
    assert log_lip_bound(0.0 * kernel)[0] == -math.inf


def test_dense_layer_is_a_convolution_of_one_pixel():
    weight = np.random.default_rng(2).standard_normal((5, 4))
    value, gradient = log_lip_bound(weight[:, :, None, None])
    assert math.exp(value) == pytest.approx(np.linalg.norm(weight))
    assert gradient[:, :, 0, 0] == pytest.approx(weight / np.square(weight).sum())


def test_gradient_of_the_loss_by_the_kernels():
    images, labels = digits("train")
    images, labels = images[:20], labels[:20]
    network = initial_convolutional(0)
    taps = [_Taps.of(layer) for layer in network.layers]
    point = np.concatenate([part for tap in taps for part in tap.parameters])
    gradient = _gradient(network, taps, point, images, labels)

    def loss(vector):
        cuts = np.cumsum([tap.size for tap in taps])[:-1]
        parts = zip(taps, np.split(vector, cuts), strict=True)
        moved = Network([tap.layer_of(part) for tap, part in parts])
        return loss_and_gradient(moved, images, labels)[0]

    for place in np.random.default_rng(0).choice(len(point), 60, replace=False):
        step = np.zeros_like(point)
        step[place] = 1e-6
        slope = (loss(point + step) - loss(point - step)) / 2e-6
        assert slope == pytest.approx(gradient[place], abs=1e-6)


def test_training_learns_and_the_regulariser_lowers_the_bound():
    images, labels = (part[:500] for part in digits("train"))
    start, recipe = initial_convolutional(0), Recipe(epochs=20, decay=1e-4)
    plain = train_toeplitz(start, images, labels, recipe)
    regularised = train_toeplitz(start, images, labels, recipe, strength=0.5)
    products = []
    for network in (plain, regularised):
        assert number_correct(network, images, labels) > 0.75 * len(labels)
        assert [type(layer).__name__ for layer in network.layers][:2] == ["Convolution"] * 2
        kernels = [layer.kernel for layer in network.layers[:2]]
        kernels.append(network.layers[2].weight[:, :, None, None])
        products.append(math.prod(lip_bound(kernel) for kernel in kernels))
    assert products[1] < 0.5 * products[0]
    again = train_toeplitz(start, images, labels, recipe)
    assert again.content_hash == plain.content_hash


def test_other_layers_are_refused():
    circular = Convolution(np.ones((1, 1, 3, 3)), None, (1, 8, 8), 1, 1, padding_mode="circular")
    images, labels = np.zeros((1, 64)), np.zeros(1, dtype=np.int64)
    with pytest.raises(InvalidSetting, match="zero padding"):
        train_toeplitz(Network([circular, np.ones((2, 64))]), images, labels, Recipe())

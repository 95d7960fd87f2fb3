"""Train convolutional networks with LipBound as a regulariser (arXiv 2006.08391)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipexplore.bounds.operator_norms.symbol import symbol_on_grid
from lipexplore.errors import InvalidSetting
from lipexplore.networks.arguments import Pair
from lipexplore.networks.convolution import Convolution
from lipexplore.networks.feedforward import Network
from lipexplore.networks.layer import Dense, Layer
from lipexplore.rounding import Array
from lipexplore.training.feedforward import Labels, Recipe, batches, loss_and_gradient
from lipexplore.training.parameters import unflatten

Index = NDArray[np.int64]

SAMPLES: Pair = (10, 10)
"""Frequencies per axis, as in the paper's experiments."""


def initial_convolutional(seed: int, name: str = "convolutional") -> Network:
    """Return 1x8x8 -> 4x4x4 -> 8x2x2 -> 10, two 3x3 convolutions of stride 2, ReLU, to start from.

    Kernels and weights are uniform on +-sqrt(6 / fan-in) (He et al., ICCV 2015), hidden biases 1/2.
    """
    rng = np.random.default_rng(seed)

    def uniform(*shape: int) -> Array:
        return np.asarray((2.0 * rng.random(shape) - 1.0) * math.sqrt(6.0 / math.prod(shape[1:])))

    first = Convolution(uniform(4, 1, 3, 3), np.full(4, 0.5), (1, 8, 8), 2, 1)
    second = Convolution(uniform(8, 4, 3, 3), np.full(8, 0.5), (4, 4, 4), 2, 1)
    return Network([first, second, uniform(10, 32)], activations="relu", name=name)


def train_toeplitz(
    network: Network, images: Array, labels: Labels, recipe: Recipe, strength: float = 0.0
) -> Network:
    """Return the network after Adam on cross-entropy + decay + strength * sum_l log LipBound(K_l).

    The sum is the logarithm of a product bound, so that no layer can grow at another one's cost; a
    dense layer is a convolution of a 1x1 image, whose LipBound is the Frobenius norm. Training uses
    the grid's maximum without its factor, which does not move the gradient.

    Parameters
    ----------
    images, labels
        Shapes (count, n_0) and (count,).
    strength
        The paper's lambda, at least 0.

    Raises
    ------
    InvalidSetting
        If a layer is neither dense nor a convolution with zero padding in one group.

    References
    ----------
    Araujo, Negrevergne, Chevaleyre, Atif, *On Lipschitz regularization of convolutional layers
    using Toeplitz matrix theory*, AAAI 2021, arXiv 2006.08391, section 5.
    """
    taps = [_Taps.of(layer) for layer in network.layers]
    point = np.concatenate([part for tap in taps for part in tap.parameters])
    mean, square = np.zeros_like(point), np.zeros_like(point)
    total = recipe.epochs * -(-len(images) // recipe.batch)
    for done, rows in enumerate(batches(len(images), recipe)):
        gradient = _gradient(network, taps, point, images[rows], labels[rows])
        gradient += _penalty(taps, point, recipe.decay, strength)
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * np.square(gradient)
        size = np.sqrt(square / (1.0 - 0.999 ** (done + 1))) + 1e-8
        step = recipe.step * (total - done) / total
        point = point - step * (mean / (1.0 - 0.9 ** (done + 1))) / size
    layers = [tap.layer_of(part) for tap, part in zip(taps, _cut(taps, point), strict=True)]
    return Network(layers, activations=network.activations, name=network.name)


def log_lip_bound(kernel: Array, samples: Pair = SAMPLES) -> tuple[float, Array]:
    """Return log LipBound of a kernel over a grid (no factor) and its gradient.

    LipBound^2 = sum_o max_w sum_c |F_oc(w)|^2; with w_o the frequency of the maximum, the gradient
    of the square is 2 Re(conj(F_oc(w_o)) e^{i <(a, b), w_o>}).
    """
    symbol = symbol_on_grid(kernel, samples)
    sizes = np.square(np.abs(symbol.values)).sum(axis=2)
    best = sizes.argmax(axis=0)
    outputs = np.arange(len(kernel))
    value = float(sizes[best, outputs].sum())
    if value == 0.0:
        return -math.inf, np.zeros_like(kernel)
    rows, columns = np.divmod(best, samples[1])
    waves = np.exp(
        2j
        * np.pi
        * (
            np.multiply.outer(rows / samples[0], np.arange(kernel.shape[2]))[:, :, None]
            + np.multiply.outer(columns / samples[1], np.arange(kernel.shape[3]))[:, None, :]
        )
    )
    at_best = symbol.values[best, outputs].conj()
    slope = np.real(at_best[:, :, None, None] * waves[:, None]) / (value * symbol.scale)
    return 0.5 * math.log(value) + math.log(symbol.scale), slope


@dataclass(frozen=True, eq=False)
class _Taps:
    """Which entry of a layer's matrix is which number of its kernel."""

    layer: Layer
    kernel: Array
    offset: Array
    place: Index
    source: Index

    @classmethod
    def of(cls, layer: Layer) -> _Taps:
        if isinstance(layer, Dense):
            everywhere = np.arange(layer.weight.size)
            kernel = layer.weight[:, :, None, None]
            return cls(layer, kernel, layer.bias, everywhere, everywhere)
        if not isinstance(layer, Convolution) or layer.padding_mode != "zeros" or layer.groups > 1:
            raise InvalidSetting(
                f"{layer!r} cannot be trained: only dense layers and convolutions with zero "
                "padding in one group can"
            )
        numbers = np.arange(1.0, layer.kernel.size + 1.0).reshape(layer.kernel.shape)
        numbered = layer.with_kernel(numbers, None).dense.ravel()
        place = np.flatnonzero(numbered)
        source = numbered[place].astype(np.int64) - 1
        return cls(layer, layer.kernel, layer.channel_bias, place, source)

    @property
    def parameters(self) -> tuple[Array, Array]:
        return self.kernel.ravel(), self.offset

    @property
    def size(self) -> int:
        return self.kernel.size + self.offset.size

    def matrix_of(self, part: Array) -> tuple[Array, Array]:
        """Return the layer's matrix and bias for other parameters."""
        matrix = np.zeros(self.layer.n_outputs * self.layer.n_inputs)
        matrix[self.place] = part[self.source]
        pixels = self.layer.n_outputs // self.offset.size
        bias = np.repeat(part[self.kernel.size :], pixels)
        return matrix.reshape(self.layer.n_outputs, -1), bias

    def gradient_of(self, matrix: Array, bias: Array) -> Array:
        """Return the gradient of the parameters from that of the matrix and the bias."""
        kernel = np.bincount(self.source, matrix.ravel()[self.place], self.kernel.size)
        return np.concatenate([kernel, bias.reshape(self.offset.size, -1).sum(axis=1)])

    def layer_of(self, part: Array) -> Layer:
        kernel = part[: self.kernel.size].reshape(self.kernel.shape)
        bias = part[self.kernel.size :]
        if isinstance(self.layer, Convolution):
            return self.layer.with_kernel(kernel, bias)
        return Dense(kernel[:, :, 0, 0], bias)


def _cut(taps: list[_Taps], point: Array) -> list[Array]:
    return np.split(point, np.cumsum([tap.size for tap in taps])[:-1])


def _gradient(
    network: Network, taps: list[_Taps], point: Array, images: Array, labels: Labels
) -> Array:
    """Return the gradient of the cross-entropy by the kernels."""
    matrices = [tap.matrix_of(part) for tap, part in zip(taps, _cut(taps, point), strict=True)]
    weights, biases = zip(*matrices, strict=True)
    dense = Network(weights, biases, network.activations)
    _, gradient = loss_and_gradient(dense, images, labels)
    parts = zip(taps, *unflatten(dense, gradient), strict=True)
    return np.concatenate([tap.gradient_of(matrix, bias) for tap, matrix, bias in parts])


def _penalty(taps: list[_Taps], point: Array, decay: float, strength: float) -> Array:
    """Return the gradient of decay/2 |K|^2 + strength log LipBound(K), biases left alone."""
    parts = []
    for tap, part in zip(taps, _cut(taps, point), strict=True):
        kernel = part[: tap.kernel.size].reshape(tap.kernel.shape)
        slope = decay * kernel
        if strength:
            slope = slope + strength * log_lip_bound(kernel)[1]
        parts += [slope.ravel(), np.zeros(tap.offset.size)]
    return np.concatenate(parts)

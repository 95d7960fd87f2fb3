"""Train a classifier by Adam on the softmax cross-entropy, in numpy, with the same bits everywhere.

Matrix products and exponentials differ in their last bit from one processor or BLAS to the next;
after training the weights differ by about 1e-15. The result is rounded to multiples of 2^-20, which
removes that (unless a weight lies that close to a rounding edge). Random numbers come from
``Generator.random`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.rounding import Array
from lipexplore.training.kernels import parameter_gradient
from lipexplore.training.parameters import biases_of, flatten, weights_of, with_parameters

Labels = NDArray[np.int64]

GRID = 2.0**-20
"""Trained weights and biases are rounded to multiples of this: short exact rationals."""


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Parameters
    ----------
    epochs
        Passes over the images; the step size falls linearly from ``step`` to 0.
    batch
        Images per step.
    step
        Adam's first step size.
    decay
        Weight decay c: the loss gains c/2 times the sum of all squared weights (not biases).
    seed
        Of the order of the images.
    """

    epochs: int = 100
    batch: int = 32
    step: float = 0.003
    decay: float = 2e-3
    seed: int = 0


def initial_network(
    widths: Sequence[int], activation: str, seed: int, name: str = "network"
) -> Network:
    """Return a network to start from: W uniform on +-sqrt(6 / n_in) (He et al., ICCV 2015).

    Hidden biases are 1/2 and the last one 0: on pixels, which are not negative, a ReLU that starts
    from bias 0 can be silent on every image and then never learns.

    Parameters
    ----------
    widths
        Layer sizes (n_0, n_1, ..., m).
    """
    zeros = [np.zeros((b, a)) for a, b in pairwise(widths)]
    return initial_weights(Network(zeros, (), activation, name), seed)


def initial_weights(network: Network, seed: int) -> Network:
    """Return the network with weights and biases as :func:`initial_network` draws them.

    Of a convolution n_in counts the taps of all channels that an output reads.
    """
    rng = np.random.default_rng(seed)
    weights = [
        (2.0 * rng.random(w.shape) - 1.0) * np.sqrt(6.0 / w[0].size) for w in weights_of(network)
    ]
    biases = [np.full(len(b), 0.5) for b in biases_of(network)]
    biases[-1][:] = 0.0
    return with_parameters(network, flatten(weights, biases))


def loss_and_gradient(
    network: Network, images: Array, labels: Labels, decay: float = 0.0
) -> tuple[float, Array]:
    """Return mean_i -log softmax(f(x_i))_{y_i} + decay/2 sum_l |W_l|_F^2 and its gradient.

    Parameters
    ----------
    images, labels
        Shapes (count, n_0) and (count,).

    Returns
    -------
    loss, gradient
        The gradient by backpropagation has shape (P,), ordered as by ``parameters.flatten``.
    """
    loss, gradient = _cross_entropy(network, images, labels)
    weights = _weight_part(network)
    loss += 0.5 * decay * float(np.square(weights).sum())
    return loss, gradient + decay * weights


def train(
    network: Network, images: Array, labels: Labels, recipe: Recipe, mask: Array | None = None
) -> Network:
    """Return the network after Adam (Kingma and Ba, ICLR 2015, algorithm 1) from the given one.

    Parameters
    ----------
    images, labels
        Shapes (count, n_0) and (count,).
    mask
        0 or 1 per parameter, shape (P,): where 0 the parameter is, and stays, exactly zero.

    Raises
    ------
    InvalidSetting
        If images and labels do not fit the network or the recipe has a number that is not positive.
    """
    _check(network, images, labels, recipe)
    start = flatten(weights_of(network), biases_of(network))
    adam = _Adam(start, np.ones_like(start) if mask is None else mask, recipe.decay, network)
    total = recipe.epochs * -(-len(images) // recipe.batch)
    for done, rows in enumerate(batches(len(images), recipe)):
        _, gradient = _cross_entropy(adam.network, images[rows], labels[rows])
        adam.move(gradient, recipe.step * (total - done) / total)
    return with_parameters(network, np.round(adam.point / GRID) * GRID)


def number_correct(network: Network, images: Array, labels: Labels) -> int:
    """Count the images (count, n_0) whose largest output is their label."""
    return int((network(images).argmax(axis=1) == labels).sum())


class _Adam:
    """Adam's state; all vectors have shape (P,)."""

    def __init__(self, start: Array, mask: Array, decay: float, network: Network) -> None:
        self.network = with_parameters(network, start * mask)
        self.point, self.mask, self.decay = start * mask, mask, decay
        self.mean, self.square = np.zeros_like(start), np.zeros_like(start)
        self.mean_share = self.square_share = 1.0
        self.is_weight = _weight_part(network, ones=True)

    def move(self, gradient: Array, step: float) -> None:
        gradient = (gradient + self.decay * self.is_weight * self.point) * self.mask
        self.mean = 0.9 * self.mean + 0.1 * gradient
        self.square = 0.999 * self.square + 0.001 * np.square(gradient)
        self.mean_share, self.square_share = 0.9 * self.mean_share, 0.999 * self.square_share
        size = np.sqrt(self.square / (1.0 - self.square_share)) + 1e-8
        self.point = self.point - step * (self.mean / (1.0 - self.mean_share)) / size
        self.network = with_parameters(self.network, self.point)


def _cross_entropy(network: Network, images: Array, labels: Labels) -> tuple[float, Array]:
    before = network.preactivations(images)
    acts = network.activations
    inputs = [images, *(act.value(z) for act, z in zip(acts, before, strict=True))]
    outputs = network.layers[-1].apply(inputs[-1])
    loss, error = softmax_loss(outputs, labels)
    weights: list[Array] = []
    biases: list[Array] = []
    for number in range(network.depth, -1, -1):
        layer = network.layers[number]
        for arrays, found in zip(
            (weights, biases), parameter_gradient(layer, error, inputs[number]), strict=False
        ):
            arrays.insert(0, found)
        if number:
            error = layer.pull_back(error) * acts[number - 1].slope(before[number - 1])
    return loss, flatten(weights, biases)


def softmax_loss(outputs: Array, labels: Labels) -> tuple[float, Array]:
    """Return the mean cross-entropy and its derivative (softmax - one-hot) / count."""
    rows = np.arange(len(labels))
    shifted = outputs - outputs.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(sums[:, 0]) - shifted[rows, labels]))
    error = exponentials / sums
    error[rows, labels] -= 1.0
    return loss, error / len(labels)


def _weight_part(network: Network, ones: bool = False) -> Array:
    """Return the parameters with biases set to zero, or only where the weights are."""
    weights = weights_of(network)
    if ones:
        weights = [np.ones_like(w) for w in weights]
    return flatten(weights, [np.zeros_like(b) for b in biases_of(network)])


def batches(count: int, recipe: Recipe) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of each step: every epoch in an order of its own, from the recipe's seed."""
    rng = np.random.default_rng(recipe.seed)
    for _ in range(recipe.epochs):
        order = np.argsort(rng.random(count), kind="stable")
        for start in range(0, count, recipe.batch):
            yield order[start : start + recipe.batch]


def _check(network: Network, images: Array, labels: Labels, recipe: Recipe) -> None:
    if images.ndim != 2 or images.shape[1] != network.n_inputs or len(images) == 0:
        raise InvalidSetting(
            f"images must have shape (count, {network.n_inputs}), not {images.shape}"
        )
    if labels.shape != (len(images),) or labels.min() < 0 or labels.max() >= network.n_outputs:
        raise InvalidSetting(
            f"labels must be {len(images)} integers from 0 to {network.n_outputs - 1}"
        )
    if min(recipe.epochs, recipe.batch, recipe.step) <= 0 or recipe.decay < 0:
        raise InvalidSetting(f"epochs, batch and step must be positive: {recipe}")

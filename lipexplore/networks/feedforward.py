"""Feedforward networks of affine layers and elementwise activations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.activations import Activation, activation
from lipexplore.networks.arguments import LARGEST_WEIGHT
from lipexplore.networks.layer import Dense, Layer, content_of
from lipexplore.rounding import Array

LARGEST_DENSE = 2e9
"""Bytes that the dense arrays of a network with structured layers may take."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network h_l = sigma_l(W_l h_{l-1} + b_l), f(x) = W_{d+1} h_d + b_{d+1}.

    Weights are taken as the exact real numbers that the stored floats are; float32 is widened.

    Parameters
    ----------
    weights
        d+1 arrays, ``weights[l]`` of shape (n_{l+1}, n_l), or :class:`Layer` objects.
    biases
        d+1 arrays of shape (n_{l+1},); zero where left out. A layer brings its own: None.
    activations
        One per hidden layer: a name, an :class:`Activation`, or one of them for all layers.
    name
        Shown in tables and plots.

    Raises
    ------
    InvalidNetwork
        If shapes do not chain, a number is NaN or infinite, or an activation is unknown.

    Examples
    --------
    >>> network = Network([[[1.0, -2.0]], [[3.0]]], activations="relu")
    >>> network.widths
    (2, 1, 1)
    """

    layers: tuple[Layer, ...]
    activations: tuple[Activation, ...] = ()
    name: str = field(default="network")

    def __init__(
        self,
        weights: Sequence[ArrayLike | Layer],
        biases: Sequence[ArrayLike | None] = (),
        activations: str | Activation | Sequence[str | Activation] = "relu",
        name: str = "network",
    ) -> None:
        if len(weights) == 0:
            raise InvalidNetwork("a network needs at least one weight matrix: weight_1")
        if biases and len(biases) != len(weights):
            raise InvalidNetwork(f"{len(weights)} weights need as many biases, not {len(biases)}")
        pairs = zip(weights, biases or [None] * len(weights), strict=True)
        layers = tuple(_layer(given, bias, i) for i, (given, bias) in enumerate(pairs, 1))
        _check_chain(layers)
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "activations", _per_layer(activations, layers))
        object.__setattr__(self, "name", name)

    @cached_property
    def weights(self) -> tuple[Array, ...]:
        """The d+1 matrices as arrays (n_{l+1}, n_l), built when first asked for.

        Raises
        ------
        UnsupportedQuestion
            If the arrays of layers with structure would take more than ``LARGEST_DENSE`` bytes.
        """
        built = (layer for layer in self.layers if not isinstance(layer, Dense))
        size = sum(8.0 * layer.n_outputs * layer.n_inputs for layer in built)
        if size > LARGEST_DENSE:
            raise UnsupportedQuestion(
                f"the dense matrices of {self!r} take {size / 1e9:.1f} GB, more than "
                f"{LARGEST_DENSE / 1e9:g} GB: use norm-product, or a slice of fewer layers"
            )
        return tuple(layer.dense for layer in self.layers)

    @cached_property
    def biases(self) -> tuple[Array, ...]:
        """The d+1 biases, of shape (n_{l+1},)."""
        return tuple(layer.bias for layer in self.layers)

    @property
    def is_dense(self) -> bool:
        """Whether every layer is a plain array of weights."""
        return all(isinstance(layer, Dense) for layer in self.layers)

    @property
    def kind(self) -> str:
        """Kind of file (see :mod:`lipexplore.networks.files`)."""
        return "feedforward"

    @property
    def widths(self) -> tuple[int, ...]:
        """Layer sizes (n_0, n_1, ..., n_d, m)."""
        return (self.layers[0].n_inputs, *(layer.n_outputs for layer in self.layers))

    @property
    def n_inputs(self) -> int:
        """Number of inputs n_0."""
        return self.widths[0]

    @property
    def n_outputs(self) -> int:
        """Number of outputs m."""
        return self.widths[-1]

    @property
    def depth(self) -> int:
        """Number of hidden layers d."""
        return len(self.layers) - 1

    @property
    def density(self) -> float:
        """Share of weights that are not zero."""
        nonzeros = sum(layer.nonzeros for layer in self.layers)
        return nonzeros / sum(layer.n_outputs * layer.n_inputs for layer in self.layers)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of layers and activations, not of the name; unrolling changes it."""
        digest = hashlib.sha256()
        for act in self.activations:
            digest.update(act.content + b"\0")
        if self.is_dense:
            for array in (*self.weights, *self.biases):
                digest.update(content_of(array))
            return digest.hexdigest()
        for layer in self.layers:
            digest.update(layer.content)
        return digest.hexdigest()

    def __call__(self, x: ArrayLike) -> Array:
        """Evaluate f at one point (n_0,) or many (count, n_0)."""
        hidden = np.asarray(x, dtype=np.float64)
        for layer, act in zip(self.layers, self.activations, strict=False):
            hidden = act.value(layer.apply(hidden))
        return np.asarray(self.layers[-1].apply(hidden))

    def preactivations(self, x: ArrayLike) -> list[Array]:
        """Return W_l h_{l-1} + b_l of each hidden layer at one point or many."""
        hidden, results = np.asarray(x, dtype=np.float64), []
        for layer, act in zip(self.layers, self.activations, strict=False):
            results.append(layer.apply(hidden))
            hidden = act.value(results[-1])
        return results

    def jacobian(self, x: ArrayLike) -> Array:
        """Return df/dx, shape (m, n_0) at one point or (count, m, n_0) at many.

        At a kink of an activation its right derivative is taken.
        """
        slopes = [
            act.slope(z) for act, z in zip(self.activations, self.preactivations(x), strict=True)
        ]
        jacobians = self.jacobian_of_slopes(slopes)
        return np.broadcast_to(jacobians, (*np.shape(x)[:-1], *jacobians.shape[-2:]))

    def jacobian_of_slopes(self, slopes: Sequence[Array]) -> Array:
        """Return W_{d+1} D_d ... D_1 W_1 for slopes of shape (..., n_l), free of any input."""
        product: Array = self.layers[-1].dense
        for layer, slope in zip(self.layers[-2::-1], reversed(slopes), strict=True):
            product = layer.pull_back(product * slope[..., None, :])
        return product

    def head(self, output: int = 0, minus: int | None = None) -> Network:
        """Return the scalar network f_output, or f_output - f_minus.

        A difference rounds each last weight once; every verified bound counts that rounding.

        Raises
        ------
        InvalidSetting
            If there is no such output or both are the same.
        UnsupportedQuestion
            If a difference exceeds the largest weight that a network may have.
        """
        for index in (output, minus):
            if index is not None and not 0 <= index < self.n_outputs:
                raise InvalidSetting(
                    f"there is no output {index}: choose 0 to {self.n_outputs - 1}"
                )
        if output == minus:
            raise InvalidSetting(f"a margin needs two different outputs, not {output} twice")
        last = self.layers[-1]
        row, bias = last.row(output), last.bias[[output]]
        if minus is not None:
            row, bias = row - last.row(minus), bias - last.bias[[minus]]
            if max(np.abs(row).max(), np.abs(bias).max()) > LARGEST_WEIGHT:
                raise UnsupportedQuestion(
                    f"the margin of output {output} over output {minus} has weights or a bias "
                    f"above {LARGEST_WEIGHT:g}: halve the last layer and double the bound"
                )
        return Network((*self.layers[:-1], Dense(row, bias)), (), self.activations, self.name)

    def slice(self, first: int, last: int) -> Network:
        """Return the network of weight layers ``first`` to ``last`` (1-based, both included).

        Raises
        ------
        InvalidSetting
            If the range is empty or leaves the network.
        """
        if not 1 <= first <= last <= len(self.layers):
            raise InvalidSetting(
                f"layers {first}:{last} do not exist: choose from 1 to {len(self.layers)}"
            )
        if (first, last) == (1, len(self.layers)):
            return self
        return Network(
            self.layers[first - 1 : last],
            (),
            self.activations[first - 1 : last - 1],
            f"{self.name}[{first}:{last}]",
        )

    def prune(self, density: float) -> Network:
        """Return the network that keeps the largest share ``density`` of each weight matrix.

        Of a convolution that is its kernel.

        Raises
        ------
        InvalidSetting
            If ``density`` is not in (0, 1].
        """
        if not 0.0 < density <= 1.0:
            raise InvalidSetting(f"the density must be in (0, 1], not {density}")
        layers = [layer.prune(density) for layer in self.layers]
        return Network(layers, (), self.activations, self.name)

    def to_dense(self) -> Network:
        """Return the network of the unrolled matrices: the same function, plain arrays."""
        if self.is_dense:
            return self
        return Network(self.weights, self.biases, self.activations, self.name)

    def has_path(self) -> bool:
        """Tell whether some path of non-zero weights joins an input to an output."""
        reached = np.ones(self.n_inputs, dtype=bool)
        for layer in self.layers:
            reached = layer.reached(reached)
        return bool(reached.any())

    def __reduce__(self) -> tuple[type[Network], tuple[object, ...]]:
        return Network, (self.layers, (), self.activations, self.name)

    def __repr__(self) -> str:
        acts = sorted({act.name for act in self.activations})
        shape = "-".join(map(str, self.widths))
        return f"<Network {self.name}: {shape} {', '.join(acts)}>"


def _layer(given: ArrayLike | Layer, bias: ArrayLike | None, number: int) -> Layer:
    if not isinstance(given, Layer):
        return Dense(given, bias, number)
    if bias is not None:
        raise InvalidNetwork(f"layer {number} brings its own bias: bias_{number} must be None")
    return given


def _check_chain(layers: tuple[Layer, ...]) -> None:
    for i, (layer, following) in enumerate(pairwise(layers), 1):
        if following.n_inputs != layer.n_outputs:
            raise InvalidNetwork(
                f"weight_{i + 1} has {following.n_inputs} columns, but weight_{i} has "
                f"{layer.n_outputs} rows: they must be equal"
            )


def _per_layer(
    given: str | Activation | Sequence[str | Activation], layers: Sequence[Layer]
) -> tuple[Activation, ...]:
    count = len(layers) - 1
    many = [given] * count if isinstance(given, str | Activation) else list(given)
    if len(many) != count:
        raise InvalidNetwork(f"{count} hidden layers need as many activations, not {len(many)}")
    acts = tuple(act if isinstance(act, Activation) else activation(act) for act in many)
    for i, (act, layer) in enumerate(zip(acts, layers, strict=False), 1):
        if act.units not in (None, layer.n_outputs):
            raise InvalidNetwork(
                f"hidden layer {i} has {layer.n_outputs} units, but {act!r} is made for {act.units}"
            )
    return acts

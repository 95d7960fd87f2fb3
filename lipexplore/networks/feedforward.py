"""Fully connected networks with elementwise activations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipexplore.errors import InvalidNetwork, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.activations import Activation, activation
from lipexplore.rounding import Array

LARGEST_WEIGHT = 1e100
_SHAPES = {1: "vector", 2: "matrix"}


@dataclass(frozen=True, eq=False)
class Network:
    """A network h_l = sigma_l(W_l h_{l-1} + b_l), f(x) = W_{d+1} h_d + b_{d+1}.

    Weights are taken as the exact real numbers that the stored floats are; float32 is widened.

    Parameters
    ----------
    weights
        d+1 arrays, ``weights[l]`` of shape (n_{l+1}, n_l).
    biases
        d+1 arrays of shape (n_{l+1},); zero where left out.
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

    weights: tuple[Array, ...]
    biases: tuple[Array, ...] = ()
    activations: tuple[Activation, ...] = ()
    name: str = field(default="network")

    def __init__(
        self,
        weights: Sequence[ArrayLike],
        biases: Sequence[ArrayLike | None] = (),
        activations: str | Activation | Sequence[str | Activation] = "relu",
        name: str = "network",
    ) -> None:
        if len(weights) == 0:
            raise InvalidNetwork("a network needs at least one weight matrix: weight_1")
        matrices = tuple(_finite(w, f"weight_{i}", 2) for i, w in enumerate(weights, 1))
        if biases and len(biases) != len(weights):
            raise InvalidNetwork(f"{len(weights)} weights need as many biases, not {len(biases)}")
        offsets = tuple(
            _finite(np.zeros(len(w)) if b is None else b, f"bias_{i}", 1)
            for i, (w, b) in enumerate(
                zip(matrices, biases or [None] * len(weights), strict=True), 1
            )
        )
        _check_shapes(matrices, offsets)
        object.__setattr__(self, "weights", matrices)
        object.__setattr__(self, "biases", offsets)
        object.__setattr__(self, "activations", _per_layer(activations, len(weights) - 1))
        object.__setattr__(self, "name", name)

    @property
    def widths(self) -> tuple[int, ...]:
        """Layer sizes (n_0, n_1, ..., n_d, m)."""
        return (self.weights[0].shape[1], *(len(w) for w in self.weights))

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
        return len(self.weights) - 1

    @property
    def density(self) -> float:
        """Share of weights that are not zero."""
        nonzeros = sum(np.count_nonzero(w) for w in self.weights)
        return nonzeros / sum(w.size for w in self.weights)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of weights, biases and activations (not of the name)."""
        digest = hashlib.sha256()
        for act in self.activations:
            digest.update(act.name.encode() + b"\0")
        for array in (*self.weights, *self.biases):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array + 0.0, dtype="<f8").tobytes())
        return digest.hexdigest()

    def __call__(self, x: ArrayLike) -> Array:
        """Evaluate f at one point (n_0,) or many (count, n_0)."""
        hidden = np.asarray(x, dtype=np.float64)
        for weight, bias, act in zip(self.weights, self.biases, self.activations, strict=False):
            hidden = act.value(hidden @ weight.T + bias)
        return np.asarray(hidden @ self.weights[-1].T + self.biases[-1])

    def preactivations(self, x: ArrayLike) -> list[Array]:
        """Return W_l h_{l-1} + b_l of each hidden layer at one point or many."""
        hidden, results = np.asarray(x, dtype=np.float64), []
        for weight, bias, act in zip(self.weights, self.biases, self.activations, strict=False):
            results.append(hidden @ weight.T + bias)
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
        product: Array = self.weights[-1]
        for weight, slope in zip(self.weights[-2::-1], reversed(slopes), strict=True):
            product = (product * slope[..., None, :]) @ weight
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
        row, bias = self.weights[-1][[output]], self.biases[-1][[output]]
        if minus is not None:
            row, bias = row - self.weights[-1][[minus]], bias - self.biases[-1][[minus]]
            if max(np.abs(row).max(), np.abs(bias).max()) > LARGEST_WEIGHT:
                raise UnsupportedQuestion(
                    f"the margin of output {output} over output {minus} has weights or a bias "
                    f"above {LARGEST_WEIGHT:g}: halve the last layer and double the bound"
                )
        return Network(
            (*self.weights[:-1], row), (*self.biases[:-1], bias), self.activations, self.name
        )

    def slice(self, first: int, last: int) -> Network:
        """Return the network of weight layers ``first`` to ``last`` (1-based, both included).

        Raises
        ------
        InvalidSetting
            If the range is empty or leaves the network.
        """
        if not 1 <= first <= last <= len(self.weights):
            raise InvalidSetting(
                f"layers {first}:{last} do not exist: choose from 1 to {len(self.weights)}"
            )
        if (first, last) == (1, len(self.weights)):
            return self
        return Network(
            self.weights[first - 1 : last],
            self.biases[first - 1 : last],
            self.activations[first - 1 : last - 1],
            f"{self.name}[{first}:{last}]",
        )

    def prune(self, density: float) -> Network:
        """Return the network that keeps the largest share ``density`` of each weight matrix.

        Raises
        ------
        InvalidSetting
            If ``density`` is not in (0, 1].
        """
        if not 0.0 < density <= 1.0:
            raise InvalidSetting(f"the density must be in (0, 1], not {density}")
        return Network(
            [_largest(w, density) for w in self.weights], self.biases, self.activations, self.name
        )

    def has_path(self) -> bool:
        """Tell whether some path of non-zero weights joins an input to an output."""
        reached = np.ones(self.n_inputs, dtype=bool)
        for weight in self.weights:
            reached = (weight != 0.0) @ reached
        return bool(reached.any())

    def __reduce__(self) -> tuple[type[Network], tuple[object, ...]]:
        return Network, (self.weights, self.biases, self.activations, self.name)

    def __repr__(self) -> str:
        acts = sorted({act.name for act in self.activations})
        shape = "-".join(map(str, self.widths))
        return f"<Network {self.name}: {shape} {', '.join(acts)}>"


def _finite(values: ArrayLike, name: str, ndim: int) -> Array:
    try:
        given = np.asarray(values)
        array = given.astype(np.float64, casting="same_kind")
    except (TypeError, ValueError):
        raise InvalidNetwork(f"{name} must be an array of numbers") from None
    if array.ndim != ndim or array.size == 0:
        raise InvalidNetwork(f"{name} must be a {_SHAPES[ndim]}, but its shape is {array.shape}")
    if not np.isfinite(array).all():
        raise InvalidNetwork(f"{name} holds NaN or infinite numbers: store finite ones")
    if np.abs(array).max() > LARGEST_WEIGHT:
        raise InvalidNetwork(f"{name} holds numbers above {LARGEST_WEIGHT:g}: rescale the network")
    if _is_rounded(given, array):
        raise InvalidNetwork(f"{name} holds numbers that float64 rounds: round them before")
    array.setflags(write=False)
    return array


def _is_rounded(given: NDArray[np.generic], array: Array) -> bool:
    """Tell whether float64 changed a number: large integers and long doubles."""
    if given.dtype.kind in "iu":
        return bool(np.abs(array).max() >= 2.0**53)
    return given.dtype.itemsize > 8 and bool((array.astype(given.dtype) != given).any())


def _check_shapes(weights: tuple[Array, ...], biases: tuple[Array, ...]) -> None:
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
        if bias.shape != (len(weight),):
            raise InvalidNetwork(
                f"bias_{i} has {bias.size} numbers, but weight_{i} has {len(weight)} rows"
            )
        if i < len(weights) and weights[i].shape[1] != len(weight):
            raise InvalidNetwork(
                f"weight_{i + 1} has {weights[i].shape[1]} columns, but weight_{i} has "
                f"{len(weight)} rows: they must be equal"
            )


def _per_layer(
    given: str | Activation | Sequence[str | Activation], count: int
) -> tuple[Activation, ...]:
    many = [given] * count if isinstance(given, str | Activation) else list(given)
    if len(many) != count:
        raise InvalidNetwork(f"{count} hidden layers need as many activations, not {len(many)}")
    return tuple(act if isinstance(act, Activation) else activation(act) for act in many)


def _largest(weight: Array, density: float) -> Array:
    keep = max(1, round(density * weight.size))
    kept = np.zeros(weight.size)
    order = np.argsort(-np.abs(weight).ravel(), kind="stable")[:keep]
    kept[order] = weight.ravel()[order]
    return kept.reshape(weight.shape)

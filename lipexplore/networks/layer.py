"""Affine layers, and the dense one.

Vectors are images (channels, height, width) flattened in C order, so that flattening is no layer.
Two affine layers that follow each other are joined by the activation ``identity``, whose slope is
fixed at 1; multiplying their matrices instead would round.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.arguments import Shape, finite_array
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Settings = dict[str, NDArray[np.generic]]


class Layer(ABC):
    """An affine map x -> W x + b whose matrix W may have structure.

    W is exactly the real matrix of the floats in ``matrix``: bounds hold for that map.
    """

    kind: ClassVar[str]
    input_shape: Shape
    """(channels, height, width), or (n_inputs,)."""
    output_shape: Shape

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return math.prod(self.output_shape)

    @property
    @abstractmethod
    def matrix(self) -> csr_array:
        """W, shape (n_outputs, n_inputs)."""

    @property
    @abstractmethod
    def bias(self) -> Array:
        """b, shape (n_outputs,)."""

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """Arguments that make this layer again, as arrays: what files and hashes hold."""

    @property
    def content(self) -> bytes:
        """What tells this layer from others."""
        parts = (f"{name}\0".encode() + content_of(a) for name, a in self.settings.items())
        return b"".join([f"{self.kind}\0".encode(), *parts])

    @cached_property
    def dense(self) -> Array:
        """W as an array (n_outputs, n_inputs)."""
        array = np.asarray(self.matrix.toarray(), dtype=np.float64)
        array.setflags(write=False)
        return array

    @property
    def nonzeros(self) -> int:
        """Number of entries of W that are not zero."""
        return int(self.matrix.nnz)

    def prune(self, density: float) -> Layer:
        """Return the layer that keeps the largest share ``density`` of its own weights."""
        del density
        return self

    def apply(self, x: Array) -> Array:
        """Return W x + b for x of shape (..., n_inputs)."""
        columns = x.reshape(-1, x.shape[-1]).T
        images: Array = (self.matrix @ columns).T + self.bias
        return images.reshape(*x.shape[:-1], self.n_outputs)

    def pull_back(self, rows: Array) -> Array:
        """Return y W for y of shape (..., n_outputs)."""
        columns = rows.reshape(-1, rows.shape[-1]).T
        images: Array = (self.matrix.T @ columns).T
        return images.reshape(*rows.shape[:-1], self.n_inputs)

    def reached(self, inputs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which outputs have a weight that is not zero from one of the ``inputs``."""
        return np.asarray((self.matrix != 0.0) @ inputs)

    def row(self, output: int) -> Array:
        """Return one row of W, shape (1, n_inputs)."""
        return np.asarray(self.matrix[[output]].toarray(), dtype=np.float64)

    def __reduce__(self) -> tuple[object, ...]:
        return _make, (type(self), self.settings)

    def __repr__(self) -> str:
        shapes = " to ".join("x".join(map(str, s)) for s in (self.input_shape, self.output_shape))
        return f"<{type(self).__name__} {shapes}>"


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Dense(Layer):
    """A layer of its own weights.

    Parameters
    ----------
    weight, bias
        Arrays (n_out, n_in) and (n_out,); the bias is zero where left out.
    number
        Place in a network, for messages.

    Raises
    ------
    InvalidNetwork
        If shapes do not fit or a number is NaN, infinite or above ``LARGEST_WEIGHT``.
    """

    kind: ClassVar[str] = "dense"
    weight: Array
    offset: Array

    def __init__(
        self, weight: ArrayLike, bias: ArrayLike | None = None, number: int | None = None
    ) -> None:
        end = "" if number is None else f"_{number}"
        matrix = finite_array(weight, f"weight{end}", 2)
        offset = finite_array(np.zeros(len(matrix)) if bias is None else bias, f"bias{end}", 1)
        if offset.shape != (len(matrix),):
            raise InvalidNetwork(
                f"bias{end} has {offset.size} numbers, but weight{end} has {len(matrix)} rows"
            )
        object.__setattr__(self, "weight", matrix)
        object.__setattr__(self, "offset", offset)

    @property
    def input_shape(self) -> Shape:  # type: ignore[override]
        """Shape (n_inputs,)."""
        return (self.weight.shape[1],)

    @property
    def output_shape(self) -> Shape:  # type: ignore[override]
        """Shape (n_outputs,)."""
        return (len(self.weight),)

    @cached_property
    def matrix(self) -> csr_array:
        """W without its zeros."""
        from scipy.sparse import csr_array

        return csr_array(self.weight)

    @property
    def dense(self) -> Array:
        """The weights."""
        return self.weight

    @property
    def bias(self) -> Array:
        """The bias."""
        return self.offset

    @property
    def settings(self) -> Settings:
        """Weight and bias."""
        return {"weight": self.weight, "bias": self.offset}

    @property
    def nonzeros(self) -> int:
        """Number of weights that are not zero."""
        return int(np.count_nonzero(self.weight))

    def prune(self, density: float) -> Dense:
        """Return the layer that keeps the largest share ``density`` of its weights."""
        return Dense(largest_part(self.weight, density), self.offset)

    def apply(self, x: Array) -> Array:
        """Return W x + b."""
        return x @ self.weight.T + self.offset

    def pull_back(self, rows: Array) -> Array:
        """Return y W."""
        return rows @ self.weight

    def reached(self, inputs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which outputs have a weight that is not zero from one of the ``inputs``."""
        return np.asarray((self.weight != 0.0) @ inputs)

    def row(self, output: int) -> Array:
        """Return one row of W, shape (1, n_inputs)."""
        return self.weight[[output]]


def content_of(array: NDArray[Any]) -> bytes:
    """Return shape and entries of numbers or text, the same on every machine."""
    if array.dtype.kind == "U":
        return f"{array}\0".encode()
    numbers = np.ascontiguousarray(array + 0.0, dtype="<f8")
    return str(array.shape).encode() + numbers.tobytes()


def largest_part(weight: Array, density: float) -> Array:
    """Return the array with all but the largest share ``density`` of its entries set to zero."""
    keep = max(1, round(density * weight.size))
    kept = np.zeros(weight.size)
    order = np.argsort(-np.abs(weight).ravel(), kind="stable")[:keep]
    kept[order] = weight.ravel()[order]
    return kept.reshape(weight.shape)


def _make(layer: type[Layer], settings: Settings) -> Layer:
    return layer(**settings)

"""Diagonal layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.arguments import Shape, finite_array, integers, limited
from lipexplore.networks.layer import Layer, Settings
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Scaling(Layer):
    """A diagonal layer x -> factor x + shift, for instance the normalisation of an input.

    Parameters
    ----------
    factor, shift
        One number, one per channel, or one per input.
    input_shape
        (channels, height, width) or (n,).

    Raises
    ------
    InvalidNetwork
        If factor or shift fit neither the channels nor the inputs.
    """

    kind: ClassVar[str] = "scaling"
    factor: Array
    shift: Array
    input_shape: Shape

    def __init__(
        self, factor: ArrayLike, shift: ArrayLike, input_shape: int | Sequence[int]
    ) -> None:
        shape = limited(integers(input_shape, "input_shape", 1))
        if len(shape) not in (1, 3):
            raise InvalidNetwork("input_shape must be (channels, height, width) or (n,)")
        object.__setattr__(self, "factor", _spread(factor, "factor", shape))
        object.__setattr__(self, "shift", _spread(shift, "shift", shape))
        object.__setattr__(self, "input_shape", shape)

    @property
    def output_shape(self) -> Shape:  # type: ignore[override]
        """That of the input."""
        return self.input_shape

    @cached_property
    def matrix(self) -> csr_array:
        """The diagonal matrix."""
        from scipy.sparse import csr_array

        places = np.flatnonzero(self.factor)
        shape = (self.n_outputs, self.n_inputs)
        return csr_array((self.factor[places], (places, places)), shape=shape)

    @property
    def bias(self) -> Array:
        """The shift, shape (n_outputs,)."""
        return self.shift

    @property
    def settings(self) -> Settings:
        """Factor, shift and shape."""
        return {
            "factor": self.factor,
            "shift": self.shift,
            "input_shape": np.array(self.input_shape),
        }


def _spread(values: ArrayLike, name: str, shape: Shape) -> Array:
    """Return one number per input, of one for all, one per channel or one each."""
    array = finite_array(np.ravel(np.asarray(values)), name, 1)
    count = math.prod(shape)
    if array.size not in (1, shape[0], count):
        raise InvalidNetwork(
            f"{name} has {array.size} numbers, but the input has {shape[0]} channels and {count} "
            "numbers"
        )
    spread = np.repeat(array, count // array.size)
    spread.setflags(write=False)
    return spread

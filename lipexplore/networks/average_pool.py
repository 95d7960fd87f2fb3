"""Average pools as affine layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.arguments import Padding, Pair, image_shape, padding_of, pair
from lipexplore.networks.convolution import Windowed, per_pixel
from lipexplore.networks.layer import Settings
from lipexplore.networks.unrolling import axis_of, merged_kernel
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False, init=False, repr=False)
class AveragePool(Windowed):
    """The mean over windows of each channel: entries are the float nearest to 1 / (kh kw).

    Parameters
    ----------
    input_shape
        (channels, height, width).
    window
        kh and kw: one number, or one per axis.
    stride
        One number or one per axis; the window where left out.
    padding
        As of a convolution, with zeros.
    count_padding
        Whether padded pixels count in the mean; otherwise entries are 1 / (number of real ones).

    Raises
    ------
    InvalidNetwork
        If the windows do not fit the image.
    """

    kind: ClassVar[str] = "average_pool"
    window: Pair
    stride: Pair
    padding: Padding
    count_padding: bool

    def __init__(
        self,
        input_shape: Sequence[int],
        window: int | ArrayLike,
        stride: int | ArrayLike | None = None,
        padding: int | ArrayLike = 0,
        count_padding: bool = True,
    ) -> None:
        shape, size = image_shape(input_shape), pair(window, "window", 1)
        steps = size if stride is None else pair(stride, "stride", 1)
        sides, counted = padding_of(padding), np.asarray(count_padding)
        if counted.dtype.kind != "b" or counted.size != 1:
            raise InvalidNetwork("count_padding must be true or false")
        if any(max(ends) >= taps for ends, taps in zip(sides, size, strict=True)):
            raise InvalidNetwork(f"the padding must be below the window {size}")
        for name, value in {
            "window": size,
            "stride": steps,
            "padding": sides,
            "count_padding": bool(counted),
        }.items():
            object.__setattr__(self, name, value)
        sizes = zip(shape[1:], size, steps, sides, strict=True)
        rows, columns = (axis_of(*numbers, 1, "zeros") for numbers in sizes)
        self.place(shape, (rows, columns), shape[0])

    @cached_property
    def matrix(self) -> csr_array:
        """W, shape (c H' W', c H W)."""
        kernel = np.full((self.input_shape[0], 1, *self.window), 1.0 / np.prod(self.window))
        matrix = self.unrolled(merged_kernel(kernel, *self.axes), self.input_shape[0])
        if not self.count_padding:
            counts = np.diff(matrix.indptr)
            matrix.data = np.repeat(1.0 / counts, counts)
        return matrix

    @cached_property
    def bias(self) -> Array:
        """Zero."""
        return per_pixel(np.zeros(self.output_shape[0]), self.output_shape)

    @property
    def settings(self) -> Settings:
        """Arguments as arrays."""
        return {
            "input_shape": np.array(self.input_shape),
            "window": np.array(self.window),
            "stride": np.array(self.stride),
            "padding": np.array(self.padding),
            "count_padding": np.array(self.count_padding),
        }

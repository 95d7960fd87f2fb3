"""Convolutions as affine layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipexplore.errors import InvalidNetwork, UnsupportedQuestion
from lipexplore.networks.arguments import (
    LARGEST_WEIGHT,
    Padding,
    Pair,
    Shape,
    finite_array,
    image_shape,
    limited,
    padding_of,
    pair,
    sized,
)
from lipexplore.networks.layer import Layer, Settings, largest_part
from lipexplore.networks.unrolling import (
    PADDING_MODES,
    Axis,
    axis_of,
    count_entries,
    merged_kernel,
    unrolled,
    windows,
)
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

LARGEST_MATRIX = 4e9
"""Bytes that an unrolled matrix may take."""

LARGEST_WORK = 2**26
"""Most numbers that windows over an image may hold; above it the sparse matrix is smaller."""


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Windowed(Layer):
    """A layer that slides a window over an image."""

    input_shape: Shape
    output_shape: Shape
    axes: tuple[Axis, Axis]
    """Rows and columns: which pixels each output reads."""

    def place(self, input_shape: Shape, axes: tuple[Axis, Axis], channels: int) -> None:
        """Set the shapes."""
        sizes = (axis.n_outputs for axis in axes)
        object.__setattr__(self, "input_shape", input_shape)
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "output_shape", limited((channels, *sizes)))

    def unrolled(self, table: Array, groups: int) -> csr_array:
        """Return the matrix, unless it is too large."""
        entries = count_entries(table.shape, *self.axes)
        if 12 * entries > LARGEST_MATRIX:
            raise UnsupportedQuestion(
                f"the matrix of {self!r} has {entries:,} entries ({12e-9 * entries:.1f} GB): use a "
                "smaller image or norm-product in the norm l1, l2 or linf"
            )
        return unrolled(table, groups, *self.axes)


@dataclass(frozen=True, eq=False, init=False, repr=False)
class Convolution(Windowed):
    """y[o, i, j] = b[o] + sum_{c, a, e} K[o, c, a, e] x~[c, s i + d a - p, s j + d e - p].

    This is the cross-correlation of the common frameworks; x~ is the padded input. The layer's
    matrix holds the kernel's entries. Only where a padding mode other than zeros lets several taps
    read one pixel does it hold their float sum (see :func:`unrolling.merged_kernel`); the layer is
    that matrix.

    Parameters
    ----------
    kernel
        K, shape (c_out, c_in / groups, kh, kw).
    bias
        b, shape (c_out,); zero where left out.
    input_shape
        (c_in, height, width).
    stride, dilation
        One number, or one per axis.
    padding
        One number, one per axis, or ((top, bottom), (left, right)).
    groups
        Group g of the outputs reads group g of the inputs.
    padding_mode
        zeros, circular, replicate, or reflect (without repeating the edge).

    Raises
    ------
    InvalidNetwork
        If the shapes do not fit.

    References
    ----------
    Bose, *Lipschitz Bound Analysis of Neural Networks*, 2022 (arXiv 2207.07232).
    """

    kind: ClassVar[str] = "convolution"
    kernel: Array
    channel_bias: Array
    stride: Pair
    padding: Padding
    dilation: Pair
    groups: int
    padding_mode: str

    def __init__(
        self,
        kernel: ArrayLike,
        bias: ArrayLike | None,
        input_shape: Sequence[int],
        stride: int | ArrayLike = 1,
        padding: int | ArrayLike = 0,
        dilation: int | ArrayLike = 1,
        groups: int = 1,
        padding_mode: str = "zeros",
    ) -> None:
        kernel = finite_array(kernel, "kernel", 4)
        shape = image_shape(input_shape)
        (count,) = sized(groups, "groups", 1, (1,))
        mode = str(padding_mode)
        _check(kernel, shape, count, mode)
        offset = finite_array(np.zeros(len(kernel)) if bias is None else bias, "bias", 1)
        if len(offset) != len(kernel):
            raise InvalidNetwork(f"bias has {len(offset)} numbers, but the kernel {len(kernel)}")
        steps, spread = pair(stride, "stride", 1), pair(dilation, "dilation", 1)
        sides = padding_of(padding)
        for name, value in {
            "kernel": kernel,
            "channel_bias": offset,
            "stride": steps,
            "padding": sides,
            "dilation": spread,
            "groups": count,
            "padding_mode": mode,
        }.items():
            object.__setattr__(self, name, value)
        sizes = zip(shape[1:], kernel.shape[2:], steps, sides, spread, strict=True)
        rows, columns = (axis_of(*size, mode) for size in sizes)
        self.place(shape, (rows, columns), len(kernel))

    @cached_property
    def table(self) -> Array:
        """Weights of the pairs of tap sets, see :func:`unrolling.merged_kernel`."""
        return merged_kernel(self.kernel, *self.axes)

    @cached_property
    def matrix(self) -> csr_array:
        """W, shape (c_out H' W', c_in H W)."""
        return self.unrolled(self.table, self.groups)

    @cached_property
    def bias(self) -> Array:
        """The channels' bias, repeated for every pixel."""
        return per_pixel(self.channel_bias, self.output_shape)

    @property
    def settings(self) -> Settings:
        """Arguments as arrays."""
        return {
            "kernel": self.kernel,
            "bias": self.channel_bias,
            "input_shape": np.array(self.input_shape),
            "stride": np.array(self.stride),
            "padding": np.array(self.padding),
            "dilation": np.array(self.dilation),
            "groups": np.array(self.groups),
            "padding_mode": np.array(self.padding_mode),
        }

    def reached(self, inputs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which outputs have a weight that is not zero from one of the ``inputs``."""
        groups, rows, columns = self.groups, *self.axes
        largest = max(len(axis.members) * axis.n_outputs * axis.size for axis in self.axes)
        if max(largest, rows.reads.size * columns.reads.size * self.input_shape[0]) > LARGEST_WORK:
            return super().reached(inputs)
        images = inputs.astype(np.float64).reshape(groups, -1, rows.size, columns.size)
        read = windows(images, rows.through_sets, columns.through_sets)
        weights = (self.table != 0.0).astype(np.float64)
        weights = weights.reshape(groups, len(weights) // groups, *self.table.shape[1:])
        counts = np.einsum("gocab,gcaibj->goij", weights, read, optimize=True)
        return np.asarray(counts.ravel() > 0.0)

    def prune(self, density: float) -> Convolution:
        """Return the convolution that keeps the largest share ``density`` of its kernel."""
        return self.with_kernel(largest_part(self.kernel, density), self.channel_bias)

    def with_kernel(self, kernel: ArrayLike, bias: ArrayLike | None) -> Convolution:
        """Return the same convolution with another kernel and bias (c_out,)."""
        return Convolution(
            kernel,
            bias,
            self.input_shape,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.padding_mode,
        )


def per_pixel(channels: Array, output_shape: Shape) -> Array:
    """Return one number per channel, repeated for every pixel."""
    bias = np.repeat(channels, output_shape[1] * output_shape[2])
    bias.setflags(write=False)
    return bias


def _check(kernel: Array, shape: Shape, groups: int, mode: str) -> None:
    if mode not in PADDING_MODES:
        options = ", ".join(PADDING_MODES)
        raise InvalidNetwork(f"padding_mode must be one of {options}, not {mode!r}")
    if len(kernel) % groups or shape[0] != groups * kernel.shape[1]:
        raise InvalidNetwork(
            f"a kernel of shape {kernel.shape} in {groups} groups does not fit an input of "
            f"{shape[0]} channels"
        )
    taps = kernel.shape[2] * kernel.shape[3]
    if mode != "zeros" and np.abs(kernel).max() * taps > LARGEST_WEIGHT:
        raise InvalidNetwork(f"taps may sum to more than {LARGEST_WEIGHT:g}: rescale the network")

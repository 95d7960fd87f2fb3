"""What padding, stride and dilation make of a convolution on an image of a given size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.networks.arguments import Pair
from lipexplore.networks.convolution import Convolution


@dataclass(frozen=True)
class Axis:
    """One axis of a convolution: n inputs, k taps, and padding before and after."""

    inputs: int
    taps: int
    stride: int
    padding: Pair
    dilation: int
    mode: str

    @property
    def span(self) -> int:
        """Distance d (k - 1) from the first tap to the last."""
        return self.dilation * (self.taps - 1)

    @property
    def padded(self) -> int:
        """Number of pixels with the padding."""
        return self.inputs + sum(self.padding)

    def outputs(self, stride: int) -> int:
        """Return the number of outputs with another stride."""
        return (self.padded - self.span - 1) // stride + 1

    def copies(self) -> int:
        """Return how often the padding repeats a row or an input at most, at any stride.

        Circular: rows of the n x n circulant. Otherwise every padded pixel is one input, so the
        squared norm of the padding is the largest number of pixels that are the same input.
        """
        if self.mode == "zeros":
            return 1
        if self.mode == "circular":
            return -(-self.outputs(1) // self.inputs)
        pixels, last = np.arange(self.padded) - self.padding[0], self.inputs - 1
        inside = np.clip(pixels, 0, last)
        source = inside if self.mode == "replicate" else last - np.abs(last - np.abs(pixels))
        return int(np.bincount(source).max())

    def torus(self) -> int:
        """Return N such that the axis with stride 1 is part of a circulant of order N.

        Zero padding wraps around on n + p; what lies beyond d (k - 1) gives outputs that are 0.
        """
        if self.mode == "zeros":
            return self.inputs + min(max(self.padding), self.span)
        return self.inputs if self.mode == "circular" else self.padded

    def phase_torus(self) -> int | None:
        """Return the same for the phases of the stride; None on circles it does not divide."""
        if self.mode == "circular":
            return None if self.inputs % self.stride else self.inputs // self.stride
        return -(-self.padded // self.stride)


def axes_of(layer: Convolution) -> tuple[Axis, Axis]:
    """Return both axes of a layer."""
    first, second = (
        Axis(*numbers, layer.padding_mode)
        for numbers in zip(
            layer.input_shape[1:],
            layer.kernel.shape[2:],
            layer.stride,
            layer.padding,
            layer.dilation,
            strict=True,
        )
    )
    return first, second

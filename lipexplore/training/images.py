"""Other sizes of square grey images, by two small matrices: R X R^T."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import digits
from lipexplore.rounding import Array


def digits_for(network: Network, split: str = "test") -> tuple[Array, NDArray[np.int64]]:
    """Return the digits at the size that the network reads: images (count, n_0), labels (count,).

    The 8 x 8 images stay as they are, are pooled (n_0 = 16 or 4) or enlarged (n_0 = 784, say).

    Raises
    ------
    InvalidSetting
        If n_0 is no square, or pooling to that size is not possible.
    """
    images, labels = digits(split)
    size = math.isqrt(network.n_inputs)
    if size * size != network.n_inputs:
        raise InvalidSetting(f"{network.n_inputs} inputs are no square image")
    return (pool if size < 8 else enlarge)(images, size), labels


def pool(images: Array, size: int) -> Array:
    """Average square blocks of pixels: (count, side^2) to (count, size^2), ``size`` divides side.

    Each pixel is the mean of (side / size)^2 pixels, so the range [0, 1] is kept.
    """
    side = _side(images)
    if size < 1 or side % size:
        raise InvalidSetting(
            f"images of {side} x {side} pixels cannot be pooled to {size} x {size}"
        )
    matrix = np.repeat(np.eye(size), side // size, axis=1) * (size / side)
    return _resized(images, matrix)


def enlarge(images: Array, size: int) -> Array:
    """Enlarge by bilinear interpolation: (count, side^2) to (count, size^2).

    New pixel i has its centre at (i + 1/2) side / size - 1/2 in old pixels; it is interpolated
    linearly between the two old centres around it, and constant outside the outermost ones. Rows of
    the matrix are non-negative and sum to 1, so the range [0, 1] is kept.
    """
    side = _side(images)
    if size < side:
        raise InvalidSetting(f"images of {side} x {side} pixels cannot be enlarged to size {size}")
    return _resized(images, interpolation_matrix(side, size))


def interpolation_matrix(side: int, size: int) -> Array:
    """Return the matrix (size, side) of linear interpolation between pixel centres.

    Examples
    --------
    >>> interpolation_matrix(2, 4)
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]])
    """
    centres = np.clip((np.arange(size) + 0.5) * side / size - 0.5, 0.0, side - 1.0)
    return np.maximum(0.0, 1.0 - np.abs(centres[:, None] - np.arange(side)))


def _resized(images: Array, matrix: Array) -> Array:
    side = matrix.shape[1]
    squares = images.reshape(len(images), side, side)
    return np.asarray(matrix @ squares @ matrix.T).reshape(len(images), -1)


def _side(images: Array) -> int:
    pixels = images.shape[-1]
    side = math.isqrt(pixels)
    if images.ndim != 2 or side * side != pixels or side == 0:
        raise InvalidSetting(f"images must have shape (count, side^2), not {images.shape}")
    return side

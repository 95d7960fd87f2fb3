"""Arguments of networks and layers, checked with one message each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.rounding import Array

LARGEST_WEIGHT = 1e100
_SHAPES = {1: "vector", 2: "matrix", 4: "kernel of four axes"}

LARGEST_SIZE = 2**26
"""Most numbers that a layer may take or give."""

Shape = tuple[int, ...]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]


def finite_array(values: ArrayLike, name: str, ndim: int) -> Array:
    """Return a read-only float64 copy of finite numbers that float64 does not round.

    Raises
    ------
    InvalidNetwork
        If that is not possible; the message names the array.
    """
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


def integers(
    values: int | ArrayLike, name: str, least: int, axes: tuple[int, ...] = (0, 1)
) -> Shape:
    """Return whole numbers of at least ``least`` as a tuple, from an array of so many ``axes``.

    Raises
    ------
    InvalidNetwork
        If they are something else; the message names them.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):
        array = np.empty(0)
    whole = array.dtype.kind in "iu" and array.size > 0 and array.ndim in axes
    if not whole or array.min() < least or array.max() >= 2**31:
        raise InvalidNetwork(f"{name} must hold whole numbers from {least}")
    return tuple(int(value) for value in array.ravel())


def image_shape(values: ArrayLike) -> tuple[int, int, int]:
    """Return (channels, height, width)."""
    channels, height, width = limited(sized(values, "input_shape", 1, (3,)))
    return channels, height, width


def limited(shape: Shape) -> Shape:
    """Return the shape unless it holds more than ``LARGEST_SIZE`` numbers."""
    if math.prod(shape) > LARGEST_SIZE:
        raise InvalidNetwork(f"a layer of shape {shape} is above {LARGEST_SIZE:,} numbers")
    return shape


def pair(values: int | ArrayLike, name: str, least: int) -> Pair:
    """Return one whole number per axis, of one for both or one each."""
    numbers = sized(values, name, least, (1, 2))
    return numbers[0], numbers[-1]


def padding_of(values: int | ArrayLike) -> Padding:
    """Return ((top, bottom), (left, right)) of one number, one per axis, or all four."""
    sides = integers(values, "padding", 0, (0, 1, 2))
    if len(sides) == 4 and np.shape(values) == (2, 2):
        return (sides[0], sides[1]), (sides[2], sides[3])
    height, width = pair(values, "padding", 0)
    return (height, height), (width, width)


def sized(values: int | ArrayLike, name: str, least: int, counts: tuple[int, ...]) -> Shape:
    """Return so many whole numbers of at least ``least``."""
    numbers = integers(values, name, least)
    if len(numbers) not in counts:
        raise InvalidNetwork(f"{name} must hold {' or '.join(map(str, counts))} whole numbers")
    return numbers

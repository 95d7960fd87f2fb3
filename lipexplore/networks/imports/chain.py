"""The layers of a model while it is read: what both frameworks' operators are turned into."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.activations import activation
from lipexplore.networks.layers import AveragePool, Convolution, Dense, Layer
from lipexplore.rounding import Array

LARGEST_VALUES = 2**24
"""Most numbers between two layers."""

T = TypeVar("T")

LARGEST_WORK = 2**28
"""Most products of one convolution, per output channel, and most numbers of its spread kernel."""

LARGEST_POOL = 2**20
"""Most outputs of one average pool."""

Sides = Sequence[tuple[int, int]]
"""Padding before and after, per axis of an image."""


@dataclass(frozen=True)
class Scale:
    """x -> factor x + shift with one number per value.

    ``shape`` is (channels, height, width) or (n,); ``folds`` says whether it may be folded into a
    neighbour: the normalisation of the input stays a layer.
    """

    factor: Array
    shift: Array
    shape: tuple[int, ...]
    folds: bool


@dataclass(frozen=True)
class _Pad:
    """Padding that the next layer takes over, and the shape before it."""

    sides: list[tuple[int, ...]]
    mode: str
    shape: tuple[int, ...]


Item = Layer | Scale | str
"""A layer, a scaling, or the name of an activation."""


class Chain:
    """Layers one after the other.

    Parameters
    ----------
    shape
        Of one input with its batch axis, for instance (1, 3, 32, 32). ``Chain.shape`` is that of
        the values after the last layer; in C order they are the network's vector.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = _checked(shape)
        self.inputs = math.prod(self.shape)
        self.items: list[Item] = []
        self.notes: list[str] = []
        self.tail: str | None = None
        self._pad: _Pad | None = None

    def pad(self, padding: Sides, mode: str) -> None:
        """Pad an image: this becomes part of the convolution or pool that must follow."""
        if not any(map(any, padding)):
            return
        axes = self._axes(len(padding))
        if self._pad is not None or min(map(min, padding)) < 0:
            raise InvalidNetwork("a pad of positive size must stand alone before a convolution")
        self._pad = _Pad([tuple(side) for side in padding], mode, self.shape)
        sizes = (size + sum(side) for size, side in zip(axes, padding, strict=True))
        self.shape = _checked((*self.shape[:2], *sizes))

    def linear(self, weight: Array, bias: Array | None, *, column: bool = False) -> None:
        """Add y = W x + b for W of shape (m, n) and x of shape (1, .., n), or (1, .., n, 1)."""
        if weight.ndim != 2 or math.prod(self.shape) != weight.shape[1]:
            raise InvalidNetwork(
                f"a matrix of shape {weight.shape} cannot be applied to one input of shape "
                f"{self.shape}"
            )
        rest = (*self.shape[:-2], len(weight), 1) if column else (*self.shape[:-1], len(weight))
        self._append(Dense(weight, bias), rest)

    def convolve(
        self,
        kernel: Array,
        bias: Array | None,
        stride: Sequence[int],
        padding: Sides,
        dilation: Sequence[int],
        groups: int = 1,
        padding_mode: str = "zeros",
    ) -> None:
        """Add a convolution of images (1, c, H, W) or of signals (1, c, W)."""
        axes = self._axes(kernel.ndim - 2)
        window = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel.shape[2:], strict=True))
        sizes = _sizes(axes, window, stride, padding)
        work = kernel.shape[1] * math.prod(window) * max(math.prod(sizes), len(kernel))
        if work > LARGEST_WORK:
            raise InvalidNetwork(f"it takes {work:,} products per channel, which is too many")
        padding, padding_mode = self._with_pad(padding, padding_mode)
        layer = Convolution(
            kernel if kernel.ndim == 4 else kernel[:, :, None],
            bias,
            self._image(),
            stride=_two(stride, 1),
            padding=_two(padding, (0, 0)),
            dilation=_two(dilation, 1),
            groups=groups,
            padding_mode=padding_mode,
        )
        self._append(layer, (1, len(kernel), *sizes))

    def average(
        self, window: Sequence[int], stride: Sequence[int], padding: Sides, counted: bool = True
    ) -> None:
        """Add an average pool; ``counted`` says whether the zeros of the padding count."""
        sizes = _sizes(self._axes(len(window)), window, stride, padding)
        if self.shape[1] * math.prod(sizes) > LARGEST_POOL:
            raise InvalidNetwork(f"it has more than {LARGEST_POOL:,} outputs")
        if self._pad is not None and not counted and any(map(any, padding)):
            raise InvalidNetwork("a pad before a pool with padding of its own is not supported")
        padding, mode = self._with_pad(padding, "zeros")
        if mode != "zeros":
            raise InvalidNetwork(f"a pool of an image padded by {mode} values is not supported")
        counted = counted or self._pad is not None
        layer = AveragePool(
            self._image(),
            _two(window, 1),
            stride=_two(stride, 1),
            padding=_two(padding, (0, 0)),
            count_padding=counted,
        )
        self._append(layer, (1, self.shape[1], *sizes))

    def scale(self, factor: Array, shift: Array, *, normalisation: bool = False) -> None:
        """Add x -> factor x + shift, both broadcast to x.

        At the start of the model a ``normalisation`` stays a layer of its own.
        """
        try:
            factors, shifts = (np.broadcast_to(a, self.shape).ravel() for a in (factor, shift))
        except ValueError:
            shapes = f"{np.shape(factor)} and {np.shape(shift)}"
            raise InvalidNetwork(
                f"factors and shifts of shape {shapes} do not fit values of shape {self.shape}"
            ) from None
        shape = self.shape[1:] if len(self.shape) == 4 else (factors.size,)
        folds = bool(self.items) or not normalisation
        self._append(Scale(factors, shifts, shape, folds), self.shape)

    def normalise(self, mean: Array, variance: Array, gain: Array, offset: Array) -> None:
        """Add (x - mean) / sqrt(variance) gain + offset, one number per channel."""
        if len(self.shape) < 2 or any(
            array.shape != self.shape[1:2] for array in (mean, variance, gain, offset)
        ):
            raise InvalidNetwork(f"{len(mean)} channels do not fit values of shape {self.shape}")
        if not (variance > 0.0).all():
            raise InvalidNetwork("a variance is not positive")
        factor = gain / np.sqrt(variance)
        shape = (1, -1, *[1] * (len(self.shape) - 2))
        self.scale(factor.reshape(shape), (offset - mean * factor).reshape(shape))

    def stretch(self, name: str, rate: float) -> None:
        """Add the activation x -> phi(rate x) / rate."""
        if not (rate > 0.0 and math.isfinite(rate)):
            raise InvalidNetwork("its parameter must be positive")
        if rate != 1.0:
            self.scale(np.array([rate]), np.zeros(1))
        self.activate(name)
        if rate != 1.0:
            self.scale(np.array([1.0 / rate]), np.zeros(1))

    def activate(self, name: str) -> None:
        """Add an elementwise activation of :mod:`lipexplore.networks.activations`."""
        self._append(activation(name).name, self.shape)

    def reshape(self, shape: Sequence[int]) -> None:
        """Rename the axes; the vector stays as it is."""
        if math.prod(shape) != math.prod(self.shape):
            raise InvalidNetwork(f"values of shape {self.shape} do not fill {tuple(shape)}")
        self.shape = _checked(shape)

    def flatten(self, first: int, last: int = -1) -> None:
        """Join the axes ``first`` to ``last``."""
        rank = len(self.shape)
        first, last = first % rank, last % rank
        joined = math.prod(self.shape[first : last + 1])
        self.reshape((*self.shape[:first], joined, *self.shape[last + 1 :]))

    def cut(self, kind: str, axis: int) -> None:
        """End the network before a softmax or log_softmax over all its outputs."""
        rank = len(self.shape)
        if not -rank <= axis < rank or self.shape[axis] != math.prod(self.shape):
            raise InvalidNetwork(
                f"it does not run over all values of shape {self.shape}: only the one over all "
                "outputs at the end can be cut"
            )
        self._check_open()
        self.tail = kind

    def _append(self, item: Item, shape: Sequence[int]) -> None:
        self._check_open()
        if self._pad is not None and not isinstance(item, Convolution | AveragePool):
            raise InvalidNetwork("a pad is understood before a convolution or a pool only")
        self.items.append(item)
        self.shape = _checked(shape)
        self._pad = None

    def _check_open(self) -> None:
        if self.tail:
            raise InvalidNetwork(
                f"it comes after a {self.tail}, whose outputs depend on all inputs: a {self.tail} "
                "is understood at the end of a model only"
            )

    def _with_pad(self, padding: Sides, mode: str) -> tuple[list[tuple[int, int]], str]:
        """Return the padding of a layer together with that of a pad before it."""
        sides = [(int(before), int(after)) for before, after in padding]
        if self._pad is None:
            return sides, mode
        if any(map(any, sides)) and (self._pad.mode, mode) != ("zeros", "zeros"):
            raise InvalidNetwork("paddings of two kinds on one image are not supported")
        both = zip(sides, self._pad.sides, strict=True)
        return [(a + c, b + d) for (a, b), (c, d) in both], self._pad.mode

    def _axes(self, count: int) -> tuple[int, ...]:
        """Return the sizes of the axes that a window moves along."""
        if count not in (1, 2) or len(self.shape) != count + 2 or self.shape[0] != 1:
            wanted = {1: "(1, channels, width)"}.get(count, "(1, channels, height, width)")
            raise InvalidNetwork(f"it needs one input of shape {wanted}, not {self.shape}")
        return self.shape[2:]

    def _image(self) -> tuple[int, int, int]:
        shape = self.shape if self._pad is None else self._pad.shape
        channels, *axes = shape[1:]
        height, width = _two(axes, 1)
        return channels, height, width


def _checked(shape: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(map(int, shape))
    if not all(size > 0 for size in sizes) or math.prod(sizes) > LARGEST_VALUES:
        raise InvalidNetwork(
            f"values of shape {sizes} are none, or more than {LARGEST_VALUES:,} numbers"
        )
    return sizes


def _sizes(
    axes: Sequence[int], window: Sequence[int], stride: Sequence[int], padding: Sides
) -> tuple[int, ...]:
    """Return floor((size + padding - window) / stride) + 1 per axis."""
    if not len(axes) == len(window) == len(stride) == len(padding):
        raise InvalidNetwork(f"windows, strides and padding do not fit the {len(axes)} axes")
    if min(*window, *stride) < 1 or min(map(min, padding)) < 0:
        raise InvalidNetwork("window and stride must be positive and padding not negative")
    return tuple(
        (size + sum(sides) - wide) // step + 1
        for size, wide, step, sides in zip(axes, window, stride, padding, strict=True)
    )


def _two(values: Sequence[T], missing: T) -> tuple[T, T]:
    """Return the values of two axes; a signal is an image one pixel high."""
    return (values[0], values[1]) if len(values) == 2 else (missing, values[0])

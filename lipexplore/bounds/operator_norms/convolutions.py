"""Which l_2 bound applies to which convolution layer, and the least of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lipexplore.bounds.operator_norms.geometry import axes_of
from lipexplore.bounds.operator_norms.kernels import (
    dilated_kernel,
    fine_samples,
    grid_factor,
    lip_bound,
    polyphase_kernel,
    symbol_bound,
    torus_bound,
    unfolding_bound,
)
from lipexplore.bounds.operator_norms.unrolled import (
    LARGEST_DENSE,
    accumulation_error,
    matrix_norm_above,
)
from lipexplore.networks.arguments import Pair
from lipexplore.networks.convolution import Convolution
from lipexplore.rounding import Array, up

MOST_WORK = 2e8
"""Bounds that need frequencies x c_min^2 c_max above this are left out: a second or more."""

MOST_VALUES = 2**25
"""LipBound is left out above so many values of the symbol: half a gigabyte."""

TOO_MANY = "left out: too many frequencies for this many channels"
TOO_LARGE = "left out: too many singular values for this many channels"
UNEVEN = "circular padding with a stride that does not divide the image"
NOT_SMALL = f"left out: the unrolled matrix has more than {LARGEST_DENSE} rows and columns"


@dataclass(frozen=True)
class ConvolutionNorm:
    """One l_2 bound of a layer.

    Parameters
    ----------
    name
        ``lipbound-outputs``, ``lipbound-inputs``, ``symbol``, ``polyphase-symbol``, ``torus``,
        ``polyphase-torus``, ``unfolding`` or ``matrix``.
    value
        Proven upper bound of the layer's l_2 norm; infinite where it does not apply.
    estimate
        The same without what makes it a bound (the grid's maximum); None where there is none.
    factor
        By which the padding multiplied the bound of the kernel.
    why_not
        Why it does not apply; empty where it does.
    """

    name: str
    value: float
    estimate: float | None = None
    factor: float = 1.0
    why_not: str = ""


def convolution_norm_above(layer: Convolution) -> float:
    """Return the least proven l_2 bound of a convolution layer, infinite if none applies."""
    return min(found.value for found in convolution_norms(layer))


def convolution_norms(
    layer: Convolution, samples: Pair | None = None, *, with_matrix: bool = True
) -> tuple[ConvolutionNorm, ...]:
    """Return every l_2 bound of a layer, infinite with the reason where one does not apply.

    The kernel's bounds hold for zero padding, of which strides leave rows out. Groups are separate
    convolutions: the largest counts. Replicate and reflect padding are followed by a convolution
    without padding: their own norm, sqrt(copies) per axis, multiplies; so it does for circular
    padding with more outputs than pixels, which repeats rows.

    Parameters
    ----------
    layer
        The convolution.
    samples
        Frequencies per axis for LipBound and the symbol; 8 (k - 1) where left out.
    with_matrix
        Whether the unrolled matrix is factorised too, where it is small.
    """
    bounds = _Bounds(layer, samples)
    return (*bounds.of_kernel(), bounds.of_matrix()) if with_matrix else bounds.of_kernel()


class _Bounds:
    """The bounds of one layer, with what its padding multiplies and adds."""

    def __init__(self, layer: Convolution, samples: Pair | None) -> None:
        self.layer, self.samples = layer, samples
        self.kernels = np.split(layer.kernel, layer.groups)
        self.axes = axes_of(layer)
        copies = self.axes[0].copies() * self.axes[1].copies()
        root = math.isqrt(copies)
        self.factor = float(root if root**2 == copies else up(math.sqrt(copies)))
        self.rounding = accumulation_error(layer)

    def of_matrix(self) -> ConvolutionNorm:
        exact = matrix_norm_above(self.layer)
        return ConvolutionNorm("matrix", exact, why_not=NOT_SMALL if exact == math.inf else "")

    def of_kernel(self) -> tuple[ConvolutionNorm, ...]:
        return (
            self._lip_bound("lipbound-outputs", inputs=False),
            self._lip_bound("lipbound-inputs", inputs=True),
            self._symbol("symbol", self.kernels),
            self._torus(
                "torus", self.kernels, [axis.torus() for axis in self.axes], self._dilation
            ),
            *self._polyphase(),
            self._proven("unfolding", unfolding_bound, self.kernels),
        )

    def _lip_bound(self, name: str, *, inputs: bool) -> ConvolutionNorm:
        chosen = self._samples(self.kernels)
        if 0.5 * math.prod(chosen) * self.kernels[0][:, :, 0, 0].size > MOST_VALUES:
            return ConvolutionNorm(name, math.inf, why_not=TOO_MANY)
        found = self._proven(name, lambda k: lip_bound(k, chosen, inputs=inputs), self.kernels)
        return replace(found, estimate=found.value / _grid_factor(self.kernels, chosen))

    def _symbol(self, name: str, kernels: Sequence[Array]) -> ConvolutionNorm:
        chosen = self._samples(kernels)
        if _work(kernels, chosen) > MOST_WORK:
            return ConvolutionNorm(name, math.inf, why_not=TOO_LARGE)
        found = self._proven(name, lambda k: symbol_bound(k, chosen), kernels)
        return replace(found, estimate=found.value / _grid_factor(kernels, chosen))

    def _torus(
        self, name: str, kernels: Sequence[Array], sizes: Sequence[int], dilation: Pair
    ) -> ConvolutionNorm:
        size = (sizes[0], sizes[1])
        if _work(kernels, size) > MOST_WORK:
            return ConvolutionNorm(name, math.inf, why_not=TOO_LARGE)
        return self._proven(name, lambda k: torus_bound(k, size, dilation), kernels)

    def _polyphase(self) -> tuple[ConvolutionNorm, ...]:
        names = "polyphase-symbol", "polyphase-torus"
        stride = (self.axes[0].stride, self.axes[1].stride)
        if stride == (1, 1):
            return ()
        sizes = [size for axis in self.axes if (size := axis.phase_torus()) is not None]
        if len(sizes) < 2:
            return tuple(ConvolutionNorm(name, math.inf, why_not=UNEVEN) for name in names)
        phases = [polyphase_kernel(dilated_kernel(k, self._dilation), stride) for k in self.kernels]
        return self._symbol(names[0], phases), self._torus(names[1], phases, sizes, (1, 1))

    def _proven(
        self, name: str, bound: Callable[[Array], float], kernels: Sequence[Array]
    ) -> ConvolutionNorm:
        value = max(bound(kernel) for kernel in kernels)
        if self.factor != 1.0 or self.rounding > 0.0:
            with np.errstate(over="ignore"):
                value = float(up(up(value * self.factor) + self.rounding))
        return ConvolutionNorm(name, value, factor=self.factor)

    def _samples(self, kernels: Sequence[Array]) -> Pair:
        return self.samples or fine_samples(kernels[0])

    @property
    def _dilation(self) -> Pair:
        return self.axes[0].dilation, self.axes[1].dilation


def _grid_factor(kernels: Sequence[Array], samples: Pair) -> float:
    height, width = kernels[0].shape[2:]
    return grid_factor(height, samples[0]) * grid_factor(width, samples[1])


def _work(kernels: Sequence[Array], size: Pair) -> float:
    small, large = sorted(kernels[0].shape[:2])
    return float(0.5 * len(kernels) * math.prod(size) * float(small) ** 2 * large)

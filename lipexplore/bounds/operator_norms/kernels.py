"""Upper bounds of a convolution's l_2 norm, from its kernel alone or with the image's size.

All need a kernel K of shape (c_out, c_in, kh, kw), a convolution with zero padding of any width
and stride 1 or larger: rows of the infinite convolution are left out, none is added. What other
paddings, strides and groups allow is decided in ``convolutions.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lipexplore.bounds.operator_norms.symbol import Symbol, symbol_on_grid
from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.networks.arguments import Pair
from lipexplore.rounding import UNIT, Array, up

FINE = 8
"""Frequencies per degree of the symbol: 8 (k - 1) make the grid factor at most 1.0196 per axis."""


def grid_factor(taps: int, samples: int) -> float:
    """Return a float not below g(k, S): sup |f| <= g max over the grid, for k coefficients.

    g = min((1 - (k-1)/S)^(-1/2), 1/cos(pi (k-1)/(2S))) for f(w) = sum_{a<k} c_a e^{iaw} and the S
    frequencies 2 pi j / S; infinite where S < k.

    References
    ----------
    Pfister, Bresler, *Bounding multivariate trigonometric polynomials*, IEEE Trans. Signal
    Process. 67 (2019); Ehlich, Zeller, *Schwankung von Polynomen zwischen Gitterpunkten*, Math. Z.
    86 (1964).
    """
    if taps <= 1 and samples >= 1:
        return 1.0
    if samples < taps:
        return math.inf
    first = math.sqrt(samples / (samples - taps + 1))
    second = 1.0 / (math.cos(math.pi * (taps - 1) / (2 * samples)) - 8.0 * UNIT)
    return min(first, second) * (1.0 + 8.0 * UNIT)


def fine_samples(kernel: Array) -> Pair:
    """Return S = 8 (k - 1) per axis, 1 for a single tap."""
    height, width = kernel.shape[2:]
    return max(1, FINE * (height - 1)), max(1, FINE * (width - 1))


def lip_bound(kernel: Array, samples: Pair | None = None, *, inputs: bool = False) -> float:
    """Return LipBound of a kernel, with the grid factor that makes it a bound.

    g sqrt(sum_o max_w sum_c |F_oc(w)|^2), w on the grid of ``samples``; with ``inputs`` the roles
    of o and c change. The paper's orientation is the first; for one output (or input) channel it is
    :func:`symbol_bound`, for many channels it is loose, by up to sqrt(c_out).

    References
    ----------
    Araujo, Negrevergne, Chevaleyre, Atif, *On Lipschitz regularization of convolutional layers
    using Toeplitz matrix theory*, AAAI 2021, arXiv 2006.08391, section 4.
    """
    axis = 1 if inputs else 2
    return _on_grid(kernel, samples, lambda symbol: symbol.sum_of_suprema_above(axis))


def lip_bound_estimate(kernel: Array, samples: Pair, *, inputs: bool = False) -> float:
    """Return the paper's value, the grid's maximum without a factor: *not* a bound."""
    return symbol_on_grid(kernel, samples).sum_of_suprema(1 if inputs else 2)


def symbol_bound(kernel: Array, samples: Pair | None = None) -> float:
    """Return g max_w sigma_1(F(w)), not below sup_w sigma_1(F(w)) >= ||M||_2 at every image size.

    The infinite convolution is multiplication by F in the frequency domain; M is a part of it.

    References
    ----------
    Sedghi, Gupta, Long, *The singular values of convolutional layers*, ICLR 2019, arXiv 1805.10408
    (symbol); the factor as in :func:`grid_factor`.
    """
    return _on_grid(kernel, samples, Symbol.norm_above)


def symbol_estimate(kernel: Array, samples: Pair) -> float:
    """Return max_w sigma_1(F(w)) over the grid as computed: *not* a bound of the supremum."""
    return symbol_on_grid(kernel, samples).norm()


def torus_bound(kernel: Array, size: Pair, dilation: Pair = (1, 1)) -> float:
    """Return max sigma_1(F(w)) over the frequencies of a torus of ``size``, rounded up.

    It is the norm of the circular convolution on that torus, hence a bound for every convolution
    whose matrix is a part of it: circular padding on n = N, and zero padding p on N = n + p.

    References
    ----------
    Sedghi, Gupta, Long, ICLR 2019, arXiv 1805.10408, theorem 6.
    """
    return _above(kernel, lambda: symbol_on_grid(kernel, size, dilation).norm_above())


def unfolding_bound(kernel: Array) -> float:
    """Return sqrt(kh kw) times the least norm of four reshapings of the kernel.

    References
    ----------
    Singla, Feizi, *Fantastic four: differentiable bounds on singular values of convolution
    layers*, ICLR 2021, arXiv 1911.10258, theorem 1.
    """
    c_out, _, height, width = kernel.shape
    shapes = (
        (kernel.transpose(0, 2, 1, 3), c_out * height),
        (kernel.transpose(0, 3, 1, 2), c_out * width),
        (kernel, c_out),
        (kernel.transpose(0, 2, 3, 1), c_out * height * width),
    )
    root = float(up(math.sqrt(height * width)))
    return _above(
        kernel,
        lambda: float(up(root * min(spectral_norm_above(k.reshape(n, -1)) for k, n in shapes))),
    )


def dilated_kernel(kernel: Array, dilation: Pair) -> Array:
    """Return the kernel with d - 1 zeros between its taps."""
    shape = [d * (k - 1) + 1 for k, d in zip(kernel.shape[2:], dilation, strict=True)]
    spread = np.zeros((*kernel.shape[:2], *shape))
    spread[:, :, :: dilation[0], :: dilation[1]] = kernel
    return spread


def polyphase_kernel(kernel: Array, stride: Pair) -> Array:
    """Return the kernel of stride 1 that reads the s_1 s_2 phases of the image as channels.

    K'[o, (c, r_1, r_2), a, b] = K[o, c, s_1 a + r_1, s_2 b + r_2], zero outside K.
    """
    c_out, c_in, height, width = kernel.shape
    rows, columns = -(-height // stride[0]), -(-width // stride[1])
    padded = np.zeros((c_out, c_in, rows * stride[0], columns * stride[1]))
    padded[:, :, :height, :width] = kernel
    phases = padded.reshape(c_out, c_in, rows, stride[0], columns, stride[1])
    return phases.transpose(0, 1, 3, 5, 2, 4).reshape(c_out, -1, rows, columns)


def _on_grid(kernel: Array, samples: Pair | None, supremum: Callable[[Symbol], float]) -> float:
    chosen = fine_samples(kernel) if samples is None else samples
    factors = [grid_factor(k, s) for k, s in zip(kernel.shape[2:], chosen, strict=True)]
    if not all(map(math.isfinite, factors)):
        return math.inf
    return _above(
        kernel,
        lambda: float(up(up(factors[0] * factors[1]) * supremum(symbol_on_grid(kernel, chosen)))),
    )


@np.errstate(over="ignore", invalid="ignore", under="ignore")
def _above(kernel: Array, bound: Callable[[], float]) -> float:
    """Return the bound; 0 for a kernel of zeros, infinity where a number is not finite."""
    largest = float(np.abs(kernel).max(initial=0.0))
    if largest == 0.0 or not math.isfinite(largest):
        return 0.0 if largest == 0.0 else math.inf
    value = bound()
    return math.inf if math.isnan(value) else value

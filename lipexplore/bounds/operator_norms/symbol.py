"""The symbol of a convolution on a grid of frequencies, and proofs about its singular values.

K of shape (c_out, c_in, kh, kw) has the symbol, a c_out x c_in matrix of trigonometric polynomials,

    F(w_1, w_2) = sum_{a,b} K[:, :, a, b] exp(i (a w_1 + b w_2)).

It is evaluated by two products with short tables of roots of unity, not by a fast transform: then
an entry errs by no more than a small multiple of sum |K|. A complex operation errs relatively by at
most sqrt(2) gamma_4 < 6 u (Higham, *Accuracy and Stability*, section 3.6), so every real error
bound holds for complex numbers with ``COMPLEX`` u for u.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipexplore.rounding import UNIT, Array, gamma, up

Complex = NDArray[np.complex128]

COMPLEX = 8.0
ROOT_ERROR = 64.0 * UNIT
"""Roots of unity: the angle, at most pi, errs by 10 u, sine and cosine by at most 4 ulp each."""

CHUNK = 2**20
"""So many complex numbers are worked on at a time."""


@dataclass(frozen=True)
class Symbol:
    """Computed values F(w) / ``scale`` on half a grid, the other half being their conjugates.

    Parameters
    ----------
    values
        Shape (frequencies, c_out, c_in).
    error
        At least |error of an entry|, shape (c_out, c_in).
    scale
        A power of two.
    """

    values: Complex
    error: Array
    scale: float

    def norm(self) -> float:
        """Return the computed largest singular value over the grid: an estimate."""
        if not self.values.size:
            return 0.0
        return self.scale * math.sqrt(max(_top(part) for part in _chunks(self.values)))

    def norm_above(self) -> float:
        """Return a float not below the largest singular value over the grid.

        With the computed Gram matrices G on the smaller side, of order n, and one number mu for
        all, a successful Cholesky factorisation of every B = mu I - G shows that
        lambda_max(G) <= mu + c, c = 2 (n + 4) 8u trace(B) (8u for complex numbers). The errors of G
        and of F are added. Falls back on Frobenius norms.

        References
        ----------
        Rump, *Verification of positive definiteness*, BIT 46 (2006).
        """
        top = (self.norm() / self.scale) ** 2
        proven = self._gram_above(top)
        root = up(math.sqrt(proven) * (1.0 + 4.0 * UNIT))
        return float(up(up(root + frobenius_above(self.error)) * self.scale))

    def sum_of_suprema(self, axis: int) -> float:
        """Return sqrt(sum_o max_w sum_c |F_oc(w)|^2) as computed; axis 2 sums over c, 1 over o."""
        return self.scale * float(np.linalg.norm(self._row_norms(axis)))

    def sum_of_suprema_above(self, axis: int) -> float:
        """Return a float not below :meth:`sum_of_suprema` of the exact F over the grid."""
        length = self.values.shape[axis]
        slack = [frobenius_above(row) for row in np.moveaxis(self.error, axis - 1, -1)]
        rows = up(self._row_norms(axis) * (1.0 + 4.0 * gamma(length + 8)) + slack)
        return float(up(frobenius_above(up(rows)) * self.scale))

    def _row_norms(self, axis: int) -> Array:
        squares = np.square(self.values.real) + np.square(self.values.imag)
        return np.asarray(np.sqrt(squares.sum(axis=axis).max(axis=0)))

    def _gram_above(self, top: float) -> float:
        """Return a float not below the squared norm of every computed F."""
        size, parts = min(self.values.shape[1:]), list(_chunks(self.values))
        frobenius = max(float(np.square(np.abs(part)).sum((1, 2)).max()) for part in parts)
        frobenius *= 1.0 + 4.0 * COMPLEX * gamma(self.error.size + 8)
        # the error of G is at most COMPLEX gamma(n + 4) |F|^T |F|, whose norm is below |F|_F^2
        slack = 2.0 * COMPLEX * gamma(max(self.values.shape[1:]) + 8) * frobenius + 2.0**-900
        for widening in (2.0**-40, 2.0**-26):
            mu = top * (1.0 + widening)
            if all(_has_cholesky(mu * np.eye(size) - _gram(part)) for part in parts):
                defect = 4.0 * COMPLEX * (size + 4) * UNIT * size * mu  # trace <= 2 size mu
                return float(up((mu + defect + slack) * (1.0 + 16.0 * UNIT)))
        return frobenius


def symbol_on_grid(
    kernel: Array, samples: tuple[int, int], dilation: tuple[int, int] = (1, 1)
) -> Symbol:
    """Evaluate the symbol at the frequencies 2 pi (j / S_1, k / S_2), j up to S_1 / 2.

    A real kernel has F(-w) = conj F(w), with the same singular values: half of the grid is enough.
    With a ``dilation`` d the taps stand d pixels apart: F(d_1 w_1, d_2 w_2).
    """
    c_out, c_in, height, width = kernel.shape
    largest = float(np.abs(kernel).max(initial=0.0))
    scale = 2.0 ** (math.frexp(largest)[1] - 1) if largest > 0.0 else 1.0
    scaled = kernel / scale  # exact but for underflow, which the error counts
    rows = _roots(samples[0], height, dilation[0])[: samples[0] // 2 + 1]
    columns = _roots(samples[1], width, dilation[1])
    halves = scaled.reshape(-1, width) @ columns.T  # (c_out c_in kh, S_2)
    halves = halves.reshape(c_out * c_in, height, -1).transpose(1, 2, 0).reshape(height, -1)
    values = (rows @ halves).reshape(-1, c_out, c_in)
    share = 3.0 * ROOT_ERROR + 2.0 * COMPLEX * gamma(height + width + 8)
    magnitude = np.abs(scaled).sum(axis=(2, 3))
    return Symbol(values, up(share * magnitude + 2.0**-1000), scale)


def frobenius_above(matrix: Array) -> float:
    """Return a float not below the Frobenius norm of a matrix of ordinary size."""
    root = math.sqrt(float(np.square(matrix).sum()) + matrix.size * 2.0**-1020)
    return float(up(root * (1.0 + 2.0 * gamma(matrix.size + 8))))


def _roots(samples: int, taps: int, dilation: int) -> Complex:
    """Return exp(2 pi i j d a / S), shape (S, taps), the angle within +-pi."""
    products = np.outer(np.arange(samples), dilation * np.arange(taps)) % samples
    angles = (2.0 * np.pi / samples) * np.where(
        2 * products > samples, products - samples, products
    )
    return np.asarray(np.cos(angles) + 1j * np.sin(angles))


def _gram(values: Complex) -> Complex:
    """Return F* F or F F*, whichever is smaller, at every frequency."""
    adjoint = values.conj().swapaxes(1, 2)
    return adjoint @ values if values.shape[2] <= values.shape[1] else values @ adjoint


def _top(values: Complex) -> float:
    return max(float(np.linalg.eigvalsh(_gram(values)).max()), 0.0)


def _has_cholesky(matrices: Complex) -> bool:
    try:
        factors = np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(np.diagonal(factors, axis1=1, axis2=2)).all())


def _chunks(values: Complex) -> list[Complex]:
    size = max(1, CHUNK // max(1, values[0].size))
    return [values[start : start + size] for start in range(0, len(values), size)]

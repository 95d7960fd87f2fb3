"""Upper bounds of the operator norms ||A||_{p->q} for p and q among l_1, l_2 and l_inf."""

from __future__ import annotations

import math

import numpy as np

from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.norms import Norm
from lipexplore.rounding import UNIT, Array, product_error, up

MOST_SIGNS = 12
"""Up to so many coordinates the three NP-hard norms are computed over all sign vectors."""


def operator_norm_above(weight: Array, norm: Norm) -> float:
    """Return a float not below ||W||_{p->p}: largest column sum, singular value or row sum."""
    magnitude = np.abs(weight)
    match norm:
        case Norm.LINF:
            return max(norm_above(row, Norm.L1) for row in magnitude)
        case Norm.L1:
            return max(norm_above(column, Norm.L1) for column in magnitude.T)
        case Norm.L2:
            return spectral_norm_above(weight)


def entrywise_norm_above(magnitude: Array, norm: Norm) -> float:
    """Bound ||J||_{p->p}, or the dual norm of a single row, over all |J| <= ``magnitude``."""
    if len(magnitude) == 1:
        return norm_above(magnitude[0], norm.dual)
    return operator_norm_above(magnitude, norm)


def last_norm_above(weight: Array, start: Norm, end: Norm) -> float:
    """Bound the last layer: a single row may carry the one rounding of :meth:`Network.head`."""
    if len(weight) == 1:
        return norm_above(up(np.abs(weight[0]) * (1.0 + 2.0 * UNIT)), start.dual)
    return pair_norm_above(weight, start, end)


def pair_norm_above(weight: Array, start: Norm, end: Norm) -> float:
    """Return a float not below max ||W x||_end over ||x||_start <= 1.

    Exact but for rounding from l_1 (largest column), to l_inf (largest row) and from l_2 to l_2.
    The other three are NP-hard: all sign vectors are tried for at most ``MOST_SIGNS`` coordinates,
    otherwise || |W| 1 ||_q bounds l_inf to l_q, and l_2 to l_1 is l_inf to l_2 of the transpose.

    References
    ----------
    Rohn, *Computing the norm ||A||_{inf,1} is NP-hard*, Linear Multilinear Algebra 47 (2000).
    """
    if start is end:
        return operator_norm_above(weight, start)
    magnitude = np.abs(weight)
    if start is Norm.L1:
        return max(norm_above(column, end) for column in magnitude.T)
    if end is Norm.LINF:
        return max(norm_above(row, start.dual) for row in magnitude)
    if start is Norm.L2:
        return _from_signs(weight.T, Norm.L2)
    transpose = end is Norm.L1 and weight.shape[0] < weight.shape[1]
    return _from_signs(weight.T if transpose else weight, end)


@np.errstate(over="ignore", invalid="ignore")
def _from_signs(weight: Array, end: Norm) -> float:
    """Bound ||W||_{inf->end}, end l_1 or l_2, over the vectors of signs or by || |W| 1 ||."""
    largest = float(np.abs(weight).max())
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    if weight.shape[1] > MOST_SIGNS:
        return norm_above(np.array([norm_above(row, Norm.L1) for row in np.abs(weight)]), end)
    scale = 2.0 ** (math.frexp(largest)[1] - 1)
    scaled = weight / scale  # exact but for underflow, which the next line counts
    error = product_error(weight.shape[1] + 2, np.abs(scaled).sum(axis=1))
    bits = np.arange(2 ** (weight.shape[1] - 1))[:, None] >> np.arange(weight.shape[1])
    images = up(np.abs((1.0 - 2.0 * (bits & 1)) @ scaled.T) + error)
    found = float(np.linalg.norm(images, ord=end.exponent, axis=1).max())
    return float(up(found * (1.0 + 4.0 * (len(weight) + 8) * UNIT) * scale))

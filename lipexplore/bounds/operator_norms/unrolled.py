"""The l_2 norm of a convolution's unrolled matrix: proven where small, and by Lanczos."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lipexplore.bounds.operator_norms.geometry import axes_of
from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.networks.convolution import Convolution
from lipexplore.rounding import gamma, up

LARGEST_DENSE = 300
"""Largest smaller side of a matrix that is factorised; the larger may be ten times that."""


def matrix_norm_above(layer: Convolution) -> float:
    """Return a proven bound of the exact l_2 norm, tight to about 1e-12; infinite where large."""
    small, large = sorted((layer.n_outputs, layer.n_inputs))
    if small > LARGEST_DENSE or large > 10 * LARGEST_DENSE:
        return math.inf
    return spectral_norm_above(layer.dense)


def matrix_norm_estimate(matrix: Any, tolerance: float = 0.0) -> float:
    """Return the largest singular value by Lanczos iterations: accurate, but *not* a bound.

    Parameters
    ----------
    matrix
        Sparse, as :attr:`Convolution.matrix`.
    tolerance
        Relative accuracy at which to stop; 0 for that of the machine.
    """
    from scipy.sparse.linalg import svds

    if min(matrix.shape) < 3:
        return float(np.linalg.norm(matrix.toarray(), 2))
    start = np.random.default_rng(0).standard_normal(min(matrix.shape))
    return float(svds(matrix, k=1, v0=start, tol=tolerance, return_singular_vectors=False)[0])


@np.errstate(over="ignore")
def accumulation_error(layer: Convolution) -> float:
    """Bound ||W - M||_2, W the matrix of floats that the layer is and M the kernel's exact matrix.

    Zero padding: 0. Otherwise several taps may meet in one entry, whose sum errs by gamma(kh kw)
    times the sum of their sizes; a tap occurs once in a row and at most ``copies`` times in a
    column, and ||E||_2^2 <= ||E||_1 ||E||_inf.
    """
    if layer.padding_mode == "zeros":
        return 0.0
    sizes = np.abs(layer.kernel).sum(axis=(2, 3))
    copies = math.prod(axis.copies() for axis in axes_of(layer))
    share = 2.0 * gamma(math.prod(layer.kernel.shape[2:]) + sizes.size + 8)
    rows, columns = float(sizes.sum(axis=1).max()), copies * float(sizes.sum())
    return float(up(share * math.sqrt(rows) * math.sqrt(columns)))

"""Proofs about eigenvalues from a floating-point Cholesky factorisation."""

from __future__ import annotations

import math

import numpy as np

from lipexplore.rounding import UNIT, Array, product_error, up


def definiteness_defect(matrix: Array) -> float:
    """Return c such that a successful floating Cholesky of ``matrix`` proves lambda_min >= -c.

    c = 2 (n + 3) u trace|B| for the symmetric float matrix B of order n.

    References
    ----------
    Rump, *Verification of positive definiteness*, BIT 46 (2006).
    """
    trace = float(np.abs(np.diagonal(matrix)).sum())
    return 2.0 * (len(matrix) + 4) * UNIT * trace + len(matrix) * 2.0**-1000


def spectral_norm_above(matrix: Array) -> float:
    """Return a proven upper bound of the largest singular value of A, tight to about n 1e-14.

    With G = A^T A (on the smaller side), a successful Cholesky of mu I - G shows that
    lambda_max(G) <= mu + c + ||E||_inf, where E bounds the rounding of G entry by entry. A power
    iteration or a plain SVD would be no proof. Falls back on the Frobenius norm.
    """
    largest = float(np.abs(matrix).max(initial=0.0))
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    scale = 2.0 ** (math.frexp(largest)[1] - 1)
    scaled = matrix / scale  # exact: a power of two
    thin = scaled if scaled.shape[1] <= scaled.shape[0] else scaled.T
    gram = thin.T @ thin
    error = product_error(thin.shape[0] + 8, np.abs(thin).T @ np.abs(thin))
    slack = float(up(error.sum(axis=1).max() * (1.0 + 1e-12)))
    frobenius = float(np.square(thin).sum()) * (1.0 + 1e-9)
    top = float(np.linalg.norm(thin, 2)) ** 2
    for widening in (1e-13, 1e-11, 1e-9, 1e-6):
        candidate = top * (1.0 + widening * len(gram))
        shifted = candidate * np.eye(len(gram)) - gram
        # forming the diagonal rounds once more
        rounding = 4.0 * UNIT * (candidate + float(np.abs(np.diagonal(gram)).max()))
        if _has_cholesky(shifted):
            square = candidate + definiteness_defect(shifted) + slack + rounding
            return float(up(up(math.sqrt(float(up(square * (1 + 4 * UNIT))))) * scale))
    return float(up(math.sqrt(frobenius) * scale * (1.0 + 1e-9)))


def _has_cholesky(matrix: Array) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True

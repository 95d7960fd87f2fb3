"""Proofs about eigenvalues: by a floating-point Cholesky factorisation, or in rationals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from lipexplore.rounding import UNIT, Array, product_error, up


def definiteness_defect(matrix: Array) -> float:
    """Return c such that a successful floating Cholesky of ``matrix`` proves lambda_min >= -c.

    c = 2 (n + 4) u trace|B| + n 2^-1000 for the symmetric float matrix B of order n, about twice
    what the theorem asks, so that the rounding of c itself and underflow are covered.

    References
    ----------
    Rump, *Verification of positive definiteness*, BIT 46 (2006).
    """
    trace = float(np.abs(np.diagonal(matrix)).sum())
    return 2.0 * (len(matrix) + 4) * UNIT * trace + len(matrix) * 2.0**-1000


@np.errstate(over="ignore")
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
            root = float(up(math.sqrt(float(up(square * (1 + 4 * UNIT))))))
            return float(up(root * scale))
    return float(up(math.sqrt(frobenius) * scale * (1.0 + 1e-9)))


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def is_proven_semidefinite(matrix: Array, error: Array, safety: float = 1.0) -> bool:
    """Prove that every symmetric matrix within ``error`` of ``matrix`` is positive semidefinite.

    Coordinates are first scaled by powers of two (exactly) so that the diagonal is near 1. Then
    with c = :func:`definiteness_defect` + ||error||_inf + the rounding of the diagonal, a
    successful Cholesky factorisation of B = A - c I proves lambda_min(A) >= ||error||_inf. False
    says nothing. Coordinates whose row is exactly zero are left out.

    Parameters
    ----------
    matrix, error
        Arrays (n, n), symmetric; entrywise errors, at least 0.
    safety
        At least 1. True with 3 means that a proof with 1 succeeds in any order of summation, on
        whatever machine.

    References
    ----------
    Rump, *Verification of positive definiteness*, BIT 46 (2006).
    """
    used = ((matrix != 0.0) | (error > 0.0)).any(axis=0)
    diagonal = np.diagonal(matrix)[used]
    if not (np.isfinite(matrix).all() and np.isfinite(error).all() and (diagonal > 0.0).all()):
        return False
    if not used.any():
        return True
    powers = -(np.frexp(diagonal)[1] // 2)
    scaled = _congruent(matrix if used.all() else matrix[np.ix_(used, used)], powers)
    radius = _congruent(error if used.all() else error[np.ix_(used, used)], powers)
    if not (np.isfinite(scaled).all() and np.isfinite(radius).all()):
        return False
    size = len(scaled)
    slack = float(radius.sum(axis=1).max()) * (1.0 + 4.0 * size * UNIT) + size * 2.0**-1000
    rounding = 4.0 * UNIT * float(np.abs(np.diagonal(scaled)).max())
    scaled[np.diag_indices(size)] -= up(safety * definiteness_defect(scaled) + slack + rounding)
    return _has_cholesky(scaled)


def is_exactly_semidefinite(matrix: Sequence[Sequence[Fraction]]) -> bool:
    """Decide by elimination (L D L^T) whether a symmetric rational matrix is semidefinite."""
    rows = [list(row) for row in matrix]
    for k, pivot_row in enumerate(rows):
        pivot = pivot_row[k]
        if pivot < 0 or (pivot == 0 and any(pivot_row[k + 1 :])):
            return False
        for i in range(k + 1, len(rows)):
            if pivot_row[i]:
                factor = pivot_row[i] / pivot
                for j in range(i, len(rows)):
                    rows[i][j] -= factor * pivot_row[j]
    return True


def _congruent(matrix: Array, powers: NDArray[np.int64]) -> Array:
    """Return D A D for D = diag(2^powers), exact but for underflow."""
    return np.asarray(np.ldexp(matrix, powers[:, None] + powers[None, :]))


def _has_cholesky(matrix: Array) -> bool:
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return bool(np.isfinite(np.diagonal(factor)).all())  # LAPACK lets NaN pass

"""A proven bound from any multipliers of a moment relaxation: sums of squares and products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipexplore.certificates.psd import definiteness_defect, is_proven_semidefinite
from lipexplore.certificates.tables import trivial_bound
from lipexplore.relaxations.moments import MomentRelaxation
from lipexplore.rounding import UNIT, Array, product_error, sum_up, up

LARGEST_MULTIPLIER = 2.0**40
WIDENINGS = (0.0, 1.0, 2.0**6, 2.0**12, 2.0**20)


@dataclass(frozen=True, eq=False)
class SumsCertificate:
    """Gram matrices and non-negative multipliers that prove an upper bound of a polynomial.

    Parameters
    ----------
    relaxation
        The program: monomials m_b of each Gram matrix, inequalities, and the power of two ``scale``
        that grams and multipliers count times.
    grams
        Arrays (n_b, n_b): matrices that are proven to be positive semidefinite.
    multipliers
        Array (count,): at least 0, one per inequality.
    value
        The proven bound, a float rounded up.
    residual
        Sum of the sizes of all coefficients of lambda - p - sum_b m_b^T G_b m_b - sum_j c_j h_j for
        the multipliers as used and lambda the solver's value: ``value`` exceeds lambda at most by
        this.
    """

    relaxation: MomentRelaxation
    grams: Sequence[Array]
    multipliers: Array
    value: float
    residual: float


def verified_bound(
    relaxation: MomentRelaxation,
    duals: Sequence[Array | None],
    claimed: float = math.nan,
) -> SumsCertificate:
    """Return the best proven bound of p that the multipliers give, whatever they are.

    For positive semidefinite G_b, c >= 0 and h_j >= 0 on the feasible set, with r the coefficients
    of p + sum_b m_b^T G_b m_b + sum_j c_j h_j,

        p(x) <= r_0 + sum_{M != 0} r_M x^M <= r_0 + sum_{M != 0} max(0, r_M),

    because every monomial lies in [0, 1]. The solver's own value is not used. Each G_b is made
    definite by adding a multiple of the identity and a floating Cholesky factorisation proves that
    it is; the shift is paid for in r, entry by entry. The rounding of r is bounded a priori and the
    polynomial's errors are added. Multipliers that are negative, NaN or infinite count as 0, as
    does a Gram matrix that holds such a number or resists the proof.

    Parameters
    ----------
    relaxation
        The program.
    duals
        One flat array per block and then one for the inequalities, for the objective
        p / ``relaxation.scale``; None where there is none.
    claimed
        The solver's value of lambda / ``relaxation.scale``, used for ``residual`` alone.

    References
    ----------
    Rump, *Verification of positive definiteness*, BIT 46 (2006); Jansson, Chaykin, Keil, SIAM J.
    Numer. Anal. 46 (2007), for the idea of repairing a solver's dual.
    """
    given = [*duals, *[None] * (len(relaxation.blocks) + 1 - len(duals))]
    grams = [
        definite(_symmetric(dual, len(block)))
        for dual, block in zip(given, relaxation.blocks, strict=False)
    ]
    multipliers = _non_negative(given[len(grams)], relaxation.matrix.shape[1])
    total, error = _identity(relaxation, grams, multipliers)
    top = up(total + error)
    excess = np.maximum(top[1:], 0.0).tolist()
    value = float(up(sum_up([float(top[0]), *excess]) * relaxation.scale))
    trivial = trivial_bound(relaxation.source)
    if not value < trivial:
        grams, multipliers = [np.zeros_like(gram) for gram in grams], 0.0 * multipliers
        value = trivial
    left = np.abs(total[1:]) + error[1:]
    gap = abs(claimed - float(total[0])) + float(error[0]) if math.isfinite(claimed) else 0.0
    return SumsCertificate(
        relaxation,
        grams,
        multipliers,
        value,
        sum_up([gap, *left.tolist()]) * relaxation.scale,
    )


def definite(gram: Array) -> Array:
    """Return ``gram`` plus the least multiple of the identity that is proven to make it definite.

    Zero if no proof succeeds.
    """
    if not gram.any():
        return gram
    identity, exact = np.eye(len(gram)), np.zeros_like(gram)
    margin = 4.0 * definiteness_defect(gram) + 8.0 * UNIT * float(np.abs(gram).max())
    needed = max(0.0, -float(np.linalg.eigvalsh(gram)[0])) * (1.0 + 1e-9)
    for widening in WIDENINGS:
        shifted = gram + (needed + widening * margin) * identity
        if is_proven_semidefinite(shifted, exact):
            return shifted
    return exact


def _symmetric(dual: Array | None, order: int) -> Array:
    """Return a solver's flat matrix, or zero where it is no matrix of finite numbers."""
    if dual is None or np.shape(dual) != (order * order,) or not np.isfinite(dual).all():
        return np.zeros((order, order))
    square = np.clip(dual, -LARGEST_MULTIPLIER, LARGEST_MULTIPLIER).reshape(order, order)
    return 0.5 * (square + square.T)


def _non_negative(dual: Array | None, count: int) -> Array:
    if dual is None or np.shape(dual) != (count,):
        return np.zeros(count)
    finite = np.where(np.isfinite(dual), dual, 0.0)
    return np.clip(finite, 0.0, LARGEST_MULTIPLIER)


def _identity(
    relaxation: MomentRelaxation, grams: Sequence[Array], multipliers: Array
) -> tuple[Array, Array]:
    """Return the coefficients of p + sum of squares + sum of products, and their proven errors."""
    count = len(relaxation.monomials)
    places = [block.ravel() for block in relaxation.blocks]
    place = np.concatenate([np.empty(0, dtype=np.int64), *places])
    entries = np.concatenate([np.empty(0), *(gram.ravel() for gram in grams)])
    objective = relaxation.objective / relaxation.scale
    total = objective + np.bincount(place, entries, count) + relaxation.matrix @ multipliers
    magnitude = (
        np.abs(objective)
        + np.bincount(place, np.abs(entries), count)
        + abs(relaxation.matrix) @ multipliers
    )
    longest = np.bincount(place, minlength=count) + np.diff(relaxation.matrix.tocsr().indptr)
    roundings = int(longest.max(initial=0)) + 4
    # dividing by a power of two is exact but for underflow
    inherited = relaxation.errors / relaxation.scale + 2.0**-1000
    return total, up(product_error(roundings, magnitude) + inherited)

"""Multipliers of a slope chain: made positive, and the bound that they give in floating point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.linalg.blas import dtrsm
from scipy.linalg.lapack import dpotrf

from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.rounding import Array

SMALLEST, LARGEST = 1e-12, 1e12
"""Of a layer's multipliers relative to their median; of mu, relative to the largest."""
INFINITE = 1e6
"""In place of an infinite or missing multiplier, times the median."""

Multipliers = tuple[Array, ...]


def cleaned(
    chain: SlopeChain, inputs: Array, units: Sequence[Array], count: int
) -> tuple[Array, Multipliers]:
    """Return positive mu of shape (count,) and per layer tau, whatever is given.

    tau is 0 for units with a fixed slope. A common factor brings the largest mu to [1/2, 1).
    """
    mu = _cleaned_inputs(np.asarray(inputs, dtype=np.float64), count)
    power = math.frexp(float(mu.max()))[1]
    given = list(units) if len(units) == chain.depth else [np.empty(0)] * chain.depth
    tau = map(_cleaned_units, given, chain.lower, chain.upper)
    return np.ldexp(mu, -power), tuple(np.ldexp(t, -power) for t in tau)


def _cleaned_inputs(mu: Array, count: int) -> Array:
    if mu.shape != (count,):
        return np.ones(count)
    largest = float(mu[np.isfinite(mu) & (mu > 0.0)].max(initial=0.0)) or 1.0
    return np.clip(np.where(np.isfinite(mu), mu, largest), SMALLEST * largest, largest)


def _cleaned_units(units: Array, lower: Array, upper: Array) -> Array:
    free = upper > lower
    tau = np.asarray(units, dtype=np.float64)
    if tau.shape != free.shape:
        return free.astype(np.float64)
    usable = np.sort(tau[free & (tau > 0.0) & (tau < math.inf)])
    median = float(usable[len(usable) // 2]) if len(usable) else 1.0
    filled = np.where(np.isfinite(tau), tau, INFINITE * median)
    return np.where(free, np.clip(filled, SMALLEST * median, LARGEST * median), 0.0)


def input_covariance(weight: Array, inputs: Array) -> Array:
    """Return W_1 Diag(1/mu) W_1^T."""
    spread = weight / np.sqrt(inputs)
    return np.asarray(spread @ spread.T)


def covariance_bound(
    chain: SlopeChain, covariance: Array, units: Sequence[Array], margin: float | None = None
) -> tuple[float, Multipliers]:
    """Return the least lambda that (mu, tau) give in floating point, not proven, and tau.

    With S_l = (K_l^{-1})_ll for the first l layers, m = (a + b)/2, h = sqrt(tau/2)(b - a),

        C = W_l S_{l-1} W_l^T,  M = I - Diag(h) C Diag(h),
        S_l = Diag(m)(C + C Diag(h) M^{-1} Diag(h) C) Diag(m) + Diag(1/(2 tau)),

    fixed units having h = 1/tau = 0, and lambda = lambda_max(W_{d+1} S_d W_{d+1}^T). Infinite
    unless every M > 0. With a ``margin``, tau is lowered layer by layer such that M >= margin.

    Parameters
    ----------
    covariance
        C of the first layer, from :func:`input_covariance`.
    """
    lowered = []
    for position, (low, high, tau) in enumerate(zip(chain.lower, chain.upper, units, strict=True)):
        free, middle = high > low, 0.5 * low + 0.5 * high
        if free.any():
            widths = np.sqrt(0.5) * (high - low)[free]
            if margin is not None:
                roots = np.sqrt(tau[free]) * widths
                largest = _top(covariance[free][:, free] * np.outer(roots, roots))
                tau = tau * min(1.0, (1.0 - margin) / max(largest, 1e-300))
            roots = np.sqrt(tau[free]) * widths
            rows = roots[:, None] * covariance[free]
            factor, failure = dpotrf(np.eye(len(rows)) - rows[:, free] * roots, lower=1, clean=0)
            if failure:
                return math.inf, tuple(units)
            rows = dtrsm(1.0, factor, np.asfortranarray(rows), lower=1)
            covariance = covariance + rows.T @ rows
        lowered.append(tau)
        covariance = middle[:, None] * covariance * middle
        covariance[free, free] += 0.5 / tau[free]
        weight = chain.weights[position + 1]
        covariance = weight @ covariance @ weight.T
    square = _top(covariance)
    return (square, tuple(lowered)) if square < math.inf else (math.inf, tuple(units))


def _top(matrix: Array) -> float:
    """Return the largest eigenvalue of a positive semidefinite matrix; inf if there is none."""
    if not np.isfinite(matrix).all():
        return math.inf
    if len(matrix) == 1:
        return float(matrix[0, 0])
    return max(0.0, float(np.linalg.eigvalsh(matrix)[-1]))

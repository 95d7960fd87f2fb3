"""Fewer inputs for a slope chain with more inputs than units in its first layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg.lapack import dpotrf

from lipexplore.certificates.chain_proof import LARGEST, widened
from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.rounding import Array, gamma


def with_few_inputs(
    chain: SlopeChain, inputs: Array, safety: float = 1.0, factor: Array | None = None
) -> tuple[SlopeChain, Array] | None:
    """Return a chain with at most n_1 inputs, and mu of its inputs, that prove no more.

    Parameters
    ----------
    inputs
        mu, of shape (n_0,), or (1,) for one number for all inputs.
    factor
        :func:`reduced_inputs` of W_1 for mu = 1, if known.
    """
    n_outputs, n_inputs = chain.weights[0].shape
    if n_inputs <= n_outputs:
        return chain, np.broadcast_to(inputs, n_inputs)
    if len(inputs) > 1:
        factor, inputs = reduced_inputs(chain.weights[0], inputs, safety), np.ones(1)
    elif factor is None:
        factor = reduced_inputs(chain.weights[0], np.ones(n_inputs), safety)
    if factor is None:
        return None
    smaller = replace(chain, weights=(factor, *chain.weights[1:]))
    return smaller, np.broadcast_to(inputs, n_outputs)


def reduced_inputs(weight: Array, inputs: Array, safety: float = 1.0) -> Array | None:
    """Return a lower triangular R such that inputs t' with weights R can replace t with W.

    If R R^T >= C = W Diag(1/mu) W^T and R t' = g = W t, then |t'|^2 <= t^T Diag(mu) t:
    |t'|^2 = g^T (R R^T)^{-1} g = max_y 2 y^T g - y^T R R^T y <= max_y 2 y^T W t - y^T C y, and
    y^T C y - 2 y^T W t + t^T Diag(mu) t is a square. C errs by g(n_0 + 4) sqrt(C_ii C_jj) at most,
    the factorisation as in :mod:`~lipexplore.certificates.chain_proof`; both are added to the
    diagonal beforehand. None if it fails.

    Parameters
    ----------
    weight, inputs
        Arrays (n_1, n_0) and mu (n_0,).
    safety
        As in :func:`is_proven_gain`.
    """
    if not (inputs.min() > 1.0 / LARGEST and inputs.max() < LARGEST):
        return None
    spread = weight / np.sqrt(inputs)
    gram = spread @ spread.T
    slack = safety * len(gram) * gamma(spread.shape[1] + 4 * len(gram) + 32) * np.diagonal(gram)
    factor, failure = dpotrf(widened(gram, slack), lower=1, clean=1)
    return None if failure or not np.isfinite(np.diagonal(factor)).all() else np.asarray(factor)

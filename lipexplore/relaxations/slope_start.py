"""A start for the slope LMI and its dual, in closed form but for one power."""

from __future__ import annotations

import numpy as np

from lipexplore.relaxations.slope_lmi import SlopeLMI
from lipexplore.rounding import Array
from lipexplore.solvers.structured_ipm import Pair, StructuredProgram

ROOM = 0.9
"""Part of what is allowed that the start uses up."""

SMALLEST_POWER = 1e-9


def structured_program(lmi: SlopeLMI) -> StructuredProgram:
    """State the program without PICOS, for the interior point method made for it."""
    return StructuredProgram(lmi.structure(), lmi.constant, lmi.cost)


def start(lmi: SlopeLMI) -> Pair:
    """Return multipliers with M > 0, and moments plus what centres them.

    The moments alone are feasible for the dual; mu M^-1 leaves a residual, which the method removes
    as it goes, but brings deep networks close to the central path.

    Raises
    ------
    numpy.linalg.LinAlgError
        If no power tried makes M positive definite.
    """
    structure, moments, c = lmi.structure(), _moments(lmi), _multipliers(lmi)
    slack = lmi.constant + structure.value(c)
    mu = float(lmi.cost @ c) / (len(c) + len(slack))
    rest = lmi.cost - structure.adjoint(moments)
    return Pair(c, slack, moments + mu * np.linalg.inv(slack), rest + mu / c)


def _multipliers(lmi: SlopeLMI) -> Array:
    """Return (lambda, mu, t) with mu equal, t_j = power^layer and lambda twice the least.

    The rows of V have length 1, so for small powers Diag(mu, t) outweighs the rest.
    """
    units, first = len(lmi.repeats) - len(lmi.inner), len(lmi.outer)
    structure, power = lmi.structure(), 1.0
    c = np.ones(len(lmi.repeats))
    while power > SMALLEST_POWER:
        c[units:] = power**lmi.source.layers
        block = structure.value(c)[first:, first:]
        block[np.diag_indices(len(block))] *= ROOM  # else the first power may be singular
        try:
            root = np.linalg.solve(np.linalg.cholesky(block), lmi.outer.T)
            break
        except np.linalg.LinAlgError:
            power *= 0.5
    else:
        raise np.linalg.LinAlgError("no multipliers make the matrix positive definite")
    least = max(float(np.linalg.norm(root, 2)) ** 2, float(np.finfo(np.float64).tiny))
    total = lmi.weight * float(c[1:units].sum())
    balance = np.sqrt(2.0 * least / total)
    return np.concatenate([[2.0 * least / balance], balance * c[1:]])


def _moments(lmi: SlopeLMI) -> Array:
    """Return E[xi xi^T] of a random xi = (y, x, w) that obeys every inequality in the mean.

    x has independent coordinates, w_j = (v_j + noise) / 2 with noise of 0.7 the size of v_j, so
    E[w_j (v_j - w_j)] > 0, and y is F (x, w) with as much noise, scaled to the size allowed.
    """
    n_inputs, n_outer = lmi.n_inputs, len(lmi.outer)
    root = np.eye(lmi.inner.shape[1])
    for j, row in enumerate(lmi.inner, n_inputs):
        mean = 0.5 * row[:j] @ root[:j, :j]
        root[j, :j], root[j, j] = mean, 0.7 * np.linalg.norm(mean)
    budget = ROOM * lmi.cost[:2]
    size = budget[1] / lmi.repeats[1]
    root *= np.sqrt(size)
    outputs = lmi.outer @ root
    outputs *= np.sqrt(0.5 * budget[0]) / (np.linalg.norm(outputs) or 1.0)
    whole = np.concatenate([outputs, root])
    moments = np.asarray(whole @ whole.T)
    moments[np.arange(n_outer), np.arange(n_outer)] += 0.5 * budget[0] / n_outer
    return moments

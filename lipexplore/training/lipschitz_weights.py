"""Weight matrices of norm at most 1: the constraint, its derivative, and its exact proof.

Leading axes are replicas: networks that are trained side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.bounds.operator_norms.matrices import operator_norm_above
from lipexplore.errors import InvalidSetting
from lipexplore.norms import Norm
from lipexplore.rounding import Array

GRID = 2.0**-20
"""Exported weights are multiples of this."""


@dataclass(frozen=True, eq=False)
class Constrained:
    """Weights of norm 1 made from free parameters, with what their derivative needs."""

    weight: Array
    parts: tuple[Array, ...]


def constrain(free: Array, norm: Norm) -> Constrained:
    """Return weights (..., n_out, n_in) with ||W|| <= 1 (but for rounding) from free parameters.

    For l_2 the nearest matrix with orthonormal rows or columns, U V^T of the singular value
    decomposition. For l_inf every row whose l_1 norm exceeds 1 is divided by it.

    Raises
    ------
    InvalidSetting
        For l_1.
    """
    match norm:
        case Norm.L2:
            u, s, vt = np.linalg.svd(free, full_matrices=False)
            return Constrained(u @ vt, (u, s, vt))
        case Norm.LINF:
            sums = np.abs(free).sum(axis=-1, keepdims=True)
            return Constrained(free / np.maximum(sums, 1.0), (sums, np.sign(free)))
        case _:
            raise InvalidSetting("weights are constrained in the l2 or the linf norm, not in l1")


def pull_back(constrained: Constrained, gradient: Array, norm: Norm) -> Array:
    """Return the derivative of a loss by the free parameters from that by the weights.

    For A = U S V^T, dU V^T follows from the skew part of U^T G V divided by s_i + s_j; columns
    outside the smaller space are divided by s_j.
    """
    if norm is Norm.LINF:
        sums, signs = constrained.parts
        along = (gradient * constrained.weight).sum(axis=-1, keepdims=True)
        inside = (gradient - along * signs) / np.maximum(sums, 1.0)
        return np.where(sums > 1.0, inside, gradient)
    u, s, vt = constrained.parts
    inner = _t(u) @ gradient @ _t(vt)
    skew = (inner - _t(inner)) / np.maximum(s[..., :, None] + s[..., None, :], 1e-12)
    result = u @ skew @ vt
    if u.shape[-2] > u.shape[-1]:
        over = gradient @ _t(vt) / np.maximum(s, 1e-12)[..., None, :]
        result = result + (over - u @ (_t(u) @ over)) @ vt
    elif vt.shape[-1] > vt.shape[-2]:
        over = _t(u) @ gradient / np.maximum(s, 1e-12)[..., :, None]
        result = result + u @ (over - over @ _t(vt) @ vt)
    return result


def _t(array: Array) -> Array:
    return np.swapaxes(array, -1, -2)


def proven_weight(weight: Array, norm: Norm) -> Array:
    """Return nearby multiples of ``GRID`` whose operator norm is proven to be at most 1.

    Training and rounding leave a norm of 1 + 1e-7 or so; the matrix is shrunk until the proof of
    :func:`.operator_norm_above`, in float64, holds.
    """
    shrink = GRID
    while True:
        rounded = np.round((1.0 - shrink) * weight / GRID) * GRID
        if operator_norm_above(rounded, norm) <= 1.0:
            return rounded
        shrink *= 2.0

"""Entrywise bounds of an implicit network's Jacobian, by M-matrices and by a midpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.networks.contraction import majorant, row_measures
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.slope_system import HEAD_ERROR
from lipexplore.norms import Norm
from lipexplore.rounding import (
    UNDERFLOW,
    UNIT,
    Array,
    down,
    product_error,
    sum_down,
    sum_up,
    up,
)

WIDE = 1.0 + 2.0**-20
"""Factor that covers the rounding of a bound of errors itself."""


@dataclass(frozen=True, eq=False)
class SlopeBox:
    """Per state, proven ends of its slope, arrays (n,) with 0 <= lower <= upper."""

    lower: Array
    upper: Array

    @property
    def undecided(self) -> int:
        """Number of states whose slope is not fixed."""
        return int((self.lower < self.upper).sum())


def all_slopes(network: ImplicitNetwork) -> SlopeBox:
    """Return the activation's slopes on the whole line, for every state."""
    low, high = network.activation.unit_slope_bounds(network.n_states)
    return SlopeBox(low, high)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def states_above(network: ImplicitNetwork, upper: Array, right: Array) -> Array:
    """Return X >= (I - diag(b) M(A))^-1 R for R >= 0, entry by entry, for slopes up to b.

    With weights eta and row measures g_i < 1 of diag(b) A the matrix I - diag(b) M is an M-matrix
    and (I - diag(b) M) eta >= (1 - g) eta, so whatever X~ the linear solver returned, the solution
    is at most X~ + eta max_i r_i / (eta_i (1 - g_i)) with the residual r = R - (I - diag(b) M) X~.

    Parameters
    ----------
    upper
        b, array (n,).
    right
        R, array (n, k).
    """
    weights = network.contraction.weights
    room = down(1.0 - row_measures(network.A, weights, upper))
    return _solution_above(upper[:, None] * majorant(network.A), weights, room, right)


def _solution_above(matrix: Array, weights: Array, room: Array, right: Array) -> Array:
    """Return X >= (I - M)^-1 R from weights with (I - M) eta >= room eta; inf unless room > 0.

    The entries of M may have been rounded once or twice.
    """
    try:
        guess = np.linalg.solve(np.eye(len(matrix)) - matrix, right)
    except np.linalg.LinAlgError:
        guess = np.zeros_like(right)
    guess = np.where(np.isfinite(guess), guess, 0.0)
    size = np.abs(guess) + np.abs(matrix) @ np.abs(guess) + right
    residual = right - guess + matrix @ guess + product_error(len(matrix) + 6, size)
    worst = up(up(residual / weights[:, None]) / room[:, None]).max(axis=0)
    result = up(guess + up(np.maximum(worst, 0.0) * weights[:, None]))
    return np.where((room > 0.0).all() & ~np.isnan(result), np.maximum(result, 0.0), np.inf)


def closed_gain(network: ImplicitNetwork, slopes: SlopeBox) -> Array:
    """Return K >= |C (I - S A)^-1 S B + D| for all slopes S in the box, shape (p, m).

    K = |C| (I - diag(b) M(A))^-1 diag(b) |B| + |D|: row i of dz = S (A dz + B dx) says
    (1 - s_i a_ii) |dz_i| <= s_i (sum_{j != i} |a_ij| |dz_j| + |B dx|_i), and s / (1 - s a) grows
    with s. For a feedforward network K is the path bound |W_L| .. |W_1|.
    """
    right = up(slopes.upper[:, None] * np.abs(network.B))
    states = states_above(network, slopes.upper, np.where(network.B == 0.0, 0.0, right))
    outer, through = np.abs(network.C), np.abs(network.D)
    with np.errstate(over="ignore", invalid="ignore"):
        total = outer @ states + through
        total += product_error(network.n_states + 4, total) + head_slack(network) * total
    return np.where(np.isnan(total), np.inf, up(total))


def head_slack(network: ImplicitNetwork) -> float:
    """Return the relative error of C and D: :meth:`ImplicitNetwork.head` may round them once."""
    return HEAD_ERROR * WIDE if network.n_outputs == 1 else 0.0


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def jacobian_box(network: ImplicitNetwork, slopes: SlopeBox) -> tuple[Array, Array]:
    """Return J_0 and E with |C (I - S A)^-1 S B + D - J_0| <= E for all slopes in the box.

    With S = S_0 + T, |T| <= R around the middle and Q = (I - S_0 A)^-1: the pre-activations obey
    dv = (I + A Q S_0) B dx + A Q T dv, so |dv| <= V for V - |A Q| R V >= |(I + A Q S_0) B|, and

        J = C Q S_0 B + D + C Q T dv,   |J - J_0| <= |C Q| R V.

    Q is enclosed by its residual in the weighted norm of the network's contraction. Tight where the
    slopes are fixed; infinite where the box is too wide for |A Q| R to contract.

    Returns
    -------
    tuple of arrays of shape (p, m)
    """
    middle: Array = 0.5 * (slopes.lower + slopes.upper)
    spread = up(np.maximum(slopes.upper - middle, middle - slopes.lower))
    spread = np.where(slopes.lower == slopes.upper, 0.0, spread)
    inverse, doubt = _resolvent(network, middle)
    direct, direct_error = _product(network.A, inverse, doubt)
    start = middle[:, None] * network.B
    start_error = 2.0 * UNIT * np.abs(start) + UNDERFLOW
    moved, moved_error = _product(direct, start, start_error, direct_error)
    first = up((np.abs(network.B + moved) + moved_error) * (1.0 + 8.0 * UNIT))
    inner = _loop_above(up(up(np.abs(direct) + direct_error) * spread), first)
    outer, outer_error = _product(network.C, inverse, doubt)
    through, through_error = _product(outer, start, start_error, outer_error)
    centre = through + network.D
    change = up(up(np.abs(outer) + outer_error) * spread) @ inner
    error = through_error + product_error(network.n_states + 2, change)
    size = np.abs(network.C) @ (np.abs(inverse) + doubt) @ np.abs(start) + np.abs(network.D)
    error += head_slack(network) * (size + change) + 4.0 * UNIT * size
    error = up(up(change + error * WIDE) * (1.0 + 4.0 * UNIT))
    return centre, np.where(np.isnan(error), np.inf, error)


def _resolvent(network: ImplicitNetwork, middle: Array) -> tuple[Array, Array]:
    """Return X close to Q = (I - S_0 A)^-1 and a proven bound of its error; infinite if unproven.

    With E = I - (I - S_0 A) X and |E|_inf < 1 the inverse exists, Q - X = X E (I - E)^-1, and no
    entry in column k of E (I - E)^-1 exceeds max_i |e_ik| / (1 - |E|_inf).
    """
    count = network.n_states
    scaled = middle[:, None] * network.A
    inverse: Array
    try:
        inverse = np.asarray(np.linalg.inv(np.eye(count) - scaled))
    except np.linalg.LinAlgError:
        inverse = np.full((count, count), np.nan)
    defect: Array = np.abs(np.eye(count) - inverse + scaled @ inverse)
    size = np.eye(count) + np.abs(inverse) + np.abs(scaled) @ np.abs(inverse)
    defect = up(defect + product_error(count + 6, size))
    room = 1.0 - float(defect.sum(axis=1).max()) * WIDE
    if not room > 0.0:
        return inverse, np.full_like(inverse, np.inf)
    worst = up(defect.max(axis=0) / down(room))
    return inverse, up(np.abs(inverse).sum(axis=1)[:, None] * worst * WIDE)


def _product(
    left: Array, right: Array, right_error: Array, left_error: Array | None = None
) -> tuple[Array, Array]:
    """Return a product of two matrices known up to errors, and a bound of its error."""
    size = np.abs(left)
    error = size @ right_error + product_error(len(right) + 2, size @ np.abs(right))
    if left_error is not None:
        error += left_error @ (np.abs(right) + right_error)
    return left @ right, up(error * WIDE)


def _loop_above(loop: Array, right: Array) -> Array:
    """Return V >= (I - L)^-1 R for L, R >= 0; infinite unless L is proven to contract."""
    weights: Array
    try:
        weights = np.asarray(np.linalg.solve(np.eye(len(loop)) - loop, np.ones(len(loop))))
    except np.linalg.LinAlgError:
        return np.full_like(right, np.inf)
    if not (np.isfinite(weights).all() and (weights > 0.0).all()):
        return np.full_like(right, np.inf)
    return _solution_above(loop, weights, down(1.0 - row_measures(loop, weights)), right)


@np.errstate(over="ignore")
def operator_norm_above(gain: Array, norm: Norm) -> float:
    """Return a proven bound of the operator norm, from l_p to l_p, of any matrix with |J| <= K."""
    if not np.isfinite(gain).all():
        return np.inf
    match norm:
        case Norm.LINF:
            return max(sum_up(row) for row in gain.tolist())
        case Norm.L1:
            return max(sum_up(column) for column in gain.T.tolist())
        case Norm.L2:
            return spectral_norm_above(gain)


def box_norm_above(centre: Array, error: Array, norm: Norm) -> float:
    """Return a proven bound of the norm of every J with |J - centre| <= error.

    For l_2 also |centre|_2 + |error|_2, which keeps the signs of the centre.
    """
    if not (np.isfinite(centre).all() and np.isfinite(error).all()):
        return math.inf
    bound = operator_norm_above(up(np.abs(centre) + error), norm)
    if norm is Norm.L2:
        bound = min(bound, float(up(spectral_norm_above(centre) + spectral_norm_above(error))))
    return bound


def box_norm_below(centre: Array, error: Array, norm: Norm) -> float:
    """Return a proven lower bound of the norm of every J with |J - centre| <= error.

    For l_2 it is |u^T J v| / (|u| |v|) for the first singular vectors u and v of the centre.
    """
    if not (np.isfinite(centre).all() and np.isfinite(error).all()):
        return 0.0
    if norm is not Norm.L2:
        least = np.maximum(down(np.abs(centre) - error), 0.0)
        return max(sum_down(row) for row in (least if norm is Norm.LINF else least.T).tolist())
    left, _, right = np.linalg.svd(centre, full_matrices=False)
    u, v = left[:, 0], right[0]
    size = np.abs(u) @ (np.abs(centre) + error) @ np.abs(v)
    lost = np.abs(u) @ error @ np.abs(v) + float(product_error(sum(centre.shape) + 4, size))
    lengths = math.sqrt(sum_up(np.square(u).tolist()) * sum_up(np.square(v).tolist()))
    value = (abs(float(u @ centre @ v)) - lost * WIDE) / (lengths * (1.0 + 64.0 * UNIT))
    return max(0.0, float(down(value)) * (1.0 - 64.0 * UNIT))

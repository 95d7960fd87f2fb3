"""Closed forms in weighted norms: the paper's, sharper ones, and the weights that are best."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.networks.contraction import contraction, majorant, positive_weights
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.norms import Norm
from lipexplore.properties.implicit.gain import SlopeBox, all_slopes, closed_gain
from lipexplore.properties.implicit.programs import transposed
from lipexplore.rounding import Array, down, product_error, sum_up, up


@np.errstate(over="ignore", invalid="ignore")
def weighted_form(
    network: ImplicitNetwork,
    norm: Norm,
    weights: ArrayLike | None = None,
    *,
    rows: bool,
    sharp: bool,
) -> float:
    """Return ||B|| ||C|| / (1 - mu) + ||D|| in the weights eta, rounded up.

    For l_inf ||B|| = max_i (|B| 1)_i / eta_i and ||C|| = max_k (|C| eta)_k; l_1 is the same for the
    transposed network. In the paper mu counts as 0 where it is negative. It need not (``sharp``):
    in the row i where |dz_i| / eta_i is largest, (1 - s_i g_i) |dz_i| / eta_i <=
    s_i |B dx|_i / eta_i, and s / (1 - s g) grows with s in [0, 1]. ``rows`` keeps the g_i apart:
    max_i (|B| 1)_i / (eta_i (1 - g_i)), never worse.
    """
    proof = contraction(network.A, network.slope, weights, norm.value)
    if norm is Norm.L1:
        network = transposed(network)
    room = down(1.0 - (proof.rows if rows else np.full_like(proof.rows, proof.measure)))
    if not sharp:
        room = np.minimum(room, 1.0)
    entering = np.array([sum_up(row) for row in np.abs(network.B).tolist()])
    inside = float(up(up(up(entering / proof.weights) * network.slope) / room).max())
    leaving = np.abs(network.C) @ proof.weights
    leaving = up(leaving + product_error(network.n_states + 2, leaving))
    direct = max(sum_up(row) for row in np.abs(network.D).tolist())
    total = up(up(float(leaving.max()) * inside) + direct)
    value = float(up(total * (1.0 + 2.0**-51)))  # a head may round C and D once
    return value if value < np.inf else np.inf


def optimal_weights(network: ImplicitNetwork, norm: str | Norm = "linf") -> Array:
    """Return weights for which the row form is the closed form, up to rounding: (n,).

    eta = (I - M)^-1 (|B| 1 + epsilon), for l_1 that of the transposed network.
    """
    turned = transposed(network) if Norm.parse(norm) is Norm.L1 else network
    entering = np.abs(turned.B).sum(axis=1)
    right = entering + 1e-12 * (float(entering.max()) or 1.0)
    matrix = np.eye(turned.n_states) - turned.slope * majorant(turned.A)
    return np.asarray(np.linalg.solve(matrix, right))


def weighted_bound(
    network: ImplicitNetwork,
    input_weights: ArrayLike,
    output_weights: ArrayLike,
    slopes: SlopeBox | None = None,
) -> float:
    """Return a proven L with max_k |dy_k| / v_k <= L max_j |dx_j| / w_j.

    The closed form max_k (K w)_k / v_k with K of :func:`.closed_gain`; ones give plain l_inf.

    Raises
    ------
    InvalidSetting
        If the weights w (m,) and v (p,) are not positive and finite.
    """
    entering = positive_weights(input_weights, network.n_inputs)
    leaving = positive_weights(output_weights, network.n_outputs)
    gain = closed_gain(network, slopes or all_slopes(network))
    with np.errstate(over="ignore", invalid="ignore"):
        total = gain @ entering
        total = up(up(total + product_error(network.n_inputs + 2, total)) / leaving)
    return float(np.where(np.isnan(total), np.inf, total).max())

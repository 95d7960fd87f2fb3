"""Path norms of parallel networks, the Lipschitz bounds they give, and rescaled weights."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from lipexplore.bounds.operator_norms.matrices import entrywise_norm_above
from lipexplore.errors import InvalidSetting
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.networks.parallel import ParallelNetwork, SubNetwork
from lipexplore.norms import Norm
from lipexplore.rounding import Array, product_error, sum_up, up

SWEEPS: Final = 1000
"""Most rounds of balancing."""


def path_norms(network: ParallelNetwork, power: float = 2.0) -> Array:
    """Return (sum over paths of |w_1 .. w_L|^p)^(1/p) of each sub-network; p may be infinite.

    Their sum is the path regulariser R; for p = 2 and three layers a sub-network has
    |w_3| sqrt(sum_j |w_1j|^2 w_2j^2). The constant input counts. No Lipschitz bound: see
    :func:`lipschitz_above`.

    Parameters
    ----------
    network
        K sub-networks.
    power
        p, at least 1.

    Raises
    ------
    InvalidSetting
        If the power is below 1.

    References
    ----------
    Ergen and Pilanci, NeurIPS 2023 (arXiv 2110.09548); Neyshabur, Tomioka, Srebro, COLT 2015.
    """
    if not power >= 1.0:
        raise InvalidSetting(f"the power of a path norm is at least 1, not {power}")
    return np.array([_path_norm(part, power) for part in network.subnetworks])


def regulariser(network: ParallelNetwork, power: float = 2.0) -> float:
    """Return the sum R of the path norms, rounded to nearest.

    Parameters
    ----------
    network, power
        As for :func:`path_norms`.
    """
    return math.fsum(path_norms(network, power))


def weight_decay(network: ParallelNetwork) -> float:
    """Return half the sum of all squared weights.

    For two layers it is at least R, with equality where the network is balanced.
    """
    return 0.5 * math.fsum(
        float(np.square(weight).sum()) for part in network.subnetworks for weight in part
    )


def lipschitz_above(network: ParallelNetwork, norm: Norm | str = "linf") -> float:
    """Bound the Lipschitz constant by l_1 path sums: sum_k || |W_kL| .. |W_k1| ||, rounded up.

    Columns of the variable inputs only; several outputs are measured in the same norm. For one
    output and l_inf it is the bound ``path`` of :meth:`ParallelNetwork.to_network` up to rounding.

    Parameters
    ----------
    network
        K sub-networks.
    norm
        "l1", "l2" or "linf", on both sides.
    """
    norm, inputs = Norm.parse(norm), network.n_inputs
    return sum_up(
        entrywise_norm_above(_paths_above(part)[:, :inputs], norm) for part in network.subnetworks
    )


@np.errstate(over="ignore", invalid="ignore")
def lipschitz_from_regulariser(network: ParallelNetwork) -> float:
    """Bound the l_2 Lipschitz constant by sum_k sqrt(n_k) R_k, rounded up.

    n_k is the product of the hidden widths of sub-network k, the number of paths between an input
    and an output: for three layers and one unit in the second it is m_1, and the bound is
    sqrt(m_1) R. By Cauchy and Schwarz |M_ij|^2 <= n_k sum over paths of squares for
    M = |W_L| .. |W_1|. R alone is NO bound: m equal neurons have R = sqrt(m) and slope m.
    """
    total = []
    for part in network.subnetworks:
        hidden = math.prod(len(weight) for weight in part[:-1])
        squares = [up(np.square(weight)) for weight in part]
        inner = float(_chain_above(squares).sum())
        inner = float(up(inner + product_error(sum(w.size for w in part) + 8, np.array(inner))))
        total.append(float(up(math.sqrt(up(inner * hidden)))))
    value = sum_up(total)
    return value if math.isfinite(value) else math.inf


def rescaled(
    network: ParallelNetwork, subnetwork: int, layer: int, factors: Array
) -> ParallelNetwork:
    """Return the network with units' incoming weights times ``factors``, outgoing ones divided.

    The function and all path norms stay the same, exactly so for powers of two.

    Parameters
    ----------
    network
        K sub-networks.
    subnetwork, layer
        k and the hidden layer, both from 0.
    factors
        Positive numbers, array (n_layer,).

    Raises
    ------
    InvalidSetting
        If a factor is not positive.
    """
    if not (np.isfinite(factors) & (factors > 0.0)).all():
        raise InvalidSetting("units are rescaled by positive numbers only: a ReLU keeps no sign")
    parts = [list(part) for part in network.subnetworks]
    part = parts[subnetwork]
    part[layer] = part[layer] * factors[:, None]
    part[layer + 1] = part[layer + 1] / factors
    return ParallelNetwork(parts, network.constant, network.name)


def balanced(network: ParallelNetwork, exact: bool = False) -> ParallelNetwork:
    """Return the same function with equally large incoming and outgoing weights of each unit.

    In l_2 norms: the smallest :func:`weight_decay` among rescalings. Units without a path are set
    to 0.

    Parameters
    ----------
    exact
        Rescale by powers of two only: the function stays the same bit by bit, and the two norms
        agree up to a factor 2.
    """
    parts = [_balanced(part, exact) for part in network.subnetworks]
    return ParallelNetwork(parts, network.constant, network.name)


def _balanced(part: SubNetwork, exact: bool) -> list[Array]:
    weights = [weight.copy() for weight in part]
    for _ in range(SWEEPS):
        largest = 0.0
        for before in range(len(weights) - 1):
            incoming = np.linalg.norm(weights[before], axis=1)
            outgoing = np.linalg.norm(weights[before + 1], axis=0)
            used = (incoming > 0.0) & (outgoing > 0.0)
            logs = np.zeros(len(used))
            logs[used] = 0.5 * (np.log2(outgoing[used]) - np.log2(incoming[used]))
            factors = np.exp2(np.trunc(logs) if exact else logs)
            weights[before] = np.where(used[:, None], weights[before] * factors[:, None], 0.0)
            weights[before + 1] = np.where(used, weights[before + 1] / factors, 0.0)
            largest = max(largest, float(np.abs(np.log2(factors)).max()))
        if largest < 1e-14:
            break
    return weights


def _path_norm(part: SubNetwork, power: float) -> float:
    """Return the norm over paths; scaled layer by layer, so that no power over- or underflows."""
    if math.isinf(power):
        longest = np.ones(part[0].shape[1])
        for weight in part:
            longest = (np.abs(weight) * longest).max(axis=1)
        return float(longest.max())
    sums, scale = np.ones(part[0].shape[1]), 1.0
    for weight in part:
        size = float(np.abs(weight).max())
        if size == 0.0:
            return 0.0
        sums, scale = (np.abs(weight) / size) ** power @ sums, scale * size
    return float(scale * sums.sum() ** (1.0 / power))


def _paths_above(part: SubNetwork) -> Array:
    return _chain_above([np.abs(weight) for weight in part])


@np.errstate(over="ignore", invalid="ignore")
def _chain_above(weights: list[Array]) -> Array:
    """Return an array not below W_L .. W_1 for non-negative matrices, with exact zeros kept."""
    reach = weights[-1]
    for weight in weights[-2::-1]:
        product = reach @ weight
        above = up(product + product_error(len(weight) + 2, product))
        above = np.where(np.isnan(above), np.inf, above)
        reach = np.where((reach > 0).astype(float) @ (weight > 0), above, 0.0)
    return reach


def group_bound(network: ParallelNetwork) -> float:
    """Bound the l_2 Lipschitz constant by sum_k || |W_kL| .. |W_k2| rows of W_k1 ||, rounded up.

    For one output sum_k |w_3k| sum_j |w_2kj| |w_1kj|_2: between the l_1 path bound in l_2 and
    :func:`lipschitz_from_regulariser`. The constant's column does not count.

    Parameters
    ----------
    network
        K sub-networks.
    """
    total = []
    for part in network.subnetworks:
        rows = np.array([[norm_above(row[: network.n_inputs], Norm.L2)] for row in np.abs(part[0])])
        reach = _chain_above([rows, *(np.abs(weight) for weight in part[1:])])
        total.append(norm_above(reach[:, 0], Norm.L2))
    return sum_up(total)

"""Implicit networks in the common form, with the slopes that their units take over a region."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from lipexplore.errors import InvalidRegion
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.slope_system import SlopeSystem
from lipexplore.regions import Region, WholeSpace
from lipexplore.rounding import Array, affine_interval, around, product_error, up


def implicit_slope_system(network: ImplicitNetwork, region: Region) -> SlopeSystem:
    """State z = phi(A z + B x + b), y = C z + D x with slopes as they are over the region.

    Raises
    ------
    InvalidRegion
        If the region's dimension is not the network's.
    NoContraction
        If the region is bounded and no contraction is proven: then states are not enclosed.
    """
    if region.dimension not in (None, network.n_inputs):
        raise InvalidRegion(
            f"the region has {region.dimension} coordinates, but the network has "
            f"{network.n_inputs} inputs"
        )
    if isinstance(region, WholeSpace):
        lower, upper = network.activation.unit_slope_bounds(network.n_states)
    else:
        lower, upper = network.activation.slope_range(*preactivation_range(network, region))
    return SlopeSystem(
        incoming=csr_array(np.concatenate([network.B, network.A], axis=1)),
        outgoing=csr_array(np.concatenate([network.D, network.C], axis=1)),
        lower=np.asarray(lower, dtype=np.float64),
        upper=np.asarray(upper, dtype=np.float64),
        layers=(network.n_states,),
    )


def preactivation_range(network: ImplicitNetwork, region: Region) -> tuple[Array, Array]:
    """Enclose A z + B x + b over a bounded region, rounded outward: two arrays (n,).

    With q = B x + b and mu_eta(s A) <= g < 1, states obey

        |z - z_0|_eta <= s |q - q_0|_eta / (1 - max(g, 0)),   |z|_eta = max |z_i| / eta_i,

    where z_0 is the state at the centre of the region.

    References
    ----------
    Jafarpour, Davydov, Proskurnikov, Bullo, NeurIPS 2021 (arXiv 2106.03194).
    """
    low, high = region.box()
    center = np.clip(0.5 * low + 0.5 * high, low, high)
    inputs = region.affine_bounds(network.B, network.b)
    at_center = affine_interval(network.B, network.b, center, center)
    moved = up(np.maximum(up(inputs[1] - at_center[0]), up(at_center[1] - inputs[0])))
    proof, found = network.contraction, network.equilibrium(center)
    eta, room = found.weights, 1.0 - max(proof.measure, 0.0)
    ratio = float(up(up((up(moved / eta)).max() * network.slope) / (room * (1.0 - 2.0**-50))))
    spread = up(eta * float(up(ratio + float(found.radius))))
    states = around(found.state, spread)
    zero = np.zeros(network.n_states)
    through = affine_interval(network.A, zero, *states)
    ends = [through[0] + inputs[0], through[1] + inputs[1]]
    slack = product_error(2, np.abs(through).max(axis=0) + np.abs(inputs).max(axis=0))
    return np.asarray(ends[0] - slack), np.asarray(ends[1] + slack)

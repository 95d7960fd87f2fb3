"""The slope LMI of an implicit network, as a bound in each of the three norms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.errors import NoContraction
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.sector_loops import any_sector_system
from lipexplore.networks.slope_system import SlopeSystem
from lipexplore.norms import Norm
from lipexplore.properties.implicit.gain import (
    SlopeBox,
    all_slopes,
    closed_gain,
    head_slack,
    operator_norm_above,
)
from lipexplore.properties.incremental.run import well_posed
from lipexplore.properties.incremental_qc import certify
from lipexplore.regions import WHOLE_SPACE, Box, Region, WholeSpace
from lipexplore.rounding import Array, up


@dataclass(frozen=True, eq=False)
class SlopedNetwork:
    """An implicit network whose slopes over any bounded region are the given ones."""

    network: ImplicitNetwork
    slopes: SlopeBox

    @property
    def n_inputs(self) -> int:
        """Number of inputs m."""
        return self.network.n_inputs

    @property
    def n_outputs(self) -> int:
        """Number of outputs p."""
        return self.network.n_outputs

    @property
    def content_hash(self) -> str:
        """That of the network."""
        return self.network.content_hash

    def __call__(self, x: ArrayLike) -> Array:
        """Evaluate the network."""
        return self.network(x)

    def jacobian(self, x: ArrayLike) -> Array:
        """Return the network's Jacobian."""
        return self.network.jacobian(x)

    def slope_system(self, region: Region, slopes: str) -> SlopeSystem:
        """Return the common form, with all slopes over the whole space."""
        del slopes
        box = all_slopes(self.network) if isinstance(region, WholeSpace) else self.slopes
        network = self.network
        return SlopeSystem(
            incoming=csr_array(np.concatenate([network.B, network.A], axis=1)),
            outgoing=csr_array(np.concatenate([network.D, network.C], axis=1)),
            lower=box.lower,
            upper=box.upper,
            layers=(network.n_states,),
        )


def transposed(network: ImplicitNetwork) -> ImplicitNetwork:
    """Return the network whose Jacobians are the transposed ones, slope by slope.

    (C (I - S A)^-1 S B + D)^T = B^T (I - S A^T)^-1 S C^T + D^T: what l_inf is for the one is l_1
    for the other. Only slopes matter: its biases are 0.
    """
    A, B, C, D = (array.T for array in (network.A, network.B, network.C, network.D))
    return ImplicitNetwork(A, C, None, B, D, None, network.activation, network.name)


def program_bound(network: ImplicitNetwork, slopes: SlopeBox, norm: Norm) -> float:
    """Return a proven bound of max |J| from l_p to l_p by the slope LMI; inf where none is proven.

    l_2: one program for all outputs (monotone and Lipschitz-bounded equilibrium networks). l_inf:
    one program per output, min sqrt(sum(mu) h^T H^-1 h) (GeoLIP); l_1: the same, of the transposed
    network. The multipliers are proven by a Cholesky factorisation with every rounding counted.

    References
    ----------
    Revay, Wang, Manchester 2020 (arXiv 2010.01732); Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv
    2012.05981); Wang et al. 2022 (arXiv 2203.01212).
    """
    slack = head_slack(network)
    lost = slack * _size_above(network, slopes, norm) if slack else 0.0
    if norm is Norm.L2:
        return float(up(_value(network, slopes, norm) + up(lost)))
    rows = transposed(network) if norm is Norm.L1 else network
    values = [_value(rows.head(k), slopes, Norm.LINF) for k in range(rows.n_outputs)]
    return float(up(max(values) + up(lost)))


def _size_above(network: ImplicitNetwork, slopes: SlopeBox, norm: Norm) -> float:
    """Return a crude bound of |C| |(I - S A)^-1 S B| + |D| for a scalar network."""
    try:
        return operator_norm_above(closed_gain(network, slopes), norm)
    except NoContraction:
        states = ImplicitNetwork(
            network.A, network.B, None, np.eye(network.n_states), None, None, network.activation
        )
        inner = _value(states, slopes, Norm.L2)
        outer = spectral_norm_above(network.C) * inner + spectral_norm_above(network.D)
        return outer * network.n_inputs


def is_well_posed(network: ImplicitNetwork) -> bool:
    """Tell whether every input is proven to have one equilibrium, by l_inf or l_2 weights.

    References
    ----------
    Jafarpour et al., NeurIPS 2021 (arXiv 2106.03194); Revay, Wang, Manchester 2020 (arXiv
    2010.01732), theorem 1, of which the first is a special case with free diagonal weights.
    """
    try:
        return network.contraction is not None
    except NoContraction:
        system = SlopedNetwork(network, all_slopes(network)).slope_system(WHOLE_SPACE, "")
        return well_posed(any_sector_system(system)) is not None


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def _value(network: ImplicitNetwork, slopes: SlopeBox, norm: Norm) -> float:
    """Return the proven value of one program, of the network in units near 1."""
    free = all_slopes(network)
    whole = (slopes.lower == free.lower).all() and (slopes.upper == free.upper).all()
    ends = np.zeros(network.n_inputs), np.ones(network.n_inputs)  # any bounded region will do
    region = WHOLE_SPACE if whole else Box(*ends)
    scaled, power = _in_units(network)
    try:
        value = certify(SlopedNetwork(scaled, slopes), "lipschitz", region, norm=norm).value
    except np.linalg.LinAlgError:  # numbers beyond what float64 can factorise
        return math.inf
    return float(up(np.ldexp(value, power))) if value > 0.0 else value


def _in_units(network: ImplicitNetwork) -> tuple[ImplicitNetwork, int]:
    """Return the network with B and C near 1, and the power of 2 that its Jacobian lost.

    Where that would not be exact, the network is returned as it is.
    """
    enter, leave = (_exponent(array) for array in (network.B, network.C))
    powers = {"B": -enter, "C": -leave, "D": -enter - leave}
    arrays = {key: np.ldexp(getattr(network, key), power) for key, power in powers.items()}
    for key, power in powers.items():
        back = np.ldexp(arrays[key], -power)
        if not ((back == getattr(network, key)).all() and np.abs(arrays[key]).max() < 1e90):
            return network, 0
    B, C, D = arrays.values()
    scaled = ImplicitNetwork(network.A, B, None, C, D, None, network.activation, network.name)
    return scaled, enter + leave


def _exponent(array: Array) -> int:
    return int(np.frexp(np.abs(array).max())[1])

"""Ranges of pre-activations and slopes over a region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from lipexplore.errors import InvalidRegion, InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.networks.linear_relaxation import back_substituted_ranges
from lipexplore.regions import Box, Region, WholeSpace
from lipexplore.rounding import Array, affine_interval, down, up

PROPAGATIONS: Final = ("interval", "back-substitution")


@dataclass(frozen=True, eq=False)
class SlopeRanges:
    """Per hidden layer, proven lower and upper ends of every unit's slope, each of shape (n_l,)."""

    lower: tuple[Array, ...]
    upper: tuple[Array, ...]

    @property
    def undecided(self) -> int:
        """Number of units whose slope is not fixed."""
        return sum(
            int((low < high).sum()) for low, high in zip(self.lower, self.upper, strict=True)
        )

    @property
    def largest(self) -> tuple[float, ...]:
        """Per layer, an upper bound of |slope|."""
        return tuple(
            float(np.maximum(np.abs(low), np.abs(high)).max())
            for low, high in zip(self.lower, self.upper, strict=True)
        )


def check_region(network: Network, region: Region) -> None:
    """Raise InvalidRegion unless the region lives in the network's input space."""
    if region.dimension not in (None, network.n_inputs):
        raise InvalidRegion(
            f"the region has {region.dimension} coordinates, but the network has "
            f"{network.n_inputs} inputs"
        )


def preactivation_ranges(network: Network, region: Region) -> list[tuple[Array, Array]]:
    """Enclose W_l h_{l-1} + b_l of each hidden layer over a bounded region, rounded outward."""
    check_region(network, region)
    ranges: list[tuple[Array, Array]] = []
    for layer in range(network.depth):
        weight, bias = network.weights[layer], network.biases[layer]
        if layer == 0:
            ranges.append(region.affine_bounds(weight, bias))
        else:
            hidden = network.activations[layer - 1].value_range(*ranges[-1])
            ranges.append(affine_interval(weight, bias, *hidden))
    return ranges


def slope_ranges(network: Network, region: Region, propagation: str = "interval") -> SlopeRanges:
    """Return the slopes that each unit can take over the region.

    Over the whole space these are the activation's global bounds. Over a bounded region the
    pre-activations are enclosed by interval propagation or by back-substitution, which is tighter
    and dearer; a slope whose ends agree is a constant.

    Raises
    ------
    InvalidRegion
        If the region's dimension is not the network's.
    InvalidSetting
        If the propagation is unknown.
    """
    if propagation not in PROPAGATIONS:
        raise InvalidSetting(f"slopes must be one of {PROPAGATIONS}, not {propagation!r}")
    check_region(network, region)
    if isinstance(region, WholeSpace):
        pairs = [
            act.unit_slope_bounds(width)
            for act, width in zip(network.activations, network.widths[1:], strict=False)
        ]
    else:
        enclose = preactivation_ranges if propagation == "interval" else back_substituted_ranges
        pairs = [
            act.slope_range(*bounds)
            for act, bounds in zip(network.activations, enclose(network, region), strict=True)
        ]
    return SlopeRanges(tuple(low for low, _ in pairs), tuple(high for _, high in pairs))


def propagate(network: Network, region: Region, layer: int) -> Region:
    """Return the region that reaches the input of weight layer ``layer`` (1-based).

    The whole space stays the whole space; a bounded region becomes the outward-rounded box of the
    activations after layer ``layer`` - 1.
    """
    check_region(network, region)
    if layer == 1 or isinstance(region, WholeSpace):
        return region
    lower, upper = network.activations[layer - 2].value_range(
        *preactivation_ranges(network, region)[layer - 2]
    )
    return Box(down(lower), up(upper))


def layer_slice(
    network: Network, region: Region, layers: tuple[int, int] | None
) -> tuple[Network, Region]:
    """Return weight layers ``layers`` as a network, with the region that reaches it."""
    check_region(network, region)
    if layers is None:
        return network, region
    part = network.slice(*layers)
    return part, propagate(network, region, layers[0])

"""Every map here as z = phi(W z + U x + b), f = C z + D x."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidRegion
from lipexplore.networks.feedforward import Network
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.implicit_slopes import implicit_slope_system
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.slope_system import SlopeSystem, slope_system
from lipexplore.regions import Region
from lipexplore.rounding import Array


class IncrementalMap(Protocol):
    """A function of n_0 inputs whose units have slope ranges."""

    @property
    def n_inputs(self) -> int:
        """Number of inputs n_0."""

    @property
    def n_outputs(self) -> int:
        """Number of outputs p."""

    @property
    def content_hash(self) -> str:
        """What tells it from others."""

    def __call__(self, x: ArrayLike) -> Array:
        """Evaluate at one point or many."""

    def jacobian(self, x: ArrayLike) -> Array:
        """Return df/dx at one point or many."""


def system_of(mapping: IncrementalMap, region: Region, slopes: str = "interval") -> SlopeSystem:
    """Return the common form over a region.

    Networks and implicit networks are known; any other map has its own method
    ``slope_system(region, slopes)``, as :class:`.ResidualMap` does.

    Raises
    ------
    InvalidRegion
        If the region's dimension is not the map's.
    """
    if region.dimension not in (None, mapping.n_inputs):
        raise InvalidRegion(
            f"the region has {region.dimension} coordinates, but the map has "
            f"{mapping.n_inputs} inputs"
        )
    if isinstance(mapping, Network):
        return slope_system(mapping, slope_ranges(mapping, region, slopes))
    if isinstance(mapping, ImplicitNetwork):
        return implicit_slope_system(mapping, region)
    system: SlopeSystem = mapping.slope_system(region, slopes)  # type: ignore[attr-defined]
    return system


def jacobians(mapping: IncrementalMap, points: Array) -> Array:
    """Return df/dx at many points, shape (count, p, n_0)."""
    found = np.asarray(mapping.jacobian(points), dtype=np.float64)
    return np.broadcast_to(found, (len(points), mapping.n_outputs, mapping.n_inputs))

"""Residual maps: a linear map beside a network."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, hstack

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.arguments import finite_array
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.slope_system import SlopeSystem, slope_system
from lipexplore.regions import Region
from lipexplore.rounding import Array


@dataclass(frozen=True, eq=False)
class ResidualMap:
    """f(x) = S x + g(x) for a network g with at least one hidden layer.

    Parameters
    ----------
    network
        g.
    skip
        S: a number a for a I, or an array (m, n_0).

    Raises
    ------
    InvalidNetwork
        If the shapes do not fit or a number is not finite.

    Examples
    --------
    >>> layer = Network([[[1.0], [-1.0]], [[0.5, 0.25]]])
    >>> ResidualMap(layer)(np.array([[2.0], [-2.0]]))
    array([[ 3. ],
           [-1.5]])
    """

    network: Network
    skip: Array

    def __init__(self, network: Network, skip: ArrayLike = 1.0) -> None:
        shape = (network.n_outputs, network.n_inputs)
        single = shape[0] == shape[1] and (np.isscalar(skip) or getattr(skip, "ndim", 2) == 0)
        given = finite_array(np.reshape(skip, (1, 1)) if single else skip, "the linear part", 2)
        if single:
            given = given * np.eye(shape[0])
            given.setflags(write=False)
        if given.shape != shape:
            raise InvalidNetwork(
                f"the linear part must have shape {shape} as the network has, not {given.shape}"
            )
        if network.depth == 0:
            raise InvalidNetwork("a residual map needs a network with a hidden layer")
        object.__setattr__(self, "network", network)
        object.__setattr__(self, "skip", given)

    @property
    def n_inputs(self) -> int:
        """Number of inputs n_0."""
        return self.network.n_inputs

    @property
    def n_outputs(self) -> int:
        """Number of outputs m."""
        return self.network.n_outputs

    @property
    def name(self) -> str:
        """Title."""
        return f"linear + {self.network.name}"

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the network's hash and the linear part."""
        digest = hashlib.sha256(b"residual\0" + self.network.content_hash.encode())
        digest.update(np.ascontiguousarray(self.skip + 0.0, dtype="<f8").tobytes())
        return digest.hexdigest()

    def __call__(self, x: ArrayLike) -> Array:
        """Evaluate f at one point (n_0,) or many (count, n_0)."""
        return np.asarray(np.asarray(x, dtype=np.float64) @ self.skip.T + self.network(x))

    def jacobian(self, x: ArrayLike) -> Array:
        """Return df/dx, shape (m, n_0) at one point or (count, m, n_0) at many."""
        return np.asarray(self.skip + self.network.jacobian(x))

    def slope_system(self, region: Region, propagation: str = "interval") -> SlopeSystem:
        """State the map as z = phi(W z + U x + b), f = C z + D x with D = S."""
        inner = slope_system(self.network, slope_ranges(self.network, region, propagation))
        count = len(inner.lower)
        direct = hstack([csr_array(self.skip), csr_array((self.n_outputs, count))], format="csr")
        return SlopeSystem(
            inner.incoming, inner.outgoing + direct, inner.lower, inner.upper, inner.layers
        )

    def __reduce__(self) -> tuple[type[ResidualMap], tuple[Network, Array]]:
        return ResidualMap, (self.network, self.skip)

    def __repr__(self) -> str:
        return f"<ResidualMap: linear + {self.network!r}>"

"""Arrays of a parallel network (see :mod:`lipexplore.networks.files`).

======================  =========================================================================
key                     content
======================  =========================================================================
``weight_K_L``          matrix L of sub-network K, both from 1, shape (n_L, n_{L-1})
``constant``            1 if the last input is always 1; absent means 0
======================  =========================================================================
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.archives import Arrays
from lipexplore.networks.parallel import ParallelNetwork

_KEY = re.compile(r"weight_([1-9]\d*)_([1-9]\d*)")


def to_arrays(network: ParallelNetwork) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a network."""
    arrays: dict[str, NDArray[np.generic]] = {
        f"weight_{k}_{layer}": weight
        for k, part in enumerate(network.subnetworks, 1)
        for layer, weight in enumerate(part, 1)
    }
    return {**arrays, "constant": np.array(int(network.constant))}


def from_arrays(arrays: Arrays, name: str) -> ParallelNetwork:
    """Return the network of the arrays.

    Raises
    ------
    InvalidNetwork
        If a key is unknown or missing, or an array does not fit.
    """
    found: dict[int, dict[int, NDArray[np.generic]]] = {}
    for key, array in arrays.items():
        match = _KEY.fullmatch(key)
        if match is None and key != "constant":
            raise InvalidNetwork(f"{key} is no known key: use constant, weight_1_1, weight_1_2, ..")
        if array.dtype.kind not in "fiu":
            raise InvalidNetwork(f"{key} must hold real numbers, not {array.dtype}")
        if match:
            found.setdefault(int(match[1]), {})[int(match[2])] = array
    for k in range(1, max(found, default=1) + 1):
        for layer in range(1, max(found.get(k, {1: 0})) + 1):
            if layer not in found.get(k, {}):
                raise InvalidNetwork(f"weight_{k}_{layer} is missing")
    constant = arrays.get("constant", np.array(0))
    if constant.shape != () or constant not in (0, 1):
        raise InvalidNetwork("constant must be 0 or 1")
    parts = [[part[layer] for layer in sorted(part)] for _, part in sorted(found.items())]
    return ParallelNetwork(parts, bool(constant), name)

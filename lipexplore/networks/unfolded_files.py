"""Arrays of an unfolded network (see :mod:`lipexplore.networks.files`).

========================  =======================================================================
key                       content
========================  =======================================================================
``G_1``, ``G_2``, ...     the different matrices G, of shape (N, N)
``H_1``, ``H_2``, ...     the different matrices H, of shape (N, n)
``threshold_1``, ...      the different thresholds, of shape (1,) for all units or (N,)
``Phi``                   the dictionary, of shape (p, N)
``sharing``               integers of shape (3, L): which G, H and threshold each layer uses, from
                          0; where missing, each layer its own
``clip``                  radius of the output's ball; where missing, none
========================  =======================================================================
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.archives import Arrays
from lipexplore.networks.unfolded import UnfoldedNetwork

_NUMBERED = re.compile(r"(G|H|threshold)_([1-9]\d*)")
_OTHERS = ("Phi", "sharing", "clip")


def to_arrays(network: UnfoldedNetwork) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a network."""
    groups = {"G": network.G, "H": network.H, "threshold": network.thresholds}
    arrays: dict[str, NDArray[np.generic]] = {
        f"{key}_{number}": array
        for key, group in groups.items()
        for number, array in enumerate(group, 1)
    }
    sharing, clip = np.array(network.sharing, dtype=np.int64), np.array(network.clip)
    return {**arrays, "Phi": network.Phi, "sharing": sharing, "clip": clip}


def from_arrays(arrays: Arrays, name: str) -> UnfoldedNetwork:
    """Return the network of the arrays.

    Raises
    ------
    InvalidNetwork
        If a key is unknown or missing, or an array does not fit.
    """
    for key, array in arrays.items():
        if key not in _OTHERS and not _NUMBERED.fullmatch(key):
            raise InvalidNetwork(
                f"{key} is no known key: use G_1, .., H_1, .., threshold_1, .., {_OTHERS}"
            )
        if array.dtype.kind not in "fiu":
            raise InvalidNetwork(f"{key} must hold real numbers, not {array.dtype}")
    if "Phi" not in arrays:
        raise InvalidNetwork("Phi is missing: an unfolded network needs its dictionary")
    G, H, thresholds = (_numbered(arrays, key) for key in ("G", "H", "threshold"))
    clip = np.ravel(arrays["clip"]).astype(np.float64) if "clip" in arrays else np.array([np.inf])
    if clip.size != 1:
        raise InvalidNetwork(f"clip must be one number, not {clip.size}")
    sharing = (
        [list(row) for row in np.atleast_2d(arrays["sharing"])] if ("sharing" in arrays) else None
    )
    return UnfoldedNetwork(G, H, thresholds, arrays["Phi"], sharing, float(clip[0]), name)


def _numbered(arrays: Arrays, key: str) -> list[NDArray[np.generic]]:
    count = sum(1 for name in arrays if name.startswith(f"{key}_"))
    wanted = [f"{key}_{number}" for number in range(1, count + 1)]
    for name in wanted or [f"{key}_1"]:
        if name not in arrays:
            raise InvalidNetwork(f"{name} is missing: numbers go from 1 without a gap")
    return [arrays[name] for name in wanted]

"""Arrays of an implicit network (see :mod:`lipexplore.networks.files`).

======================  =========================================================================
key                     content
======================  =========================================================================
``A``, ``B``, ``C``     matrices of shapes (n, n), (n, m) and (p, n)
``D``                   matrix of shape (p, m); a missing one is zero
``b``, ``c``            vectors of shapes (n,) and (p,); a missing one is zero
``activation``          one name
======================  =========================================================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.archives import Arrays, text_of
from lipexplore.networks.implicit import ImplicitNetwork

MATRICES = ("A", "B", "b", "C", "D", "c")
_NEEDED = ("A", "B", "C", "activation")


def to_arrays(network: ImplicitNetwork) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a network."""
    arrays: dict[str, NDArray[np.generic]] = {key: getattr(network, key) for key in MATRICES}
    return {**arrays, "activation": np.array(network.activation.name)}


def from_arrays(arrays: Arrays, name: str) -> ImplicitNetwork:
    """Return the network of the arrays.

    Raises
    ------
    InvalidNetwork
        If a key is unknown or missing, or an array does not fit.
    """
    for key in arrays:
        if key not in (*MATRICES, "activation"):
            raise InvalidNetwork(f"{key} is no known key: use A, B, b, C, D, c, activation")
        if key in MATRICES and arrays[key].dtype.kind not in "fiu":
            raise InvalidNetwork(f"{key} must hold real numbers, not {arrays[key].dtype}")
    for key in _NEEDED:
        if key not in arrays:
            raise InvalidNetwork(
                f"{key} is missing: an implicit network needs {', '.join(_NEEDED)}"
            )
    A, B, C = (arrays[key] for key in ("A", "B", "C"))
    b, D, c = (arrays.get(key) for key in ("b", "D", "c"))
    return ImplicitNetwork(A, B, b, C, D, c, text_of(arrays, "activation", "relu"), name)

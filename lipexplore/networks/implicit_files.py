"""Arrays of an implicit network (see :mod:`lipexplore.networks.files`).

======================  =========================================================================
key                     content
======================  =========================================================================
``A``, ``B``, ``C``     matrices of shapes (n, n), (n, m) and (p, n)
``D``                   matrix of shape (p, m); a missing one is zero
``b``, ``c``            vectors of shapes (n,) and (p,); a missing one is zero
``activation``          one name
``knots_1, values_1``   of a spline: see :mod:`lipexplore.networks.spline_files`
======================  =========================================================================
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.archives import Arrays, text_of
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.spline_files import named_activations, spline_arrays, without_splines

MATRICES = ("A", "B", "b", "C", "D", "c")
_NEEDED = ("A", "B", "C", "activation")


def to_arrays(network: ImplicitNetwork) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a network."""
    arrays: dict[str, NDArray[np.generic]] = {key: getattr(network, key) for key in MATRICES}
    act = network.activation
    return {**arrays, "activation": np.array(act.name), **spline_arrays([act])}


def from_arrays(arrays: Arrays, name: str) -> ImplicitNetwork:
    """Return the network of the arrays.

    Raises
    ------
    InvalidNetwork
        If a key is unknown or missing, or an array does not fit.
    """
    given, arrays = arrays, without_splines(arrays)
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
    act = named_activations(given, [text_of(arrays, "activation", "relu")], 1)[0]
    return ImplicitNetwork(A, B, b, C, D, c, act, name)

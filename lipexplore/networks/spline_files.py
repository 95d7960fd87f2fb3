"""Linear splines in files of feedforward networks.

======================  =========================================================================
key                     content
======================  =========================================================================
``activation``          ``spline`` for hidden layers of splines
``knots_1`` ...         knots of that hidden layer, (K,) or (units, K), NaN after a row's last one
``values_1`` ...        values at the knots, (1, K) for one spline that all units share
======================  =========================================================================
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.activations import Activation
from lipexplore.networks.archives import Arrays
from lipexplore.networks.splines import NAME, Splines

_KEY = re.compile(r"(knots|values)_([1-9]\d*)")


def spline_arrays(activations: Sequence[Activation]) -> dict[str, NDArray[np.generic]]:
    """Return knots and values of the hidden layers that are splines."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for layer, act in enumerate(activations, 1):
        if isinstance(act, Splines):
            arrays[f"knots_{layer}"], arrays[f"values_{layer}"] = act.knots, act.values
    return arrays


def without_splines(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Return the arrays that are neither knots nor values."""
    return {key: array for key, array in arrays.items() if not _KEY.fullmatch(key)}


def named_activations(arrays: Arrays, names: Sequence[str], depth: int) -> list[str | Activation]:
    """Return the activations of a file, one name or one per hidden layer, splines as objects.

    Raises
    ------
    InvalidNetwork
        If knots or values are missing, are no numbers, or have no layer of splines.
    """
    many = list(names) * depth if len(names) == 1 else list(names)
    layers = [layer for layer, name in enumerate(many, 1) if name == NAME]
    for key, array in arrays.items():
        match = _KEY.fullmatch(key)
        if match and int(match[2]) not in layers:
            raise InvalidNetwork(f"{key} has no place: hidden layer {match[2]} is no {NAME!r}")
        if match and array.dtype.kind not in "fiu":
            raise InvalidNetwork(f"{key} must hold real numbers, not {array.dtype}")
    acts: list[str | Activation] = list(many)
    for layer in layers:
        for key in (f"knots_{layer}", f"values_{layer}"):
            if key not in arrays:
                raise InvalidNetwork(f"{key} is missing: hidden layer {layer} is a {NAME!r}")
        acts[layer - 1] = Splines(arrays[f"knots_{layer}"], arrays[f"values_{layer}"])
    return acts

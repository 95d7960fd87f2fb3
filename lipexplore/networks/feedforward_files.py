"""Arrays of a feedforward network (see :mod:`lipexplore.networks.files`).

Layers are numbered from 1 without a gap; layer 1 has these keys, and so on.

=======================  ========================================================================
key                      content
=======================  ========================================================================
``activation``           one name for all hidden layers, or one per hidden layer
``layer_1``              ``dense`` (absent means that), ``convolution``, ``average_pool`` or
                         ``scaling``
``weight_1``             dense: matrix (n_out, n_in)
``bias_1``               dense: (n_out,); convolution: (c_out,); a missing one is zero
``kernel_1``             convolution: (c_out, c_in / groups, kh, kw)
``input_shape_1``        all but dense: (c, height, width)
``stride_1``             convolution, average pool: (2,)
``padding_1``            convolution, average pool: ((top, bottom), (left, right))
``dilation_1``           convolution: (2,)
``groups_1``             convolution: a number
``padding_mode_1``       convolution: ``zeros``, ``circular``, ``replicate`` or ``reflect``
``window_1``             average pool: (2,)
``count_padding_1``      average pool: whether padded pixels count
``factor_1, shift_1``    scaling: one number, one per channel or one per input
``knots_1, values_1``    splines: see :mod:`lipexplore.networks.spline_files`
=======================  ========================================================================
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.archives import Arrays, text_of
from lipexplore.networks.feedforward import Network
from lipexplore.networks.layer import Dense, Layer
from lipexplore.networks.layers import LAYERS
from lipexplore.networks.spline_files import named_activations, spline_arrays, without_splines

_KEY = re.compile(r"([a-z_]+)_([1-9]\d*)")
_ARGUMENTS = {
    kind: {name: item.default for name, item in inspect.signature(layer).parameters.items()}
    for kind, layer in LAYERS.items()
}
_ARGUMENTS["dense"].pop("number")
_NAMES = {"layer"}.union(*_ARGUMENTS.values())
_NO_NUMBERS = ("layer", "padding_mode", "count_padding")


def to_arrays(network: Network) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a network."""
    arrays: dict[str, NDArray[np.generic]] = {
        "activation": np.array([act.name for act in network.activations] or ["identity"]),
    }
    for i, layer in enumerate(network.layers, 1):
        if not isinstance(layer, Dense):
            arrays[f"layer_{i}"] = np.array(layer.kind)
        arrays.update({f"{name}_{i}": array for name, array in layer.settings.items()})
    return arrays | spline_arrays(network.activations)


def from_arrays(arrays: Arrays, name: str) -> Network:
    """Return the network of the arrays.

    Raises
    ------
    InvalidNetwork
        If a key is unknown or missing, or an array does not fit.
    """
    given, arrays = arrays, without_splines(arrays)
    count = sum(key.startswith(("weight_", "layer_")) for key in arrays)
    count -= sum(f"layer_{key[7:]}" in arrays for key in arrays if key.startswith("weight_"))
    _check_keys(arrays, count)
    if "activation" not in arrays:
        raise InvalidNetwork("activation is missing: store a name such as 'relu'")
    names = [str(item) for item in np.atleast_1d(arrays["activation"]).ravel()]
    if count == 1:
        names = []
    return Network(
        [_layer(arrays, i) for i in range(1, count + 1)],
        activations=named_activations(given, names, count - 1),
        name=name,
    )


def _check_keys(arrays: Arrays, count: int) -> None:
    for key, array in arrays.items():
        match = _KEY.fullmatch(key)
        if key != "activation" and not (match and match[1] in _NAMES):
            raise InvalidNetwork(f"{key} is no known key: use weight_1, bias_1, ..., activation")
        if match and int(match[2]) > count:
            raise InvalidNetwork(f"{key} has no place: weights must be numbered 1 to {count}")
        if match and match[1] not in _NO_NUMBERS and array.dtype.kind not in "fiu":
            raise InvalidNetwork(f"{key} must hold real numbers, not {array.dtype}")


def _layer(arrays: Arrays, number: int) -> Layer:
    end, kind = f"_{number}", text_of(arrays, f"layer_{number}", "dense")
    if kind not in LAYERS:
        known = ", ".join(LAYERS)
        raise InvalidNetwork(f"layer{end} is {kind!r}: use one of {known}")
    settings: dict[str, Any] = {}
    for key, array in arrays.items():
        if key.endswith(end) and (name := key.removesuffix(end)) != "layer" and name in _NAMES:
            if name not in _ARGUMENTS[kind]:
                raise InvalidNetwork(f"{key} has no place: layer {number} is of kind {kind}")
            settings[name] = text_of(arrays, key, "") if name == "padding_mode" else array
    if "bias" in _ARGUMENTS[kind]:
        settings.setdefault("bias", None)
    for name, default in _ARGUMENTS[kind].items():
        if name not in settings and default is inspect.Parameter.empty:
            raise InvalidNetwork(f"{name}{end} is missing: layer {number} is of kind {kind}")
    if kind == "dense":
        return Dense(**settings, number=number)
    try:
        return LAYERS[kind](**settings)
    except InvalidNetwork as problem:
        raise InvalidNetwork(f"layer {number}: {problem}") from None

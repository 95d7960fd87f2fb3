"""A state dict and a list of layers as an nn.Sequential."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.torch_readers import LARGEST_TENSOR

WITHOUT_PARAMETERS = {
    "avg_pool2d": "AvgPool2d",
    "adaptive_avg_pool2d": "AdaptiveAvgPool2d",
    "flatten": "Flatten",
    "dropout": "Dropout",
    "identity": "Identity",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "celu": "CELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
}
OF_THEIR_WEIGHT = ("linear", "conv1d", "conv2d", "batch_norm1d", "batch_norm2d", "prelu")
SOFTMAX = {"softmax": "Softmax", "log_softmax": "LogSoftmax"}
SHORT = {
    "leaky_relu": "negative_slope",
    "elu": "alpha",
    "celu": "alpha",
    "gelu": "approximate",
    "softplus": "beta",
    "avg_pool2d": "kernel_size",
    "adaptive_avg_pool2d": "output_size",
    "dropout": "p",
}
"""What a bare value after the colon means."""


def sequential_of(state: Mapping[str, Any], layers: Sequence[Any]) -> Any:
    """Return the nn.Sequential of the layers with the parameters of the state dict, in its order.

    Raises
    ------
    InvalidNetwork
        If a layer is unknown or the parameters do not fit; the message names the layer.
    """
    from torch import nn

    if isinstance(layers, str | Mapping) or not isinstance(layers, Sequence):
        raise InvalidNetwork('layers must be a list such as ["linear", "relu", "linear"]')
    groups = _groups(state)
    modules = []
    for number, layer in enumerate(layers, 1):
        try:
            modules.append(_module(layer, groups))
        except InvalidNetwork as problem:
            raise InvalidNetwork(f"layer {number} ({layer}): {problem}") from None
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError, KeyError):
            raise InvalidNetwork(
                f"layer {number} ({layer}): its settings or parameters do not fit"
            ) from None
    if groups:
        raise InvalidNetwork(f"no layer takes the parameters of {next(iter(groups))!r}")
    return nn.Sequential(*modules).eval()


def _groups(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the parameters by module path, in the order of the state dict."""
    groups: dict[str, dict[str, Any]] = {}
    for key, tensor in state.items():
        if not isinstance(key, str) or not hasattr(tensor, "numel"):
            raise InvalidNetwork("this is no state dict: save model.state_dict()")
        if tensor.numel() > LARGEST_TENSOR:
            raise InvalidNetwork(f"{key} has {tensor.numel():,} numbers, which is too many")
        path, _, parameter = key.rpartition(".")
        groups.setdefault(path, {})[parameter] = tensor
    return groups


def _module(layer: Any, groups: dict[str, dict[str, Any]]) -> Any:
    from torch import nn

    if isinstance(layer, nn.Module):
        return _filled(copy.deepcopy(layer), groups) if layer.state_dict() else layer
    kind, options = _parsed(layer)
    if kind in WITHOUT_PARAMETERS:
        return getattr(nn, WITHOUT_PARAMETERS[kind])(**options)
    if kind in SOFTMAX:
        return getattr(nn, SOFTMAX[kind])(**{"dim": 1, **options})
    if kind not in OF_THEIR_WEIGHT:
        known = ", ".join((*OF_THEIR_WEIGHT, *WITHOUT_PARAMETERS, *SOFTMAX))
        raise InvalidNetwork(f"there is no such layer: use {known}")
    if not groups:
        raise InvalidNetwork("the state dict has no parameters left for it")
    group = next(iter(groups.values()))
    if "weight" not in group:
        raise InvalidNetwork(f"the next parameters of the state dict are {', '.join(group)}")
    return _filled(_of_shape(kind, group, options), groups)


def _of_shape(kind: str, group: dict[str, Any], options: dict[str, Any]) -> Any:
    """Return the module whose parameters have the group's shapes."""
    from torch import nn

    shape, dtype = tuple(group["weight"].shape), group["weight"].dtype
    bias = {"bias": "bias" in group, "dtype": dtype}
    if kind == "linear":
        out, size = shape
        return nn.Linear(size, out, **bias, **options)
    if kind in ("conv1d", "conv2d"):
        inputs = shape[1] * int(options.get("groups", 1))
        conv = nn.Conv2d if kind == "conv2d" else nn.Conv1d
        return conv(inputs, shape[0], shape[2:], **bias, **options)
    if kind == "prelu":
        return nn.PReLU(shape[0], dtype=dtype)
    norm = nn.BatchNorm2d if kind == "batch_norm2d" else nn.BatchNorm1d
    return norm(shape[0], dtype=dtype, **options)


def _filled(module: Any, groups: dict[str, dict[str, Any]]) -> Any:
    """Load the next group into a module, or several if it has parts."""
    wanted = {key.rpartition(".")[0] for key in module.state_dict()}
    taken: dict[str, Any] = {}
    for part in sorted(wanted, key=[k.rpartition(".")[0] for k in module.state_dict()].index):
        if not groups:
            raise InvalidNetwork("the state dict has no parameters left for it")
        path = next(iter(groups))
        for parameter, tensor in groups.pop(path).items():
            taken[f"{part}.{parameter}" if part else parameter] = tensor
    dtype = next((t.dtype for t in taken.values() if t.is_floating_point()), None)
    module.to(dtype).load_state_dict(taken, strict=True)
    return module


def _parsed(layer: Any) -> tuple[str, dict[str, Any]]:
    """Return kind and options of text such as "conv2d:stride=2,padding=1"."""
    if not isinstance(layer, str):
        raise InvalidNetwork("a layer must be text or a module of torch.nn")
    kind, _, rest = layer.partition(":")
    options: dict[str, Any] = {}
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals:
            key, value = SHORT.get(kind, ""), item
        options[key.strip()] = _value(value.strip())
    return kind.strip(), options


def _value(text: str) -> Any:
    """Return a number, a pair such as 2x1, a truth value or a word."""
    if "x" in text and all(part.isdecimal() for part in text.split("x")):
        return tuple(map(int, text.split("x")))
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text

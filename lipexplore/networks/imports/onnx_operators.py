"""ONNX operators on the values that run through a network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.chain import Chain
from lipexplore.networks.imports.onnx_constants import (
    Constant,
    axes_of,
    squeezed,
    target_shape,
    unsqueezed,
)
from lipexplore.networks.imports.onnx_windows import (
    read_average,
    read_convolution,
    read_mean,
    read_pad,
)
from lipexplore.rounding import Array


@dataclass
class Call:
    """One node.

    Parameters
    ----------
    operator
        Its kind.
    inputs
        Constants; None for the values that run through the network, and for inputs left out.
    place
        Which input the values are.
    attributes
        Those that have not been read yet.
    opset
        Version of the operators.
    outputs
        Number of outputs.
    """

    operator: str
    inputs: tuple[Constant | None, ...]
    place: int
    attributes: dict[str, Any]
    opset: int
    outputs: int

    def take(self, name: str, default: Any = None) -> Any:
        """Return an attribute and mark it as understood."""
        return self.attributes.pop(name, default)

    def optional(self, index: int) -> Array | None:
        """Return a real input, None where it is left out."""
        array = self.inputs[index] if index < len(self.inputs) else None
        return None if array is None else np.asarray(array, dtype=np.float64)

    def constant(self, index: int) -> Array:
        """Return a real input."""
        array = self.optional(index)
        if array is None:
            raise InvalidNetwork(f"input {index + 1} must be a constant")
        return array


def read_call(chain: Chain, call: Call) -> None:
    """Add a node to a chain.

    Raises
    ------
    InvalidNetwork
        If the node cannot be one of a network's layers.
    """
    OPERATORS[call.operator](chain, call)
    if call.attributes:
        name, value = next(iter(call.attributes.items()))
        raise InvalidNetwork(f"the attribute {name} = {value!r:.60} is not understood")


def _gemm(chain: Chain, call: Call) -> None:
    """Add alpha A' B' + beta C, where A or B are the values."""
    alpha, beta = float(call.take("alpha", 1.0)), float(call.take("beta", 1.0))
    turned = [bool(call.take("transA", 0)), bool(call.take("transB", 0))]
    other = call.constant(1 - call.place)
    if len(chain.shape) != 2 or other.ndim != 2:
        raise InvalidNetwork(f"it needs two matrices, not {chain.shape} and {other.shape}")
    chain.reshape(chain.shape[::-1] if turned[call.place] else chain.shape)
    _multiply(chain, call.place, other.T if turned[1 - call.place] else other, alpha)
    offset = call.optional(2)
    if offset is not None:
        chain.scale(np.ones(1), beta * offset)


def _matmul(chain: Chain, call: Call) -> None:
    other = call.constant(1 - call.place)
    while other.ndim > 2 and len(other) == 1:
        other = other[0]
    _multiply(chain, call.place, other, 1.0)


def _multiply(chain: Chain, place: int, other: Array, factor: float) -> None:
    """Add values times matrix (place 0) or matrix times values (place 1)."""
    if other.ndim != 2:
        raise InvalidNetwork(f"a constant of shape {other.shape} is no matrix")
    column = place == 1 and len(chain.shape) > 1
    if column and chain.shape[-1] != 1:
        raise InvalidNetwork(f"values of shape {chain.shape} are no single column")
    before = chain.shape[:-2] if column else chain.shape[:-1]
    if math.prod(before) != 1:
        raise InvalidNetwork(
            f"values of shape {chain.shape} are several vectors: export the model for one input"
        )
    chain.linear(factor * (other.T if place == 0 else other), None, column=column)


def _arithmetic(chain: Chain, call: Call) -> None:
    """Add values + c, values - c, c - values, values * c or values / c."""
    other = call.constant(1 - call.place)
    one, zero = np.ones(1), np.zeros(1)
    swapped = call.place == 1
    if call.operator == "Add":
        chain.scale(one, other, normalisation=True)
    elif call.operator == "Sub":
        chain.scale(-one if swapped else one, other if swapped else -other, normalisation=True)
    elif call.operator == "Mul":
        chain.scale(other, zero, normalisation=True)
    elif swapped or (other == 0.0).any():
        raise InvalidNetwork("only a division by constants that are not zero is affine")
    else:
        chain.scale(1.0 / other, zero, normalisation=True)


def _negative(chain: Chain, call: Call) -> None:
    del call
    chain.scale(-np.ones(1), np.zeros(1))


def _batch_norm(chain: Chain, call: Call) -> None:
    call.take("momentum")
    if call.opset < 9:
        raise InvalidNetwork("its meaning is unclear before opset 9: export with a later one")
    if call.take("training_mode", 0) or (call.opset < 14 and call.outputs > 1):
        raise InvalidNetwork(
            "batch normalisation in training mode mixes the inputs of a batch, so it is no "
            "function of one input: export the model in evaluation mode"
        )
    gain, offset, mean, variance = (call.constant(i) for i in range(1, 5))
    chain.normalise(mean, variance + float(call.take("epsilon", np.float32(1e-5))), gain, offset)


def _dropout(chain: Chain, call: Call) -> None:
    del chain
    for name in ("ratio", "seed"):
        call.take(name)
    if len(call.inputs) > 2 and call.inputs[2] is not None and np.any(call.inputs[2]):
        raise InvalidNetwork("it is in training mode: export the model in evaluation mode")


def _identity(chain: Chain, call: Call) -> None:
    del chain
    if call.operator == "Cast" and call.take("to") not in (1, 11):  # float, double
        raise InvalidNetwork("a cast to other numbers than float or double rounds")
    call.take("saturate")


def _flatten(chain: Chain, call: Call) -> None:
    axis = int(call.take("axis", 1))
    axis += len(chain.shape) if axis < 0 else 0
    chain.reshape((math.prod(chain.shape[:axis]), math.prod(chain.shape[axis:])))


def _reshape(chain: Chain, call: Call) -> None:
    zero = bool(call.take("allowzero", 0))
    chain.reshape(
        target_shape(chain.shape, [int(size) for size in call.constant(1).ravel()], zero=zero)
    )


def _squeeze(chain: Chain, call: Call) -> None:
    axes = axes_of(call.inputs, call.attributes)
    call.take("axes")
    shape = squeezed if call.operator == "Squeeze" else unsqueezed
    chain.reshape(shape(chain.shape, axes))  # type: ignore[arg-type]


def _transpose(chain: Chain, call: Call) -> None:
    order = call.take("perm") or range(len(chain.shape))[::-1]
    if sorted(order) != list(range(len(chain.shape))):
        raise InvalidNetwork(f"perm {list(order)} does not fit values of shape {chain.shape}")
    moved = [axis for axis in order if chain.shape[axis] > 1]
    if moved != sorted(moved):
        raise InvalidNetwork(
            f"it reorders values of shape {chain.shape}: export the model with channels first"
        )
    chain.reshape([chain.shape[axis] for axis in order])


def _softmax(chain: Chain, call: Call) -> None:
    axis = int(call.take("axis", -1 if call.opset >= 13 else 1))
    if call.opset < 13 and axis not in (-1, len(chain.shape) - 1):
        raise InvalidNetwork(f"it does not run over the last axis of {chain.shape}")
    chain.cut("softmax" if call.operator == "Softmax" else "log_softmax", axis)


def _named(name: str) -> Reader:
    def read(chain: Chain, call: Call) -> None:
        del call
        chain.activate(name)

    return read


def _with_alpha(name: str, default: float) -> Reader:
    def read(chain: Chain, call: Call) -> None:
        chain.activate(f"{name}:{float(call.take('alpha', default))!r}")

    return read


def _prelu(chain: Chain, call: Call) -> None:
    leaks = call.constant(1).ravel()
    if call.place != 0 or leaks.size == 0 or (leaks != leaks[0]).any():
        raise InvalidNetwork("its channels have different slopes: one slope per layer is supported")
    chain.activate(f"leaky_relu:{float(leaks[0])!r}")


def _selu(chain: Chain, call: Call) -> None:
    alpha, gamma = float(call.take("alpha", 1.6732632)), float(call.take("gamma", 1.050701))
    if abs(alpha - 1.6732632423) > 1e-6 or abs(gamma - 1.0507009873) > 1e-6:
        raise InvalidNetwork(f"alpha {alpha} and gamma {gamma} are not those of selu")
    chain.activate("selu")


def _celu(chain: Chain, call: Call) -> None:
    chain.stretch("elu:1.0", 1.0 / float(call.take("alpha", 1.0) or math.inf))


def _gelu(chain: Chain, call: Call) -> None:
    form = call.take("approximate", b"none")
    chain.activate("gelu:tanh" if form == b"tanh" else "gelu:exact")


def _clip(chain: Chain, call: Call) -> None:
    """Add max(x, 0), which some exporters write as a clip."""
    low = call.take("min", call.optional(1))
    high = call.take("max", call.optional(2))
    if low is None or float(low) != 0.0 or not (high is None or float(high) >= 3e38):
        raise InvalidNetwork("only a clip to [0, infinity) is an activation here")
    chain.activate("relu")


Reader = Callable[[Chain, Call], None]

SINGLE_HUNDREDTH = float(np.float32(0.01))
"""The specification's default slope: attributes are in single precision."""

OPERATORS: dict[str, Callable[[Chain, Any], None]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": read_convolution,
    "AveragePool": read_average,
    "GlobalAveragePool": read_mean,
    "ReduceMean": read_mean,
    "Pad": read_pad,
    "BatchNormalization": _batch_norm,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _arithmetic),
    "Neg": _negative,
    "Dropout": _dropout,
    "Identity": _identity,
    "Cast": _identity,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _squeeze,
    "Transpose": _transpose,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Relu": _named("relu"),
    "Tanh": _named("tanh"),
    "Sigmoid": _named("sigmoid"),
    "Softplus": _named("softplus"),
    "Abs": _named("abs"),
    "LeakyRelu": _with_alpha("leaky_relu", SINGLE_HUNDREDTH),
    "Elu": _with_alpha("elu", 1.0),
    "PRelu": _prelu,
    "Selu": _selu,
    "Celu": _celu,
    "Gelu": _gelu,
    "Clip": _clip,
}
"""Reader of each operator."""

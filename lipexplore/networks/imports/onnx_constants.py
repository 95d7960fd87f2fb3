"""Constants of an ONNX graph, and the few operators that are worked out on constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork

LARGEST_CONSTANT = 2**27
"""Most numbers of one constant."""

Constant = NDArray[np.generic]
Attributes = Mapping[str, Any]


def constant_of_tensor(tensor: Any) -> Constant:
    """Return a tensor's numbers; real ones in double precision, which rounds none of them.

    Raises
    ------
    InvalidNetwork
        If they are of another kind, in another file, or do not fit the shape.
    """
    from onnx import TensorProto, numpy_helper

    if math.prod(tensor.dims) > LARGEST_CONSTANT or min(tensor.dims, default=0) < 0:
        raise InvalidNetwork(f"the tensor {tensor.name!r} has shape {list(tensor.dims)}")
    if tensor.data_location == TensorProto.EXTERNAL:
        raise InvalidNetwork(
            f"the weights of {tensor.name!r} are in another file: save the model in one file"
        )
    reals = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    whole = (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL)
    if tensor.data_type not in reals + whole:
        raise InvalidNetwork(f"the tensor {tensor.name!r} does not hold real numbers")
    try:
        array = np.asarray(numpy_helper.to_array(tensor))
        return array.astype(np.float64) if tensor.data_type in reals else array.astype(np.int64)
    except (ValueError, TypeError, OverflowError, MemoryError, RuntimeError):
        raise InvalidNetwork(f"the tensor {tensor.name!r} is damaged") from None


def constant_of_node(attributes: Attributes) -> Constant:
    """Return the value of a Constant node."""
    (kind, value), *more = attributes.items() or [("", None)]
    if not more and kind == "value":
        return constant_of_tensor(value)
    if not more and kind in ("value_float", "value_floats"):
        return np.asarray(value, dtype=np.float64)
    if not more and kind in ("value_int", "value_ints"):
        return np.asarray(value, dtype=np.int64)
    raise InvalidNetwork("only numbers are understood as constants")


def folded(operator: str, inputs: Sequence[Constant], attributes: Attributes) -> Constant | None:
    """Return the value of an operator on constants, None if it is not worked out here.

    Raises
    ------
    InvalidNetwork
        If the inputs do not fit or the result would be too large.
    """
    if operator not in FOLDED:
        return None
    count = sum(array.size for array in inputs)
    if operator == "Gather" and len(inputs) == 2:
        count = inputs[0].size * inputs[1].size
    if count > LARGEST_CONSTANT:
        raise InvalidNetwork("its result is too large")
    try:
        return np.asarray(FOLDED[operator](list(inputs), attributes))
    except (ValueError, TypeError, IndexError, KeyError, OverflowError):
        raise InvalidNetwork("its constants do not fit") from None


def target_shape(shape: Sequence[int], target: Sequence[int], *, zero: bool) -> tuple[int, ...]:
    """Return the shape that a Reshape asks for: 0 copies a size (unless ``zero``), -1 fills.

    Raises
    ------
    InvalidNetwork
        If it does not fit.
    """
    sizes = [int(size) for size in target]
    if not zero:
        sizes = [shape[i] if size == 0 and i < len(shape) else size for i, size in enumerate(sizes)]
    if sizes.count(-1) == 1:
        known = -math.prod(sizes)
        if known > 0:
            sizes[sizes.index(-1)] = math.prod(shape) // known
    if min(sizes, default=1) < 0 or math.prod(sizes) != math.prod(shape):
        raise InvalidNetwork(f"values of shape {tuple(shape)} do not fill {tuple(target)}")
    return tuple(sizes)


def squeezed(shape: Sequence[int], axes: Sequence[int] | None) -> tuple[int, ...]:
    """Return the shape without the given axes of size 1, or without all of them."""
    rank = len(shape)
    gone = {i for i in range(rank) if shape[i] == 1} if axes is None else {a % rank for a in axes}
    if any(shape[i] != 1 for i in gone):
        raise InvalidNetwork(f"shape {tuple(shape)} cannot be squeezed along {axes}")
    return tuple(size for i, size in enumerate(shape) if i not in gone)


def unsqueezed(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """Return the shape with axes of size 1 put in."""
    rank = len(shape) + len(axes)
    new = {int(axis) % rank for axis in axes}
    if len(new) != len(axes):
        raise InvalidNetwork(f"axes {axes} cannot be put in twice")
    old = iter(shape)
    return tuple(1 if i in new else next(old) for i in range(rank))


def axes_of(inputs: Sequence[Constant | None], attributes: Attributes) -> list[int] | None:
    """Return the axes of a Squeeze, Unsqueeze or ReduceMean: an input or an attribute."""
    given = inputs[1] if len(inputs) > 1 else attributes.get("axes")
    return None if given is None else [int(axis) for axis in np.ravel(given)]


def _reshape(inputs: list[Constant], attributes: Attributes) -> Constant:
    zero = bool(attributes.get("allowzero", 0))
    return inputs[0].reshape(target_shape(inputs[0].shape, np.ravel(inputs[1]).tolist(), zero=zero))


def _cast(inputs: list[Constant], attributes: Attributes) -> Constant:
    if attributes["to"] in (6, 7):  # int32, int64
        return inputs[0].astype(np.int64)
    if attributes["to"] == 11:  # double
        return inputs[0].astype(np.float64)
    raise InvalidNetwork("only casts to integers and to double precision are exact")


FOLDED: dict[str, Callable[[list[Constant], Attributes], Constant]] = {
    "Identity": lambda inputs, _: inputs[0],
    "Cast": _cast,
    "Concat": lambda inputs, attributes: np.concatenate(inputs, axis=attributes["axis"]),
    "Gather": lambda inputs, attributes: np.take(
        inputs[0], inputs[1].astype(np.int64), axis=attributes.get("axis", 0)
    ),
    "Reshape": _reshape,
    "Squeeze": lambda inputs, attributes: inputs[0].reshape(
        squeezed(inputs[0].shape, axes_of(inputs, attributes))
    ),
    "Transpose": lambda inputs, attributes: inputs[0].transpose(attributes.get("perm")),
    "Unsqueeze": lambda inputs, attributes: inputs[0].reshape(
        unsqueezed(inputs[0].shape, axes_of(inputs, attributes) or [])
    ),
}
"""Operators on constants: those that exporters use on shapes and weights."""

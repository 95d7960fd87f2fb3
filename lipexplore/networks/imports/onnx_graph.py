"""An ONNX graph as a chain of nodes, each reading the values that the one before made."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.chain import Chain
from lipexplore.networks.imports.onnx_constants import (
    Constant,
    constant_of_node,
    constant_of_tensor,
    folded,
)
from lipexplore.networks.imports.onnx_operators import OPERATORS, Call, read_call
from lipexplore.networks.imports.onnx_patterns import recognised
from lipexplore.networks.imports.refusals import refusal

OLDEST = 7
"""Earlier operator sets broadcast differently."""


def opset_of(model: Any) -> int:
    """Return the version of the standard operators that the model uses.

    Raises
    ------
    InvalidNetwork
        If it has none, or one that is too old.
    """
    versions = [item.version for item in model.opset_import if item.domain in ("", "ai.onnx")]
    if not versions or max(versions) < OLDEST:
        raise InvalidNetwork(
            f"it uses operators of version {max(versions, default=0)}: export it with opset "
            f"{OLDEST} or later"
        )
    return int(max(versions))


def needed_nodes(graph: Any) -> list[Any]:
    """Return the nodes that the output depends on, in order.

    Raises
    ------
    InvalidNetwork
        If the graph has several outputs.
    """
    if len(graph.output) != 1:
        names = ", ".join(repr(item.name) for item in graph.output) or "none"
        raise InvalidNetwork(f"a model with one output is needed, not {names}")
    wanted, kept = {graph.output[0].name}, []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]


def input_of(graph: Any) -> Any:
    """Return the one input of the graph that is no constant.

    Raises
    ------
    InvalidNetwork
        If there are several, or none.
    """
    constants = {tensor.name for tensor in graph.initializer}
    found = [item for item in graph.input if item.name not in constants]
    if len(found) != 1:
        names = ", ".join(repr(item.name) for item in found) or "none"
        raise InvalidNetwork(f"a model with one input is needed, not {names}")
    return found[0]


def input_shape_of(value: Any, given: Sequence[int] | None) -> tuple[int, ...]:
    """Return the shape of one input with its batch axis of size 1.

    ``given`` is the shape without that axis, for models that leave it open.

    Raises
    ------
    InvalidNetwork
        If a size is open and none is given, or the two do not agree.
    """
    if not value.type.HasField("tensor_type"):
        raise InvalidNetwork("the input is no tensor")
    sizes = [
        item.dim_value if item.WhichOneof("value") == "dim_value" else 0
        for item in value.type.tensor_type.shape.dim
    ]
    if sizes and sizes[0] == 0:
        sizes[0] = 1
    if given is not None:
        try:
            wanted = [1, *map(operator.index, given)]
        except TypeError:
            raise InvalidNetwork(
                f"input_shape must be whole numbers such as (1, 28, 28), not {given}"
            ) from None
        if not sizes:
            return tuple(wanted)
        if len(sizes) == len(wanted) - 1:
            wanted = wanted[1:]
        fits = len(sizes) == len(wanted) and all(
            size in (0, want) for size, want in zip(sizes, wanted, strict=True)
        )
        if not fits:
            raise InvalidNetwork(f"input_shape {tuple(given)} does not fit the model's {sizes}")
        return tuple(wanted)
    if not sizes or 0 in sizes:
        raise InvalidNetwork(
            "the model leaves the shape of its input open: give input_shape, for instance "
            "(1, 28, 28)"
        )
    return tuple(sizes)


def read_graph(chain: Chain, graph: Any, opset: int) -> None:
    """Add all nodes that the output depends on to a chain.

    Raises
    ------
    InvalidNetwork
        Naming the node that cannot be one of a network's layers.
    """
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    constants: dict[str, Constant] = {}
    values = input_of(graph).name
    patterns, inner = recognised(needed_nodes(graph), tensors)
    for number, node in enumerate(needed_nodes(graph), 1):
        if id_of(node) in inner:
            continue
        label = f"node {node.name or number!r} ({node.op_type})"
        try:
            for name in node.input:
                if name in tensors and name not in constants:
                    constants[name] = constant_of_tensor(tensors[name])
            if id_of(node) in patterns:
                source, activation = patterns[id_of(node)]
                _check_chain([source], values)
                chain.activate(activation)
                values = node.output[0]
            elif _is_constant(node, constants, values):
                constants[node.output[0]] = _worked_out(node, constants, chain)
            else:
                read_call(chain, _call(node, constants, values, opset))
                values = node.output[0]
        except InvalidNetwork as problem:
            raise InvalidNetwork(f"{label}: {problem}") from None
        except (TypeError, ValueError, IndexError, KeyError, AttributeError, OverflowError):
            raise InvalidNetwork(f"{label}: its settings are damaged") from None
    if values != graph.output[0].name:
        raise InvalidNetwork("the output does not depend on the input")


def id_of(node: Any) -> str:
    """Return what tells a node apart: every value is made once."""
    return str(node.output[0]) if node.output else ""


def _is_constant(node: Any, constants: dict[str, Constant], values: str) -> bool:
    inputs = [name for name in node.input if name]
    if node.op_type == "Shape" and inputs == [values]:
        return True
    return all(name in constants for name in inputs) and (
        bool(inputs) or node.op_type == "Constant"
    )


def _worked_out(node: Any, constants: dict[str, Constant], chain: Chain) -> Constant:
    _check_domain(node)
    attributes = _attributes(node)
    if node.op_type == "Constant":
        return constant_of_node(attributes)
    if node.op_type == "Shape":
        given = [constants[name].shape for name in node.input if name in constants]
        shape = given[0] if given else chain.shape
        ends = slice(attributes.get("start", 0), attributes.get("end"))
        return np.array(shape[ends], dtype=np.int64)
    result = folded(node.op_type, [constants[name] for name in node.input], attributes)
    if result is None:
        raise InvalidNetwork(f"{node.op_type} of constants is not worked out: fold constants first")
    return result


def _call(node: Any, constants: dict[str, Constant], values: str, opset: int) -> Call:
    _check_domain(node)
    if node.op_type not in OPERATORS:
        raise InvalidNetwork(refusal(node.op_type))
    places = [place for place, name in enumerate(node.input) if name and name not in constants]
    _check_chain([node.input[place] for place in places], values)
    inputs = tuple(constants.get(name) if name else None for name in node.input)
    outputs = sum(map(bool, node.output))
    return Call(node.op_type, inputs, places[0], _attributes(node), opset, outputs)


def _check_chain(read: Sequence[str], values: str) -> None:
    if list(read) != [values]:
        raise InvalidNetwork(
            "it joins two branches or takes an earlier layer's values: a network here is a chain, "
            "in which each layer reads the one before"
        )


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {item.name: helper.get_attribute_value(item) for item in node.attribute}


def _check_domain(node: Any) -> None:
    if node.domain not in ("", "ai.onnx"):
        raise InvalidNetwork(f"the operators of {node.domain!r} are not known")

"""An ONNX model in double precision, run by ONNX's reference implementation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.onnx_constants import constant_of_node, constant_of_tensor
from lipexplore.networks.imports.onnx_graph import input_of, needed_nodes
from lipexplore.rounding import Array


def runner(model: Any, shape: Sequence[int]) -> Callable[[Array], Array]:
    """Return the model as a function of points (count, n_0), one of them at a time.

    Only the nodes that the output depends on are run, all of which the import has understood.
    """

    def run(points: Array) -> Array:
        from onnx.reference import ReferenceEvaluator

        try:
            source = input_of(model.graph).name
            evaluator = ReferenceEvaluator(in_double(model, shape))
            rows = [evaluator.run(None, {source: point.reshape(shape)})[0] for point in points]
            return np.array([np.ravel(row) for row in rows], dtype=np.float64)
        except (
            ValueError, TypeError, RuntimeError, IndexError, KeyError, AttributeError,
            NotImplementedError, OverflowError, MemoryError, AssertionError,
        ) as problem:  # fmt: skip
            reason = str(problem).partition("\n")[0]
            raise InvalidNetwork(f"the model does not run on a random input: {reason}") from None

    return run


def in_double(model: Any, shape: Sequence[int]) -> Any:
    """Return a copy of the model whose real numbers are all in double precision.

    Raises
    ------
    InvalidNetwork
        If a constant is damaged.
    """
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    nodes: list[Any] = []
    tensors: list[Any] = []
    names = {name for node in needed_nodes(graph) for name in node.input}
    for tensor in graph.initializer:
        if str(tensor.name) in names:
            tensors.append(numpy_helper.from_array(constant_of_tensor(tensor), tensor.name))
    for node in needed_nodes(graph):
        given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        if node.op_type == "Constant":
            value = constant_of_node(given)
            tensors.append(numpy_helper.from_array(value, node.output[0]))
            continue
        copied = type(node)()
        copied.CopyFrom(node)
        if node.op_type == "Cast":
            for item in copied.attribute:
                if item.name == "to" and item.i == TensorProto.FLOAT:
                    item.i = TensorProto.DOUBLE
        if node.op_type == "BatchNormalization":
            _pin_statistics(copied)
        nodes.append(copied)
    source, target = input_of(graph).name, graph.output[0].name
    twin = helper.make_graph(
        nodes,
        "double",
        [helper.make_tensor_value_info(source, TensorProto.DOUBLE, shape)],
        [helper.make_tensor_value_info(target, TensorProto.DOUBLE, None)],
        tensors,
    )
    return helper.make_model(twin, opset_imports=list(model.opset_import), ir_version=8)


def _pin_statistics(node: Any) -> None:
    """Make the reference implementation use the stored statistics.

    Between operator sets 9 and 13 it mixes the batch's into them with weight 1 - momentum.
    """
    from onnx import helper

    kept = [item for item in node.attribute if item.name != "momentum"]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("momentum", 1.0)])

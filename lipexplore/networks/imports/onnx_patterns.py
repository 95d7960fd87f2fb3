"""Activations that exporters write as several nodes: silu and gelu.

silu(x) = x sigmoid(x), gelu(x) = 1/2 x (1 + erf(x / sqrt 2)), and its tanh form
1/2 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). The factors may stand in any order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.onnx_constants import (
    constant_of_node,
    constant_of_tensor,
)

CLOSE = 1e-6
DEEPEST, MOST_FACTORS = 6, 4
"""Nested products are followed so far; powers of powers would double and triple their factors."""

Found = tuple[dict[str, tuple[str, str]], set[str]]


def recognised(nodes: Sequence[Any], tensors: Mapping[str, Any]) -> Found:
    """Return the last node of each pattern, and all the nodes before it in one.

    Nodes are named by their outputs. Each last node comes with the value that the activation is
    applied to and the activation's name.
    """
    graph = _Graph(nodes, tensors)
    patterns: dict[str, tuple[str, str]] = {}
    inner: set[str] = set()
    for node in nodes:
        if node.op_type != "Mul" or node.output[0] in inner:
            continue
        found = _activation(graph, node.output[0])
        if found is None:
            continue
        source, name = found
        between = graph.between(node.output[0], source)
        if between is not None and not inner & between:
            patterns[node.output[0]] = (source, name)
            inner |= between
    return patterns, inner


class _Graph:
    """Nodes by what they make, and constants that are single numbers."""

    def __init__(self, nodes: Sequence[Any], tensors: Mapping[str, Any]) -> None:
        self.makers = {node.output[0]: node for node in nodes if len(node.output) == 1}
        self.tensors = tensors
        self.readers: dict[str, list[str]] = {}
        for node in nodes:
            for name in node.input:
                self.readers.setdefault(name, []).append(node.output[0] if node.output else "")

    def made_by(self, name: str, operator: str) -> Any:
        """Return the node that makes a value if it is of that kind."""
        node = self.makers.get(name)
        return node if node is not None and node.op_type == operator else None

    def number(self, name: str) -> float | None:
        """Return a constant of one entry."""
        from onnx import helper

        try:
            if name in self.tensors:
                array = constant_of_tensor(self.tensors[name])
            elif (node := self.made_by(name, "Constant")) is not None:
                given = {item.name: helper.get_attribute_value(item) for item in node.attribute}
                array = constant_of_node(given)
            else:
                return None
        except (InvalidNetwork, ValueError):
            return None
        return float(np.asarray(array, dtype=np.float64).ravel()[0]) if array.size == 1 else None

    def factors(self, name: str, depth: int = 0) -> tuple[float, list[str]]:
        """Return a value as a number times values, by undoing products, quotients and powers."""
        value = self.number(name)
        if value is not None:
            return value, []
        node = self.makers.get(name)
        if node is not None and len(node.input) == 2 and depth < DEEPEST:
            left, right = node.input
            if node.op_type == "Mul":
                a, first = self.factors(left, depth + 1)
                b, second = self.factors(right, depth + 1)
                if len(first + second) <= MOST_FACTORS:
                    return a * b, first + second
                return 1.0, [name]
            other = self.number(right)
            if node.op_type == "Div" and other:
                a, first = self.factors(left, depth + 1)
                return a / other, first
            if node.op_type == "Pow" and other in (2.0, 3.0):
                a, first = self.factors(left, depth + 1)
                if len(first) * other <= MOST_FACTORS:
                    return a ** int(other), first * int(other)
        return 1.0, [name]

    def one_plus(self, name: str) -> str | None:
        """Return y if a value is 1 + y."""
        node = self.made_by(name, "Add")
        if node is None:
            return None
        for value, other in (node.input, node.input[::-1]):
            if self.number(value) == 1.0:
                return str(other)
        return None

    def between(self, last: str, source: str) -> set[str] | None:
        """Return what lies between two values, None if any of it is used elsewhere."""
        inside, todo = set[str](), [last]
        while todo:
            for name in self.makers[todo.pop()].input:
                node = self.makers.get(name)
                if name == source or node is None or node.op_type == "Constant" or name in inside:
                    continue
                inside.add(name)
                todo.append(name)
        known = inside | {last}
        if any(reader not in known for name in inside for reader in self.readers[name]):
            return None
        return inside


def _activation(graph: _Graph, name: str) -> tuple[str, str] | None:
    """Return the value that an activation is applied to, and which one, if it ends here."""
    scale, parts = graph.factors(name)
    if len(parts) != 2:
        return None
    for source, other in (parts, parts[::-1]):
        sigmoid = graph.made_by(other, "Sigmoid")
        if scale == 1.0 and sigmoid is not None and sigmoid.input[0] == source:
            return source, "silu"
        bell = graph.one_plus(other)
        if bell is None or abs(scale - 0.5) > CLOSE:
            continue
        node = graph.makers.get(bell)
        if node is None or node.op_type not in ("Erf", "Tanh"):
            continue
        if node.op_type == "Erf":
            rate, inside = graph.factors(node.input[0])
            if inside == [source] and abs(rate - math.sqrt(0.5)) < CLOSE:
                return source, "gelu:exact"
        elif _is_cubic(graph, node.input[0], source):
            return source, "gelu:tanh"
    return None


def _is_cubic(graph: _Graph, name: str, source: str) -> bool:
    """Tell whether a value is sqrt(2 / pi) (x + 0.044715 x^3)."""
    rate, inside = graph.factors(name)
    if abs(rate - math.sqrt(2.0 / math.pi)) > CLOSE:
        return False
    if len(inside) == 1 and (node := graph.made_by(inside[0], "Add")) is not None:
        terms = [graph.factors(term) for term in node.input]
        wanted = [(1.0, [source]), (0.044715, [source] * 3)]
    elif len(inside) == 2 and source in inside:
        other = graph.one_plus(inside[1 - inside.index(source)])
        terms, wanted = ([graph.factors(other)] if other else []), [(0.044715, [source] * 2)]
    else:
        return False
    terms.sort(key=lambda term: len(term[1]))
    return len(terms) == len(wanted) and all(
        found == names and abs(number - value) < CLOSE
        for (number, found), (value, names) in zip(terms, wanted, strict=True)
    )

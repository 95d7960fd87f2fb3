"""Parts of the box of slopes: which units a node of the search has fixed, and what is known of it.

``choice`` is an int8 array (N,) over all hidden units, first layer first: -1 and +1 fix a unit's
slope at its lower and upper end, 0 leaves it in its range.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.rounding import Array

Choice = NDArray[np.int8]
Rows = NDArray[np.float32]
NO_COLUMN = -1


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the tree with the proven bound that it inherits from its parent."""

    choice: Choice
    column: int
    bound: float


@dataclass(frozen=True, eq=False)
class Node:
    """An open part of the tree.

    Parameters
    ----------
    choice
        Which slopes are fixed.
    column
        The input in question for l_1, else NO_COLUMN.
    value
        What the vector pass reached in it: an estimate that orders the search, not a bound.
    bound
        Proven upper bound of the gradient's norm in it, in the network's units.
    unit
        The unit to branch on.
    rows
        Its vectors, shape (r, n), to start its children from.
    """

    choice: Choice
    column: int
    value: float
    bound: float
    unit: int
    rows: Rows

    @property
    def nbytes(self) -> int:
        """Memory of the node, without the interpreter's."""
        return self.rows.nbytes + self.choice.nbytes

    def children(self) -> Iterator[Choice]:
        """Return the two ways to fix the unit."""
        for end in (-1, 1):
            choice = self.choice.copy()
            choice[self.unit] = end
            yield choice


@dataclass(frozen=True, eq=False)
class Leaf:
    """A closed part of the tree with the multipliers that prove ``bound`` for it.

    ``inputs`` is mu and ``units`` all tau, both None where every slope is fixed: there the gradient
    itself is enclosed.
    """

    choice: Choice
    column: int
    bound: float
    inputs: NDArray[np.float32] | None = None
    units: NDArray[np.float32] | None = None


class Frontier:
    """The open nodes, the one of the largest value first."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Node]] = []
        self._numbers = count()
        self.nbytes = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, node: Node) -> None:
        """Add a node."""
        heapq.heappush(self._heap, (-node.value, next(self._numbers), node))
        self.nbytes += node.nbytes

    def pop(self, most: int) -> list[Node]:
        """Take the nodes of the largest values."""
        nodes = [heapq.heappop(self._heap)[2] for _ in range(min(most, len(self._heap)))]
        self.nbytes -= sum(node.nbytes for node in nodes)
        return nodes

    @property
    def nodes(self) -> list[Node]:
        """All open nodes, in no order."""
        return [item[2] for item in self._heap]

    def replace(self, nodes: Sequence[Node]) -> None:
        """Put other nodes in the place of all."""
        self._heap = [(-node.value, next(self._numbers), node) for node in nodes]
        heapq.heapify(self._heap)
        self.nbytes = sum(node.nbytes for node in nodes)


class Waiting:
    """Nodes that wait for a stage of more sweeps, so that many can be swept at once."""

    def __init__(self) -> None:
        self._nodes: dict[int, list[Node]] = {}
        self.nbytes = 0

    def __len__(self) -> int:
        return sum(map(len, self._nodes.values()))

    @property
    def nodes(self) -> list[Node]:
        """All waiting nodes."""
        return [node for nodes in self._nodes.values() for node in nodes]

    def add(self, node: Node, stage: int) -> None:
        """Add a node that waits for a stage."""
        self._nodes.setdefault(stage, []).append(node)
        self.nbytes += node.nbytes

    def ready(self, count: int) -> bool:
        """Tell whether ``count`` nodes wait for one stage."""
        return any(len(nodes) >= count for nodes in self._nodes.values())

    def take(self, most: int) -> tuple[list[Node], int]:
        """Take nodes of the stage for which most wait, and that stage."""
        stage = max(self._nodes, key=lambda number: len(self._nodes[number]))
        nodes, self._nodes[stage] = self._nodes[stage][:most], self._nodes[stage][most:]
        self.nbytes -= sum(node.nbytes for node in nodes)
        return nodes, stage


class SlopeBox:
    """The slopes of a chain as arrays over all units, and what choices make of them."""

    def __init__(self, chain: SlopeChain) -> None:
        self.lower = np.concatenate([np.empty(0), *chain.lower])
        self.upper = np.concatenate([np.empty(0), *chain.upper])
        self.free = self.lower < self.upper
        self._pairs = list(pairwise(np.cumsum([0, *chain.widths[1:-1]]).tolist()))

    def ranges(self, choice: NDArray[np.int8]) -> tuple[list[Array], list[Array]]:
        """Return the ends of the slopes per layer for choices of shape (N,) or (B, N)."""
        lower = np.where(choice > 0, self.upper, self.lower)
        upper = np.where(choice < 0, self.lower, self.upper)
        return self.split(lower), self.split(upper)

    def split(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Cut an array over all units into one per layer."""
        return [array[..., a:b] for a, b in self._pairs]

    def undecided(self, choice: Choice) -> NDArray[np.bool_]:
        """Return which units are free to move."""
        undecided: NDArray[np.bool_] = self.free & (choice == 0)
        return undecided

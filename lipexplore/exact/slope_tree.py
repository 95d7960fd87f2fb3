"""Parts of the box of slopes: which units a node of the search has fixed, and what is known of it.

``choice`` is an int8 array (N,) over all hidden units, first layer first: -1 and +1 fix a unit's
slope at its lower and upper end, 0 leaves it in its range.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.rounding import Array

Choice = NDArray[np.int8]
Rows = NDArray[np.float32]
Multipliers = NDArray[np.floating[Any]]
NO_COLUMN = -1

SMALLEST_EXACT = 2.0**-1020
"""Numbers from here on are scaled by powers of two without rounding."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """A part of the tree with the multipliers that prove ``bound`` for it.

    ``inputs`` is mu and ``units`` all tau, both None where the gradient itself is enclosed.
    """

    choice: Choice
    column: int
    bound: float
    inputs: Multipliers | None = None
    units: Multipliers | None = None

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        arrays = (self.choice, self.inputs, self.units)
        return sum(array.nbytes for array in arrays if array is not None)


@dataclass(frozen=True, eq=False)
class Part:
    """A part of the tree and the best proof known for it: its own or that of an ancestor."""

    choice: Choice
    column: int
    proof: Leaf


@dataclass(eq=False)
class Node:
    """An open part of the tree.

    Parameters
    ----------
    part
        Which slopes are fixed, and the proven bound of the gradient's norm, in network units.
    value
        What the vector pass reached in it: an estimate that orders the search, not a bound.
    units, ends
        The units to branch on, the best first, and the ends -1 or +1 that its vectors round to.
    rows
        Its vectors, shape (r, n), to start its children from.
    stage
        The stage of sweeps that comes next.
    tight
        Whether its own bound was proven as well as it can be.
    """

    part: Part
    value: float
    units: NDArray[np.intp]
    ends: Choice
    rows: Rows
    stage: int
    tight: bool = False

    @property
    def bound(self) -> float:
        """The proven bound."""
        return self.part.proof.bound

    @property
    def nbytes(self) -> int:
        """Memory of the node, without the interpreter's."""
        return self.rows.nbytes + self.part.choice.nbytes

    def children(self, width: int = 1) -> Iterator[Part]:
        """Return parts that share the node: the i-th leaves the vectors' rounding at unit i first.

        With width 1 the two ways to fix one unit; else ``width`` levels of the tree at once, of
        which the last part has all units at the ends that the vectors round to.
        """
        choice = self.part.choice
        for unit, end in zip(self.units[:width].tolist(), self.ends[:width].tolist(), strict=True):
            turned, choice = choice.copy(), choice.copy()
            turned[unit], choice[unit] = -end, end
            yield Part(turned, self.part.column, self.part.proof)
        yield Part(choice, self.part.column, self.part.proof)


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

    def add(self, node: Node) -> None:
        """Add a node that waits for its stage."""
        self._nodes.setdefault(node.stage, []).append(node)
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
    """The slopes of a chain as arrays over all units, and what choices make of them.

    The chain's ends are the network's, scaled and rounded outward. Where that was not exact (slopes
    near the smallest float) a unit fixed at an end keeps the interval of which the end is known.
    """

    def __init__(self, chain: SlopeChain, slopes: SlopeRanges) -> None:
        self.lower, self.upper = joined(chain.lower), joined(chain.upper)
        self._low_end = np.where(
            _is_rounded(self.lower, joined(slopes.lower)),
            np.nextafter(self.lower, np.inf),
            self.lower,
        )
        self._high_end = np.where(
            _is_rounded(self.upper, joined(slopes.upper)),
            np.nextafter(self.upper, -np.inf),
            self.upper,
        )
        moving = joined(slopes.lower) < joined(slopes.upper)
        self.free = moving & (self.lower < self.upper)
        self._pairs = list(pairwise(accumulate(chain.widths[1:-1], initial=0)))

    def ranges(self, choice: Choice) -> tuple[list[Array], list[Array]]:
        """Return the ends of the slopes per layer for choices of shape (N,) or (B, N)."""
        lower = np.where(choice > 0, self._high_end, self.lower)
        upper = np.where(choice < 0, self._low_end, self.upper)
        return self.split(lower), self.split(upper)

    def split(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Cut an array over all units into one per layer."""
        return [array[..., a:b] for a, b in self._pairs]

    def undecided(self, choice: Choice) -> NDArray[np.bool_]:
        """Return which units are free to move."""
        undecided: NDArray[np.bool_] = self.free & (choice == 0)
        return undecided


def joined(layers: Sequence[Array]) -> Array:
    """Put one array per layer into one array over all units."""
    return np.concatenate([np.empty(0), *layers])


def _is_rounded(scaled: Array, exact: Array) -> NDArray[np.bool_]:
    """Tell where scaling by a power of two may have rounded: only results near the smallest."""
    rounded: NDArray[np.bool_] = (np.abs(scaled) < SMALLEST_EXACT) & (exact != 0.0)
    return rounded

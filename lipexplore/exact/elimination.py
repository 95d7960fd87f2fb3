"""Orders in which the variables of a sparse polynomial can be maximised away, and their cost."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush

import numpy as np

from lipexplore.errors import RelaxationTooLarge
from lipexplore.polynomials.polynomial import EMPTY, Index, Polynomial
from lipexplore.relaxations.memory import default_memory_limit

Graph = dict[int, int]
"""Each variable with its neighbours as bits of an integer."""

BYTES_PER_ENTRY = 10
"""Per entry of the largest table: both halves in float64, their comparison and its packed bits."""
SECONDS_PER_ENTRY = 1.2e-8
SECONDS_PER_VARIABLE = 8e-5


@dataclass(frozen=True, eq=False)
class Elimination:
    """An order in which the variables of a polynomial are maximised away.

    Parameters
    ----------
    order
        The variables.
    scopes
        For each variable the later ones that its maximum depends on, last to leave first. A
        variable and its scope are a bag of the tree decomposition.
    """

    order: tuple[int, ...]
    scopes: tuple[tuple[int, ...], ...]

    @property
    def width(self) -> int:
        """Number of variables in the largest scope."""
        return max(map(len, self.scopes), default=0)

    @property
    def entries(self) -> int:
        """Numbers in the tables of all bags."""
        return sum(2 ** (len(scope) + 1) for scope in self.scopes)

    @cached_property
    def memory_bytes(self) -> int:
        """Peak memory: the table at work, the results that wait for theirs, the choices made."""
        peak = waiting = choices = 0
        arrived: dict[int, int] = defaultdict(int)
        for variable, scope in zip(self.order, self.scopes, strict=True):
            size = 2 ** len(scope)
            peak = max(peak, waiting + choices + 2 * BYTES_PER_ENTRY * size)
            waiting += 8 * size - arrived[variable]
            choices += 1 + size // 8
            if scope:
                arrived[scope[-1]] += 8 * size
        return peak

    @property
    def seconds(self) -> float:
        """Expected run time, on a machine like the one it was measured on."""
        return SECONDS_PER_VARIABLE * len(self.order) + SECONDS_PER_ENTRY * self.entries


def elimination(polynomial: Polynomial, memory_limit: float | None = None) -> Elimination:
    """Return the cheaper of two greedy orders: least degree first, and least fill-in first.

    Raises
    ------
    RelaxationTooLarge
        If both need more than ``memory_limit`` bytes, by default half of the free memory.
    """
    limit = default_memory_limit() if memory_limit is None else memory_limit
    widest = math.frexp(max(limit, 1.0) / (2.0 * BYTES_PER_ENTRY))[1] - 1
    graph = _graph(polynomial.terms)
    plans = [_greedy(graph, score, widest) for score in (_degree, _fill)]
    best = min(plans, key=lambda plan: (plan.memory_bytes > limit, plan.entries))
    if best.memory_bytes > limit:
        raise RelaxationTooLarge(
            f"eliminating the slopes one by one needs tables of 2^{best.width + 1} numbers, above "
            f"the memory limit of {limit / 1e9:.3g} GB: choose a sparser network, fewer layers or "
            "another method"
        )
    return best


def _graph(terms: Index) -> Graph:
    """Join two variables that meet in a term."""
    count = int(terms.max(initial=EMPTY)) + 1
    meet = np.zeros((count + 1, count + 1), dtype=bool)
    for column in terms.T:
        meet[column[:, None], terms] = True
    meet = meet[:count, :count]
    used = np.flatnonzero(meet.diagonal())
    np.fill_diagonal(meet, val=False)
    packed = np.packbits(meet, axis=1, bitorder="little")
    return {int(v): int.from_bytes(packed[v].tobytes(), "little") for v in used}


def _greedy(graph: Graph, score: Callable[[Graph, int], int], widest: int) -> Elimination:
    """Eliminate the variable of least score again and again; stop after a scope above ``widest``.

    Its neighbours become a clique. An order that stops early is too large by its last scope alone.
    """
    graph, neighbours = dict(graph), {}
    scores = {variable: score(graph, variable) for variable in graph}
    heap = [(value, variable) for variable, value in scores.items()]
    heapify(heap)
    while heap:
        value, variable = heappop(heap)
        if scores.get(variable) != value:
            continue
        around = neighbours[variable] = graph.pop(variable)
        del scores[variable]
        if around.bit_count() > widest:
            break
        changed = around
        for other in _members(around):
            changed |= graph[other]
            graph[other] = (graph[other] | around) & ~(1 << other | 1 << variable)
        for other in _members(changed & ~(1 << variable)):
            value = score(graph, other)
            if value != scores[other]:
                scores[other] = value
                heappush(heap, (value, other))
    place = {variable: step for step, variable in enumerate(neighbours)}
    scopes = (
        tuple(sorted(_members(around), key=lambda u: place.get(u, len(place)), reverse=True))
        for around in neighbours.values()
    )
    return Elimination(tuple(neighbours), tuple(scopes))


def _degree(graph: Graph, variable: int) -> int:
    return graph[variable].bit_count()


def _fill(graph: Graph, variable: int) -> int:
    """Return twice the number of edges that eliminating the variable adds."""
    around = graph[variable]
    return sum((around & ~graph[other]).bit_count() - 1 for other in _members(around))


def _members(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest

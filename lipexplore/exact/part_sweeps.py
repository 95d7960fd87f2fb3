"""Sweeps of many parts of the tree at once, in single precision but for the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.exact.pattern_ascent import Vertices
from lipexplore.exact.slope_tree import Node, Part, Rows, SlopeBox
from lipexplore.exact.vector_pass import VectorPass
from lipexplore.exact.vector_state import Ascent, Multipliers, Vectors
from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.norms import Norm
from lipexplore.rounding import Array

RANK = 8


@dataclass(frozen=True, eq=False)
class SweptParts:
    """Parts with the vectors that they have reached."""

    parts: Sequence[Part]
    problem: VectorPass
    ascent: Ascent
    exponent: int

    def on(self, sweeps: int) -> SweptParts:
        """Sweep on, with momentum."""
        return replace(self, ascent=self.problem.run(self.ascent, sweeps))

    def take(self, places: NDArray[np.intp]) -> SweptParts:
        """Return some of the parts."""
        parts = [self.parts[place] for place in places.tolist()]
        return SweptParts(parts, self.problem.take(places), self.ascent.take(places), self.exponent)

    @property
    def values(self) -> Array:
        """What the passes reached in the network's units, cut at what is proven."""
        bounds = np.array([part.proof.bound for part in self.parts])
        reached = np.ldexp(self.ascent.best.astype(np.float64), self.exponent)
        return np.asarray(np.fmin(reached, bounds))

    @property
    def multipliers(self) -> Multipliers:
        """Multipliers of the last sweep."""
        return self.problem.multipliers(self.ascent.last)

    @property
    def scores(self) -> Array:
        """What every unit (B, N) lets the value exceed that of a vertex; branch on the largest."""
        return _joined(self.problem.scores(self.ascent.last), len(self.parts))

    @property
    def vertices(self) -> Vertices:
        """The vectors rounded to vertices (B, N): the upper end where v and g agree."""
        signs = [
            np.einsum("rbn,rbn->bn", a, g) > 0.0
            for a, g in zip(self.ascent.last.backward, self.ascent.last.forward, strict=True)
        ]
        return _joined(signs, len(self.parts))

    def rows(self, place: int) -> Rows:
        """Return the vectors of one part, to keep."""
        return self.ascent.vectors.rows[:, place].astype(np.float32)


class PartSweeps:
    """Starts and continues sweeps of parts of a chain's box of slopes."""

    def __init__(self, chain: SlopeChain, box: SlopeBox, norm: Norm) -> None:
        self._box, self._norm = box, norm
        self._chain, self._light = chain, _in_single_precision(chain)

    def start(self, seed: int) -> Rows:
        """Return random vectors of one part, shape (r, n)."""
        problem = VectorPass(self._chain, self._norm, columns=[0])
        return problem.start(RANK, seed).rows[:, 0].astype(np.float32)

    def sweep(
        self, parts: Sequence[Part], rows: Sequence[Rows], sweeps: int, *, double: bool = False
    ) -> SweptParts:
        """Sweep parts from given vectors."""
        kind: Any = np.float64 if double else np.float32
        lower, upper = self._box.ranges(np.stack([part.choice for part in parts]))
        problem = VectorPass(
            self._chain if double else self._light,
            self._norm,
            lower=[low.astype(kind) for low in lower],
            upper=[high.astype(kind) for high in upper],
            columns=[part.column for part in parts] if self._norm is Norm.L1 else None,
        )
        start = Vectors(np.stack(rows, axis=1).astype(kind), problem.widths)
        return SweptParts(parts, problem, problem.run(start, sweeps), self._chain.exponent)

    def go_on(self, nodes: Sequence[Node], sweeps: int, *, double: bool = False) -> SweptParts:
        """Sweep nodes from their vectors."""
        parts, rows = [node.part for node in nodes], [node.rows for node in nodes]
        return self.sweep(parts, rows, sweeps, double=double)


def _joined(layers: Sequence[NDArray[Any]], count: int) -> NDArray[Any]:
    """Put arrays (B, n_l) side by side; (B, 0) for none."""
    return np.concatenate([np.zeros((count, 0), dtype=bool), *layers], axis=1)


def _in_single_precision(chain: SlopeChain) -> SlopeChain:
    def single(arrays: Sequence[Array]) -> tuple[Any, ...]:
        return tuple(array.astype(np.float32) for array in arrays)

    return replace(
        chain,
        weights=single(chain.weights),
        lower=single(chain.lower),
        upper=single(chain.upper),
    )

"""The best gradient that a search has found: over slopes for P*, at points for L."""

from __future__ import annotations

import math
import time

import numpy as np

from lipexplore.exact.part_proofs import PartProofs
from lipexplore.exact.pattern_ascent import Vertices, ascend, shaken
from lipexplore.exact.pattern_feasibility import Feasibility
from lipexplore.exact.slope_tree import Choice
from lipexplore.exact.witness import Witness, proven_at, witness
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import gradient_norm_below
from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm

STARTS, SHAKES, FRUITLESS = 100, 8, 2
"""Random vertices, and rounds of shaking the best one; rounds without success that end them."""

WITNESSES = 8
"""Vertices of a batch for which a point is sought, for L."""


class Incumbent:
    """Holds a proven lower end and raises it.

    Parameters
    ----------
    network, chain, norm
        A scalar network and its chain.
    proofs
        Of the same question.
    feasibility
        For L: only slopes that a point of the region has count.

    Attributes
    ----------
    lower
        Proven lower end of P*, or of L.
    slopes
        Per layer, slopes whose gradient attains it.
    witness
        For L, the point that attains it.
    """

    def __init__(
        self,
        network: Network,
        chain: SlopeChain,
        norm: Norm,
        proofs: PartProofs,
        feasibility: Feasibility | None,
    ) -> None:
        self._network, self._chain, self._norm = network, chain, norm
        self._proofs, self._feasibility = proofs, feasibility
        self.lower, self.witness = 0.0, None
        self.slopes = proofs.ends(np.ones(sum(network.widths[1:-1]), dtype=np.int8))

    lower: float
    witness: Witness | None

    def search(self, seed: int, deadline: float) -> None:
        """Improve random vertices, then shaken copies of the best one."""
        rng = np.random.default_rng(seed)
        vertices = rng.random((STARTS, sum(self._network.widths[1:-1]))) < 0.5
        vertices[0] = True
        best, value = self.ascend(vertices, deadline)
        fruitless = 0
        for _ in range(SHAKES):
            if fruitless == FRUITLESS or time.perf_counter() > deadline:
                break
            found, reached = self.ascend(shaken(best, STARTS, rng), deadline)
            fruitless = 0 if reached > value * (1.0 + 1e-12) else fruitless + 1
            if reached > value:
                best, value = found, reached

    def ascend(self, vertices: Vertices, deadline: float = math.inf) -> tuple[Vertices, float]:
        """Improve vertices, try whether the best of them raise the lower end; return the best."""
        values, reached = ascend(self._chain, self._norm, vertices, deadline)
        order = np.argsort(-values, kind="stable")
        tries = 1 if self._feasibility is None else WITNESSES
        for place in order[:tries].tolist():
            if np.ldexp(values[place], self._chain.exponent) > self.lower:
                self.try_vertex(reached[place].astype(np.int8))
        best: Vertices = reached[order[0]]
        return best, float(values[order[0]])

    def try_vertex(self, choice: Choice) -> None:
        """Raise the lower end to the gradient at a vertex, for L only if a point attains it."""
        ends = self._proofs.ends(choice)
        if self._feasibility is not None:
            region = self._feasibility.region
            self._accept(witness(self._network, region, ends, self._norm, self._feasibility))
            return
        lower = gradient_norm_below(self._network, SlopeRanges(ends, ends), self._norm)
        if lower > self.lower:
            self.lower, self.slopes = lower, ends

    def excludes(self, choice: Choice) -> bool:
        """Tell, for L, whether no point is in a part; else see what its best point attains."""
        if self._feasibility is None:
            return False
        ranges = self._proofs.ends(choice), self._proofs.ends(choice + 1)
        if self._feasibility.is_proven_infeasible(*ranges):
            return True
        point = self._feasibility.point(*ranges)
        if point is not None:
            self._accept(proven_at(self._network, self._feasibility.region, point, self._norm))
        return False

    def _accept(self, found: Witness | None) -> None:
        if found is not None and found.lower > self.lower:
            self.lower, self.slopes, self.witness = found.lower, found.slopes, found

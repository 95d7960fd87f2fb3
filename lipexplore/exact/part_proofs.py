"""Proven bounds of parts of the tree: by multipliers, or by enclosing the gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipexplore.certificates.chain_pruning import PruningProver
from lipexplore.exact.slope_tree import NO_COLUMN, Choice, Leaf, Multipliers, Part, SlopeBox, joined
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import jacobian_enclosure, norm_above
from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.rounding import Array

ROOM = 1.0 + 1e-12
"""Between a bound and the multipliers that prove it, so that another machine can prove it again."""


class PartProofs:
    """Proves bounds of parts of a scalar network's box of slopes.

    Parameters
    ----------
    network, slopes, norm
        The question; for l_1 every part is about one input.
    chain, box
        The same network as a chain.
    """

    def __init__(
        self, network: Network, slopes: SlopeRanges, norm: Norm, chain: SlopeChain, box: SlopeBox
    ) -> None:
        self._network, self._slopes, self._norm = network, slopes, norm
        self._chain, self._box = chain, box
        self._provers: dict[int, PruningProver] = {}

    def roots(self) -> list[Part]:
        """Return the whole box, for l_1 once per input; the heaviest input first."""
        whole = np.zeros(len(self._box.free), dtype=np.int8)
        sizes = self._enclosure(whole)
        if self._norm is Norm.L1:
            order = np.argsort(-sizes, kind="stable").tolist()
            leaves = [Leaf(whole, column, float(sizes[column])) for column in order]
        else:
            leaves = [Leaf(whole, NO_COLUMN, norm_above(sizes, self._norm.dual))]
        return [Part(whole, leaf.column, leaf) for leaf in leaves]

    def enclosed(self, choice: Choice, column: int) -> Leaf:
        """Bound the gradient by intervals; accurate where every slope is fixed."""
        sizes = self._enclosure(choice)
        if column != NO_COLUMN:
            sizes = sizes[[column]]
        return Leaf(choice, column, norm_above(sizes, self._norm.dual))

    def below(
        self, part: Part, mu: Multipliers, tau: Sequence[Multipliers], bound: float, value: float
    ) -> Leaf | None:
        """Return the proof that a part stays below ``bound``, if these multipliers give one."""
        if part.proof.bound <= bound:
            return part.proof
        if not value > 0.0:
            leaf = self.enclosed(part.choice, part.column)
            return leaf if leaf.bound <= bound else None
        found = self._prover(part.column).proof_below(
            mu, tau, bound, value, *self._box.ranges(part.choice)
        )
        return None if found is None else Leaf(part.choice, part.column, bound, *found)

    def is_proven(self, leaf: Leaf) -> bool:
        """Prove a leaf's bound once more, from its multipliers alone."""
        if leaf.inputs is None or leaf.units is None:
            return self.enclosed(leaf.choice, leaf.column).bound <= leaf.bound
        return self._prover(leaf.column).is_proof_below(
            leaf.inputs,
            self._box.split(leaf.units),
            leaf.bound,
            *self._box.ranges(leaf.choice),
        )

    def tightest(self, part: Part, mu: Array, tau: Sequence[Array], value: float) -> Leaf:
        """Return the best proof for a part that these multipliers give, or the one it has."""
        ranges = self._box.ranges(part.choice)
        found = self._prover(part.column).prove(mu, tau, *ranges, value=value)
        bound = found.value * ROOM
        if not bound < part.proof.bound:
            return part.proof
        return Leaf(part.choice, part.column, bound, found.inputs, joined(found.units))

    def ends(self, upper: Choice) -> tuple[Array, ...]:
        """Return the slopes of a vertex in the network's units, per layer."""
        return tuple(
            np.where(above, high, low)
            for above, low, high in zip(
                self._box.split(upper > 0), self._slopes.lower, self._slopes.upper, strict=True
            )
        )

    def _enclosure(self, choice: Choice) -> Array:
        """Return per input the largest size that the gradient may have in a part."""
        ranges = SlopeRanges(self.ends(choice), self.ends(choice + 1))
        lower, upper = jacobian_enclosure(self._network, ranges)
        return np.asarray(np.maximum(np.abs(lower), np.abs(upper))[0])

    def _prover(self, column: int) -> PruningProver:
        if column not in self._provers:
            chosen = None if column == NO_COLUMN else column
            self._provers[column] = PruningProver(self._chain, self._norm, chosen)
        return self._provers[column]

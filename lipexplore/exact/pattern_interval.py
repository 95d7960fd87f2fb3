"""What a search over slopes has proven."""

from __future__ import annotations

from dataclasses import dataclass

from lipexplore.exact.slope_tree import Leaf
from lipexplore.exact.witness import Witness
from lipexplore.rounding import Array


@dataclass(frozen=True, eq=False)
class PatternInterval:
    """What is proven of P*, or of L.

    Parameters
    ----------
    upper, lower
        Proven ends.
    slopes
        Per layer, the slopes whose gradient attains ``lower``; ends of their ranges.
    witness
        For L, the point of the region that attains ``lower``.
    leaves
        Proofs of parts that cover the box of slopes, each of a bound that is at most ``upper``; for
        L without the parts that no point is in. Empty if they were not kept.
    status
        "exact" if the ends differ by the tolerance at most, else why the search ended.
    root
        Proven bound before any branching.
    nodes
        Number of nodes that were bounded.
    """

    upper: float
    lower: float
    slopes: tuple[Array, ...]
    witness: Witness | None
    leaves: tuple[Leaf, ...]
    status: str
    root: float
    nodes: int

"""Proofs of a branch and bound as binary trees over the units whose slopes were fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidCertificate
from lipexplore.exact.slope_tree import NO_COLUMN, Leaf

LEAF = -1


@dataclass(frozen=True, eq=False)
class TreeCertificate:
    """A binary tree whose leaves cover the box of slopes, with a proof for each leaf.

    Parameters
    ----------
    column
        The input that it is about, for l_1.
    branches
        The tree in preorder: the number of the unit that a node is branched on, first the half with
        its slope at the lower end, then that at the upper end; -1 at a leaf.
    leaves
        In the same order, per leaf mu and all tau, or None where the gradient itself is enclosed.
    """

    column: int | None
    branches: tuple[int, ...]
    leaves: tuple[tuple[NDArray[Any], NDArray[Any]] | None, ...]


def tree_certificates(leaves: Sequence[Leaf]) -> tuple[TreeCertificate, ...]:
    """Return one tree per column for leaves that cover the box; some may contain others.

    Raises
    ------
    InvalidCertificate
        If they do not cover it.
    """
    columns = sorted({leaf.column for leaf in leaves})
    return tuple(_tree([leaf for leaf in leaves if leaf.column == own]) for own in columns)


def _tree(leaves: Sequence[Leaf]) -> TreeCertificate:
    """Branch on a unit that all leaves fix until one of them covers what is left."""
    fixed = np.stack([leaf.choice for leaf in leaves])
    counts = (fixed != 0).sum(axis=1)
    branches: list[int] = []
    proofs: list[tuple[NDArray[Any], NDArray[Any]] | None] = []
    stack: list[tuple[NDArray[np.intp], tuple[int, ...]]] = [(np.arange(len(leaves)), ())]
    while stack:
        places, path = stack.pop()
        covering = places[counts[places] == len(path)]
        if len(covering):
            leaf = leaves[covering[0]]
            branches.append(LEAF)
            enclosed = leaf.inputs is None or leaf.units is None
            proofs.append(None if enclosed else (leaf.inputs, leaf.units))
            continue
        common = (fixed[places] != 0).all(axis=0)
        common[list(path)] = False
        if not len(places) or not common.any():
            raise InvalidCertificate("the leaves of the tree do not cover all slopes")
        unit = int(common.argmax())
        branches.append(unit)
        ends = fixed[places, unit]
        stack += [(places[ends > 0], (*path, unit)), (places[ends < 0], (*path, unit))]
    column = leaves[0].column
    return TreeCertificate(None if column == NO_COLUMN else column, tuple(branches), tuple(proofs))

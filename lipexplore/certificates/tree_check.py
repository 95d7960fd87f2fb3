"""Check the trees of a branch and bound against the network: every leaf is proven once more."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lipexplore.certificates.trees import LEAF
from lipexplore.errors import InvalidCertificate
from lipexplore.exact.part_proofs import PartProofs
from lipexplore.exact.slope_tree import NO_COLUMN, Choice, Leaf, SlopeBox
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.rounding import Array


def check_trees(
    network: Network,
    slopes: SlopeRanges,
    norm: Norm,
    claimed: float,
    parts: Sequence[Mapping[str, Any]],
) -> int:
    """Prove P* <= ``claimed`` from trees, one, or for l_1 one for every input.

    The tree is walked from its root, so that its leaves cover the box of slopes whatever the file
    says; each is proven by its multipliers, without any search, or by enclosing the gradient.

    Parameters
    ----------
    network
        Of one output.

    Returns
    -------
    int
        The number of positive multipliers.

    Raises
    ------
    InvalidCertificate
        If a leaf is not proven to stay below the claim, or a tree is not complete.
    ValueError
        If the multipliers are not finite non-negative numbers, as many as the question needs.
    """
    if not 0.0 <= claimed < math.inf:
        raise InvalidCertificate("the claimed value is no finite non-negative number")
    columns = list(range(network.n_inputs)) if norm is Norm.L1 else [None]
    if len(parts) != len(columns) or {part["column"] for part in parts} != set(columns):
        raise InvalidCertificate("the certificate leaves out an input")
    chain = slope_chain(network, slopes)
    proofs = PartProofs(network, slopes, norm, chain, SlopeBox(chain, slopes))
    sizes = network.n_inputs if norm is Norm.LINF else 1, sum(network.widths[1:-1])
    count = 0
    for part in parts:
        column = NO_COLUMN if part["column"] is None else part["column"]
        choices = _choices(part["branches"], sizes[1])
        for choice, multipliers in zip(choices, part["leaves"], strict=True):
            leaf = Leaf(choice, column, claimed, *_arrays(multipliers, sizes))
            if not proofs.is_proven(leaf):
                raise InvalidCertificate("a leaf of the tree does not prove the claimed value")
            if leaf.inputs is not None and leaf.units is not None:
                count += int((leaf.inputs > 0.0).sum() + (leaf.units > 0.0).sum())
    return count


def _choices(branches: Sequence[Any], units: int) -> Iterator[Choice]:
    """Walk a tree in preorder and return which slopes each of its leaves fixes."""
    stack: list[Choice] = [np.zeros(units, dtype=np.int8)]
    for unit in branches:
        if not stack or type(unit) is not int or not LEAF <= unit < units:
            raise InvalidCertificate("the tree of the certificate is malformed")
        choice = stack.pop()
        if unit == LEAF:
            yield choice
            continue
        if choice[unit]:
            raise InvalidCertificate("the tree of the certificate fixes a unit twice")
        for end in (1, -1):
            half = choice.copy()
            half[unit] = end
            stack.append(half)
    if stack:
        raise InvalidCertificate("the tree of the certificate is not complete")


def _arrays(multipliers: Any, sizes: tuple[int, int]) -> tuple[Array, Array] | tuple[None, None]:
    if multipliers is None:
        return None, None
    rows = multipliers["inputs"], multipliers["units"]
    for row, size in zip(rows, sizes, strict=True):
        if type(row) is not list or len(row) != size:
            raise ValueError("the number of multipliers does not fit the network")
        if not all(type(number) is float and 0.0 <= number < math.inf for number in row):
            raise ValueError("a multiplier is no finite non-negative float")
    return np.array(rows[0], dtype=np.float64), np.array(rows[1], dtype=np.float64)

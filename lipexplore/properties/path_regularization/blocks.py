"""Blocks of the convex program: one linear map on one cone per pattern of a sub-network."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement, product

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.properties.path_regularization.arrangements import (
    Cell,
    cells,
    facets,
    sampled_patterns,
    sides,
    sign_choices,
)
from lipexplore.rounding import Array

MOST_POINTS, MOST_RANK, MOST_WIDTH = 6, 3, 2
"""Largest n, columns of X and m_1 whose three-layer blocks are enumerated."""


@dataclass(frozen=True, eq=False)
class Block:
    """Sub-networks of one activation pattern: z -> operator z on {cone z >= 0}, times a sign t.

    z holds the rows z_j = |w_2j w_3| w_1j one after the other.

    Parameters
    ----------
    operator
        Q A, array (n, m_1 r) with A z = sum_j s_j P_j X z_j; P X with two layers.
    cone
        Array (k, m_1 r).
    signs
        s, the signs of w_2j; (1,) with two layers.
    """

    operator: Array
    cone: Array
    signs: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Blocks:
    """The blocks of a problem.

    Parameters
    ----------
    blocks
        Up to the order of neurons and the sign t.
    complete
        Whether every sub-network lies in some block. If not, an optimum over the blocks is an
        UPPER bound of the optimum, and no dual certificate is valid.
    """

    blocks: tuple[Block, ...]
    complete: bool

    @property
    def count(self) -> int:
        """Number of blocks, those whose output is 0 at all data counted as one."""
        return len(self.blocks) + 1


def blocks_of(X: Array, layers: int, width: int) -> Blocks:
    """Enumerate the blocks of two layers, or of three with ``width`` neurons in the first.

    Raises
    ------
    InvalidSetting
        If there are too many.
    """
    if len(X) > MOST_POINTS or X.shape[1] > MOST_RANK or width > MOST_WIDTH:
        raise InvalidSetting(
            f"{len(X)} points, {X.shape[1]} columns (the constant counts) and {width} neurons are "
            f"too many to enumerate: use at most {MOST_POINTS}, {MOST_RANK} and {MOST_WIDTH}, or "
            f"sample patterns"
        )
    first = cells(X)
    if layers == 2:
        return Blocks(tuple(_two_layers(X, cell) for cell in first if cell.pattern.any()), True)
    found = []
    for signs in sign_choices(width):
        for chosen in _combinations(first, signs):
            forms, cone = _inner(X, signs, chosen)
            found += [_block(forms, q, signs) for q in cells(forms, cone) if q.pattern.any()]
    return Blocks(tuple(found), True)


def sampled_blocks(X: Array, layers: int, width: int, count: int, seed: int = 0) -> Blocks:
    """Return the blocks of ``count`` random sub-networks, never called complete."""
    if layers == 2:
        first = [Cell(p, sides(X, p)) for p in sampled_patterns(X, count, seed)]
        return Blocks(tuple(_two_layers(X, cell) for cell in first if cell.pattern.any()), False)
    rng, found, known = np.random.default_rng(seed), {}, dict[bytes, Cell]()
    for _ in range(count):
        z = rng.standard_normal((width, X.shape[1]))
        signs = tuple(sorted((int(s) for s in rng.choice((-1, 1), width)), reverse=True))
        for p in (X @ z.T > 0.0).T:
            if p.tobytes() not in known:
                known[p.tobytes()] = Cell(p, facets(sides(X, p)))
        chosen = [known[p.tobytes()] for p in (X @ z.T > 0.0).T]
        forms, cone = _inner(X, signs, chosen)
        q = forms @ z.ravel() > 0.0
        if q.any():
            cell = Cell(q, np.concatenate([cone, sides(forms, q)]))
            key = (signs, *(p.pattern.tobytes() for p in chosen), q.tobytes())
            found[key] = _block(forms, cell, signs)
    return Blocks(tuple(found.values()), False)


def _two_layers(X: Array, cell: Cell) -> Block:
    return Block(np.where(cell.pattern[:, None], X, 0.0), cell.cone, (1,))


def _combinations(first: list[Cell], signs: tuple[int, ...]) -> list[list[Cell]]:
    """Return the first layer's patterns, neurons of the same sign in one order only."""
    positive = signs.count(1)
    parts = [
        list(combinations_with_replacement(first, count))
        for count in (positive, len(signs) - positive)
    ]
    return [[*a, *b] for a, b in product(*parts)]


def _inner(X: Array, signs: tuple[int, ...], chosen: list[Cell]) -> tuple[Array, Array]:
    """Return A with A z = sum_j s_j P_j X z_j, and the cone of the P_j."""
    forms = np.concatenate(
        [np.where(c.pattern[:, None], s * X, 0.0) for s, c in zip(signs, chosen, strict=True)],
        axis=1,
    )
    places = np.eye(len(signs))
    cone = np.concatenate([np.kron(places[j], c.cone) for j, c in enumerate(chosen)])
    return forms, cone


def _block(forms: Array, cell: Cell, signs: tuple[int, ...]) -> Block:
    return Block(np.where(cell.pattern[:, None], forms, 0.0), cell.cone, signs)

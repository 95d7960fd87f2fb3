"""Column generation: the best sub-network of every block, and the best mixture of those found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lipexplore.properties.path_regularization.blocks import Block
from lipexplore.rounding import Array

TOLERANCE = 1e-13
"""Blocks that violate the dual constraint by less, relatively, are not added."""

MOST_ROUNDS, MOST_NEW, MOST_STEPS = 80, 40, 10_000
STALLED = 1.0 - 2e-15
"""A round that lowers the objective by no larger a factor ends the search of some blocks."""

INSIDE = 1e-9
NEAR = 0.8
"""Blocks whose best atom was longer than this times beta are searched first."""


@dataclass(frozen=True, eq=False)
class Atom:
    """One sub-network t (.. z ..) of norm 1.

    Parameters
    ----------
    block
        Its block.
    sign
        t.
    z
        Array (m_1 r,) of Euclidean norm 1 in the block's cone.
    """

    block: Block
    sign: int
    z: Array

    @property
    def column(self) -> Array:
        """Its outputs at the data, shape (n,)."""
        return self.sign * (self.block.operator @ self.z)


@dataclass(frozen=True, eq=False)
class Mixture:
    """A sum of atoms with positive weights.

    Parameters
    ----------
    atoms, weights
        f = sum_i weights_i atoms_i, and R = sum_i weights_i.
    residual
        y - f at the data, array (n,): the dual variable before scaling.
    rounds
        How often all blocks were searched.
    """

    atoms: tuple[Atom, ...]
    weights: Array
    residual: Array
    rounds: int


def project(cone: Array, direction: Array) -> tuple[Array, Array]:
    """Return the projection of a direction on {cone z >= 0} and its multipliers t >= 0.

    It is direction + cone^T t with the t that make it shortest (non-negative least squares). The
    routine stops short of that in one of some thousand cases; then all faces are tried.
    """
    if len(cone) == 0:
        return direction, np.zeros(0)
    multipliers = non_negative(cone.T, -direction)
    z = direction + cone.T @ multipliers
    if is_inside(cone, z, direction):
        return z, multipliers
    for size in range(1 + min(cone.shape)):
        for face in combinations(range(len(cone)), size):
            rows, found = cone[list(face)], np.zeros(len(cone))
            found[list(face)] = np.linalg.lstsq(rows.T, -direction, rcond=None)[0]
            end = direction + cone.T @ found
            if found.min() >= 0.0 and is_inside(cone, end, direction):
                return end, found
    return z, multipliers


def is_inside(cone: Array, z: Array, direction: Array) -> bool:
    """Tell whether z lies in the cone up to rounding of the direction it came from."""
    least = float((cone @ z).min(initial=0.0))
    return least >= -INSIDE * float(np.abs(direction).max(initial=0.0))


def non_negative(matrix: Array, target: Array) -> Array:
    """Return x >= 0 with |matrix x - target| least; zeros where the routine gives up."""
    from scipy.optimize import nnls

    try:
        found, _ = nnls(matrix, target, maxiter=MOST_STEPS)
    except RuntimeError:
        return np.zeros(matrix.shape[1])
    return np.asarray(found)


def generate(
    blocks: Sequence[Block], targets: Array, beta: float, start: Sequence[Atom] = ()
) -> Mixture:
    """Minimise 1/2 |sum_i w_i column_i - y|^2 + beta sum_i w_i over atoms of all blocks.

    The dual variable v = y - prediction prices every block: its best atom is the projection of
    t A^T v on the cone, and enters if that is longer than beta. Atoms of these blocks to ``start``
    from, such as those of a beta nearby, save rounds.
    """
    atoms, weights, residual = list(start), np.zeros(0), targets
    near, value, last, rounds = list(blocks), np.inf, np.inf, 0
    if atoms:
        weights, residual = _mix(atoms, targets, beta)
        near = _blocks_of(atoms)
    while rounds < MOST_ROUNDS:
        rounds += 1
        new = _longest(near, residual, NEAR * beta)
        before, value = value, _value(residual, weights, beta)
        if not any(_violates(length, beta) for length, _ in new) or value > before * STALLED:
            if len(near) == len(blocks) or value > last * STALLED:
                break
            near, last, value = list(blocks), value, np.inf
            continue
        near = _blocks_of(atom for _, atom in new)
        kept = [atom for atom, weight in zip(atoms, weights, strict=True) if weight > 0.0]
        atoms = kept + [atom for length, atom in new[:MOST_NEW] if _violates(length, beta)]
        weights, residual = _mix(atoms, targets, beta)
    return mixture(atoms, weights, targets, rounds)


def _mix(atoms: Sequence[Atom], targets: Array, beta: float) -> tuple[Array, Array]:
    """Return the best weights of these atoms and the residual they leave."""
    weights = master(np.array([atom.column for atom in atoms]).T, targets, beta)
    return weights, targets - _sum(atoms, weights, len(targets))


def _value(residual: Array, weights: Array, beta: float) -> float:
    return 0.5 * float(residual @ residual) + beta * float(weights.sum())


def _blocks_of(atoms: Iterable[Atom]) -> list[Block]:
    return list({id(atom.block): atom.block for atom in atoms}.values())


def mixture(atoms: Sequence[Atom], weights: Array, targets: Array, rounds: int) -> Mixture:
    """Return the mixture of the atoms whose weight is positive."""
    used = [(atom, w) for atom, w in zip(atoms, weights, strict=True) if w > 0.0]
    kept, found = tuple(atom for atom, _ in used), np.array([w for _, w in used])
    return Mixture(kept, found, targets - _sum(kept, found, len(targets)), rounds)


def master(columns: Array, targets: Array, beta: float) -> Array:
    """Return the minimiser w >= 0 of 1/2 |columns w - y|^2 + beta 1^T w.

    Its dual projects y on {v: columns^T v <= beta}, a least-distance problem and so one
    non-negative least squares problem.

    References
    ----------
    Lawson and Hanson, *Solving Least Squares Problems*, 1974, chapter 23.
    """
    slack = columns.T @ targets - beta
    matrix = np.concatenate([-columns, slack[None]])
    scale = np.linalg.norm(matrix, axis=0)
    end = np.zeros(len(matrix))
    end[-1] = 1.0
    solution = non_negative(matrix / scale, end) / scale
    last = 1.0 - float(slack @ solution)
    return np.asarray(solution / last)


def _sum(atoms: Sequence[Atom], weights: Array, count: int) -> Array:
    total = np.zeros(count)
    for atom, weight in zip(atoms, weights, strict=True):
        total += weight * atom.column
    return total


def _violates(length: float, beta: float) -> bool:
    return length > beta * (1.0 + TOLERANCE)


def _longest(blocks: Sequence[Block], residual: Array, least: float) -> list[tuple[float, Atom]]:
    """Return the best atoms that are longer than ``least``, longest first, with their lengths."""
    found = []
    for block in blocks:
        direction = block.operator.T @ residual
        if float(np.linalg.norm(direction)) <= least:
            continue
        for sign in (1, -1):
            z, _ = project(block.cone, sign * direction)
            length = float(np.linalg.norm(z))
            if length > least and is_inside(block.cone, z, direction):
                found.append((length, Atom(block, sign, z / length)))
    found.sort(key=lambda pair: -pair[0])
    return found

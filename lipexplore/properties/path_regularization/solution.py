"""The optimum: its network, and an interval that provably contains its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.properties.path_norm import regulariser
from lipexplore.properties.path_regularization.blocks import Block, Blocks, blocks_of
from lipexplore.properties.path_regularization.certificate import lower_bound
from lipexplore.properties.path_regularization.columns import Atom, Mixture, generate
from lipexplore.properties.path_regularization.columns import mixture as mixture_of
from lipexplore.properties.path_regularization.problem import (
    PathProblem,
    objective,
    objective_above,
)
from lipexplore.rounding import Array

NOISE = 1e-7
"""Blocks that the cone program leaves shorter, relatively, are taken to be 0."""


@dataclass(frozen=True, eq=False)
class PathOptimum:
    """A network that solves a problem, with proof where all blocks are known.

    Parameters
    ----------
    problem
        What is solved.
    network
        Without the column of ones where the problem has none.
    value
        Its objective, rounded to nearest.
    upper
        A float not below the exact objective of the stored network: at least the optimum.
    lower
        A float not above the optimum if ``complete``; else 0, which no objective goes below.
    complete
        Whether all blocks were enumerated. If not, ``value`` is an upper bound of the optimum only.
    predictions
        Of the convex program, array (n,).
    convex_value
        Objective of the convex program's solution.
    rounds
        Rounds of column generation.
    atoms
        Of the network: where the search for another beta may start.
    """

    problem: PathProblem
    network: ParallelNetwork
    value: float
    upper: float
    lower: float
    complete: bool
    predictions: Array
    convex_value: float
    rounds: int
    atoms: tuple[Atom, ...] = ()

    @property
    def gap(self) -> float:
        """Difference of the proven ends."""
        return self.upper - self.lower

    @property
    def path_norm(self) -> float:
        """R of the network."""
        return regulariser(self.network)


def optimum(
    problem: PathProblem,
    blocks: Blocks | None = None,
    method: str = "columns",
    start: Sequence[Atom] = (),
) -> PathOptimum:
    """Solve a problem by its convex form, and rebuild the network.

    Parameters
    ----------
    problem
        What is minimised.
    blocks
        All blocks are enumerated where left out; :func:`blocks.sampled_blocks` gives some, then
        nothing is proven but the upper end.
    method
        "columns", or "picos" for one second-order cone program over all blocks.
    start
        Atoms of the same ``blocks`` from which "columns" starts.

    Raises
    ------
    InvalidSetting
        If the blocks are too many to enumerate.
    LipexploreError
        If the solver of the cone program fails.

    References
    ----------
    Ergen and Pilanci, NeurIPS 2023 (arXiv 2110.09548).
    """
    known = blocks or blocks_of(problem.X, problem.layers, problem.width)
    if method == "columns":
        mixture = generate(known.blocks, problem.targets, problem.beta, start)
    elif method == "picos":
        mixture = _cone_program(known, problem)
    else:
        raise InvalidSetting(f"unknown method {method!r}: use 'columns' or 'picos'")
    network = network_of(problem, mixture)
    error = mixture.residual
    return PathOptimum(
        problem=problem,
        network=network,
        value=objective(problem, network),
        upper=objective_above(problem, network),
        lower=_lower(known, problem, error),
        complete=known.complete,
        predictions=problem.targets - error,
        convex_value=0.5 * float(error @ error) + problem.beta * float(mixture.weights.sum()),
        rounds=mixture.rounds,
        atoms=mixture.atoms,
    )


def network_of(problem: PathProblem, mixture: Mixture) -> ParallelNetwork:
    """Rebuild weights: w_1j = z_j / |z_j|, w_2j = s_j |z_j|, w_3 = t times the atom's weight.

    No atom at all is one sub-network of zeros.
    """
    parts = []
    rank = problem.X.shape[1]
    for atom, weight in zip(mixture.atoms, mixture.weights, strict=True):
        rows = atom.z.reshape(-1, rank)
        last = np.array([[atom.sign * weight]])
        if problem.layers == 2:
            parts.append([rows, last])
            continue
        lengths = np.linalg.norm(rows, axis=1)
        units = rows / np.where(lengths > 0.0, lengths, 1.0)[:, None]
        parts.append([units, (np.array(atom.block.signs) * lengths)[None], last])
    if not parts:
        zeros = [np.zeros((problem.width, rank)), np.zeros((1, problem.width))]
        parts = [zeros if problem.layers == 2 else [*zeros, np.zeros((1, 1))]]
    return ParallelNetwork(parts, problem.constant, f"optimum, {problem.layers} layers")


def _lower(known: Blocks, problem: PathProblem, dual: Array) -> float:
    if not known.complete:
        return 0.0
    return lower_bound(known.blocks, problem.targets, problem.beta, dual)


def _cone_program(known: Blocks, problem: PathProblem) -> Mixture:
    from lipexplore.relaxations.path_programs import group_program

    signed: list[tuple[Block, int]] = [(b, t) for b in known.blocks for t in (1, -1)]
    found = group_program(
        [t * block.operator for block, t in signed],
        [block.cone for block, _ in signed],
        problem.targets,
        problem.beta,
    )
    lengths = [float(np.linalg.norm(z)) for z in found]
    used = [i for i, length in enumerate(lengths) if length > NOISE * max(lengths)]
    atoms = [Atom(*signed[i], found[i] / lengths[i]) for i in used]
    return mixture_of(atoms, np.array([lengths[i] for i in used]), problem.targets, 1)

"""Sums of ReLU networks without biases."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.arguments import finite_array
from lipexplore.networks.feedforward import Network
from lipexplore.rounding import Array

SubNetwork = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class ParallelNetwork:
    """f(x) = sum_k W_kL (.. (W_k2 (W_k1 x)_+)_+ ..)_+ with (z)_+ = max(z, 0), without biases.

    A sub-network of one matrix is linear. Biases are weights of a last input that is always 1.

    Parameters
    ----------
    subnetworks
        Per k the matrices W_k1, .., W_kL, ``W_kl`` of shape (n_l, n_{l-1}); depths may differ.
    constant
        Whether the last column of every W_k1 belongs to an input that is always 1. It is appended
        to x and counted in path norms, not in ``n_inputs``.
    name
        Shown in tables and plots.

    Raises
    ------
    InvalidNetwork
        If shapes do not fit or a number is NaN or infinite.

    Examples
    --------
    >>> roof = ParallelNetwork([([[1.0, 0.0]], [[1.0]]), ([[1.0, -1.0]], [[-2.0]])], constant=True)
    >>> roof([[0.5], [1.0], [2.0]]).ravel()
    array([0.5, 1. , 0. ])

    References
    ----------
    Ergen and Pilanci, NeurIPS 2023 (arXiv 2110.09548).
    """

    subnetworks: tuple[SubNetwork, ...]
    constant: bool = False
    name: str = field(default="parallel")

    def __init__(
        self,
        subnetworks: Sequence[Sequence[ArrayLike]],
        constant: bool = False,
        name: str = "parallel",
    ) -> None:
        parts = tuple(_chain(part, k) for k, part in enumerate(subnetworks, 1))
        if not parts:
            raise InvalidNetwork("a parallel network needs at least one sub-network")
        for k, part in enumerate(parts, 1):
            ends, first = (
                (weights[0].shape[1], weights[-1].shape[0]) for weights in (part, parts[0])
            )
            if ends != first:
                raise InvalidNetwork(
                    f"sub-network {k} maps {ends[0]} inputs to {ends[1]} outputs, but the first "
                    f"maps {first[0]} to {first[1]}: they must be equal"
                )
        if constant and parts[0][0].shape[1] < 2:
            raise InvalidNetwork("the constant is the only input: add the column of a variable")
        object.__setattr__(self, "subnetworks", parts)
        object.__setattr__(self, "constant", bool(constant))
        object.__setattr__(self, "name", name)

    @property
    def kind(self) -> str:
        """Kind of file (see :mod:`lipexplore.networks.files`)."""
        return "parallel"

    @property
    def n_inputs(self) -> int:
        """Number of inputs, the constant left out."""
        return int(self.subnetworks[0][0].shape[1]) - self.constant

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.subnetworks[0][-1])

    @property
    def depth(self) -> int:
        """Largest number of ReLU layers in a sub-network."""
        return max(len(part) for part in self.subnetworks) - 1

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the weights (not of the name)."""
        digest = hashlib.sha256(b"parallel\0" + bytes([self.constant]))
        for part in self.subnetworks:
            digest.update(b"\0")
            for weight in part:
                digest.update(str(weight.shape).encode())
                digest.update(np.ascontiguousarray(weight + 0.0, dtype="<f8").tobytes())
        return digest.hexdigest()

    def __call__(self, x: ArrayLike) -> Array:
        """Evaluate f at one point (n_0,) or many (count, n_0)."""
        return np.asarray(sum(self.outputs(x)))

    def outputs(self, x: ArrayLike) -> list[Array]:
        """Return what each sub-network adds at one point (m,) or many (count, m)."""
        points = np.asarray(x, dtype=np.float64)
        if self.constant:
            points = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
        return [_evaluate(part, points) for part in self.subnetworks]

    def active(self) -> ParallelNetwork:
        """Return the sum of the sub-networks that have a path of weights that are not zero.

        Where none has one, the first is kept.
        """
        kept = [part for part in self.subnetworks if _has_path(part)] or self.subnetworks[:1]
        return ParallelNetwork(kept, self.constant, self.name)

    def to_network(self) -> Network:
        """Return the feedforward network with the same function: block diagonal, no rounding.

        The constant becomes the first biases. Sub-networks with fewer layers pass on their first
        ReLU's values, which are not negative, by identities; linear ones split x into (x)_+ and
        (-x)_+.
        """
        deepest = max(1, self.depth)
        parts = [_deepened(part, deepest) for part in self.subnetworks]
        layers = [list(layer) for layer in zip(*parts, strict=True)]
        first = np.concatenate(layers[0])
        weights = [first[:, : self.n_inputs], *map(_block_diagonal, layers[1:-1])]
        weights.append(np.concatenate(layers[-1], axis=1))
        biases = [np.zeros(len(weight)) for weight in weights]
        if self.constant:
            biases[0] = first[:, -1]
        return Network(weights, biases, "relu", self.name)

    def __reduce__(self) -> tuple[type[ParallelNetwork], tuple[object, ...]]:
        return ParallelNetwork, (self.subnetworks, self.constant, self.name)

    def __repr__(self) -> str:
        shape = f"{self.n_inputs} inputs, {self.n_outputs} outputs"
        return f"<ParallelNetwork {self.name}: {len(self.subnetworks)} sub-networks, {shape}>"


def _chain(part: Sequence[ArrayLike], number: int) -> SubNetwork:
    weights = tuple(
        finite_array(weight, f"weight_{number}_{layer}", 2) for layer, weight in enumerate(part, 1)
    )
    if not weights:
        raise InvalidNetwork(f"sub-network {number} has no matrix: weight_{number}_1")
    for layer, (before, after) in enumerate(pairwise(weights), 1):
        if after.shape[1] != len(before):
            raise InvalidNetwork(
                f"weight_{number}_{layer + 1} has {after.shape[1]} columns, but "
                f"weight_{number}_{layer} has {len(before)} rows: they must be equal"
            )
    return weights


def _evaluate(part: SubNetwork, points: Array) -> Array:
    hidden = points
    for weight in part[:-1]:
        hidden = np.maximum(hidden @ weight.T, 0.0)
    return np.asarray(hidden @ part[-1].T)


def _has_path(part: SubNetwork) -> bool:
    reached = np.ones(part[0].shape[1], dtype=bool)
    for weight in part:
        reached = ((weight != 0.0) & reached).any(axis=1)
    return bool(reached.any())


def _deepened(part: SubNetwork, depth: int) -> SubNetwork:
    if len(part) == 1:
        turned = np.eye(part[0].shape[1])
        part = (np.concatenate([turned, -turned]), np.concatenate([part[0], -part[0]], axis=1))
    missing = depth + 1 - len(part)
    return (part[0], *[np.eye(len(part[0]))] * missing, *part[1:])


def _block_diagonal(blocks: Sequence[Array]) -> Array:
    rows = sum(len(block) for block in blocks)
    matrix = np.zeros((rows, sum(block.shape[1] for block in blocks)))
    row = column = 0
    for block in blocks:
        matrix[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return matrix

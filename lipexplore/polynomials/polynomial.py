"""Multilinear polynomials on [0, 1]^N, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lipexplore.rounding import Array

Index = NDArray[np.int64]
EMPTY = -1


@dataclass(frozen=True, eq=False)
class Polynomial:
    """The polynomial sum_M p_M prod_{v in M} x_v, where each p_M is known up to a proven error.

    Parameters
    ----------
    terms
        Array (M, width): each row the ascending variables of one monomial, padded in front with -1;
        rows differ from each other.
    coefficients
        Array (M,).
    errors
        Array (M,): the true p_M lies within ``errors`` of ``coefficients``.
    """

    terms: Index
    coefficients: Array
    errors: Array

    @property
    def degree(self) -> int:
        """The largest number of variables in a monomial."""
        return int((self.terms != EMPTY).sum(axis=1).max(initial=0))

    def __call__(self, x: Array) -> Array:
        """Evaluate at one point (N,) or many (count, N)."""
        padded = np.concatenate([np.asarray(x), np.ones((*np.shape(x)[:-1], 1))], axis=-1)
        return np.asarray(padded[..., self.terms].prod(axis=-1) @ self.coefficients)


@dataclass(frozen=True, eq=False)
class PolynomialProblem:
    """Maximise a polynomial over [0, 1]^N.

    Parameters
    ----------
    objective
        The polynomial p.
    blocks
        Named ranges of variables: "t" for the dual vector, "s1", "s2", ... for hidden layers.
    root
        P* is this root of the maximum: 2 where the polynomial is a squared length.
    entry
        For the l_1 norm, the input and the sign of the gradient's entry.
    """

    objective: Polynomial
    blocks: Mapping[str, range]
    root: int = 1
    entry: tuple[int, int] | None = None

    @property
    def n_variables(self) -> int:
        """Number N of variables, used or not."""
        return sum(len(block) for block in self.blocks.values())

    def variable_name(self, variable: int) -> str:
        """Return for instance "t[3]" or "s1[0]"."""
        for name, block in self.blocks.items():
            if variable in block:
                return f"{name}[{variable - block.start}]"
        raise IndexError(variable)


def row_keys(rows: Index) -> Index:
    """Return integers that are equal exactly where the rows (entries >= -1) are equal.

    >>> row_keys(np.array([[-1, 3], [0, 2], [-1, 3]])).tolist()
    [4, 8, 4]
    """
    base = int(rows.max(initial=0)) + 2
    keys = np.zeros(len(rows), dtype=np.int64)
    largest = 0
    for column in rows.T:
        if largest >= 2**62 // base:
            distinct, keys = np.unique(keys, return_inverse=True)
            largest = len(distinct)
        keys = keys * base + (column + 1)
        largest = largest * base + base
    return keys


def unique_rows(rows: Index) -> Index:
    """Return the distinct rows, in the order of their keys."""
    _, first = np.unique(row_keys(rows), return_index=True)
    return rows[first]

"""Moment relaxations: semidefinite blocks and linear inequalities over monomials, in PICOS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array

from lipexplore.polynomials.polynomial import EMPTY, Index, PolynomialProblem, row_keys
from lipexplore.relaxations.krivine import KrivineRelaxation
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import picos


@dataclass(frozen=True, eq=False)
class Inequalities:
    """Polynomials that are at least 0 wherever the problem is maximised, entry by entry.

    Parameters
    ----------
    columns
        Array (entries,): which polynomial an entry belongs to.
    terms
        Array (entries, width): its monomial, padded in front with -1; a variable may repeat.
    coefficients
        Array (entries,): exact numbers; an inequality that holds for them needs no error terms.
    count
        Number of polynomials.
    """

    columns: Index
    terms: Index
    coefficients: Array
    count: int

    @classmethod
    def none(cls) -> Inequalities:
        """Return no polynomial at all."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(nothing, nothing.reshape(0, 1), np.empty(0), 0)

    @classmethod
    def of(cls, relaxation: KrivineRelaxation | MomentRelaxation) -> Inequalities:
        """Return the inequalities of a relaxation."""
        entries = relaxation.matrix.tocoo()
        return cls(
            entries.col.astype(np.int64),
            relaxation.monomials[entries.row],
            entries.data.astype(np.float64),
            relaxation.matrix.shape[1],
        )

    def joined(self, other: Inequalities) -> Inequalities:
        """Return these polynomials and then the others."""
        width = max(self.terms.shape[1], other.terms.shape[1])
        return Inequalities(
            np.concatenate([self.columns, other.columns + self.count]),
            np.concatenate([padded(self.terms, width), padded(other.terms, width)]),
            np.concatenate([self.coefficients, other.coefficients]),
            self.count + other.count,
        )


@dataclass(frozen=True, eq=False)
class MomentRelaxation:
    """max p . y over moments y with positive semidefinite blocks and non-negative inequalities.

    A block with the basis m (a vector of monomials) holds y at the monomials of m m^T, which is
    positive semidefinite for the moments of any measure.

    Parameters
    ----------
    source
        The problem that is relaxed.
    bases
        Arrays (n_b, width): the basis of each block.
    blocks
        Arrays (n_b, n_b): the row of each entry's monomial in ``monomials``.
    monomials
        Array (M, width): distinct monomials, padded in front; row 0 is the constant 1.
    matrix
        Matrix (M, count): the inequalities' coefficients, column by column.
    objective, errors
        Coefficients p in the order of ``monomials`` and their proven errors.
    n_binary
        Variables below this number are 0 or 1, so x^2 = x; None for all.
    n_region
        The first so many inequalities hold because of the region; each of the others is a
        multilinear polynomial that is at least 0 on the whole cube.
    """

    source: PolynomialProblem
    bases: Sequence[Index]
    blocks: Sequence[Index]
    monomials: Index
    matrix: csc_array
    objective: Array
    errors: Array
    n_binary: int | None = None
    n_region: int = 0

    @cached_property
    def size(self) -> dict[str, int]:
        """Monomials, inequalities and their non-zeros, number and largest order of the blocks."""
        rows, columns = self.matrix.shape
        return {
            "rows": rows,
            "columns": columns,
            "nonzeros": int(self.matrix.nnz),
            "blocks": len(self.blocks),
            "largest_block": max((len(block) for block in self.blocks), default=0),
        }

    @cached_property
    def scale(self) -> float:
        """A power of two near the largest coefficient; the program is stated for p / scale."""
        largest = float(np.abs(self.objective).max(initial=0.0))
        return 2.0 ** math.frexp(largest)[1] if largest > 0.0 else 1.0

    def problem(self) -> picos.Problem:
        """State the moment form in PICOS.

        max p . y / scale  subject to  M_b(y) >= 0 (semidefinite) for every block, A^T y >= 0 and
        y_empty = 1. The multipliers are the Gram matrices and the weights of the certificate.
        """
        import picos
        from picos.expressions import AffineExpression

        y = picos.RealVariable("y", max(len(self.monomials) - 1, 1))
        program = picos.Problem(name="Moment relaxation")
        weights = _dense((self.objective[1:] / self.scale).reshape(1, -1))
        offset = _dense(np.array([self.objective[0] / self.scale]))
        program.set_objective("max", AffineExpression("p.y", (1, 1), {y: weights, (): offset}))
        for number, block in enumerate(self.blocks):
            place = np.arange(block.size)
            name, shape = f"M_{number}(y)", block.shape
            entries = (block.ravel(), place, np.ones(block.size))
            moments = AffineExpression(name, shape, _affine(y, *entries, block.size))
            program.add_constraint(moments >> 0)
        if self.matrix.nnz:
            entries = self.matrix.tocoo()
            count = self.matrix.shape[1]
            affine = _affine(y, entries.row, entries.col, entries.data, count)
            program.add_constraint(AffineExpression("A^T y", (count, 1), affine) >= 0)
        return program

    def __str__(self) -> str:
        size = self.size
        return (
            f"max p.y s.t. {size['blocks']} moment blocks of order up to {size['largest_block']}, "
            f"{size['columns']} inequalities, y_empty = 1: {size['rows']} monomials"
        )


def _dense(values: Array) -> object:
    from cvxopt import matrix

    return matrix(np.asarray(values, dtype=np.float64))


def _affine(
    y: picos.RealVariable, monomial: Index, place: Index, values: Array, height: int
) -> dict[object, object]:
    """Return the coefficients of sum over entries of values y_monomial at each place."""
    from cvxopt import matrix, spmatrix

    moving = monomial != 0
    constant = np.zeros(height)
    np.add.at(constant, place[~moving], values[~moving])
    return {
        y: spmatrix(
            matrix(values[moving].astype(np.float64)),
            matrix(place[moving].astype(np.int64)),
            matrix(monomial[moving].astype(np.int64) - 1),
            (height, y.dim),
        ),
        (): matrix(constant),
    }


def moment_relaxation(
    problem: PolynomialProblem,
    bases: Sequence[Index],
    inequalities: Inequalities,
    n_binary: int | None = None,
    n_region: int = 0,
) -> MomentRelaxation:
    """Return the relaxation with all monomials numbered.

    Parameters
    ----------
    problem
        Its polynomial is maximised over variables in [0, 1].
    bases
        Arrays (n_b, width) of monomials.
    inequalities
        Polynomials that are at least 0 on the feasible set.
    n_binary, n_region
        As in :class:`MomentRelaxation`.
    """
    grams = [_gram_terms(basis, n_binary) for basis in bases]
    groups = [problem.objective.terms, inequalities.terms, *grams]
    width = max([1, *(group.shape[1] for group in groups)])
    constant = np.full((1, width), EMPTY, dtype=np.int64)
    stacked = np.concatenate([constant, *(padded(group, width) for group in groups)])
    _, first, ids = np.unique(row_keys(stacked), return_index=True, return_inverse=True)
    # an empty row has the smallest key: the constant is monomial 0
    ends = np.cumsum([1, *(len(group) for group in groups)])
    parts = [ids[start:end] for start, end in pairwise(ends)]
    objective, errors = np.zeros(len(first)), np.zeros(len(first))
    objective[parts[0]] = problem.objective.coefficients
    errors[parts[0]] = problem.objective.errors
    matrix = csc_array(
        (inequalities.coefficients, (parts[1], inequalities.columns)),
        shape=(len(first), inequalities.count),
    )
    blocks = [part.reshape(len(b), len(b)) for part, b in zip(parts[2:], bases, strict=True)]
    return MomentRelaxation(
        problem, bases, blocks, stacked[first], matrix, objective, errors, n_binary, n_region
    )


def _gram_terms(basis: Index, n_binary: int | None) -> Index:
    """Return the monomials of m m^T, row by row, with x^2 = x for binary variables."""
    count = len(basis)
    both = np.hstack([np.repeat(basis, count, axis=0), np.tile(basis, (count, 1))])
    both.sort(axis=1)
    repeated = both[:, 1:] == both[:, :-1]
    if n_binary is not None:
        repeated &= both[:, 1:] < n_binary
    both[:, 1:][repeated] = EMPTY
    both.sort(axis=1)
    return both


def linear_basis(variables: Index) -> Index:
    """Return the monomials 1 and x_v for the given variables."""
    return np.concatenate([np.array([EMPTY], dtype=np.int64), variables])[:, None]


def padded(terms: Index, width: int) -> Index:
    """Return the same monomials in ``width`` columns."""
    return np.pad(terms, ((0, 0), (width - terms.shape[1], 0)), constant_values=EMPTY)

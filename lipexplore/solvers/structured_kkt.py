"""CVXOPT's KKT systems for one linear matrix inequality whose terms have rank two.

CVXOPT's own solvers treat every coefficient matrix of the inequality as dense and spend
O(variables order^3) per iteration; here it is O(order^3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cvxopt
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.blas import dtrmm
from scipy.sparse import csr_array

Array = NDArray[np.float64]
Solve = Callable[[Any, Any, Any], None]


@dataclass(frozen=True, eq=False)
class DiagonalProductLMI:
    """The inequality constant + Diag(Q c) B + B^T Diag(Q c) >= 0 in the variables c.

    Every coordinate i of the matrix contributes e_i b_i^T + b_i e_i^T times one variable, where
    b_i is row i of B; Q is a 0/1 matrix that repeats variables.

    Parameters
    ----------
    rows
        B, shape (n, n).
    repeats
        How many successive coordinates each variable multiplies; they sum to n.
    """

    rows: Array
    repeats: NDArray[np.int64]

    def value(self, c: Array) -> Array:
        """Return the matrix without its constant."""
        half = np.repeat(c, self.repeats)[:, None] * self.rows
        return half + half.T

    def adjoint(self, matrix: Array) -> Array:
        """Return <e_i b_i^T + b_i e_i^T, matrix> summed by variables, for a symmetric matrix."""
        return 2.0 * self.summed(np.einsum("ij,ij->i", self.rows, matrix))

    def summed(self, values: Array) -> Array:
        """Return Q^T values."""
        starts = np.cumsum(self.repeats) - self.repeats
        return np.asarray(np.add.reduceat(values, starts, axis=0))

    def kktsolver(self, inequalities: Any, dims: Any, equalities: Any) -> Callable[[Any], Solve]:
        """Return CVXOPT's ``kktsolver`` for this inequality and any linear ones before it.

        Raises
        ------
        ValueError
            If ``inequalities`` is not this inequality.
        """
        if dims["q"] or dims["s"] != [len(self.rows)] or equalities.size[0]:
            raise ValueError("the structured KKT solver takes one matrix inequality and bounds")
        linear = _sparse(inequalities[: dims["l"], :])
        self._check(inequalities, dims["l"])
        return lambda scaling: _Factored(self, linear, scaling).solve

    def _check(self, inequalities: Any, start: int) -> None:
        """Compare with CVXOPT's matrix at one point: the order of variables might differ."""
        c = np.random.default_rng(0).random(len(self.repeats))
        stated = np.array(inequalities[start:, :] * cvxopt.matrix(c)).reshape(self.rows.shape)
        if not np.allclose(stated, -self.value(c), rtol=1e-9, atol=1e-9):
            raise ValueError("the structured KKT solver was given another matrix inequality")


class _Factored:
    """One factorisation: with R^-T R^-1 the scaling and P = R R^T, solve for one right-hand side.

    H_ij = <e_i b_i^T + b_i e_i^T, P (e_j b_j^T + b_j e_j^T) P>
         = 2 [P_ij (B P B^T)_ij + (P B^T)_ij (P B^T)_ji],

    from B R, not from P: B P B^T computed from P would lose half of the digits.
    """

    def __init__(self, lmi: DiagonalProductLMI, linear: csr_array, scaling: Any) -> None:
        self.lmi = lmi
        self.linear = linear
        self.inverse = np.array(scaling["di"]).ravel()
        self.root = np.array(scaling["rti"][0])
        self.image = lmi.rows @ self.root
        mixed = self.root @ self.image.T
        dense = self.root @ self.root.T
        dense *= self.image @ self.image.T
        dense += mixed * mixed.T
        matrix = 2.0 * lmi.summed(lmi.summed(dense).T)
        scaled = self.linear.multiply(self.inverse[:, None]).tocsr()
        matrix += (scaled.T @ scaled).toarray()
        try:
            self.factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
        except np.linalg.LinAlgError as trouble:
            raise ArithmeticError(*trouble.args) from None  # CVXOPT then ends with its iterate
        if not np.isfinite(np.diagonal(self.factor[0])).all():
            raise ArithmeticError("the scaling holds NaN")

    def solve(self, x: Any, y: Any, z: Any) -> None:
        """Overwrite (bx, by, bz) by the solution (ux, uy, W uz), as CVXOPT asks.

        Of the matrix block only the lower triangle has a meaning, before and after. By columns Z
        is half + half^T with half = tril(Z) but for its halved diagonal: one triangular product
        of R^T half R each way, and symmetric in its rounding, else the two equations disagree.
        """
        del y
        count, order = len(self.inverse), len(self.root)
        right = np.asarray(z)[:, 0]
        low = self.inverse * right[:count]
        half = right[count:].reshape(order, order).T.copy(order="F")
        half[np.diag_indices(order)] *= 0.5
        turned = self.root.T @ dtrmm(1.0, half, self.root, lower=1)
        full = turned + turned.T
        adjoint = 2.0 * self.lmi.summed(
            np.einsum("ij,ij->i", self.image @ full, self.root, optimize=False)
        )
        total = np.asarray(x)[:, 0] + self.linear.T @ (self.inverse * low) - adjoint
        c = cho_solve(self.factor, total, check_finite=False)
        moved = self.image.T @ (np.repeat(c, self.lmi.repeats)[:, None] * self.root)
        full += moved
        full += moved.T
        np.asarray(x)[:, 0] = c
        right[:count] = self.inverse * (self.linear @ c) - low
        np.negative(full.ravel(), out=right[count:])


def _sparse(matrix: Any) -> csr_array:
    pointers, rows, values = matrix.CCS
    columns = np.repeat(np.arange(matrix.size[1]), np.diff(np.array(pointers).ravel()))
    return csr_array((np.array(values).ravel(), (np.array(rows).ravel(), columns)), matrix.size)

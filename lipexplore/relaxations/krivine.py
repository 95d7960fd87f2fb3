"""The Krivine (Handelman, Sherali-Adams) hierarchy of linear programs, in multilinear form."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array

from lipexplore.errors import InvalidSetting, RelaxationTooLarge
from lipexplore.polynomials.polynomial import EMPTY, Index, PolynomialProblem, row_keys
from lipexplore.polynomials.sparsity import Cliques, check_degree, clique_subsets, count_subsets
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import picos

BYTES_PER_NONZERO = 350.0
SECONDS_SCALE, SECONDS_POWER = 3.4e-7, 1.28


@dataclass(frozen=True, eq=False)
class KrivineRelaxation:
    """The products of one degree over a clique family, and the matrix of their coefficients.

    For each subset S and each vertex v of {0,1}^S the product is
    h_{S,v} = prod_{v_i = 1} x_i prod_{v_i = 0} (1 - x_i): the indicator of a vertex, extended
    multilinearly, hence at least 0 on the box.

    Parameters
    ----------
    source
        The problem that is relaxed.
    degree
        Number of factors in each product.
    subsets
        Arrays (count, size) of ascending variables, one per size.
    faces
        For each of them an array (count, 2^size): the row of the sub-monomial whose variables are
        the bits of the second index.
    monomials
        Array (M, degree): distinct monomials, padded in front; row 0 is the constant 1.
    matrix
        Integer matrix (M, products): column (S, v) holds the coefficients of h_{S,v}.
    objective
        Coefficients p in the order of ``monomials``.
    errors
        Proven errors of ``objective``.
    """

    source: PolynomialProblem
    degree: int
    subsets: Sequence[Index]
    faces: Sequence[Index]
    monomials: Index
    matrix: csc_array
    objective: Array
    errors: Array

    @cached_property
    def size(self) -> dict[str, int]:
        """Rows (monomials with the constant), columns (products) and non-zeros of the program."""
        rows, columns = self.matrix.shape
        return {"rows": rows, "columns": columns, "nonzeros": int(self.matrix.nnz)}

    @cached_property
    def scale(self) -> float:
        """A power of two near the largest coefficient; the program is stated for p / scale."""
        largest = float(np.abs(self.objective).max(initial=0.0))
        return 2.0 ** math.frexp(largest)[1] if largest > 0.0 else 1.0

    def problem(self) -> picos.Problem:
        """State the moment form in PICOS.

        max p . y / scale  subject to  L_y(h_{S,v}) = (A^T y)_{S,v} >= 0 for every product, with
        y_empty = 1; the multipliers of the single vectorised constraint are the certificate.
        """
        import picos
        from cvxopt import matrix as dense
        from cvxopt import spmatrix
        from picos.expressions import AffineExpression

        rows, columns = self.matrix.shape
        y = picos.RealVariable("y", rows - 1)
        # in the order of products, then transposed: fifteen times faster than stated transposed
        entries = self.matrix[1:].tocoo()
        moving = spmatrix(
            dense(entries.data.astype(np.float64)),
            dense(entries.row.astype(np.int64)),
            dense(entries.col.astype(np.int64)),
            (rows - 1, columns),
        )
        constant = dense(self.matrix[[0], :].toarray().ravel().astype(np.float64))
        moments = AffineExpression("A^T y", (columns, 1), {y: moving.T, (): constant})
        weights = dense((self.objective[1:] / self.scale).reshape(1, -1))
        offset = dense(self.objective[0] / self.scale)
        program = picos.Problem(name="Krivine relaxation")
        program.set_objective("max", AffineExpression("p.y", (1, 1), {y: weights, (): offset}))
        program.add_constraint(moments >= 0)
        return program

    def __str__(self) -> str:
        size = self.size
        return (
            f"max p.y s.t. A^T y >= 0, y_empty = 1: {size['rows']} monomials, "
            f"{size['columns']} products of degree {self.degree}"
        )


def krivine_relaxation(
    problem: PolynomialProblem,
    cliques: Cliques,
    degree: int,
    memory_limit: float = float("inf"),
    *,
    meeting_only: bool = False,
) -> KrivineRelaxation:
    """Build the degree-``degree`` program over the cliques' subsets.

    With ``meeting_only`` a subset stays only if two of its variables meet in a monomial of p, or if
    a monomial would be left uncovered: fewer products, valid as any family is, often at no loss.

    Raises
    ------
    DegreeTooLow
        If a monomial of p has more than ``degree`` variables.
    RelaxationTooLarge
        If the predicted memory exceeds ``memory_limit`` bytes; counted before building.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020, section 3 (arXiv 2004.08688); Sherali and Adams, SIAM J.
    Discrete Math. 3 (1990), for the multilinear form, which is never looser at the same degree.
    """
    check_degree(problem, degree)
    check_memory(predicted_size(cliques, degree), memory_limit)
    subsets = clique_subsets(cliques, degree)
    if meeting_only:
        subsets = _meeting_subsets(problem.objective.terms, subsets)
    term_width = problem.objective.terms.shape[1]
    width = max(degree, term_width)
    face_terms = [_faces(block, width) for block in subsets]
    stacked = np.concatenate(
        [
            np.full((1, width), EMPTY, dtype=np.int64),
            _padded(problem.objective.terms, width),
            *(face.reshape(-1, width) for face in face_terms),
        ]
    )
    _, first, ids = np.unique(row_keys(stacked), return_index=True, return_inverse=True)
    monomials = stacked[first]
    order = np.argsort(ids[0] != np.arange(len(first)), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    ids, monomials = rank[ids], monomials[order]
    n_terms = len(problem.objective.terms)
    objective, errors = np.zeros(len(monomials)), np.zeros(len(monomials))
    objective[ids[1 : n_terms + 1]] = problem.objective.coefficients
    errors[ids[1 : n_terms + 1]] = problem.objective.errors
    faces = split_like([face[:, :, 0] for face in face_terms], ids[n_terms + 1 :])
    matrix = _product_matrix(faces, len(monomials))
    _check_covered(matrix, ids[: n_terms + 1])
    return KrivineRelaxation(problem, degree, subsets, faces, monomials, matrix, objective, errors)


def predicted_size(cliques: Cliques, degree: int) -> dict[str, int]:
    """Count products and non-zeros without building them (upper bounds where cliques overlap)."""
    counts = count_subsets(cliques, degree)
    return {
        "columns": sum(count * 2**size for size, count in counts.items()),
        "nonzeros": sum(count * 3**size for size, count in counts.items()),
    }


def predicted_memory(size: Mapping[str, int]) -> float:
    """Return the expected peak memory in bytes of building and solving (measured with HiGHS)."""
    return BYTES_PER_NONZERO * size["nonzeros"]


def predicted_seconds(size: Mapping[str, int]) -> float:
    """Return the expected seconds of building and solving (fitted to HiGHS on two cores)."""
    return 0.02 + float(SECONDS_SCALE * size["nonzeros"] ** SECONDS_POWER)


def check_memory(size: Mapping[str, int], memory_limit: float) -> None:
    """Raise RelaxationTooLarge if the counted program would not fit."""
    memory = predicted_memory(size)
    if memory > memory_limit:
        raise RelaxationTooLarge(
            f"the program would have {size['columns']:,} products and {size['nonzeros']:,} "
            f"non-zeros, about {memory / 1e9:.3g} GB of memory, above the limit of "
            f"{memory_limit / 1e9:.3g} GB: lower the degree, choose a smaller clique family, prune "
            "the network or raise the memory limit"
        )


def _meeting_subsets(terms: Index, subsets: Sequence[Index]) -> list[Index]:
    """Keep the subsets that hold a monomial of two or more variables, or one not held otherwise."""
    width = max([terms.shape[1], *(block.shape[1] for block in subsets)])
    padded = _padded(terms, width)
    several = (padded != EMPTY).sum(axis=1) >= 2
    faces = [_faces(block, width) for block in subsets]
    keys = row_keys(np.concatenate([padded, *(face.reshape(-1, width) for face in faces)]))
    held = split_like([face[:, :, 0] for face in faces], keys[len(padded) :])
    kept = [np.isin(block, keys[: len(padded)][several]).any(axis=1) for block in held]
    covered = np.concatenate([block[keep].ravel() for block, keep in zip(held, kept, strict=True)])
    missing = np.setdiff1d(keys[: len(padded)], covered)
    missing = missing[missing != 0]
    kept = [
        keep | np.isin(block, missing).any(axis=1) for block, keep in zip(held, kept, strict=True)
    ]
    return [block[keep] for block, keep in zip(subsets, kept, strict=True) if keep.any()]


def split_like(blocks: Sequence[np.ndarray], values: np.ndarray) -> list[np.ndarray]:
    """Cut a flat array into pieces of the blocks' shapes."""
    pieces, start = [], 0
    for block in blocks:
        pieces.append(values[start : start + block.size].reshape(block.shape))
        start += block.size
    return pieces


def _padded(terms: Index, width: int) -> Index:
    missing = width - terms.shape[1]
    return np.pad(terms, ((0, 0), (missing, 0)), constant_values=EMPTY)


def _masks(size: int) -> list[tuple[int, ...]]:
    """Return the positions in each face, in the order of the bits of 0 .. 2^size - 1."""
    return [tuple(i for i in range(size) if mask >> i & 1) for mask in range(2**size)]


def _faces(subsets: Index, width: int) -> Index:
    """Return all sub-monomials of each subset: array (count, 2^size, width)."""
    count, size = subsets.shape
    faces = np.full((count, 2**size, width), EMPTY, dtype=np.int64)
    for mask, positions in enumerate(_masks(size)):
        if positions:
            faces[:, mask, width - len(positions) :] = subsets[:, positions]
    return faces


def _product_matrix(faces: Sequence[Index], n_rows: int) -> csc_array:
    """Return the coefficients of all products: h_{S,v} = sum of (-1)^{|M|-|v|} x^M over M >= v."""
    rows, data, pointers = [], [], [np.zeros(1, dtype=np.int64)]
    for block in faces:
        vertices = range(block.shape[1])
        pairs = [(v, m) for v in vertices for m in vertices if v & m == v]
        above = np.array([m for _, m in pairs])
        signs = np.array([(-1) ** (m ^ v).bit_count() for v, m in pairs], dtype=np.int8)
        per_column = np.bincount([v for v, _ in pairs])
        rows.append(block[:, above].ravel())
        data.append(np.tile(signs, len(block)))
        pointers.append(pointers[-1][-1] + np.cumsum(np.tile(per_column, len(block))))
    columns = sum(block.size for block in faces)
    return csc_array(
        (
            np.concatenate([*data, np.empty(0, dtype=np.int8)]),
            np.concatenate([*rows, np.empty(0, dtype=np.int64)]),
            np.concatenate(pointers),
        ),
        shape=(n_rows, columns),
    )


def _check_covered(matrix: csc_array, objective_ids: Index) -> None:
    """Refuse a family that misses a monomial of p: dropping it would be unsound."""
    covered = np.zeros(matrix.shape[0], dtype=bool)
    covered[matrix.indices] = True
    covered[0] = True
    if not covered[objective_ids].all():
        missing = int((~covered[objective_ids]).sum())
        raise InvalidSetting(
            f"the clique family misses {missing} monomials of the polynomial: use another family"
        )


def product_name(relaxation: KrivineRelaxation, column: int) -> tuple[list[str], list[str]]:
    """Return the variables that occur as x and as 1 - x in one product."""
    for block in relaxation.subsets:
        size = block.shape[1]
        if column < len(block) * 2**size:
            subset, vertex = block[column >> size], column & (2**size - 1)
            names = [relaxation.source.variable_name(int(v)) for v in subset]
            ones = [name for i, name in enumerate(names) if vertex >> i & 1]
            return ones, [name for name in names if name not in ones]
        column -= len(block) * 2**size
    raise IndexError(column)

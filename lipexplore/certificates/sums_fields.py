"""What a file keeps of a proof by sums of squares: Gram matrices, tables and multipliers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from lipexplore.certificates.sums_of_squares import SumsCertificate
from lipexplore.polynomials.polynomial import EMPTY, Index
from lipexplore.relaxations.moments import MomentRelaxation
from lipexplore.rounding import Array


def sums_fields(certificate: SumsCertificate) -> dict[str, Any]:
    """Return the numbers of a proof as lists; every one counts times 2^``exponent``.

    ``grams`` holds each basis (one list of variables per monomial) and the rows up to the diagonal;
    ``region`` one number per inequality of the region; the inequalities that hold on the whole cube
    are added up to one table per set S of variables: ``multipliers`` holds its values on {0,1}^S
    (bit i of the place is the i-th variable), none of them negative.
    """
    relaxation = certificate.relaxation
    tables = list(_tables(relaxation, certificate.multipliers))
    return {
        "entry": list(relaxation.source.entry) if relaxation.source.entry else None,
        "exponent": math.frexp(relaxation.scale)[1] - 1,
        "grams": [
            {
                "basis": [[v for v in row if v != EMPTY] for row in basis.tolist()],
                "rows": [row[: i + 1] for i, row in enumerate(gram.tolist())],
            }
            for basis, gram in zip(relaxation.bases, certificate.grams, strict=True)
            if gram.any()
        ],
        "region": certificate.multipliers[: relaxation.n_region].tolist(),
        "subsets": [row for subsets, _ in tables for row in subsets.tolist()],
        "multipliers": [row for _, values in tables for row in values.tolist()],
    }


def _tables(relaxation: MomentRelaxation, multipliers: Array) -> Iterator[tuple[Index, Array]]:
    """Yield sets of variables (count, k) and their tables (count, 2^k), for each k and length."""
    matrix = relaxation.matrix
    lengths = np.diff(matrix.indptr)
    used = np.flatnonzero(multipliers > 0.0)
    used = used[used >= relaxation.n_region]
    for length in np.unique(lengths[used]):
        columns = used[lengths[used] == length]
        places = matrix.indptr[columns][:, None] + np.arange(length)
        terms = relaxation.monomials[matrix.indices[places]]
        variables = _variables(terms)
        sizes = (variables != EMPTY).sum(axis=1)
        for size in np.unique(sizes):
            same = sizes == size
            subsets = variables[same][:, variables.shape[1] - size :]
            values = _vertex_values(terms[same], matrix.data[places][same], subsets)
            values *= multipliers[columns[same]][:, None]
            distinct, ids = np.unique(subsets, axis=0, return_inverse=True)
            tables = np.zeros((len(distinct), 2**size))
            np.add.at(tables, ids.reshape(-1), values)
            yield distinct, tables


def _variables(terms: Index) -> Index:
    """Return the distinct variables of each polynomial, ascending and padded in front."""
    flat = np.sort(terms.reshape(len(terms), -1), axis=1)
    flat[:, 1:][flat[:, 1:] == flat[:, :-1]] = EMPTY
    return np.sort(flat, axis=1)


def _vertex_values(terms: Index, coefficients: Array, subsets: Index) -> Array:
    """Evaluate multilinear polynomials on the vertices of the cube of their own variables.

    Parameters
    ----------
    terms, coefficients
        Arrays (count, length, width) and (count, length).
    subsets
        Array (count, k): the variables of each.
    """
    size = subsets.shape[1]
    held = (terms[:, :, None, :] == subsets[:, None, :, None]).any(axis=3)
    masks = held @ (1 << np.arange(size))
    vertices = np.arange(2**size)
    below = (masks[:, :, None] & ~vertices) == 0
    return np.asarray(np.einsum("cl,clv->cv", coefficients.astype(np.float64), below))

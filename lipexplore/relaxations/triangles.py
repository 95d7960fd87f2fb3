"""Triangle inequalities, added to a moment relaxation where its solution violates them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lipexplore.polynomials.polynomial import EMPTY, Index
from lipexplore.relaxations.moments import Inequalities, MomentRelaxation, moment_relaxation
from lipexplore.rounding import Array

COEFFICIENTS = np.array(
    [  # 1, x_i, x_j, x_k, x_i x_j, x_i x_k, x_j x_k
        [1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0],
        [0.0, 1.0, 0.0, 0.0, -1.0, -1.0, 1.0],
        [0.0, 0.0, 1.0, 0.0, -1.0, 1.0, -1.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, -1.0, -1.0],
    ]
)


@dataclass(frozen=True, eq=False)
class TriangleCuts:
    """Triples of variables, each with one of its four triangle inequalities.

    Pattern 0 states (1 - x_i)(1 - x_j)(1 - x_k) + x_i x_j x_k >= 0, multiplied out: at most two of
    three numbers 0 or 1 differ. The patterns 1, 2, 3 state it with 1 - x instead of x for x_i, x_j,
    x_k. Each is affine in every variable, hence holds for all numbers in [0, 1].

    Parameters
    ----------
    triples
        Array (count, 3) of ascending variables.
    patterns
        Array (count,) of 0, 1, 2, 3.

    References
    ----------
    Deza and Laurent, *Geometry of Cuts and Metrics* (1997), chapter 27.
    """

    triples: Index
    patterns: Index

    def inequalities(self) -> Inequalities:
        """Return the cuts as polynomials of degree 2, with seven monomials each."""
        count = len(self.triples)
        terms = np.full((count, 7, 2), EMPTY, dtype=np.int64)
        terms[:, 1:4, 1] = self.triples
        for place, pair in enumerate(combinations(range(3), 2), 4):
            terms[:, place] = self.triples[:, pair]
        columns = np.repeat(np.arange(count, dtype=np.int64), 7)
        coefficients = COEFFICIENTS[self.patterns].ravel()
        used = coefficients != 0.0
        return Inequalities(columns[used], terms.reshape(-1, 2)[used], coefficients[used], count)


def violated_triangles(
    relaxation: MomentRelaxation, moments: Array, most: int, tolerance: float
) -> TriangleCuts:
    """Return the triangle inequalities that the moments of the first block violate most.

    Parameters
    ----------
    relaxation
        Its first block has the basis 1 and all variables.
    moments
        Array (M - 1,): the solver's y without y_empty.
    most
        Number of cuts to return at most.
    tolerance
        Violations up to this are left alone.
    """
    y = np.concatenate([[1.0], moments])[relaxation.blocks[0]]
    variables, size = relaxation.bases[0][1:, -1], len(relaxation.bases[0]) - 1
    first, second, third = np.indices((size, size, size), dtype=np.int32)
    ascending = (first < second) & (second < third)
    i, j, k = (index[ascending] + 1 for index in (first, second, third))
    values = np.stack([y[0, i] ** 0, y[0, i], y[0, j], y[0, k], y[i, j], y[i, k], y[j, k]])
    violation = -(COEFFICIENTS @ values)
    worst = np.argsort(violation, axis=None)[::-1][:most]
    worst = worst[violation.ravel()[worst] > tolerance]
    pattern, triple = np.unravel_index(worst, violation.shape)
    members = [variables[index[triple] - 1] for index in (i, j, k)]
    return TriangleCuts(np.column_stack(members), pattern.astype(np.int64))


def with_triangles(relaxation: MomentRelaxation, cuts: TriangleCuts) -> MomentRelaxation:
    """Return the relaxation with the cuts as further inequalities; its monomials stay."""
    inequalities = Inequalities.of(relaxation).joined(cuts.inequalities())
    return moment_relaxation(
        relaxation.source,
        relaxation.bases,
        inequalities,
        relaxation.n_binary,
        relaxation.n_region,
    )

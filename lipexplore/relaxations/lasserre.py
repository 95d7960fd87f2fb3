"""Lasserre's hierarchy of semidefinite programs on the vertices of the cube, with products."""

from __future__ import annotations

import math

import numpy as np

from lipexplore.errors import DegreeTooLow
from lipexplore.polynomials.polynomial import EMPTY, Index, PolynomialProblem
from lipexplore.polynomials.sparsity import Cliques, clique_subsets, count_subsets
from lipexplore.relaxations.krivine import krivine_relaxation, predicted_size
from lipexplore.relaxations.moment_size import check_size
from lipexplore.relaxations.moments import (
    Inequalities,
    MomentRelaxation,
    linear_basis,
    moment_relaxation,
    padded,
)


def clique_relaxation(
    problem: PolynomialProblem, cliques: Cliques, order: int, memory_limit: float = math.inf
) -> MomentRelaxation:
    """Return the moment relaxation of one order on cliques.

    The maximum of a multilinear polynomial is at a vertex, where x^2 = x. So for each clique C the
    moments y_{M + N} (union of variable sets) of all M, N in C with at most ``order`` variables
    form a positive semidefinite matrix; bounds on the variables need no matrices of their own.

    Raises
    ------
    DegreeTooLow
        If a monomial of the polynomial has more than 2 ``order`` variables.
    RelaxationTooLarge
        If a block would have more than 100 rows or the memory exceeds ``memory_limit`` bytes;
        counted before building.

    References
    ----------
    Lasserre, SIAM J. Optim. 17 (2006), for the sparse hierarchy; Latorre, Rolland, Cevher, ICLR
    2020 (arXiv 2004.08688), for the polynomial.
    """
    check_order(problem, order)
    check_size(predicted_clique_size(cliques, order), memory_limit)
    bases = [_basis(clique, order) for clique in cliques.members]
    return moment_relaxation(problem, bases, Inequalities.none())


def pair_relaxation(
    problem: PolynomialProblem,
    products: Cliques,
    matrices: Cliques,
    memory_limit: float = math.inf,
) -> MomentRelaxation:
    """Return Shor's relaxation together with the products of the polynomial's own degree.

    Matrices of order 1 hold the products of two variables of a clique; the variables of each
    monomial of the polynomial also form all 2^k products of factors x or 1 - x. Those products are
    what a full moment matrix of these k variables says on the vertices of the cube: for one hidden
    layer the program is the order 1 on everything and the order 2 on the pairs (t_i, s_j).

    Parameters
    ----------
    products
        The polynomial's maximal monomials (family ``layerwise``).
    matrices
        All variables in one clique, or :func:`elimination_cliques`, which give the same value.

    Raises
    ------
    RelaxationTooLarge
        If a moment matrix would have more than 100 rows or the memory exceeds ``memory_limit``
        bytes; counted before building.

    References
    ----------
    Chen, Lasserre, Magron, Pauwels, NeurIPS 2020 (arXiv 2002.03657): order 1 with cliques of
    order 2 (HR-2).
    """
    check_size(predicted_pair_size(problem, products, matrices), memory_limit)
    degree = max(1, problem.objective.degree)
    inequalities = Inequalities.of(krivine_relaxation(problem, products, degree))
    return moment_relaxation(problem, [*map(linear_basis, matrices.members)], inequalities)


def elimination_cliques(products: Cliques) -> Cliques:
    """Return cliques of a chordal graph that joins two variables which meet in a product.

    A matrix with entries at the edges of a chordal graph can be completed to a semidefinite one
    exactly if its cliques' blocks are semidefinite, so these blocks lose nothing against one matrix
    for all variables. Variables of least degree are eliminated first: for one dense hidden layer
    the cliques are the smaller layer and one variable of the larger.

    References
    ----------
    Grone, Johnson, Sa, Wolkowicz, Linear Algebra Appl. 58 (1984); Waki, Kim, Kojima, Muramatsu,
    SIAM J. Optim. 17 (2006).
    """
    neighbours: dict[int, set[int]] = {}
    for clique in products.members:
        for variable in clique.tolist():
            neighbours.setdefault(variable, set()).update(clique.tolist())
    bags: list[set[int]] = []
    while neighbours:
        least = min(neighbours, key=lambda variable: (len(neighbours[variable]), variable))
        bag = neighbours.pop(least)
        for variable in bag - {least}:
            neighbours[variable] |= bag
            neighbours[variable].discard(least)
        if not any(bag <= other for other in bags):
            bags.append(bag)
    return Cliques("elimination", tuple(np.array(sorted(bag), dtype=np.int64) for bag in bags))


def check_order(problem: PolynomialProblem, order: int) -> None:
    """Raise DegreeTooLow if the moments of this order miss a monomial."""
    least = least_order(problem)
    if order < least:
        raise DegreeTooLow(order, least, "order")


def least_order(problem: PolynomialProblem) -> int:
    """Return the least order whose moments hold every monomial."""
    return max(1, (problem.objective.degree + 1) // 2)


def used_variables(problem: PolynomialProblem) -> Index:
    """Return the variables that the polynomial holds."""
    terms = problem.objective.terms
    return np.unique(terms[terms != EMPTY])


def predicted_clique_size(cliques: Cliques, order: int) -> dict[str, int]:
    """Count blocks and (from above) monomials of :func:`clique_relaxation` without building it."""
    lengths = [len(clique) for clique in cliques.members]
    return {
        "rows": 1 + sum(_count(length, 2 * order) - 1 for length in lengths),
        "columns": 0,
        "nonzeros": 0,
        "blocks": len(lengths),
        "largest_block": max((_count(length, order) for length in lengths), default=0),
    }


def predicted_pair_size(
    problem: PolynomialProblem, products: Cliques, matrices: Cliques
) -> dict[str, int]:
    """Count :func:`pair_relaxation` (monomials from above) without building it."""
    degree = max(1, problem.objective.degree)
    pairs = sum(len(block) for block in clique_subsets(matrices, 2) if block.shape[1] == 2)
    larger = sum(
        count * (2**size - _count(size, 2))
        for size, count in count_subsets(products, degree).items()
    )
    return {
        **predicted_clique_size(matrices, 1),
        **predicted_size(products, degree),
        "rows": 1 + len(used_variables(problem)) + pairs + larger,
    }


def _count(n_variables: int, degree: int) -> int:
    """Return the number of monomials with at most ``degree`` of the variables."""
    return sum(math.comb(n_variables, size) for size in range(degree + 1))


def _basis(clique: Index, order: int) -> Index:
    """Return all monomials of at most ``order`` variables of the clique."""
    single = Cliques("one", (clique,))
    parts = [np.full((1, order), EMPTY, dtype=np.int64)]
    for size in range(1, min(order, len(clique)) + 1):
        parts += [padded(block, order) for block in clique_subsets(single, size)]
    return np.concatenate(parts)

"""The norm of a network's gradient as a polynomial in slopes and dual vector."""

from __future__ import annotations

import numpy as np

from lipexplore.errors import RelaxationTooLarge, UnsupportedQuestion
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.polynomials.expansion import (
    LARGEST_TERM_COUNT,
    Expansion,
    gradient_expansion,
    underflow_error,
)
from lipexplore.polynomials.polynomial import (
    EMPTY,
    Index,
    Polynomial,
    PolynomialProblem,
    row_keys,
)
from lipexplore.rounding import product_error, up


def norm_gradient_problems(
    network: Network, slopes: SlopeRanges, norm: Norm
) -> tuple[PolynomialProblem, ...]:
    """Return the problems whose largest maximum is P*: the gradient's dual norm over all slopes.

    Every variable is mapped to [0, 1]: t = 2 x - 1 and s = l + (u - l) x; a slope with l = u is a
    constant, and its variable does not occur. The coefficients' errors cover every rounding here,
    that of :meth:`Network.head` included.

    l_inf: one problem, t^T W_1^T D_1 ... D_d w with t in [-1, 1]^{n_0}.
    l_2: one problem, the squared length in the slopes alone. It is convex in each slope, so its
    maximum is at ends of the ranges, where x^2 = x; its multilinear reduction has the same maximum,
    and P* is its square root.
    l_1: two problems per input, plus and minus the gradient's entry.

    Raises
    ------
    UnsupportedQuestion
        If products of the weights leave the range of float64.
    RelaxationTooLarge
        If a polynomial has more than 20 million terms.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020, sections 2 and 3 (arXiv 2004.08688), for l_inf.
    """
    expansion = gradient_expansion(network, slopes)
    underflow = underflow_error(network, slopes)
    blocks, offset = {}, 0
    for layer, width in enumerate(network.widths[:-1]):
        blocks[f"s{layer}" if layer else "t"] = range(offset, offset + width)
        offset += width
    match norm:
        case Norm.LINF:
            n_0 = network.n_inputs
            signed = expansion.times_affine(-np.ones(n_0), 2.0 * np.ones(n_0), 0)
            return (PolynomialProblem(signed.closed(underflow), blocks),)
        case Norm.L2:
            squared = _squared_length(expansion, network.n_inputs, underflow)
            return (PolynomialProblem(squared, blocks, root=2),)
        case Norm.L1:
            return tuple(
                PolynomialProblem(_entry(expansion, i, sign, underflow), blocks, entry=(i, sign))
                for i in np.unique(expansion.units).tolist() or [0]
                for sign in (1, -1)
            )


def norm_gradient_problem(network: Network, slopes: SlopeRanges, norm: Norm) -> PolynomialProblem:
    """Return the only problem of :func:`norm_gradient_problems` (l_inf and l_2).

    Raises
    ------
    UnsupportedQuestion
        For l_1, which has two problems per input.
    """
    if norm is Norm.L1:
        raise UnsupportedQuestion("the l1 norm has two problems per input, not one polynomial")
    return norm_gradient_problems(network, slopes, norm)[0]


def _entry(expansion: Expansion, unit: int, sign: int, underflow: float) -> Polynomial:
    """Return plus or minus the polynomial of one input."""
    mine = expansion.units == unit
    polynomial = Expansion(
        expansion.units[mine],
        expansion.terms[mine],
        expansion.values[mine],
        expansion.magnitudes[mine],
        expansion.roundings,
    ).closed(underflow)
    return Polynomial(polynomial.terms, sign * polynomial.coefficients, polynomial.errors)


def _squared_length(expansion: Expansion, n_inputs: int, underflow: float) -> Polynomial:
    """Return sum_i g_i(x)^2 with every x_v^2 replaced by x_v."""
    _, first, column = np.unique(row_keys(expansion.terms), return_index=True, return_inverse=True)
    monomials = expansion.terms[first]
    if len(monomials) ** 2 > LARGEST_TERM_COUNT:
        raise RelaxationTooLarge(
            f"the squared gradient has up to {len(monomials) ** 2:.3g} terms, more than "
            f"{LARGEST_TERM_COUNT:.3g}: choose fewer layers, prune the network or another method"
        )
    table = np.zeros((3, n_inputs, len(monomials)))
    errors = product_error(expansion.roundings, expansion.magnitudes) + underflow
    for layer, values in enumerate((expansion.values, np.abs(expansion.values), errors)):
        table[layer, expansion.units, column] = values
    value, size, error = table
    gram = value.T @ value
    spread = size.T @ error
    slack = spread + spread.T + error.T @ error + product_error(n_inputs + 2, size.T @ size)
    left, right = np.nonzero(np.triu((size + error).T @ (size + error) > 0.0))
    twice = np.where(left == right, 1.0, 2.0)
    return _merged(
        _unions(monomials[left], monomials[right]),
        twice * gram[left, right],
        twice * up(slack * (1.0 + 2.0**-20))[left, right],
    )


def _unions(left: Index, right: Index) -> Index:
    """Return the union of the variables of two monomials, row by row."""
    both = np.sort(np.hstack([left, right]), axis=1)
    both[:, 1:][both[:, 1:] == both[:, :-1]] = EMPTY
    return np.sort(both, axis=1)


def _merged(terms: Index, values: np.ndarray, errors: np.ndarray) -> Polynomial:
    """Add up coefficients of equal monomials; the rounding of the sums joins the errors."""
    keys = row_keys(terms)
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    longest = int(np.diff(starts, append=len(keys)).max(initial=1))
    sums = [np.add.reduceat(v[order], starts) for v in (values, np.abs(values), errors)]
    total = up(sums[2] * (1.0 + 2.0**-20)) + product_error(longest, sums[1])
    return Polynomial(terms[order][starts], sums[0], total)

"""Check a certificate with nothing but rational arithmetic: no solver, no matrices, no rounding.

The claim is p(x) <= value on [0,1]^N, where p is a polynomial of a network's gradient. The proof is
a list of non-negative numbers c, one for each product h of factors x_v or 1 - x_v. As c h >= 0,

    p <= p + sum c h = (its constant) + sum over monomials M of (its coefficient at M) x^M
      <= (its constant) + sum of its positive coefficients,

because monomials lie in [0, 1]. So all there is to do is to add up p and the products exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm

Monomial = frozenset[int]
Coefficients = dict[Monomial, Fraction]
ONE: Monomial = frozenset()
LARGEST_EXPONENT = 4096


def proven_value(
    polynomial: Coefficients,
    subsets: Iterable[Sequence[int]],
    multipliers: Iterable[Sequence[int]],
    exponent: int,
) -> Fraction:
    """Return the upper bound of the polynomial on [0,1]^N that the multipliers prove.

    Entry v of one subset's multipliers belongs to the product with x for the variables whose bits
    are set in v, and 1 - x for the others; each integer counts times 2^exponent.
    """
    if type(exponent) is not int or abs(exponent) > LARGEST_EXPONENT:
        raise ValueError("the exponent is no integer of a sensible size")
    total: dict[Monomial, Fraction] = defaultdict(Fraction, polynomial)
    unit = Fraction(2) ** exponent
    for subset, integers in zip(subsets, multipliers, strict=True):
        if any(type(number) is not int for number in (*subset, *integers)):
            raise ValueError("a multiplier or variable is not an integer")
        if len(set(subset)) != len(subset) or len(integers) != 2 ** len(subset):
            raise ValueError("a subset repeats a variable or has the wrong number of multipliers")
        if min(integers) < 0:
            raise ValueError("a multiplier is negative")
        for vertex, integer in enumerate(integers):
            for face in range(vertex, len(integers)):
                if face & vertex == vertex and integer:
                    sign = (-1) ** (face ^ vertex).bit_count()
                    monomial = frozenset(v for i, v in enumerate(subset) if face >> i & 1)
                    total[monomial] += sign * integer * unit
    return total.pop(ONE, Fraction(0)) + sum((c for c in total.values() if c > 0), Fraction(0))


def norm_polynomials(
    network: Network, slopes: SlopeRanges, norm: Norm, output: int, minus: int | None
) -> dict[tuple[int, int] | None, Coefficients]:
    """Return the polynomials whose largest maximum is P*, or its square for the l_2 norm.

    l_inf: sum_i t_i g_i with t = 2 x - 1; l_1: plus and minus each g_i; l_2: sum_i g_i^2 with x^2
    replaced by x, which changes no value at the vertices, where the maximum is.
    """
    entries = gradient_entries(network, slopes, output, minus)
    if norm is Norm.L1:
        return {
            (i, sign): {monomial: sign * c for monomial, c in g.items()}
            for i, g in enumerate(entries)
            for sign in (1, -1)
        }
    if norm is Norm.L2:
        parts = [squared(g) for g in entries]
    else:
        parts = [times_affine(g, Fraction(-1), Fraction(1), i) for i, g in enumerate(entries)]
    return {None: combined(parts, [Fraction(1)] * len(parts))}


def gradient_entries(
    network: Network, slopes: SlopeRanges, output: int, minus: int | None
) -> list[Coefficients]:
    """Return W_1^T D_1 ... D_d w exactly, one polynomial per input, with s = l + (u - l) x.

    Variables are numbered as in the network: inputs first, then the hidden layers.
    """
    last = network.weights[-1]
    row = [Fraction(weight) for weight in last[output]]
    if minus is not None:
        row = [a - Fraction(b) for a, b in zip(row, last[minus], strict=True)]
    polynomials: list[Coefficients] = [{ONE: weight} for weight in row]
    for layer in range(network.depth, 0, -1):
        low, high = slopes.lower[layer - 1], slopes.upper[layer - 1]
        offset = sum(network.widths[:layer])
        polynomials = [
            times_affine(p, Fraction(low[j]), Fraction(high[j]), offset + j)
            for j, p in enumerate(polynomials)
        ]
        columns = network.weights[layer - 1].T.tolist()
        polynomials = [combined(polynomials, [Fraction(a) for a in column]) for column in columns]
    return polynomials


def squared(p: Coefficients) -> Coefficients:
    """Return p^2 with every x^2 replaced by x."""
    total: dict[Monomial, Fraction] = defaultdict(Fraction)
    for one, c in p.items():
        for other, d in p.items():
            total[one | other] += c * d
    return dict(total)


def times_affine(p: Coefficients, low: Fraction, high: Fraction, variable: int) -> Coefficients:
    """Return p times low + (high - low) x_variable, for a variable that p does not hold."""
    product = {monomial: c * low for monomial, c in p.items() if low}
    product |= {monomial | {variable}: c * (high - low) for monomial, c in p.items() if high != low}
    return product


def combined(polynomials: Sequence[Coefficients], weights: Sequence[Fraction]) -> Coefficients:
    """Return the weighted sum of polynomials."""
    total: dict[Monomial, Fraction] = defaultdict(Fraction)
    for p, weight in zip(polynomials, weights, strict=True):
        if weight:
            for monomial, c in p.items():
                total[monomial] += c * weight
    return dict(total)

"""The identity that proves a bound of a polynomial: lambda - p = sum of products + remainder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np

from lipexplore.certificates.tables import TableCertificate, float_above
from lipexplore.errors import RelaxationTooLarge
from lipexplore.polynomials.polynomial import EMPTY, Index, PolynomialProblem
from lipexplore.rounding import text_above

MOST_PRODUCTS = 20_000
MOST_TERMS = 24
"""Polynomials with more terms are not written out."""

LAMBDA, P, R = "<i>λ</i>", "<i>p</i>(<i>x</i>)", "<i>r</i>(<i>x</i>)"


@dataclass(frozen=True, eq=False)
class Product:
    """c h with h = prod_{v in ones} x_v prod_{v in zeros} (1 - x_v), variables in [0, 1]."""

    multiplier: float
    ones: tuple[int, ...]
    zeros: tuple[int, ...]

    @property
    def mean(self) -> float:
        """The mean of c h over the whole box: c / 2^(number of factors)."""
        return float(np.ldexp(self.multiplier, -len(self.ones) - len(self.zeros)))


@dataclass(frozen=True, eq=False)
class Identity:
    """lambda - p(x) = sum_j c_j h_j(x) + r(x), every part at least 0 on the box.

    Taking the mean over the box on both sides, lambda - mean(p) = sum_j c_j / 2^|S_j| + mean(r): so
    the means of the products add up to the bound less the mean of p, which is 0 for l_inf.

    Parameters
    ----------
    problem
        The polynomial p.
    value
        lambda: P* is at most its root.
    products
        Those with a positive multiplier, the largest mean first.
    remainder
        Proven: r is at most this on the box.
    mean
        The mean of p over the box (a float, rounded).
    """

    problem: PolynomialProblem
    value: float
    products: Sequence[Product]
    remainder: float
    mean: float

    @property
    def total(self) -> float:
        """The sum of the products' means."""
        return float(sum(product.mean for product in self.products))

    def share(self, variables: Index) -> float:
        """Return the part of :attr:`total` that products inside a set of variables carry."""
        inside = set(variables.tolist())
        own = sum(p.mean for p in self.products if inside.issuperset((*p.ones, *p.zeros)))
        return own / self.total if self.total > 0.0 else 0.0


def identity(problem: PolynomialProblem, certificate: TableCertificate) -> Identity:
    """Expand the products of a certificate in rational arithmetic and return what is left over.

    Raises
    ------
    RelaxationTooLarge
        If more than 20,000 products have a multiplier.
    """
    count = sum(int(np.count_nonzero(table)) for table in certificate.multipliers)
    if count > MOST_PRODUCTS:
        raise RelaxationTooLarge(
            f"{count:,} products carry weight, more than {MOST_PRODUCTS:,}: choose a lower degree "
            "or a smaller network to see the identity"
        )
    sums: Counter[tuple[int, ...]] = Counter()
    products = []
    for integer, ones, zeros in _weighted(certificate):
        for chosen in range(len(zeros) + 1):
            for more in combinations(zeros, chosen):
                sums[tuple(sorted((*ones, *more)))] += (-1) ** chosen * integer
        multiplier = float(np.ldexp(float(integer), certificate.exponent))
        products.append(Product(multiplier, ones, zeros))
    left = _left_over(problem, sums, Fraction(2) ** certificate.exponent)
    constant = Fraction(certificate.value) - left.pop((), Fraction(0))
    remainder = abs(constant) + sum((abs(value) for value in left.values()), Fraction(0))
    middle = problem.objective(np.full(problem.n_variables, 0.5))
    return Identity(
        problem,
        certificate.value,
        sorted(products, key=lambda product: -product.mean),
        float_above(remainder),
        float(middle),
    )


def _weighted(
    certificate: TableCertificate,
) -> Iterator[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    """Yield the integer multiplier, the variables x and the variables 1 - x of each product."""
    for block, table in zip(certificate.subsets, certificate.multipliers, strict=True):
        for row, vertex in np.argwhere(table > 0).tolist():
            subset = block[row].tolist()
            ones = tuple(v for place, v in enumerate(subset) if vertex >> place & 1)
            zeros = tuple(v for place, v in enumerate(subset) if not vertex >> place & 1)
            yield int(table[row, vertex]), ones, zeros


def _left_over(
    problem: PolynomialProblem, sums: Counter[tuple[int, ...]], unit: Fraction
) -> dict[tuple[int, ...], Fraction]:
    """Return the coefficients of p + sum_j c_j h_j, without the errors of p."""
    total = {term: value * unit for term, value in sums.items()}
    objective = problem.objective
    for row, coefficient in zip(objective.terms, objective.coefficients.tolist(), strict=True):
        term = tuple(int(v) for v in row[row != EMPTY])
        total[term] = total.get(term, Fraction(0)) + Fraction(coefficient)
    return total


def product_text(problem: PolynomialProblem, product: Product) -> str:
    """Return a product as plain text: "t3 (1 − s1,2)"."""
    ones = [_plain(problem.variable_name(v)) for v in product.ones]
    zeros = [f"(1 − {_plain(problem.variable_name(v))})" for v in product.zeros]
    return " ".join([*ones, *zeros]) or "1"


def identity_html(found: Identity, shown: int = 12) -> str:
    """Return the identity as mathematics in HTML, the ``shown`` heaviest products written out."""
    problem, products = found.problem, found.products
    parts = [
        f"{_number(product.multiplier)} {_product_html(problem, product)}"
        for product in products[:shown]
    ]
    if len(products) > shown:
        parts.append(f"… <small>({len(products) - shown:,} more products)</small>")
    total = " + ".join([*parts, R])
    least = text_above(found.value, 9)
    lines = [
        f"{LAMBDA} − {P} &nbsp;=&nbsp; {total}",
        f"{LAMBDA} = {least}, &nbsp; 0 ≤ {R} ≤ {text_above(found.remainder, 2)} on the whole box",
        f"{P} = {_polynomial_html(problem)}",
    ]
    return "".join(f'<p class="lx-maths">{line}</p>' for line in lines)


def _polynomial_html(problem: PolynomialProblem) -> str:
    objective = problem.objective
    if len(objective.terms) > MOST_TERMS:
        return (
            f"a polynomial of degree {objective.degree} with {len(objective.terms):,} terms in "
            f"{problem.n_variables:,} variables"
        )
    text = ""
    for row, coefficient in zip(objective.terms, objective.coefficients.tolist(), strict=True):
        factors = " ".join(_variable_html(problem, int(v)) for v in row[row != EMPTY])
        sign = "−" if coefficient < 0.0 else "+" if text else ""
        text += f" {sign} {_number(abs(coefficient))} {factors}"
    return text.strip() or "0"


def _product_html(problem: PolynomialProblem, product: Product) -> str:
    ones = [_variable_html(problem, v) for v in product.ones]
    zeros = [f"(1 − {_variable_html(problem, v)})" for v in product.zeros]
    return " ".join([*ones, *zeros])


def _variable_html(problem: PolynomialProblem, variable: int) -> str:
    name = _plain(problem.variable_name(variable))
    return f"<i>{name[0]}</i><sub>{name[1:]}</sub>"


def _plain(name: str) -> str:
    """Return "t3" for "t[3]" and "s1,2" for "s1[2]"."""
    block, place = name.rstrip("]").split("[")
    return f"{block}{place}" if block == "t" else f"{block},{place}"


def _number(value: float) -> str:
    return f"{value:.4g}"

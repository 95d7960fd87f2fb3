"""The identity holds as polynomials: checked at points in exact fractions, and by its means."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipexplore.bounds import bound
from lipexplore.errors import RelaxationTooLarge
from lipexplore.figures import identity as module
from lipexplore.figures.identity import identity, identity_html, product_text
from lipexplore.networks.generators import random_dense, random_sparse
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problems
from lipexplore.regions import WHOLE_SPACE

CASES = [("linf", 3), ("l2", 4), ("l1", 2)]


def proven(network, norm, degree):
    found = bound(network, "lipopt-lp", norm, degree=degree)
    certificate = max(found.certificate, key=lambda part: part.value)
    slopes = slope_ranges(network.head(0), WHOLE_SPACE)
    problems = norm_gradient_problems(network.head(0), slopes, Norm.parse(norm))
    problem = next(p for p in problems if p.entry == certificate.entry)
    return found, identity(problem, certificate)


def polynomial_at(problem, x):
    total = Fraction(0)
    for row, coefficient in zip(
        problem.objective.terms, problem.objective.coefficients, strict=True
    ):
        term = Fraction(float(coefficient))
        for v in row[row >= 0]:
            term *= x[v]
        total += term
    return total


@pytest.mark.parametrize(("norm", "degree"), CASES)
def test_left_and_right_side_agree_up_to_the_remainder(norm, degree):
    found, proof = proven(random_dense((3, 4, 3, 1), 5), norm, degree)
    rng = np.random.default_rng(0)
    points = [rng.integers(0, 2, proof.problem.n_variables) for _ in range(20)]
    points += [[Fraction(int(v), 16) for v in rng.integers(0, 17, len(points[0]))] for _ in "12345"]
    for x in points:
        x = [Fraction(v) if isinstance(v, Fraction) else Fraction(int(v)) for v in x]
        right = Fraction(0)
        for product in proof.products:
            term = Fraction(product.multiplier)
            for v in product.ones:
                term *= x[v]
            for v in product.zeros:
                term *= 1 - x[v]
            right += term
        rest = Fraction(proof.value) - polynomial_at(proof.problem, x) - right
        slack = Fraction(1, 10**12)  # multipliers above 2^53 are rounded to floats for display
        assert -slack <= rest <= Fraction(proof.remainder) + slack
    assert proof.value >= found.value**proof.problem.root * (1 - 1e-12)
    assert proof.remainder < 1e-6 * proof.value


@pytest.mark.parametrize(("norm", "degree"), CASES)
def test_means_add_up_to_the_bound_less_the_mean_of_p(norm, degree):
    _, proof = proven(random_dense((3, 4, 3, 1), 5), norm, degree)
    assert proof.total == pytest.approx(proof.value - proof.mean, rel=1e-6)
    if norm == "linf":
        assert proof.mean == pytest.approx(0.0, abs=1e-12)


def test_shares_of_disjoint_parts_add_up_to_one():
    """Two networks side by side: their products do not meet, and each carries its own bound."""
    weight = np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, -1.0]])
    network = random_sparse((4, 2, 1), 1.0, seed=0)
    network = type(network)([weight, np.array([[1.0, 2.0]])])
    _, proof = proven(network, "linf", 2)
    left, right = np.array([0, 1, 4]), np.array([2, 3, 5])
    assert proof.share(left) + proof.share(right) == pytest.approx(1.0)
    assert proof.share(left) == pytest.approx(3.0 / 11.0)  # 1 * (1 + 2) of 3 + 2 * (3 + 1)
    assert proof.share(np.arange(6)) == pytest.approx(1.0)
    assert proof.share(np.array([0])) == 0.0


def test_html_writes_the_heaviest_products_and_counts_the_others():
    _, proof = proven(random_dense((3, 4, 3, 1), 5), "linf", 3)
    text = identity_html(proof, shown=2)
    assert f"({len(proof.products) - 2:,} more products)" in text
    assert "<i>λ</i> − <i>p</i>(<i>x</i>)" in text
    assert "a polynomial of degree 3 with" in text
    means = [product.mean for product in proof.products]
    assert means == sorted(means, reverse=True)
    small = proven(random_dense((1, 1, 1), 0), "linf", 2)[1]
    assert "<i>t</i><sub>0</sub>" in identity_html(small)
    assert {product_text(small.problem, p) for p in small.products} <= {
        "t0 s1,0",
        "t0 (1 − s1,0)",
        "s1,0 (1 − t0)",
        "(1 − t0) (1 − s1,0)",
    }


def test_too_many_products_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_PRODUCTS", 1)
    with pytest.raises(RelaxationTooLarge, match="more than 1:"):
        proven(random_dense((3, 4, 3, 1), 5), "linf", 3)

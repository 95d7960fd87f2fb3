"""The verified bound of an SDP for multipliers of every kind, against rational brute force."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore.certificates import sums_of_squares
from lipexplore.certificates.check import norm_polynomials
from lipexplore.certificates.sums_of_squares import definite, verified_bound
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.sparsity import clique_family
from lipexplore.relaxations.lasserre import (
    clique_relaxation,
    elimination_cliques,
    least_order,
    pair_relaxation,
)
from lipexplore.solvers import solve
from tests.oracles import is_positive_semidefinite, polynomial_maximum, rational
from tests.poisons import POISONS

ACTIVATIONS = ("relu", "leaky_relu:-0.5", "silu", "abs", "elu:1.0")


def relaxation_of(network, region=lipexplore.WHOLE_SPACE, variant="pairs"):
    slopes = slope_ranges(network, region)
    problem = norm_gradient_problem(network, slopes, Norm.LINF)
    if variant == "pairs":
        products = clique_family(problem, network, slopes, "layerwise")
        return pair_relaxation(problem, products, elimination_cliques(products)), slopes
    cliques = clique_family(problem, network, slopes, "output")
    return clique_relaxation(problem, cliques, least_order(problem)), slopes


def random_duals(relaxation, rng):
    """Return Gram matrices of low rank and positive multipliers."""
    factors = [rng.standard_normal((len(block), 2)) for block in relaxation.blocks]
    grams = [(factor @ factor.T).ravel() for factor in factors]
    return [*grams, rng.random(relaxation.matrix.shape[1])]


@given(
    widths=st.sampled_from([(2, 3, 1), (3, 2, 2, 1), (1, 1, 1), (4, 3, 1), (2, 2, 2, 2, 1)]),
    seed=st.integers(0, 10**6),
    act=st.sampled_from(ACTIVATIONS),
    scale=st.sampled_from([1.0, 1e-6, 1e6, 1e-120, 3.0]),
    variant=st.sampled_from(["pairs", "cliques"]),
    radius=st.sampled_from([None, 0.05, 1.0]),
)
def test_never_below_the_exact_maximum(widths, seed, act, scale, variant, radius):
    base = random_dense(widths, seed, act)
    network = lipexplore.Network([w * scale for w in base.weights], base.biases, act)
    region = lipexplore.WHOLE_SPACE
    if radius:
        region = lipexplore.Ball(np.full(widths[0], 0.1), radius)
    relaxation, slopes = relaxation_of(network, region, variant)
    truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")
    rng = np.random.default_rng(seed)
    start = random_duals(relaxation, rng)
    for poison in POISONS.values():
        duals = [poison(dual, rng) for dual in start]
        assert Fraction(verified_bound(relaxation, duals).value) >= truth


@pytest.fixture(scope="module")
def solved():
    network = random_dense((4, 5, 1), 3)
    relaxation, slopes = relaxation_of(network)
    truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")
    return relaxation, solve(relaxation.problem()), truth


@pytest.mark.parametrize("poison", POISONS)
def test_poisoned_solver_answers(solved, poison):
    relaxation, solution, truth = solved
    rng = np.random.default_rng(0)
    value = verified_bound(relaxation, [POISONS[poison](d, rng) for d in solution.duals]).value
    assert Fraction(value) >= truth
    if poison in ("honest", "noise 1e-9"):
        assert value == pytest.approx(float(truth), rel=1e-6)


def test_too_few_multipliers_count_as_none(solved):
    relaxation, solution, truth = solved
    for duals in ((), solution.duals[:1], solution.duals[1:]):
        assert Fraction(verified_bound(relaxation, duals).value) >= truth


def falls_below(solved):
    """Tell which poisoned multipliers lead below the truth."""
    relaxation, solution, truth = solved
    rng = np.random.default_rng(0)
    found = []
    for name, poison in POISONS.items():
        value = verified_bound(relaxation, [poison(d, rng) for d in solution.duals]).value
        if Fraction(value) < truth:
            found.append(name)
    return found


def test_teeth_without_the_shift(solved, monkeypatch):
    assert falls_below(solved) == []
    monkeypatch.setattr(sums_of_squares, "definite", lambda gram: gram)
    assert "first entry lowered" in falls_below(solved)


def test_teeth_without_the_residual(solved, monkeypatch):
    monkeypatch.setattr(sums_of_squares, "sum_up", lambda values: float(values[0]))
    assert {"shrunk", "scaled down"} <= set(falls_below(solved))


def test_teeth_without_the_clipping(solved, monkeypatch):
    monkeypatch.setattr(sums_of_squares, "_non_negative", lambda dual, count: dual)
    relaxation, solution, truth = solved
    duals = [*solution.duals[:-1], solution.duals[-1] - 0.5]
    assert Fraction(verified_bound(relaxation, duals).value) < truth


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("variant", ["pairs", "cliques"])
def test_certificate_in_rational_arithmetic(act, variant):
    """Gram matrices are exactly semidefinite and the identity's coefficients prove the value."""
    network = random_dense((2, 3, 2, 1), 2, act)
    relaxation, slopes = relaxation_of(network, variant=variant)
    certificate = verified_bound(relaxation, solve(relaxation.problem()).duals)
    polynomial = norm_polynomials(network, slopes, Norm.LINF, 0, None)[None]
    scale = Fraction(relaxation.scale)
    total = dict(polynomial)

    def add(variables, amount):
        key = frozenset(v for v in variables if v >= 0)
        total[key] = total.get(key, Fraction(0)) + amount * scale

    for basis, gram in zip(relaxation.bases, certificate.grams, strict=True):
        exact = rational(gram)
        assert is_positive_semidefinite(exact)
        for left, row in zip(basis.tolist(), exact, strict=True):
            for right, entry in zip(basis.tolist(), row, strict=True):
                add(left + right, entry)
    entries = relaxation.matrix.tocoo()
    for row, column, coefficient in zip(entries.row, entries.col, entries.data, strict=True):
        weight = certificate.multipliers[column]
        assert weight >= 0
        add(relaxation.monomials[row].tolist(), Fraction(float(coefficient)) * Fraction(weight))
    constant = total.pop(frozenset())
    proven = constant + sum(max(c, Fraction(0)) for c in total.values())
    assert proven <= Fraction(certificate.value)
    assert float(proven) == pytest.approx(certificate.value, rel=1e-9)


@given(
    order=st.integers(1, 6),
    rank=st.integers(0, 6),
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1.0, 1e-9, 1e9, 1e-150]),
    lowered=st.sampled_from([0.0, 1e-14, 1e-8, 1.0]),
)
def test_definite_is_exactly_semidefinite_and_close(order, rank, seed, scale, lowered):
    factor = np.random.default_rng(seed).standard_normal((order, rank))
    gram = scale * (factor @ factor.T - lowered * np.eye(order))
    gram = 0.5 * (gram + gram.T)
    result = definite(gram)
    assert is_positive_semidefinite(rational(result))
    excess = np.abs(result - gram).max()
    assert excess <= scale * lowered * 1.01 + 1e-10 * np.abs(gram).max()


def test_residual_covers_what_verification_added(solved):
    relaxation, solution, _ = solved
    certificate = verified_bound(relaxation, solution.duals, solution.value)
    excess = certificate.value - solution.value * relaxation.scale
    assert excess <= certificate.residual * (1 + 1e-9)
    assert certificate.residual < 1e-5 * certificate.value

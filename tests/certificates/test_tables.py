"""The verified bound of an LP for multipliers of every kind, against rational brute force."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore.certificates import tables
from lipexplore.certificates.check import norm_polynomials, proven_value
from lipexplore.certificates.tables import verified_bound
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.sparsity import clique_family
from lipexplore.relaxations.krivine import krivine_relaxation
from tests.oracles import polynomial_maximum
from tests.poisons import POISONS
from tests.strategies import examples

ACTIVATIONS = ("relu", "leaky_relu:-0.5", "silu", "abs", "elu:1.0")


def relaxation_of(network, region=lipexplore.WHOLE_SPACE, degree=None, family="output"):
    slopes = slope_ranges(network, region)
    problem = norm_gradient_problem(network, slopes, Norm.LINF)
    cliques = clique_family(problem, network, slopes, family)
    degree = degree or max(1, problem.objective.degree)
    return krivine_relaxation(problem, cliques, degree), slopes


def scaled_network(widths, seed, act, scale):
    base = random_dense(widths, seed, act)
    return lipexplore.Network([w * scale for w in base.weights], base.biases, act)


@examples(60)
@given(
    widths=st.sampled_from([(2, 3, 1), (3, 2, 2, 1), (1, 1, 1), (4, 3, 1), (2, 2, 2, 2, 1)]),
    seed=st.integers(0, 10**6),
    act=st.sampled_from(ACTIVATIONS),
    scale=st.sampled_from([1.0, 1e-6, 1e6, 1e-120, 3.0]),
    extra=st.integers(0, 1),
    radius=st.sampled_from([None, 0.05, 1.0]),
)
def test_never_below_the_exact_maximum(widths, seed, act, scale, extra, radius):
    network = scaled_network(widths, seed, act, scale)
    region = lipexplore.WHOLE_SPACE
    if radius:
        region = lipexplore.Ball(np.full(widths[0], 0.1), radius)
    relaxation, slopes = relaxation_of(network, region)
    if extra:
        relaxation, _ = relaxation_of(network, region, relaxation.degree + 1)
    truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")
    rng = np.random.default_rng(seed)
    start = rng.random(relaxation.size["columns"])
    for poison in POISONS.values():
        certificate = verified_bound(relaxation, poison(start, rng))
        assert Fraction(certificate.value) >= truth


@pytest.mark.parametrize("poison", POISONS)
def test_poisoned_solver_answers(poison):
    network = random_dense((4, 5, 1), 3)
    relaxation, slopes = relaxation_of(network, degree=3)
    from lipexplore.solvers import solve

    duals = solve(relaxation.problem()).duals[0]
    truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")
    value = verified_bound(relaxation, POISONS[poison](duals, np.random.default_rng(0))).value
    assert Fraction(value) >= truth
    if poison in ("honest", "noise 1e-9"):
        assert value == pytest.approx(float(truth), rel=1e-6)


def test_the_test_has_teeth(monkeypatch):
    """Without the term for what the multipliers leave open, the bound falls below the truth."""
    network = random_dense((4, 5, 1), 3)
    relaxation, slopes = relaxation_of(network)
    truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")
    monkeypatch.setattr(tables, "_exact_sum", lambda values: 0)
    assert Fraction(verified_bound(relaxation, np.zeros(relaxation.size["columns"])).value) < truth


def test_residual_is_what_verification_added():
    relaxation, _ = relaxation_of(random_dense((5, 5, 1), 1))
    from lipexplore.solvers import solve

    solution = solve(relaxation.problem())
    certificate = verified_bound(relaxation, solution.duals[0], solution.value)
    excess = certificate.value - solution.value * relaxation.scale
    assert excess <= certificate.residual
    assert certificate.residual < 1e-6 * certificate.value
    loose = verified_bound(relaxation, solution.duals[0] * 1.01, solution.value)
    assert loose.residual > 1e-3 * certificate.value


@pytest.mark.parametrize(
    ("network", "degree"),
    [
        (random_dense((8, 8, 1), 0), 2),
        (random_dense((3, 3, 3, 1), 1), 3),
        (random_dense((3, 3, 3, 1), 1), 4),
    ],
    ids=str,
)
def test_constant_multipliers_by_hand(network, degree):
    """With c the same for all products they sum to c per subset, whatever x is."""
    relaxation, _ = relaxation_of(network, degree=degree)
    objective = relaxation.objective
    positive = np.maximum(objective[1:], 0.0).sum()
    for c in (0.0, 0.01, 0.1):
        multipliers = np.full(relaxation.size["columns"], c)
        plain = tables._evaluate(relaxation, tables.split_like(relaxation.faces, multipliers))
        subsets = relaxation.size["columns"] / 2**degree
        expected = objective[0] + positive + c * subsets * relaxation.scale
        assert plain.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("sizes", "seed", "expected"),
    [
        ((8, 8), 0, {0.0: 6.382820, 0.01: 7.582820, 0.1: 18.382820}),
        ((10, 10), 1, {0.0: 5.618916, 0.01: 7.518916, 0.1: 24.618916}),
        ((12, 7), 0, {0.0: 8.167058, 0.01: 9.877058, 0.1: 25.267058}),
        ((20, 20), 1, {0.0: 14.718406, 0.01: 22.518406, 0.1: 92.718406}),
    ],
)
def test_published_values_of_constant_multipliers(sizes, seed, expected):
    """Independent values for c = const on all pairs; networks by the stated recipe."""
    rng = np.random.default_rng(seed)
    first = rng.standard_normal(sizes[::-1]) / np.sqrt(sizes[0])
    last = rng.standard_normal((1, sizes[1])) / np.sqrt(sizes[1])
    relaxation, _ = relaxation_of(lipexplore.Network([first, last]), degree=2, family="dense")
    for c, value in expected.items():
        multipliers = np.full(relaxation.size["columns"], c / relaxation.scale)
        plain = tables._evaluate(relaxation, tables.split_like(relaxation.faces, multipliers))
        assert plain.value == pytest.approx(value, rel=2e-6)


def test_agrees_with_the_rational_checker():
    rng = np.random.default_rng(5)
    for act in ACTIVATIONS:
        network = random_dense((3, 3, 2, 1), 2, act)
        relaxation, slopes = relaxation_of(network)
        certificate = verified_bound(relaxation, rng.random(relaxation.size["columns"]))
        polynomial = norm_polynomials(network, slopes, Norm.LINF, 0, None)[None]
        subsets = [row for block in certificate.subsets for row in block.tolist()]
        integers = [row for block in certificate.multipliers for row in block.tolist()]
        proven = proven_value(polynomial, subsets, integers, certificate.exponent)
        assert proven <= Fraction(certificate.value)
        assert float(proven) == pytest.approx(certificate.value, rel=1e-9)


def test_checker_refuses_what_is_no_certificate():
    polynomial = {frozenset({0}): Fraction(1)}
    assert proven_value(polynomial, [[0]], [[1, 0]], 0) == 1
    for subsets, integers in (
        ([[0]], [[1, -1]]),
        ([[0]], [[1, 0.5]]),
        ([[0]], [[1, 0, 0, 0]]),
        ([[0, 0]], [[1, 0, 0, 0]]),
        ([[0.0]], [[1, 0]]),
    ):
        with pytest.raises(ValueError, match=r"multiplier|variable"):
            proven_value(polynomial, subsets, integers, 0)
    for exponent in (0.5, 10**9, -(10**9), True):
        with pytest.raises(ValueError, match="exponent"):
            proven_value(polynomial, [[0]], [[1, 0]], exponent)


def test_checker_by_brute_force_on_the_cube():
    """p + sum c h stays below the proven value at every vertex, for random integers."""
    rng = np.random.default_rng(1)
    polynomial = {
        frozenset(s): Fraction(int(rng.integers(-9, 9))) for s in ((), (0,), (1, 2), (0, 1, 2))
    }
    subsets = [[0, 1], [1, 2], [0, 2]]
    integers = [[int(i) for i in rng.integers(0, 5, 4)] for _ in subsets]
    proven = proven_value(polynomial, subsets, integers, -1)
    for x in product((0, 1), repeat=3):
        value = sum(c for monomial, c in polynomial.items() if all(x[v] for v in monomial))
        assert value <= proven


@pytest.mark.parametrize("power", [-1400, -1071, -1060, -540, -3, 0, 1, 500, 1023, 1024])
def test_the_root_of_any_rational_is_the_least_float_above_it(power):
    for square in (Fraction(2), Fraction(1), Fraction(4) - Fraction(1, 2**200)):
        value = square * Fraction(4) ** power
        root = tables.root_above(value, 2)
        assert root == np.inf or Fraction(root) ** 2 >= value
        below = Fraction(np.nextafter(root, 0.0))
        assert below**2 < value

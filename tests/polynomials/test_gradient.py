"""The gradient polynomial against the gradient, and its error bounds against rationals."""

from fractions import Fraction

import numpy as np
import pytest

import lipexplore
from lipexplore.certificates.check import norm_polynomials
from lipexplore.errors import RelaxationTooLarge, UnsupportedQuestion
from lipexplore.networks.generators import random_dense, random_sparse
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.expansion import count_terms
from lipexplore.polynomials.gradient import norm_gradient_problem, norm_gradient_problems
from lipexplore.polynomials.polynomial import row_keys

CASES = [
    ((3, 4, 1), "relu"),
    ((2, 3, 3, 1), "silu"),
    ((3, 2, 2, 2, 1), "leaky_relu:-0.3"),
    ((4, 3, 1), "abs"),
    ((4, 1), "relu"),
]


@pytest.mark.parametrize(("widths", "act"), CASES)
@pytest.mark.parametrize("local", [False, True])
def test_polynomial_equals_gradient(widths, act, local):
    network = random_dense(widths, 7, act)
    region = lipexplore.Ball(np.ones(widths[0]), 0.3) if local else lipexplore.WHOLE_SPACE
    slopes = slope_ranges(network, region)
    problem = norm_gradient_problem(network, slopes, Norm.LINF)
    x = np.random.default_rng(1).random((20, problem.n_variables))
    t = 2 * x[:, : widths[0]] - 1
    ends = np.cumsum(widths)
    chosen = [
        low + (high - low) * x[:, ends[i] : ends[i + 1]]
        for i, (low, high) in enumerate(zip(slopes.lower, slopes.upper, strict=True))
    ]
    gradient = np.broadcast_to(network.jacobian_of_slopes(chosen)[..., 0, :], t.shape)
    assert problem.objective(x) == pytest.approx((gradient * t).sum(axis=1), abs=1e-12)
    assert count_terms(network, slopes) >= len(problem.objective.terms)


def exact_coefficients(network, slopes, output, minus):
    """Expand the polynomial term by term in rationals, one path at a time."""
    last = network.weights[-1]
    total = {}

    def walk(layer, unit, monomial, value):
        if value == 0:
            return
        if layer == 0:
            for factor, extra in ((Fraction(-1), ()), (Fraction(2), (unit,))):
                key = (*extra, *monomial)
                total[key] = total.get(key, Fraction(0)) + value * factor
            return
        low = Fraction(slopes.lower[layer - 1][unit])
        high = Fraction(slopes.upper[layer - 1][unit])
        variable = sum(network.widths[:layer]) + unit
        for factor, extra in ((low, ()), (high - low, (variable,))):
            for before, weight in enumerate(network.weights[layer - 1][unit]):
                walk(layer - 1, before, (*extra, *monomial), value * factor * Fraction(weight))

    for unit in range(network.widths[-2]):
        weight = Fraction(last[output][unit])
        if minus is not None:
            weight -= Fraction(last[minus][unit])
        walk(network.depth, unit, (), weight)
    return total


@pytest.mark.parametrize("act", ["relu", "silu", "elu:1.0", "tanh"])
@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e90])
@pytest.mark.parametrize("minus", [None, 1])
def test_errors_cover_the_exact_coefficients(act, scale, minus):
    network = random_dense((3, 3, 2, 2), 11, act)
    network = lipexplore.Network(
        [network.weights[0] * scale, *network.weights[1:]], network.biases, act
    )
    slopes = slope_ranges(network, lipexplore.Box(np.full(3, -1e-3), np.full(3, 0.4)))
    problem = norm_gradient_problem(network.head(0, minus), slopes, Norm.LINF)
    expected = exact_coefficients(network, slopes, 0, minus)
    for row, value, error in zip(
        problem.objective.terms,
        problem.objective.coefficients,
        problem.objective.errors,
        strict=True,
    ):
        truth = expected.pop(tuple(int(v) for v in row if v >= 0), Fraction(0))
        assert abs(truth - Fraction(value)) <= Fraction(error)
        assert error <= 1e-12 * abs(problem.objective.coefficients).max() + 1e-300
    assert not any(expected.values())


@pytest.mark.parametrize("act", ["relu", "silu", "abs"])
@pytest.mark.parametrize("radius", [None, 0.4])
def test_squared_length_at_vertices_and_entries_anywhere(act, radius):
    network = random_dense((3, 3, 2, 1), 5, act)
    region = lipexplore.Ball(np.full(3, 0.2), radius) if radius else lipexplore.WHOLE_SPACE
    slopes = slope_ranges(network, region)
    x = np.random.default_rng(0).integers(0, 2, (40, 8)).astype(float)
    chosen = [
        low + (high - low) * x[:, start : start + len(low)]
        for low, high, start in zip(slopes.lower, slopes.upper, (3, 6), strict=True)
    ]
    gradient = network.jacobian_of_slopes(chosen)[:, 0]
    (squared,) = norm_gradient_problems(network, slopes, Norm.L2)
    assert squared.root == 2
    assert squared.objective(x) == pytest.approx((gradient**2).sum(axis=1), abs=1e-13)
    entries = norm_gradient_problems(network, slopes, Norm.L1)
    assert len(entries) == 6
    for problem in entries:
        unit, sign = problem.entry
        assert problem.objective(x) == pytest.approx(sign * gradient[:, unit], abs=1e-14)


@pytest.mark.parametrize("act", ["relu", "silu"])
@pytest.mark.parametrize("norm", [Norm.L1, Norm.L2])
@pytest.mark.parametrize("minus", [None, 1])
def test_errors_cover_the_exact_polynomials_of_other_norms(act, norm, minus):
    network = random_dense((3, 3, 2, 2), 12, act)
    slopes = slope_ranges(network, lipexplore.Box(np.full(3, -0.2), np.full(3, 0.4)))
    exact = norm_polynomials(network, slopes, norm, 0, minus)
    for problem in norm_gradient_problems(network.head(0, minus), slopes, norm):
        expected = dict(exact[problem.entry])
        objective = problem.objective
        for row, value, error in zip(
            objective.terms, objective.coefficients, objective.errors, strict=True
        ):
            truth = expected.pop(frozenset(int(v) for v in row if v >= 0), Fraction(0))
            assert abs(truth - Fraction(value)) <= Fraction(error)
            assert error <= 1e-12
        assert not any(expected.values())


def test_l1_is_no_single_problem():
    network = random_dense((2, 2, 1), 0)
    with pytest.raises(UnsupportedQuestion, match="two problems per input"):
        norm_gradient_problem(network, slope_ranges(network, lipexplore.WHOLE_SPACE), Norm.L1)


def test_too_many_terms_are_refused_before_expanding():
    network = random_dense((300, 300, 300, 1), 0)
    with pytest.raises(RelaxationTooLarge, match="terms"):
        lipexplore.bound(network, "lipopt-lp")


def test_overflowing_products_are_refused():
    network = lipexplore.Network([np.full((2, 2), 1e99)] * 4 + [np.full((1, 2), 1e99)])
    with pytest.raises(UnsupportedQuestion, match="rescale"):
        lipexplore.bound(network, "lipopt-lp")


def test_row_keys_with_many_columns():
    rows = np.random.default_rng(0).integers(-1, 5000, (200, 9))
    rows[100:] = rows[:100]
    keys = row_keys(rows)
    assert (keys[:100] == keys[100:]).all()
    assert len(set(keys.tolist())) == 100


def test_sparse_network_has_one_monomial_per_path():
    network = random_sparse((6, 5, 4, 1), 0.4, 2)
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    problem = norm_gradient_problem(network, slopes, Norm.LINF)
    paths = (
        (network.weights[2] != 0).astype(int)
        @ (network.weights[1] != 0).astype(int)
        @ (network.weights[0] != 0).astype(int)
    )
    full = (problem.objective.terms >= 0).sum(axis=1) == 3
    assert full.sum() == paths.sum()

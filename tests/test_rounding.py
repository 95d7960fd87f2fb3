"""Outward rounding against exact rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore.rounding import (
    UNIT,
    affine_interval,
    down,
    gamma,
    product_error,
    sum_down,
    sum_up,
    text_above,
    text_below,
    up,
)
from tests.oracles import exact_affine_range
from tests.strategies import examples, matrices, numbers, vectors

finite = st.floats(-1e300, 1e300)
magnitudes = st.lists(st.floats(0, 1e300), min_size=1, max_size=12)
wild = st.one_of(
    numbers, st.sampled_from((1e100, -1e100, 1e-160, 1e16, -1e16, 1 + 2**-52, 1 - 2**-53))
)


@pytest.mark.parametrize("roundings", [1, 2, 7, 100, 12345, 10**6, 2**30 - 1])
def test_gamma_is_above_its_definition(roundings):
    exact = roundings * Fraction(1, 2**53) / (1 - roundings * Fraction(1, 2**53))
    assert exact <= Fraction(gamma(roundings)) <= exact * (1 + Fraction(1, 2**19))


@given(finite)
def test_neighbours(x):
    assert down(x) < x < up(x)
    assert up(down(x)) == x


def test_neighbours_of_a_sum_enclose_it():
    """One rounding to nearest, then one step outward, is outward."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(500), rng.standard_normal(500) * 1e-8
    for x, y, low, high in zip(a, b, down(a + b), up(a + b), strict=True):
        assert Fraction(low) <= Fraction(x) + Fraction(y) <= Fraction(high)


@given(magnitudes)
def test_sums_enclose_the_exact_sum(values):
    exact = sum(map(Fraction, values))
    below, above = sum_down(values), sum_up(values)
    assert Fraction(below) <= exact <= Fraction(above)
    assert below >= 0
    assert above <= float(exact) * (1 + 3 * UNIT) + 1e-323


def test_sums_that_overflow():
    assert sum_up([1e308] * 4) == math.inf
    assert sum_up([1.0, math.inf]) == math.inf
    assert 1e308 < sum_down([1e308] * 4) < math.inf


@examples(300)
@given(data=st.data(), rows=st.integers(1, 3), columns=st.integers(1, 6))
def test_product_error_covers_sums_of_products(data, rows, columns):
    """Three factors per product, as in one layer of a gradient: c_i = sum_j a_j b_j w_ji."""
    w = data.draw(matrices(columns, rows, numbers))
    a, b = (data.draw(vectors(columns, numbers)) for _ in range(2))
    computed = (a * b) @ w
    error = product_error(columns + 1, (np.abs(a) * np.abs(b)) @ np.abs(w))
    for i in range(rows):
        exact = sum(Fraction(a[j]) * Fraction(b[j]) * Fraction(w[j, i]) for j in range(columns))
        assert abs(exact - Fraction(computed[i])) <= Fraction(error[i])


def test_product_error_is_not_lavish():
    assert product_error(10, np.array(1.0)) <= 40 * UNIT
    assert 0 < product_error(10, np.array(0.0)) <= 1e-300


@examples(400)
@given(data=st.data(), rows=st.integers(1, 3), columns=st.integers(1, 4))
def test_affine_interval_encloses_both_ends(data, rows, columns):
    weight, bias = data.draw(matrices(rows, columns, wild)), data.draw(vectors(rows, wild))
    ends = [data.draw(vectors(columns, wild)) for _ in range(2)]
    lower, upper = np.minimum(*ends), np.maximum(*ends)
    if data.draw(st.booleans()):
        upper = lower
    low, high = affine_interval(weight, bias, lower, upper)
    for i, (least, most) in enumerate(exact_affine_range(weight, bias, lower, upper)):
        assert Fraction(low[i]) < least
        assert most < Fraction(high[i])


def test_affine_interval_with_cancellation():
    """The two large terms cancel: the rounding of each decides the sign."""
    weight = np.array([[1e16, -1e16, 1.0]])
    x = np.array([1 + 2**-52, 1.0, -2.0])
    low, high = affine_interval(weight, np.array([0.5]), x, x)
    ((exact, _),) = exact_affine_range(weight, np.array([0.5]), x, x)
    assert Fraction(low[0]) < exact < Fraction(high[0])
    assert high[0] - low[0] < 200


def test_affine_interval_is_tight():
    rng = np.random.default_rng(1)
    weight, bias, center = rng.standard_normal((40, 30)), rng.standard_normal(40), rng.random(30)
    low, high = affine_interval(weight, bias, center - 0.1, center + 0.1)
    ends = np.array(exact_affine_range(weight, bias, center - 0.1, center + 0.1), dtype=float)
    assert (ends[:, 0] - low).max() < 1e-11
    assert (high - ends[:, 1]).max() < 1e-11


@pytest.mark.parametrize(
    ("weight", "lower", "upper"),
    [
        ([[1e100, 0.0]], [-1e300, 0.0], [1e300, 1.0]),
        ([[1.0, 1.0]], [1.7e308, 1.7e308], [1.75e308, 1.75e308]),
        ([[1.0, -1.0]], [-math.inf, 0.0], [math.inf, 1.0]),
        ([[0.0, 1.0]], [0.0, -1.0], [math.inf, 1.0]),
        ([[2.0, -2.0]], [1.7e308, 1.7e308], [1.7e308, 1.7e308]),
        ([[1.0, 0.0]], [0.0, 0.0], [1.7976931348623157e308, 1.0]),
    ],
)
def test_overflow_gives_infinite_ends_never_nan(weight, lower, upper):
    low, high = affine_interval(np.array(weight), np.zeros(1), np.array(lower), np.array(upper))
    assert (low, high) == (-math.inf, math.inf)


@given(st.one_of(finite, st.floats(0, 100)))
def test_texts_are_bounds_too(value):
    assert Fraction(text_below(value)) <= Fraction(value) <= Fraction(text_above(value))
    assert float(text_above(value)) == pytest.approx(value, rel=2e-5, abs=5e-324)


def test_texts_of_special_numbers():
    assert text_above(math.inf) == "inf"
    assert text_below(0.1, 3) == "0.1"
    assert text_above(0.1, 20) == "0.10000000000000000556"
    assert text_below(0.1, 17) == "0.1"
    assert text_above(1.0000001, 3) == "1.01"
    assert text_above(-1.0000001, 3) == "-1"

"""Balls and boxes: what they enclose, what they sample, what they refuse."""

import json
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore import WHOLE_SPACE, Ball, Box
from lipexplore.errors import InvalidRegion, InvalidSetting
from lipexplore.norms import Norm
from lipexplore.regions import region_from_dict
from tests.oracles import exact_affine, exact_affine_range, exact_norm, rational
from tests.strategies import balls, bounded_regions, boxes, examples, matrices, numbers, vectors


def exact_reach(row, norm):
    """Return the dual norm of a row (its square for l2): how far a unit ball reaches."""
    return exact_norm(row, {"linf": "l1", "l2": "l2", "l1": "linf"}[norm])


@examples(300)
@given(data=st.data(), n=st.integers(1, 4), rows=st.integers(1, 3))
def test_ball_encloses_the_exact_range(data, n, rows):
    ball = data.draw(balls(n))
    weight, bias = data.draw(matrices(rows, n)), data.draw(vectors(rows))
    low, high = ball.affine_bounds(weight, bias)
    middle = exact_affine(weight, bias, rational(ball.center))
    radius = Fraction(ball.radius)
    for row, center, a, b in zip(weight, middle, low, high, strict=True):
        reach = exact_reach(row, ball.norm.value)
        for distance in (center - Fraction(a), Fraction(b) - center):
            assert distance > 0
            if ball.norm is Norm.L2:
                assert distance**2 > radius**2 * reach
            else:
                assert distance > radius * reach


@examples(200)
@given(data=st.data(), n=st.integers(1, 4), rows=st.integers(1, 3))
def test_box_encloses_the_exact_range(data, n, rows):
    box = data.draw(boxes(n))
    weight, bias = data.draw(matrices(rows, n)), data.draw(vectors(rows))
    low, high = box.affine_bounds(weight, bias)
    ends = exact_affine_range(weight, bias, box.lower, box.upper)
    for (least, most), a, b in zip(ends, low, high, strict=True):
        assert Fraction(a) < least
        assert most < Fraction(b)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_ball_bounds_are_tight(norm):
    rng = np.random.default_rng(0)
    weight, bias = rng.standard_normal((20, 9)), rng.standard_normal(20)
    ball = Ball(rng.standard_normal(9), 0.3, norm)
    low, high = ball.affine_bounds(weight, bias)
    reach = np.linalg.norm(weight, ord=ball.norm.dual.exponent, axis=1)
    np.testing.assert_allclose((high - low) / 2, 0.3 * reach, rtol=1e-12)
    np.testing.assert_allclose((high + low) / 2, weight @ ball.center + bias, atol=1e-12)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_ball_bounds_survive_overflow_and_underflow(norm):
    tiny = Ball([0.0, 0.0], 1.0, norm).affine_bounds(np.full((1, 2), 1e-200), np.zeros(1))
    assert tiny[0] <= -1e-200
    assert 1e-200 <= tiny[1] < 1e-150
    for center, radius in (([1e308, 0.0], 1e308), ([1e300, 1e300], 1.0), ([0.0, 0.0], 1e300)):
        weight = np.array([[1e100, 0.0]])
        low, high = Ball(center, radius, norm).affine_bounds(weight, np.zeros(1))
        assert (low[0], high[0]) == (-math.inf, math.inf)


@examples(100)
@given(data=st.data(), n=st.integers(1, 4))
def test_samples_are_inside_exactly(data, n):
    region = data.draw(bounded_regions(n))
    points = region.sample(20, np.random.default_rng(data.draw(st.integers(0, 9))), n)
    assert points.shape == (20, n)
    for point in points:
        if isinstance(region, Box):
            assert (region.lower <= point).all()
            assert (point <= region.upper).all()
        else:
            offset = [a - b for a, b in zip(rational(point), rational(region.center), strict=True)]
            distance = exact_norm(offset, region.norm.value)
            assert distance <= Fraction(region.radius) ** (2 if region.norm is Norm.L2 else 1)


@pytest.mark.parametrize(
    "region",
    [
        Box([-1.7e308, 0.0], [1.7e308, 5e-324]),
        Box([-1e16, 1.0], [1.0, 1.0 + 2**-52]),
        Ball([1e8, -1e8], 1e-9, "l1"),
        Ball([0.0] * 9, 5e-324, "l2"),
        Ball([0.0] * 9, 1e-322, "l1"),
    ],
    ids=str,
)
def test_samples_of_extreme_regions(region):
    points = region.sample(500, np.random.default_rng(0), region.dimension)
    assert np.isfinite(points).all()
    if isinstance(region, Box):
        assert (region.lower <= points).all()
        assert (points <= region.upper).all()
    else:
        for point in points - region.center:
            exponent = 2 if region.norm is Norm.L2 else 1
            assert exact_norm(point, region.norm.value) <= Fraction(region.radius) ** exponent


class Extreme:
    """A generator that always draws the largest number it can."""

    def uniform(self, low, high, size):
        return np.full(size, np.nextafter(high, low))

    def standard_normal(self, size):
        return np.random.default_rng(0).standard_normal(size)

    def random(self, size):
        return np.full(size, 1 - 2**-53)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("center", [0.1, -0.7, 1e3, 1e-9])
def test_no_draw_leaves_the_region(norm, center):
    for radius in (0.2, 1.0, 1e-3, 7.7):
        ball = Ball(np.full(3, center), radius, norm)
        for point in ball.sample(8, Extreme(), 3):
            offset = [Fraction(x) - Fraction(center) for x in point]
            assert exact_norm(offset, norm) <= Fraction(radius) ** (2 if norm == "l2" else 1)
        box = Box(np.full(3, center), np.full(3, center + radius))
        assert (box.sample(2, Extreme(), 3) <= box.upper).all()


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_samples_fill_the_ball(norm):
    ball = Ball([3.0, -1.0], 2.0, norm)
    offset = ball.sample(4000, np.random.default_rng(0), 2) - ball.center
    lengths = np.linalg.norm(offset, ord=ball.norm.exponent, axis=1)
    assert 1.95 < lengths.max() <= 2.0
    assert np.abs(offset.mean(axis=0)).max() < 0.1
    assert (offset.max(axis=0) > 1.7).all()


def test_whole_space():
    assert WHOLE_SPACE.sample(3, np.random.default_rng(0), 5).shape == (3, 5)
    with pytest.raises(InvalidRegion, match="no bounding box"):
        WHOLE_SPACE.box()
    low, high = WHOLE_SPACE.affine_bounds(np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([2.0, 2.0]))
    np.testing.assert_array_equal(low, [2.0, -np.inf])
    np.testing.assert_array_equal(high, [2.0, np.inf])


@examples(100)
@given(data=st.data(), n=st.integers(1, 4))
def test_bounding_box_encloses_the_ball(data, n):
    ball = data.draw(balls(n))
    for end, sign in zip(ball.box(), (-1, 1), strict=True):
        for x, c in zip(end, ball.center, strict=True):
            assert sign * (Fraction(x) - Fraction(c) - sign * Fraction(ball.radius)) > 0


@examples(100)
@given(data=st.data(), n=st.integers(1, 4))
def test_dictionary_keeps_every_bit(data, n):
    region = data.draw(bounded_regions(n, st.one_of(numbers, st.floats(-1e300, 1e300))))
    again = region_from_dict(json.loads(json.dumps(region.to_dict())))
    assert type(again) is type(region)
    for end, other in zip(again.box(), region.box(), strict=True):
        assert end.tobytes() == other.tobytes()
    if isinstance(region, Ball):
        assert (again.radius, again.norm) == (region.radius, region.norm)
        assert again.center.tobytes() == region.center.tobytes()
    copied = pickle.loads(pickle.dumps(region))
    assert copied.to_dict() == region.to_dict()


def test_dictionary_of_the_whole_space():
    assert region_from_dict(WHOLE_SPACE.to_dict()) is WHOLE_SPACE


@pytest.mark.parametrize(
    ("center", "radius", "words"),
    [
        ([0.0, math.nan], 1.0, "NaN or infinite"),
        ([math.inf], 1.0, "NaN or infinite"),
        ([[0.0]], 1.0, r"shape is \(1, 1\)"),
        ([], 1.0, "shape"),
        (3.0, 1.0, "shape"),
        (["a"], 1.0, "list of numbers"),
        ([[1.0], [1.0, 2.0]], 1.0, "list of numbers"),
        (np.array([1.0 + 2.0j]), 1.0, "list of numbers"),
        (["1.0"], 1.0, "list of numbers"),
        ([0.0], 0.0, "positive and finite"),
        ([0.0], -1.0, "positive and finite"),
        ([0.0], math.nan, "positive and finite"),
        ([0.0], math.inf, "positive and finite"),
        ([0.0], "wide", "must be a number"),
        ([0.0], None, "must be a number"),
    ],
)
def test_bad_balls_are_refused(center, radius, words):
    with pytest.raises(InvalidRegion, match=words):
        Ball(center, radius)


@pytest.mark.parametrize(
    ("lower", "upper", "words"),
    [
        ([0.0], [0.0], "below its upper end"),
        ([1.0], [0.0], "below its upper end"),
        ([0.0, 0.0], [1.0, 0.0], "below its upper end"),
        ([0.0], [1.0, 1.0], "differ in length: 1 and 2"),
        ([math.nan], [1.0], "lower end holds NaN"),
        ([0.0], [math.inf], "upper end holds NaN or infinite"),
        ([[0.0]], [[1.0]], "shape"),
        ("ab", [1.0], "list of numbers"),
    ],
)
def test_bad_boxes_are_refused(lower, upper, words):
    with pytest.raises(InvalidRegion, match=words):
        Box(lower, upper)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "lacks the field 'kind'"),
        ({"kind": "ball", "center": [0.0]}, "lacks the field 'radius'"),
        ({"kind": "box", "lower": [0.0]}, "lacks the field 'upper'"),
        ({"kind": "cone"}, "unknown region 'cone'"),
        ({"kind": "ball", "center": [math.nan], "radius": 1.0, "norm": "l2"}, "NaN"),
    ],
)
def test_bad_dictionaries_are_refused(fields, words):
    with pytest.raises(InvalidRegion, match=words):
        region_from_dict(fields)


def test_bad_norm_is_refused():
    with pytest.raises(InvalidSetting, match="use 'l1', 'l2' or 'linf'"):
        Ball([0.0], 1.0, "l3")


def test_ends_cannot_be_changed_afterwards():
    source = np.zeros(2)
    ball = Ball(source, 1.0)
    source[0] = 5.0
    assert ball.center[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        ball.center[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        Box([0.0], [1.0]).lower[0] = -1.0

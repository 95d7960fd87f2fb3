"""Ranges of values and slopes against 60-digit decimals: truth lies inside, for every interval."""

import pickle
from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.activations import ACTIVATION_NAMES, activation
from tests.strategies import PIECEWISE_LINEAR, SMOOTH, examples

NAMES = (*PIECEWISE_LINEAR, *SMOOTH, "elu:1e6", "elu:1e-9", "leaky_relu:-1e6", "leaky_relu:0")
DIGITS = 60
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


# -- the truth, in decimals


def _exp(x):
    return x.exp() if x > -1000 else Decimal(0)


def _sigmoid(x):
    return 1 / (1 + _exp(-x)) if x >= 0 else _exp(x) / (1 + _exp(x))


def _sigmoid_slope(x):
    small = _exp(-abs(x))
    return small / (1 + small) ** 2


@lru_cache(maxsize=100_000)
def _normal_cdf(x):
    if abs(x) > 13:
        return Decimal(x > 0)  # wrong by less than 1e-38
    with localcontext() as context:
        context.prec = 130
        total, term, k = Decimal(0), x, 0
        while abs(term) > Decimal("1e-90"):
            total += term / (2 * k + 1)
            k += 1
            term *= -x * x / (2 * k)
        return Decimal("0.5") + total / (2 * PI).sqrt()


def _elu(alpha, scale=1):
    alpha, scale = Decimal(alpha), Decimal(scale)
    return (
        lambda x: scale * (x if x >= 0 else alpha * (_exp(x) - 1)),
        lambda x: scale * (1 if x > 0 else alpha * _exp(x)),
    )


def _inner(x):
    rate = (2 / PI).sqrt()
    cubic = Decimal(float.fromhex("0x1.6e4e26d4801f7p-5"))  # the float 0.044715
    return 2 * rate * (x + cubic * x**3), 2 * rate * (1 + 3 * cubic * x * x)


def _linear(left, right):
    left, right = Decimal(left), Decimal(right)
    return (lambda x: (left if x < 0 else right) * x, lambda x: left if x < 0 else right)


def _softplus(x):
    return max(x, Decimal(0)) + (1 + _exp(-abs(x))).ln()


def _tanh(x):
    return 2 * _sigmoid(2 * x) - 1


TRUTH = {
    **{name: _linear(*slopes) for name, slopes in PIECEWISE_LINEAR.items()},
    "leaky_relu:-1e6": _linear(-1e6, 1.0),
    "leaky_relu:0": _linear(0.0, 1.0),
    **{f"elu:{alpha}": _elu(float(alpha)) for alpha in ("1.0", "0.3", "2.5", "1e6", "1e-9")},
    "selu": _elu(1.6732632423543772, 1.0507009873554805),
    "softplus": (_softplus, _sigmoid),
    "tanh": (_tanh, lambda x: 4 * _sigmoid_slope(2 * x)),
    "sigmoid": (_sigmoid, _sigmoid_slope),
    "silu": (lambda x: x * _sigmoid(x), lambda x: _sigmoid(x) + x * _sigmoid_slope(x)),
    "gelu:exact": (
        lambda x: x * _normal_cdf(x),
        lambda x: _normal_cdf(x) + x * _exp(-x * x / 2) / (2 * PI).sqrt(),
    ),
    "gelu:tanh": (
        lambda x: x * _sigmoid(_inner(x)[0]),
        lambda x: _sigmoid(_inner(x)[0]) + x * _inner(x)[1] * _sigmoid_slope(_inner(x)[0]),
    ),
}


@lru_cache(maxsize=200_000)
def truth(name, which, x):
    with localcontext() as context:
        context.prec = DIGITS
        return TRUTH[name][which](Decimal(x))


def inside(low, exact, high):
    """Tell whether low <= exact <= high, but for the oracle's own rounding."""
    oracle_error = (1 + abs(exact)) * Decimal("1e-50")
    return Decimal(low) - exact <= oracle_error and exact - Decimal(high) <= oracle_error


TURNS = {
    "silu": (-2.3993572805154676, -1.2784645427610738, 2.3993572805154676),
    "gelu:exact": (-1.4142135623730951, -0.7517915246935645, 1.4142135623730951),
    "gelu:tanh": (-1.4185040087908, -0.7524614220710176, 1.4185040087908),
}


def special_points(name):
    points = [0.0, *TURNS.get(name, ())]
    for point in list(points):
        points += [np.nextafter(point, 9.0), np.nextafter(point, -9.0), point - 1e-9, point + 1e-9]
    return points


def points_between(name, lower, upper, rng):
    """Return floats strictly inside the interval: near its ends, at special points, anywhere."""
    width = upper - lower
    inside = [
        *(lower + width * rng.random(6)),
        np.nextafter(lower, np.inf),
        np.nextafter(upper, -np.inf),
        *special_points(name),
    ]
    return [float(x) for x in inside if lower < x < upper]


ends = st.one_of(
    st.floats(-6.0, 6.0),
    st.floats(-40.0, 40.0),
    st.sampled_from((0.0, -0.0, 5e-324, -5e-324, 1e-300, 1e-17, -1e-17, -1e-9, 1e-9)),
    st.sampled_from((1e3, -1e3, 745.2, -745.2, 1e9, -1e9, 1e10, -1e10, 1e300, -1e300)),
    st.sampled_from((-1.2784645427610738, -0.7517915246935645, 2.0**0.5, -(2.0**0.5), 2.39935728)),
)


@pytest.mark.parametrize("name", NAMES)
@examples(60)
@given(data=st.data())
def test_ranges_enclose_every_point(name, data):
    first = data.draw(ends)
    second = data.draw(
        st.one_of(ends, st.sampled_from((1e-15, 1e-8, 1e-3)).map(lambda w: first + w))
    )
    lower, upper = min(first, second), max(first, second)
    act = activation(name)
    low, high = act.slope_range(np.array([lower]), np.array([upper]))
    value_low, value_high = act.value_range(np.array([lower]), np.array([upper]))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    for x in points_between(name, lower, upper, rng):
        assert inside(low[0], truth(name, 1, x), high[0])
    for x in [lower, upper, *points_between(name, lower, upper, rng)]:
        assert inside(value_low[0], truth(name, 0, x), value_high[0])


@pytest.mark.parametrize("name", NAMES)
def test_ranges_of_single_points_and_neighbours(name):
    """A dense walk over the line: the tightest intervals, where the margin matters most."""
    act = activation(name)
    x = np.unique(np.concatenate([np.linspace(-9, 9, 151), special_points(name), [-40.0, 37.5]]))
    low, high = act.slope_range(x, x)
    value_low, value_high = act.value_range(x, x)
    next_low, next_high = act.slope_range(x, np.nextafter(np.nextafter(x, np.inf), np.inf))
    for i, point in enumerate(x.tolist()):
        slope, value = truth(name, 1, point), truth(name, 0, point)
        assert inside(low[i], slope, high[i])
        assert inside(value_low[i], value, value_high[i])
        between = float(np.nextafter(point, np.inf))
        assert inside(next_low[i], truth(name, 1, between), next_high[i])
    smooth = np.abs(x) > 1e-8
    assert (high - low)[smooth].max() <= 1e-12 * act.largest_slope
    width = 3e-9 * act.largest_slope + 1e-12 * np.abs(value_high).max()
    assert (value_high - value_low).max() <= width


@pytest.mark.parametrize("name", NAMES)
def test_global_slope_bounds_hold_and_are_attained(name):
    act = activation(name)
    x = np.concatenate([np.linspace(-30, 30, 601), special_points(name), [-1e9, 1e9]])
    slopes = [truth(name, 1, float(point)) for point in x]
    low, high = act.slope_bounds
    assert Decimal(low) <= min(slopes)
    assert max(slopes) <= Decimal(high)
    assert float(min(slopes)) - low <= 2e-6
    assert high - float(max(slopes)) <= 2e-6 * max(1.0, high)
    assert act.largest_slope == max(abs(low), abs(high))


@pytest.mark.parametrize("name", NAMES)
def test_infinite_ends(name):
    act = activation(name)
    finite = np.array([-3.0, 0.5])
    for lower, upper in (([-np.inf] * 2, finite), (finite, [np.inf] * 2), ([-np.inf], [np.inf])):
        lower, upper = np.array(lower), np.array(upper)
        low, high = act.slope_range(lower, upper)
        value_low, value_high = act.value_range(lower, upper)
        points = np.clip(np.array([[-1e12], [-700], [-3], [0.5], [700], [1e12]]), lower, upper)
        for i, column in enumerate(points.T):
            for x in {float(x) for x in column}:
                if lower[i] < x < upper[i]:
                    assert inside(low[i], truth(name, 1, x), high[i])
                assert inside(value_low[i], truth(name, 0, x), value_high[i])


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_derivatives_of_values(name):
    """The two decimal formulas above agree, so the truth itself is one function."""
    h = Decimal("1e-25")
    with localcontext() as context:
        context.prec = DIGITS
        for x in (-3.3, -1.1, -0.2, 0.4, 2.7):
            value, slope = TRUTH[name]
            quotient = (value(Decimal(x) + h) - value(Decimal(x) - h)) / (2 * h)
            assert abs(quotient - slope(Decimal(x))) < Decimal("1e-20")


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_accurate(name):
    act = activation(name)
    x = np.concatenate([np.linspace(-8, 8, 33), [-700.0, 700.0, 1e-12, -1e-12]])
    size = max(1.0, act.largest_slope)
    for point, value, slope in zip(x.tolist(), act.value(x), act.slope(x), strict=True):
        if point != 0:
            assert float(truth(name, 1, point)) == pytest.approx(slope, rel=1e-13, abs=1e-14 * size)
        assert float(truth(name, 0, point)) == pytest.approx(value, rel=1e-13, abs=1e-14 * size)


@pytest.mark.parametrize("name", [*PIECEWISE_LINEAR, "elu:0.3", "elu:2.5", "selu"])
def test_jumps_count_only_inside(name):
    act = activation(name)
    left, right = (float(truth(name, 1, x)) for x in (-1e-300, 1e-300))
    intervals = {(-1.0, 1.0): "both", (0.0, 0.0): "both", (0.0, 1.0): "right", (-1.0, 0.0): "left"}
    for (lower, upper), sides in intervals.items():
        low, high = (float(v[0]) for v in act.slope_range(np.array([lower]), np.array([upper])))
        for side, slope in (("left", left), ("right", right)):
            if sides in (side, "both"):
                assert low <= slope <= high
        if sides == "right":
            assert (low, high) == (right, right)
        if sides == "left" and name in PIECEWISE_LINEAR:
            assert (low, high) == (left, left)


@pytest.mark.parametrize("name", [*PIECEWISE_LINEAR, "elu:1.0", "elu:0.3", "selu"])
def test_linear_parts_have_exact_slopes(name):
    act = activation(name)
    low, high = act.slope_range(np.array([0.0, 1e-300, 3.0]), np.array([1.0, 1e-299, 1e9]))
    assert (low == high).all()
    assert set(low) == {float(truth(name, 1, 1.0))}
    assert set(act.slope(np.array([0.0, 2.0]))) == set(low)


def test_value_of_a_huge_alpha_is_inside():
    act = activation("elu:1e6")
    x = np.random.default_rng(0).uniform(-3, 0, 300)
    low, high = act.slope_range(x, x)
    for i, point in enumerate(x.tolist()):
        assert inside(low[i], truth("elu:1e6", 1, point), high[i])


@pytest.mark.parametrize("name", [*NAMES, *ACTIVATION_NAMES, "leaky_relu:0.10000000000000001"])
def test_names_and_pickles_round_trip(name):
    act = activation(name)
    again = pickle.loads(pickle.dumps(act))
    assert again.name == act.name == activation(act.name).name
    assert repr(act) == f"Activation({act.name!r})"
    assert again.slope_bounds == act.slope_bounds
    x = np.linspace(-3, 3, 13)
    np.testing.assert_array_equal(again.value(x), act.value(x))


def test_two_forms_of_gelu_differ():
    assert activation("gelu").name == "gelu:exact"
    exact, tanh = (activation(f"gelu:{form}").value(np.array([2.0])) for form in ("exact", "tanh"))
    assert 1e-5 < abs(exact - tanh)[0] < 1e-3


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("swish", "use one of"),
        ("relu:1", "takes no parameter"),
        ("gelu:fast", "gelu:exact or gelu:tanh"),
        ("leaky_relu:x", "needs a number after the colon"),
        ("leaky_relu:nan", "finite slope"),
        ("leaky_relu:inf", "finite slope"),
        ("leaky_relu:-2e6", "finite slope"),
        ("elu:0", "positive alpha"),
        ("elu:-1", "positive alpha"),
        ("elu:nan", "positive alpha"),
        ("elu:1e7", "positive alpha"),
        ("", "use one of"),
    ],
)
def test_bad_names_are_refused(name, words):
    with pytest.raises(InvalidNetwork, match=words):
        activation(name)

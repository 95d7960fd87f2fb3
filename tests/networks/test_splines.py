"""Linear splines against rational arithmetic: values, slopes, ranges, files, hashes."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest

from lipexplore import WHOLE_SPACE, Ball, Network, bound
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.files import load_network, save_network
from lipexplore.networks.linear_relaxation import activation_lines
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.splines import Splines
from lipexplore.training.splines import project_slopes
from tests import spline_oracle as oracle

RNG = np.random.default_rng(5)
NAN = np.nan
KNOTS = np.array(
    [[-1.0, -0.3, 0.1, 0.7, 2.0], [-0.5, 0.5, NAN, NAN, NAN], [-2.0, -1.9, 1e-3, 1.0, NAN]]
)
VALUES = np.array(
    [[0.3, -1.0, 0.1, 0.1, 4.0], [2.0, -1.0, NAN, NAN, NAN], [1e-20, 1.0, 1 / 3, -7.0, NAN]]
)
MIXED = Splines(KNOTS, VALUES)
EXACT = [oracle.points(t, c) for t, c in zip(KNOTS, VALUES, strict=True)]


def special(unit):
    knots = [float(t) for t, _ in EXACT[unit]]
    near = [np.nextafter(t, side) for t in knots for side in (-9.0, 9.0)]
    return [*knots, *near, -50.0, 50.0, *RNG.uniform(-3.0, 3.0, 10)]


def b4():
    values = 0.5 * np.random.default_rng(0).standard_normal(oracle.B4["knots"])
    assert values.sum() == pytest.approx(oracle.B4["checksum"], abs=1e-7)
    knots = np.linspace(-1.0, 1.0, oracle.B4["knots"])
    return knots, values, 2.0 / (oracle.B4["knots"] - 1)


@pytest.mark.parametrize("unit", range(3))
def test_values_and_slopes_are_those_of_the_exact_function(unit):
    for x in special(unit):
        z = np.full(3, x)
        exact = oracle.value(EXACT[unit], x)
        assert MIXED.value(z)[unit] == pytest.approx(float(exact), rel=1e-13, abs=1e-14)
        right = oracle.slope_between(EXACT[unit], x, np.nextafter(x, 99.0))
        assert MIXED.slope(z)[unit] == float(next(iter(right)))


@pytest.mark.parametrize("unit", range(3))
def test_ranges_enclose_and_are_exact_up_to_one_rounding(unit):
    ends = special(unit)
    for lower in ends:
        for upper in (x for x in ends if x >= lower):
            low, high = (a[unit] for a in MIXED.slope_range(np.full(3, lower), np.full(3, upper)))
            found = oracle.slope_between(EXACT[unit], lower, upper)
            assert Fraction(low) <= min(found)
            assert max(found) <= Fraction(high)
            assert low >= np.nextafter(float(min(found)), -np.inf)
            assert high <= np.nextafter(float(max(found)), np.inf)
            bottom, top = (a[unit] for a in MIXED.value_range(np.full(3, lower), np.full(3, upper)))
            inner = [x for x in (lower, upper, *ends) if lower <= x <= upper]
            values = [oracle.value(EXACT[unit], x) for x in inner]
            assert Fraction(bottom) <= min(values)
            assert max(values) <= Fraction(top)
            assert top - bottom <= float(max(values) - min(values)) + 1e-12 * (1 + abs(top))


def test_float_quotients_are_not_rounded_outward():
    """A slope of exactly 1 stays in [-1, 1]; one that is no float gets a float on each side."""
    assert Splines([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0]).slope_bounds == (-1.0, 1.0)
    third = Splines([0.0, 3.0], [0.0, 1.0])
    assert Fraction(third.slope_bounds[0]) < Fraction(1, 3) < Fraction(third.slope_bounds[1])


def test_infinite_ends():
    infinite = np.full(3, np.inf)
    low, high = MIXED.slope_range(-infinite, infinite)
    np.testing.assert_array_equal(low, MIXED.unit_slope_bounds(3)[0])
    np.testing.assert_array_equal(high, MIXED.unit_slope_bounds(3)[1])
    bottom, top = MIXED.value_range(-infinite, infinite)
    assert (bottom == -np.inf).all()
    assert (top[[0, 1]] == np.inf).all()
    flat = Splines([-1.0, 0.0, 1.0], [0.5, 0.5, 0.5])
    assert flat.value_range(-infinite, infinite)[1].tolist() == [0.5] * 3


def test_acceptance_values():
    knots, values, spacing = b4()
    spline = Splines(knots, project_slopes(values, spacing))
    for x, expected in oracle.B4["eval"].items():
        assert spline.value(np.array(x)) == pytest.approx(expected, abs=1e-6)
    for (lower, upper), expected in oracle.B4["slopes_on_interval"].items():
        found = spline.slope_range(np.array([lower]), np.array([upper]))
        assert np.ravel(found) == pytest.approx(expected, abs=1e-6)


def test_nothing_is_clamped_and_no_slope_is_assumed_beyond_the_knots():
    """The naive bound by inner segments, or by slope 1 outside, is broken by f(5) - f(2)."""
    spline = Splines([-1.0, 0.0, 1.0], [0.0, 0.1, 3.0])
    assert spline.value(np.array([5.0]))[0] == pytest.approx(3.0 + 4.0 * 2.9)
    assert spline.value(np.array([-4.0]))[0] == pytest.approx(-0.3)
    network = Network([[[1.0]], [[1.0]]], activations=spline)
    steep = float(network([5.0])[0] - network([2.0])[0]) / 3.0
    assert bound(network, "norm-product", region=Ball([3.5], 1.5)).value >= steep * (1 - 1e-15)


def test_slopes_of_single_precision_coefficients_are_told_as_they_are():
    """51 knots on [-0.1, 0.1]: SplineProj in float32 leaves 1 + 1.6e-7, and the bound says so."""
    rng = np.random.default_rng(0)
    knots = np.linspace(-0.1, 0.1, 51).astype(np.float32)
    values = rng.standard_normal(51).astype(np.float32)
    projected = project_slopes(values, np.float32(0.004)).astype(np.float32)
    assert Splines(knots, projected).largest_slope > 1.0
    exact = max(abs(s) for s in oracle.slopes(oracle.points(knots, projected)))
    assert Fraction(Splines(knots, projected).largest_slope) >= exact


def test_slopes_in_0_1_would_be_unsound():
    """|x| - |x - 1| has the constant 2; a method that assumed ReLU slopes would say 1."""
    network = Network(
        [[[1.0], [1.0]], [[1.0, -1.0]]], [[0.0, -1.0], [0.0]], Splines([-1, 0, 1], [1, 0, 1])
    )
    quotient = float(network([0.9])[0] - network([0.1])[0]) / 0.8
    assert quotient == pytest.approx(2.0)
    for method in ("norm-product", "path", "interval-jacobian", "shor", "combettes-pesquet"):
        assert bound(network, method, "l2").value >= 2.0
    assert bound(network, "activation-patterns", "l2").value == pytest.approx(2.0)


@pytest.mark.parametrize("unit", range(3))
def test_lines_lie_beyond_the_spline(unit):
    for lower, upper in ((-2.5, 2.5), (-0.4, 0.2), (0.1, 0.7), (1e-3, 1.5), (-9.0, 40.0)):
        lines = activation_lines(MIXED, np.full(3, lower), np.full(3, upper))
        points = [lower, upper, *np.linspace(lower, upper, 21), *(float(t) for t, _ in EXACT[unit])]
        for x in (Fraction(float(p)) for p in points if lower <= p <= upper):
            exact = oracle.value(EXACT[unit], x)
            above = Fraction(lines.upper_slope[unit]) * x + Fraction(lines.upper_offset[unit])
            below = Fraction(lines.lower_slope[unit]) * x + Fraction(lines.lower_offset[unit])
            assert below <= exact <= above


def test_back_substitution_is_never_wider_and_encloses():
    rng = np.random.default_rng(2)
    acts = [Splines(KNOTS, VALUES), Splines([-1.0, 0.2, 1.0], [0.0, 0.7, -0.4])]
    shapes = ((3, 2), (4, 3), (1, 4))
    network = Network([rng.standard_normal(s) for s in shapes], activations=acts)
    region = Ball([0.1, -0.2], 0.05)
    plain, tight = (
        slope_ranges(network, region, kind) for kind in ("interval", "back-substitution")
    )
    x = region.sample(200, rng, 2)
    for layer, z in enumerate(network.preactivations(x)):
        slope = acts[layer].slope(z)
        assert (tight.lower[layer] >= plain.lower[layer]).all()
        assert (tight.lower[layer] - 1e-12 <= slope).all()
        assert (slope <= tight.upper[layer] + 1e-12).all()


def test_shared_splines_are_those_of_every_unit():
    shared = Splines(KNOTS[0], VALUES[0])
    same = Splines(KNOTS[0], np.tile(VALUES[0], (4, 1)))
    z = RNG.standard_normal((7, 4))
    np.testing.assert_array_equal(shared.value(z), same.value(z))
    np.testing.assert_array_equal(shared.slope(z), same.slope(z))
    for one, other in zip(shared.slope_range(z, z + 1), same.slope_range(z, z + 1), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (shared.units, same.units) == (None, 4)


def test_width_of_the_layer_must_fit():
    with pytest.raises(InvalidNetwork, match="hidden layer 1 has 2 units"):
        Network([np.ones((2, 1)), np.ones((1, 2))], activations=MIXED)


@pytest.mark.parametrize(
    ("knots", "values", "message"),
    [
        ([0.0, 0.0], [1.0, 2.0], "increase"),
        ([1.0, 0.0], [1.0, 2.0], "increase"),
        ([0.0], [1.0], "two knots"),
        ([0.0, 1.0], [1.0, 2.0, 3.0], "as many knots"),
        ([0.0, 1.0], [1.0, np.inf], "NaN or infinite"),
        ([0.0, 1.0], [1.0, np.nan], "NaN or infinite"),
        ([0.0, np.inf], [1.0, 2.0], "NaN or infinite"),
        ([0.0, NAN, 1.0], [1.0, 2.0, 3.0], "NaN after the last"),
        ([0.0, 1e-300], [0.0, 1.0], "slope above"),
        ([0.0, 1.0], [0.0, 1e200], "above 1e"),
        (["a", "b"], [0.0, 1.0], "numbers"),
    ],
)
def test_what_is_no_spline_is_refused(knots, values, message):
    with pytest.raises(InvalidNetwork, match=message):
        Splines(knots, values)


def test_names_that_need_more_say_what():
    for name, message in (("spline", "knots and values"), ("groupsort", "group_sort_network")):
        with pytest.raises(InvalidNetwork, match=message):
            Network([[[1.0]], [[1.0]]], activations=name)


def layered():
    return Network([np.ones((3, 2)), np.eye(3), np.ones((1, 3))], activations=[MIXED, "relu"])


def test_hash_covers_every_coefficient():
    hashes = {layered().content_hash}
    for array in (0, 1):
        arrays = [KNOTS.copy(), VALUES.copy()]
        arrays[array][2, 3] = np.nextafter(arrays[array][2, 3], 9.0)
        weights, biases = layered().weights, layered().biases
        hashes.add(Network(weights, biases, [Splines(*arrays), "relu"]).content_hash)
    assert len(hashes) == 3


def test_round_trips(tmp_path):
    save_network(layered(), tmp_path / "net.npz")
    x = RNG.standard_normal((5, 2))
    for again in (load_network(tmp_path / "net.npz"), pickle.loads(pickle.dumps(layered()))):
        assert again.content_hash == layered().content_hash
        np.testing.assert_array_equal(again(x), layered()(x))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values_1": None}, "values_1 is missing"),
        ({"knots_2": KNOTS}, "knots_2 has no place"),
        ({"activation": np.array(["relu", "relu"])}, "no place"),
        ({"knots_1": KNOTS[:2]}, "as many knots"),
        ({"knots_1": np.array(["x"])}, "real numbers"),
    ],
)
def test_files_that_do_not_fit(tmp_path, change, message):
    save_network(layered(), tmp_path / "net.npz")
    with np.load(tmp_path / "net.npz") as archive:
        arrays = dict(archive) | change
    np.savez(tmp_path / "bad.npz", **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(InvalidNetwork, match=message):
        load_network(tmp_path / "bad.npz")


def test_whole_space_keeps_the_units_apart():
    slopes = slope_ranges(layered(), WHOLE_SPACE)
    for unit in range(3):
        exact = oracle.slopes(EXACT[unit])
        assert slopes.lower[0][unit] == pytest.approx(float(min(exact)), rel=1e-15)
        assert slopes.upper[0][unit] == pytest.approx(float(max(exact)), rel=1e-15)


def test_values_that_underflow_are_enclosed():
    spline, x = Splines([0.0, 2.0], [0.25, 0.75]), np.array([-5e-324])
    truth = Fraction(1, 4) + Fraction(float(x[0])) / 4
    low, high = spline.value_range(x, x)
    assert Fraction(float(low[0])) <= truth <= Fraction(float(high[0]))

"""SplineProj, total variation, fewer knots, and the two quadratic programs."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.networks.splines import Splines
from lipexplore.relaxations.spline_programs import fit, hat_functions, nearest_values
from lipexplore.training.splines import (
    active_knots,
    project_slopes,
    pull_back,
    scaled,
    sparse_splines,
    sparsify,
    total_variation,
    total_variation_gradient,
)
from tests import spline_oracle as oracle

SPACING = 0.2
B4 = oracle.B4


@pytest.fixture(scope="module")
def values():
    return 0.5 * np.random.default_rng(0).standard_normal(B4["knots"])


def test_projection_reproduces_the_acceptance_values(values):
    found = project_slopes(values, SPACING)
    np.testing.assert_allclose(found, B4["proj"], atol=1e-6)
    assert np.abs(np.diff(values)).max() / SPACING == pytest.approx(B4["lip_before"], rel=1e-6)
    assert total_variation(values, SPACING) == pytest.approx(B4["tv2_before"], rel=1e-6)
    assert total_variation(found, SPACING) == pytest.approx(B4["tv2_after"], rel=1e-6)
    assert found.mean() == pytest.approx(B4["mean"], rel=1e-5)
    assert np.linalg.norm(found - values) == pytest.approx(B4["dist"], rel=1e-6)


def test_projection_is_not_the_orthogonal_one(values):
    nearest = nearest_values(values, SPACING)
    np.testing.assert_allclose(nearest, B4["orth_proj"], atol=1e-6)
    distance = np.linalg.norm(nearest - values)
    assert distance == pytest.approx(B4["orth_dist"], rel=1e-6)
    assert np.linalg.norm(project_slopes(values, SPACING) - values) > 1.07 * distance
    assert nearest.mean() == pytest.approx(values.mean(), abs=1e-9)


@pytest.mark.parametrize("shift", [0.0, 1e-6, 0.01, -0.5, 2.0])
def test_the_orthogonal_projection_of_a_spline_that_hardly_needs_one(values, shift):
    """Where the distance is about 0 the solver fails at its sharpest tolerance."""
    feasible = project_slopes(values, SPACING)
    shifted = feasible.copy()
    shifted[-1] += shift
    nearest = nearest_values(shifted, SPACING)
    assert np.abs(np.diff(nearest)).max() <= SPACING * (1 + 1e-6)
    best = np.linalg.norm(feasible - shifted)  # the distance of one spline that is allowed
    assert np.linalg.norm(nearest - shifted) <= best * (1 + 1e-6) + 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_projection_keeps_the_constraints_the_mean_and_itself(seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((4, 33)) * 10.0 ** rng.integers(-2, 3)
    found = project_slopes(values, 0.0625)
    slopes = np.abs(np.diff(found)) / 0.0625
    # machine precision: differences of sums err by a few units in the last place of the values
    assert slopes.max() <= 1.0 + 16 * np.finfo(float).eps * np.abs(found).max() / 0.0625
    np.testing.assert_allclose(found.mean(axis=1), values.mean(axis=1), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(project_slopes(found, 0.0625), found, rtol=1e-13, atol=1e-13)


def test_projection_is_that_of_the_pseudo_inverse(values):
    differences = np.diff(np.eye(11), axis=0)
    clipped = np.clip(differences @ values, -SPACING, SPACING)
    expected = np.linalg.pinv(differences) @ clipped + values.mean()
    np.testing.assert_allclose(project_slopes(values, SPACING), expected, atol=1e-14)


def test_slopes_are_clipped_in_units_of_the_spacing():
    """Clipping the differences to 1 would leave slopes of 5."""
    found = project_slopes(np.array([0.0, 1.0, 0.0]), 0.2)
    assert np.abs(np.diff(found)).max() / 0.2 == pytest.approx(1.0)


def test_derivatives_are_those_of_finite_differences(values):
    rng = np.random.default_rng(1)
    weights = rng.standard_normal(11)
    by_values = pull_back(values, weights, SPACING)
    by_variation = total_variation_gradient(values, SPACING)
    for k in range(11):
        step = np.zeros(11)
        step[k] = 1e-6
        ends = [weights @ project_slopes(values + s * step, SPACING) for s in (1, -1)]
        assert by_values[k] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)
        ends = [total_variation(values + s * step, SPACING) for s in (1, -1)]
        assert by_variation[k] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-5)


def test_total_variation_is_the_l1_norm_of_the_relu_weights():
    spline = Splines([-1.0, 0.0, 0.5, 1.0], [1.0, 0.0, 0.5, 0.0])
    assert total_variation(np.array([1.0, 0.5, 0.0, 0.5, 0.0]), 0.5) == 2.0 + 2.0
    slopes = oracle.slopes(oracle.points(spline.knots[0], spline.values[0]))
    assert sum(abs(b - a) for a, b in pairwise(slopes)) == 4


@pytest.mark.parametrize("tolerance", [0.0, 0.01, 0.1])
def test_fewer_knots(tolerance):
    rng = np.random.default_rng(3)
    knots = np.linspace(-1.0, 1.0, 33)
    values = project_slopes(np.cumsum(0.05 * rng.standard_normal(33)), 0.0625)
    values[5:15] = values[5] + 0.25 * (knots[5:15] - knots[5])
    fewer = sparsify(knots, values, tolerance)
    exact, old = oracle.points(*fewer), oracle.points(knots, values)
    assert len(fewer[0]) < 33
    for x in (*knots.tolist(), -3.0, 4.0, 0.123):
        assert abs(oracle.value(exact, x) - oracle.value(old, x)) <= tolerance + 1e-14
    slopes, before = oracle.slopes(exact), oracle.slopes(old)
    assert max(map(abs, slopes)) <= max(map(abs, before))
    changes = [sum(abs(b - a) for a, b in pairwise(s)) for s in (slopes, before)]
    assert changes[0] <= changes[1]


def test_fewer_knots_of_a_layer():
    knots = np.linspace(-1.0, 1.0, 5)
    layer = Splines(knots, [np.abs(knots), knots])
    sparse = sparse_splines(layer, 1e-12)
    assert sparse.knots[0].tolist() == [-1.0, 0.0, 1.0]
    assert sparse.knots[1, :2].tolist() == [-1.0, 1.0]
    z = np.linspace(-3.0, 3.0, 14).reshape(7, 2)
    np.testing.assert_allclose(sparse.value(z), layer.value(z), atol=1e-15)


def test_active_knots_are_the_kinks():
    knots = np.linspace(-1.0, 1.0, 9)
    assert active_knots(np.array([np.abs(knots), knots, np.sin(3 * knots)]), 0.25).tolist() == [
        1,
        0,
        6,
    ]


@pytest.mark.parametrize("factor", [2.0, -0.5, 3.0])
def test_scaling_needs_both_factors(factor):
    """sigma(alpha x) alone would have the constant alpha."""
    spline = Splines([-1.0, 0.2, 1.0, np.nan], [0.0, 1.2, 0.3, np.nan])
    moved = scaled(spline, factor)
    x = np.linspace(-2.0, 2.0, 21)
    np.testing.assert_allclose(moved.value(x), spline.value(factor * x) / factor, atol=1e-13)
    assert sorted(np.abs(moved.slope_bounds)) == pytest.approx(sorted(np.abs(spline.slope_bounds)))


@pytest.mark.parametrize("factor", [0.0, np.nan, np.inf])
def test_scaling_by_nothing_is_refused(factor):
    with pytest.raises(ValueError, match="not 0"):
        scaled(Splines([0.0, 1.0], [0.0, 1.0]), factor)


@pytest.fixture(scope="module")
def points():
    g = np.random.default_rng(2)
    x = np.sort(g.uniform(-1.0, 1.0, 40))
    y = 1.5 * np.abs(x) - 0.5 + 0.1 * g.standard_normal(40)
    assert x.sum() + y.sum() == pytest.approx(oracle.FIT["checksum"], abs=1e-6)
    return x, y


@pytest.mark.parametrize("smoothing", [1e-4, 1e-2, 0.05])
def test_fit_reproduces_the_acceptance_values(points, smoothing):
    found, expected = fit(*points, np.linspace(-1.0, 1.0, 11), smoothing), oracle.FIT[smoothing]
    assert found.objective == pytest.approx(expected["objective"], abs=1e-7)
    np.testing.assert_allclose(found.values, expected["coef"], rtol=1e-5)  # tolerance of the fits
    assert found.lipschitz == pytest.approx(expected["lip"], rel=5e-5)
    assert found.variation == pytest.approx(expected["tv2"], rel=5e-5)


def test_fit_is_optimal(points):
    """No random step that keeps the constraints improves the convex objective."""
    knots, smoothing = np.linspace(-1.0, 1.0, 11), 0.05
    found, hats = fit(*points, knots, smoothing), hat_functions(points[0], knots)
    rng = np.random.default_rng(0)
    for size in (1e-4, 1e-3, 1e-2):
        for _ in range(200):
            other = project_slopes(found.values + size * rng.standard_normal(11), SPACING)
            value = np.square(hats @ other - points[1]).sum() / 80
            assert value + smoothing * total_variation(other, SPACING) >= found.objective - 1e-10


def test_unconstrained_fit_is_steeper(points):
    free = fit(*points, np.linspace(-1.0, 1.0, 11), 1e-4, None)
    assert free.lipschitz == pytest.approx(1.718, abs=5e-4)


def test_hats_are_the_spline(points):
    knots = np.linspace(-1.0, 1.0, 11)
    values = np.random.default_rng(1).standard_normal(11)
    x = np.array([-1.7, -1.0, -0.31, 0.0, 0.2, 1.0, 3.0])
    exact = [oracle.value(oracle.points(knots, values), v) for v in x]
    np.testing.assert_allclose(hat_functions(x, knots) @ values, [float(v) for v in exact])


def test_negative_smoothing_is_refused(points):
    with pytest.raises(InvalidSetting, match="negative"):
        fit(*points, np.linspace(-1.0, 1.0, 11), -1.0)


def test_rational_slopes_of_the_projection_are_known(values):
    """What is left to machine precision is told by the slope bounds, not hidden."""
    spline = Splines(np.linspace(-1.0, 1.0, 11), project_slopes(values, SPACING))
    exact = max(abs(s) for s in oracle.slopes(oracle.points(spline.knots[0], spline.values[0])))
    assert Fraction(spline.largest_slope) >= exact
    assert spline.largest_slope == pytest.approx(1.0, abs=1e-14)

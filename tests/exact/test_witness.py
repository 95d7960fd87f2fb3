"""Witnesses: points whose slopes and gradient are proven, compared in rationals."""

from fractions import Fraction

import numpy as np
import pytest

import lipexplore
from lipexplore import WHOLE_SPACE, Ball, Box, Network
from lipexplore.errors import UnsupportedQuestion
from lipexplore.exact.pattern_feasibility import Feasibility
from lipexplore.exact.region_points import is_inside, pulled_inside
from lipexplore.exact.witness import least_distance, proven_at, witness
from lipexplore.networks.generators import random_dense
from lipexplore.norms import Norm
from tests.oracles import (
    exact_affine,
    exact_float,
    exact_gradient,
    exact_norm,
    fast_polynomial_maximum,
    is_lower,
)
from tests.strategies import PIECEWISE_LINEAR

NORMS = pytest.mark.parametrize("norm", list(Norm), ids=lambda norm: norm.value)


def rational_point(network, x):
    """Return the slopes and the least |pre-activation| at a point, in rationals."""
    hidden, slopes, margin = [Fraction(v) for v in x.tolist()], [], None
    for weight, bias, act in zip(
        network.weights[:-1], network.biases[:-1], network.activations, strict=True
    ):
        left, right = map(Fraction, PIECEWISE_LINEAR[act.name])
        z = exact_affine(weight, bias, hidden)
        slopes.append([right if v > 0 else left for v in z])
        margin = min(map(abs, z if margin is None else [*z, margin]))
        hidden = [s * v for s, v in zip(slopes[-1], z, strict=True)]
    return slopes, margin


def check(network, found, norm, slopes=None):
    """Assert slopes, margin and gradient of a witness in rationals."""
    there, margin = rational_point(network, found.point)
    assert margin >= Fraction(found.margin) > 0
    for proven, exact in zip(found.slopes, there, strict=True):
        assert proven.tolist() == [float(s) for s in exact]
    if slopes is not None:
        assert all((a == b).all() for a, b in zip(found.slopes, slopes, strict=True))
    truth = exact_norm(
        exact_gradient(network.weights, there), {"linf": "l1", "l1": "linf"}.get(norm.value, "l2")
    )
    assert is_lower(found.lower, truth, norm.value)
    assert found.lower == pytest.approx(exact_float(truth, norm.value), rel=1e-12)


def best_slopes(network, norm):
    return lipexplore.bound(network, "vertex-search", norm).witness


@NORMS
@pytest.mark.parametrize("seed", range(5))
def test_one_layer_of_independent_rows_attains_p_star(norm, seed):
    network = random_dense((8, 7, 1), seed, ("relu", "abs", "leaky_relu:0.01")[seed % 3])
    left, right = PIECEWISE_LINEAR[network.activations[0].name]
    p_star = fast_polynomial_maximum(
        network.weights, [np.full(7, left)], [np.full(7, right)], norm.value
    )
    slopes = best_slopes(network, norm)
    found = witness(network, WHOLE_SPACE, slopes, norm)
    assert found.lower == pytest.approx(p_star, rel=1e-12)
    assert found.margin == pytest.approx(1.0, rel=1e-9)
    check(network, found, norm, slopes)


@NORMS
@pytest.mark.parametrize("widths", [(3, 5, 1), (4, 5, 4, 1), (3, 4, 3, 3, 1)], ids=str)
@pytest.mark.parametrize("name", ["relu", "abs", "leaky_relu:2.5"])
def test_slopes_of_a_point_are_attained_in_every_region(norm, widths, name):
    network = random_dense(widths, 7, name)
    rng = np.random.default_rng(len(widths))
    center = rng.uniform(-1, 1, widths[0])
    balls = [Ball(center, 0.8, shape) for shape in Norm]
    for region in (WHOLE_SPACE, Box(center - 0.6, center + 0.4), *balls):
        feasibility = Feasibility(network, region)
        for x in region.sample(3, rng, widths[0]):
            z = network.preactivations(x)
            if min(np.abs(layer).min() for layer in z) < 1e-3:
                continue
            slopes = tuple(
                act.slope(layer) for act, layer in zip(network.activations, z, strict=True)
            )
            found = witness(network, region, slopes, norm, feasibility)
            check(network, found, norm)
            before = exact_gradient(network.weights, slopes)
            after = exact_gradient(network.weights, found.slopes)
            assert before == after
            inside = [Fraction(v) - Fraction(c) for v, c in zip(found.point, center, strict=True)]
            if isinstance(region, Ball):
                radius = Fraction(region.radius) ** (2 if region.norm is Norm.L2 else 1)
                assert exact_norm(inside, region.norm.value) <= radius
            elif isinstance(region, Box):
                assert (region.lower <= found.point).all()
                assert (found.point <= region.upper).all()


def test_no_witness_for_slopes_that_no_input_has():
    identity = Network([[[1.0], [-1.0]], [[1.0, -1.0]]])
    for region in (WHOLE_SPACE, Box([-1.0], [1.0]), Ball([0.0], 1.0, "l2")):
        assert witness(identity, region, (np.ones(2),), Norm.LINF) is None
        found = witness(identity, region, (np.array([1.0, 0.0]),), Norm.LINF)
        assert found.lower == pytest.approx(1.0)
    right = Box([0.5], [1.0])
    assert witness(identity, right, (np.array([0.0, 1.0]),), Norm.LINF) is None


@pytest.mark.parametrize(
    "region", [WHOLE_SPACE, Ball(np.zeros(2), 3.0, "l2"), Ball(np.zeros(2), 3.0)], ids=str
)
def test_units_whose_slope_does_not_matter_may_differ(region):
    """Unit 1 has zero weights, unit 2 no way out: their slopes in the pattern are impossible."""
    first = [[1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    network = Network([first, [[2.0, 3.0, 0.0, 1.0]]], [[0.0, -1.0, 0.5, 0.0], [0.0]])
    found = witness(network, region, (np.array([1.0, 1.0, 0.0, 1.0]),), Norm.LINF)
    assert found.lower == pytest.approx(3.0)
    assert found.slopes[0].tolist()[:2] == [1.0, 0.0]


@pytest.mark.parametrize("region", [WHOLE_SPACE, Box([-5.0], [5.0])], ids=str)
def test_units_behind_inactive_ones_may_differ(region):
    """h_2 = x - 1 and -x - 1 are never both on; behind an inactive unit the second is free."""
    network = Network(
        [[[1.0], [-1.0]], [[1.0, 0.0], [-1.0, -1.0]], [[1.0, 1.0]]],
        [[-1.0, -1.0], [0.0, -1.0], [0.0]],
    )
    slopes = (np.array([1.0, 1.0]), np.array([1.0, 0.0]))
    found = witness(network, region, slopes, Norm.LINF)
    assert found.slopes[0].tolist() == [1.0, 0.0]
    assert found.lower == pytest.approx(1.0)


def test_the_constant_of_a_trained_deep_classifier():
    network = lipexplore.load_network("digits-64-32-16-10-relu").head(3)
    searched = lipexplore.bound(network, "vertex-search", "l2")
    found = witness(network, WHOLE_SPACE, searched.witness, Norm.L2)
    assert found.lower == pytest.approx(searched.lower, rel=1e-12)
    assert found.margin > 0.99
    assert np.abs(found.point).max() < 100


def test_points_too_near_a_kink_prove_nothing():
    network = Network([[[0.1, 0.1]], [[1.0]]], [[-0.02], [0.0]])
    assert proven_at(network, WHOLE_SPACE, np.array([0.1, 0.1]), Norm.L2) is None
    assert proven_at(network, WHOLE_SPACE, np.array([np.nan, 0.1]), Norm.L2) is None
    assert proven_at(network, Box([0, 0], [1, 1]), np.array([2.0, 0.1]), Norm.L2) is None
    assert proven_at(network, WHOLE_SPACE, np.array([0.2, 0.1]), Norm.L2).lower > 0.14


@NORMS
def test_inside_is_proven(norm):
    rng = np.random.default_rng(0)
    for radius in (1e-12, 0.3, 1e6):
        ball = Ball(rng.uniform(-1, 1, 5), radius, norm)
        for x in ball.center + 2 * radius * rng.standard_normal((40, 5)):
            near = pulled_inside(ball, x)
            away = [Fraction(a) - Fraction(b) for a, b in zip(near, ball.center, strict=True)]
            exact = exact_norm(away, norm.value)
            assert is_inside(ball, near)
            assert exact <= Fraction(radius) ** (2 if norm is Norm.L2 else 1)
        edge = ball.center.copy()
        edge[0] += 1.5 * radius
        assert not is_inside(ball, edge)


def test_a_ray_whose_length_underflows_ends_at_the_centre():
    ball = Ball(np.zeros(1), 5e-324, "l2")
    assert pulled_inside(ball, np.array([1e-200])).tolist() == [0.0]


def test_least_distance_against_its_closed_form():
    """The point of a . y >= c nearest to 0 is c a / |a|^2; contradictions have none."""
    row = np.array([[3.0, 4.0]])
    np.testing.assert_allclose(least_distance(row, np.array([5.0])), [0.6, 0.8])
    np.testing.assert_allclose(least_distance(row, np.array([-5.0])), [0.0, 0.0], atol=1e-12)
    assert least_distance(np.vstack([row, -row]), np.array([1.0, 1.0])) is None


def test_no_condition_at_all_is_met_at_the_origin():
    assert least_distance(np.zeros((0, 3)), np.zeros(0)).tolist() == [0.0] * 3
    network = random_dense((3, 2, 2, 1), 0, "identity")
    answer = lipexplore.bound(network, "exact", "l2")
    assert answer.lower_of == "L"
    assert answer.lower == pytest.approx(np.linalg.norm(network.jacobian(np.zeros(3))))


def test_smooth_activations_are_refused():
    network = random_dense((2, 3, 1), 0, "silu")
    with pytest.raises(UnsupportedQuestion, match="silu bends"):
        witness(network, WHOLE_SPACE, (np.ones(3),), Norm.L2)

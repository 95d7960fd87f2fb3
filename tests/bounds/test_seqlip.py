"""SeqLip: exact for one hidden layer, values of independent code, never below brute force."""

import numpy as np
import pytest
from hypothesis import given

import lipexplore
from lipexplore.bounds.pair_maximum import Pair, averaged_bound, vertex_maximum
from lipexplore.bounds.seqlip import SeqLip, split_pairs
from lipexplore.errors import InvalidSetting
from lipexplore.networks.slope_ranges import slope_ranges
from tests.bounds.specification import jacobians_of_random_slopes, seeded_network
from tests.oracles import fast_polynomial_maximum, is_upper, polynomial_maximum
from tests.strategies import networks

VALUES = {
    (0, (2, 5, 1)): [0.5536615],
    (2, (3, 4, 4, 2)): [1.8255946, 1.3654071],
    (3, (2, 3, 3, 3, 1)): [3.2767436, 1.3335487, 0.3566516],
    (5, (4, 6, 3)): [0.9759523],
}
GREEDY = 0.9753272  # what the published search reports for the last one


def joint(network, region=lipexplore.WHOLE_SPACE, **settings):
    return lipexplore.bound(network, "seqlip", "l2", region, output="all", **settings)


@pytest.mark.parametrize(("seed", "widths"), VALUES)
def test_values_of_independent_code(seed, widths):
    answer = joint(seeded_network(seed, widths))
    assert answer.certificate == pytest.approx(VALUES[seed, widths], rel=1e-6)
    assert answer.value == pytest.approx(np.prod(VALUES[seed, widths]), rel=1e-6)
    assert answer.status == "vertices"


def test_published_search_is_below_the_constant_that_this_bounds():
    network = seeded_network(5, (4, 6, 3))
    vertices = 1.0 * ((np.arange(64)[:, None] >> np.arange(6)) & 1)
    largest = np.linalg.norm(network.jacobian_of_slopes([vertices]), 2, axis=(1, 2)).max()
    assert GREEDY < largest <= joint(network).value <= largest * (1 + 1e-9)


@pytest.mark.parametrize("act", ["relu", "leaky_relu:-0.5", "silu", "abs"])
@pytest.mark.parametrize("seed", range(3))
def test_exact_for_one_hidden_layer(act, seed):
    network = seeded_network(seed, (3, 7, 1), act)
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    exact = fast_polynomial_maximum(network.weights, slopes.lower, slopes.upper, "l2")
    value = lipexplore.bound(network, "seqlip", "l2").value
    assert exact * (1 - 1e-13) <= value <= exact * (1 + 1e-9)


@pytest.mark.parametrize("limit", [13, 0])
@given(network=networks(max_units=5, n_outputs=1))
def test_never_below_brute_force(network, limit):
    if not network.has_path() or (limit == 0 and network.depth > 2):
        return
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "l2")
    answer = lipexplore.bound(network, "seqlip", "l2", largest_vertices=limit)
    assert is_upper(answer.value, truth, "l2")


@pytest.mark.parametrize("seed", range(3))
def test_local_and_joint_above_random_slopes(seed):
    network = seeded_network(seed, (3, 5, 6, 4, 2), ["relu", "silu", "abs"])
    region = lipexplore.Ball(np.full(3, 0.2), 0.3, "l2")
    slopes = slope_ranges(network, region)
    jacobians = jacobians_of_random_slopes(network, slopes, 2000)
    largest = np.linalg.norm(jacobians, 2, axis=(1, 2)).max()
    for limit in (13, 2):
        assert joint(network, region, largest_vertices=limit).value >= largest * (1 - 1e-12)


def test_relaxation_is_between_the_vertices_and_the_averaged_bound():
    network = seeded_network(8, (5, 8, 1))
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    (pair,), _ = split_pairs(network, slopes)
    exact = lipexplore.bound(network, "seqlip", "l2").value
    relaxed = lipexplore.bound(network, "seqlip", "l2", largest_vertices=3)
    assert relaxed.status == "semidefinite relaxation: optimal"
    assert exact * (1 - 1e-9) <= relaxed.value < averaged_bound(pair)
    assert exact == pytest.approx(vertex_maximum(pair, lambda done, total: True), rel=1e-9)


def test_time_limit_leaves_a_valid_bound():
    network = seeded_network(9, (4, 12, 12, 1))
    full = lipexplore.bound(network, "seqlip", "l2").value
    hurried = lipexplore.bound(network, "seqlip", "l2", time_limit=0.0)
    assert hurried.status == "time limit"
    assert full < hurried.value < np.inf
    assert hurried.value <= lipexplore.bound(network, "norm-product", "l2").value * (1 + 1e-9)


def test_progress_counts_vertices_and_can_stop_the_run():
    seen = []
    lipexplore.bound(seeded_network(2, (3, 4, 4, 2)), "seqlip", "l2", on_progress=seen.append)
    assert [(item["pair"], item["total"]) for item in seen] == [(1, 16), (2, 16)]

    def stop(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lipexplore.bound(seeded_network(2, (3, 4, 4, 2)), "seqlip", "l2", on_progress=stop)


def test_too_many_vertices_are_refused_with_the_reason():
    with pytest.raises(InvalidSetting, match="each unit doubles the vertices"):
        lipexplore.bound(seeded_network(0, (2, 5, 1)), "seqlip", "l2", largest_vertices=40)
    assert SeqLip().estimate(
        seeded_network(0, (2, 5, 1)), lipexplore.WHOLE_SPACE, lipexplore.Norm.L2
    ).size == {"vertices": 32}


@pytest.mark.parametrize("left_scale", [1e-140, 1e90])
@pytest.mark.parametrize("right_scale", [1e-140, 1.0])
def test_pairs_at_any_scale(left_scale, right_scale):
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, 4)), rng.standard_normal((4, 3))
    slopes = np.zeros(4), np.array([1.0, 1.0, 2.0, 0.0])
    plain = Pair(left, right, *slopes)
    scaled = Pair(left * left_scale, right * right_scale, *slopes)
    expected = vertex_maximum(plain, lambda done, total: True)
    found = vertex_maximum(scaled, lambda done, total: True)
    assert found / left_scale / right_scale == pytest.approx(expected, rel=1e-9)
    zero = Pair(np.zeros((2, 4)), right, *slopes)
    assert vertex_maximum(zero, lambda done, total: True) < 1e-100


def test_weights_whose_product_underflows_before_a_steep_slope():
    small = 2.0**-540
    network = lipexplore.Network([[[small]], [[small]]], activations="leaky_relu:1e6")
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "l2")
    value = lipexplore.bound(network, "seqlip", "l2").value
    assert is_upper(value, truth, "l2")
    assert value <= 1e-300

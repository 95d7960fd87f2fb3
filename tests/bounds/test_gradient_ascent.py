"""Gradient ascent: attains exact constants of small networks, in the region, never above L."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore.exact.gradient_moves import inside, smoothed_ascent
from lipexplore.norms import Norm
from tests.bounds.specification import seeded_network
from tests.oracles import box_halfspaces, exact_float, exact_lipschitz, is_lower
from tests.strategies import bounded_regions, networks, tame_numbers

RELU = (0.0, 1.0)
FEW = {"starts": 10, "steps": 4, "rounds": 2}


def exact(network, norm, box=None):
    faces = box_halfspaces(*box) if box else ()
    slopes = [RELU] * network.depth
    return exact_lipschitz(network.weights, network.biases, slopes, norm, faces)


def test_one_unit_by_hand():
    network = lipexplore.Network([[[3.0, -4.0]], [[2.0]]], [[-50.0], None])
    for norm, value in (("linf", 14.0), ("l2", 10.0), ("l1", 8.0)):
        answer = lipexplore.bound(network, "gradient-ascent", norm)
        assert answer.lower == pytest.approx(value, rel=1e-12)
        assert answer.lower <= value
        assert answer.lower_of == "L"


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("seed", range(4))
def test_finds_the_exact_constant_of_small_networks(norm, seed):
    network = seeded_network(seed, (2, 5, 3, 1))
    box = (np.array([-0.7, -0.4]), np.array([0.8, 0.6]))
    truth = exact(network, norm, box)
    answer = lipexplore.bound(network, "gradient-ascent", norm, lipexplore.Box(*box))
    assert is_lower(answer.lower, truth, norm)
    assert answer.lower == pytest.approx(exact_float(truth, norm), rel=1e-9)


def test_finds_what_random_points_miss():
    """Only where 40 units switch together, far out in a corner, is the gradient at its largest."""
    rng = np.random.default_rng(0)
    weight = np.abs(rng.standard_normal((40, 30)))
    bias = -0.8 * weight.sum(axis=1)
    network = lipexplore.Network([weight, np.ones((1, 40))], [bias, None], "relu")
    region = lipexplore.Ball(np.zeros(30), 1.0)
    ascended = lipexplore.bound(network, "gradient-ascent", "linf", region)
    sampled = lipexplore.bound(network, "sampled-gradient", "linf", region, points=10_000)
    assert sampled.lower == 0.0
    assert ascended.lower == pytest.approx(weight.sum(), rel=1e-9)


def test_ascent_direction_is_the_derivative():
    network = seeded_network(3, (4, 6, 5, 1), ["tanh", "softplus"])
    points = np.random.default_rng(0).standard_normal((5, 4))
    found = smoothed_ascent(network, points, Norm.L2, 1e-4)
    step = 1e-5
    for axis in range(4):
        move = step * np.eye(4)[axis]
        ends = [
            np.linalg.norm(network.jacobian(points + sign * move)[:, 0], axis=1)
            for sign in (1.0, -1.0)
        ]
        difference = (ends[0] - ends[1]) / (2 * step)
        assert found[:, axis] == pytest.approx(difference, rel=1e-3, abs=1e-5)


@given(data=st.data())
def test_never_above_the_exact_constant(data):
    network = data.draw(
        networks(("relu",), tame_numbers, n_inputs=2, n_outputs=1, max_units=5, max_depth=2)
    )
    region = data.draw(bounded_regions(2, tame_numbers))
    if network.has_path():
        for norm in Norm:
            truth = exact(network, norm.value, region.box())
            answer = lipexplore.bound(network, "gradient-ascent", norm, region, **FEW)
            assert is_lower(answer.lower, truth, norm.value)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_witness_is_in_the_region_and_attains_the_value(norm):
    network = seeded_network(5, (6, 9, 7, 1))
    middle = np.random.default_rng(1).standard_normal(6)
    region = lipexplore.Ball(middle, 0.4, norm)
    answer = lipexplore.bound(network, "gradient-ascent", norm, region)
    assert np.linalg.norm(answer.witness - middle, ord=Norm(norm).exponent) <= 0.4
    gradient = network.jacobian(answer.witness)[0]
    attained = np.linalg.norm(gradient, ord=Norm(norm).dual.exponent)
    assert attained == pytest.approx(answer.lower, rel=1e-9)


@given(data=st.data())
def test_projection_ends_inside(data):
    region = data.draw(bounded_regions(3))
    points = np.random.default_rng(0).standard_normal((20, 3)) * 10.0 ** np.arange(-10, 10)[:, None]
    lower, upper = region.box()
    found = inside(region, points)
    assert ((lower <= found) & (found <= upper)).all()
    if isinstance(region, lipexplore.Ball) and region.radius > 1e-6:
        lengths = np.linalg.norm(found - region.center, ord=region.norm.exponent, axis=1)
        assert (lengths <= region.radius * (1 + 1e-12)).all()


def test_time_limit_progress_and_seed():
    network = seeded_network(5, (6, 9, 7, 1))
    seen = []
    short = lipexplore.bound(
        network, "gradient-ascent", time_limit=0.0, on_progress=seen.append, seed=3
    )
    assert short.status.startswith("time limit after")
    assert len(seen) == 1
    assert short.lower > 0.0
    full, again = (lipexplore.bound(network, "gradient-ascent", seed=3) for _ in range(2))
    assert full.lower == again.lower >= short.lower
    assert full.status == "done"

"""Radii in a ball: the formula, what they promise, and the geometry of balls in balls."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from lipexplore.bounds import bound
from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward import Network
from lipexplore.networks.generators import random_dense
from lipexplore.properties.local_radius import local_radius, reach_inside
from lipexplore.regions import Ball

NETWORK = random_dense((5, 8, 6, 4), 2)
CENTER = np.linspace(-1.0, 1.0, 5)


def margins(network, point):
    values = network(point[None])[0]
    top = int(values.argmax())
    return top, {j: values[top] - values[j] for j in range(len(values)) if j != top}


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("method", ["path", "interval-jacobian", "shor"])
def test_it_is_the_smallest_margin_over_its_bound(norm, method):
    ball = Ball(CENTER, 0.4, norm)
    found = local_radius(NETWORK, method, norm, ball)
    top, gaps = margins(NETWORK, CENTER)
    quotients = {
        j: gap / bound(NETWORK, method, norm, ball, output=top, minus=j).value
        for j, gap in gaps.items()
    }
    assert found.chosen == top
    # shor bounds all margins in one batch, whose values differ in the last digits
    assert found.radius == pytest.approx(min(*quotients.values(), 0.4), rel=1e-9)
    assert method == "shor" or found.radius <= min(*quotients.values(), 0.4)
    limited = min(quotients.values()) < 0.4
    assert found.rival == (min(quotients, key=quotients.get) if limited else None)


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("seed", range(4))
def test_no_point_within_it_has_another_class(norm, seed):
    rng = np.random.default_rng(seed)
    network, center = random_dense((3, 6, 5, 3), seed), rng.normal(size=3)
    found = local_radius(network, "exact", norm, Ball(center, 1.0, norm))
    steps = rng.normal(size=(4000, 3))
    order = {"l1": 1, "l2": 2, "linf": np.inf}[norm]
    steps *= found.radius / np.linalg.norm(steps, ord=order, axis=1)[:, None]
    assert (network(center + steps).argmax(axis=1) == found.chosen).all()


def test_a_linear_network_is_certified_up_to_its_boundary():
    network = Network([np.array([[2.0, 0.0], [0.0, 1.0]])])
    found = local_radius(network, "norm-product", "linf", Ball([1.0, 0.5], 9.0, "linf"))
    # 2 x - y = 1.5 at the centre and falls by 3 per unit of l_inf
    assert found.radius <= 0.5
    assert found.radius == pytest.approx(0.5)
    assert (found.chosen, found.rival) == (0, 1)


@pytest.mark.parametrize("ball_norm", ["l1", "l2", "linf"])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_reach_is_the_largest_ball_inside(ball_norm, norm):
    size, power = 7, {"l1": 1.0, "l2": 0.5, "linf": 0.0}
    reach = reach_inside(Ball(np.zeros(size), 0.3, ball_norm), norm)
    exact = 0.3 / size ** max(power[ball_norm] - power[norm], 0.0)
    assert reach == pytest.approx(exact, rel=1e-14)
    # squares are exact fractions: reach^2 n^(2 k) must not exceed 0.3^2
    excess = round(2 * max(power[ball_norm] - power[norm], 0.0))
    assert Fraction(reach) ** 2 * size**excess <= Fraction(0.3) ** 2


def test_a_tie_or_one_output_certifies_nothing():
    twins = Network([np.ones((2, 2))])
    found = local_radius(twins, "norm-product", "l2", Ball([1.0, 1.0], 1.0, "l2"))
    assert found.radius == 0.0
    assert not math.isnan(found.reach)
    with pytest.raises(InvalidNetwork):
        local_radius(random_dense((2, 2, 1), 0), "path", "l2", Ball([0.0, 0.0], 1.0, "l2"))

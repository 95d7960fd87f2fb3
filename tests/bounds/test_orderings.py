"""What theorems say about the methods' values, on networks that no enumeration reaches."""

import numpy as np
import pytest

import lipexplore
from lipexplore.networks.generators import random_dense

SHAPES = ((6, 12, 1), (5, 8, 8, 1), (12, 6, 5, 4, 1), (20, 10, 1), (4, 9, 9, 3, 1))


def value(network, method, norm="l2", **settings):
    return lipexplore.bound(network, method, norm=norm, **settings).value


def test_the_semidefinite_bound_is_at_least_the_exact_maximum(many):
    for seed in range(many(20, 200)):
        network = random_dense(SHAPES[seed % len(SHAPES)], seed)
        exact = lipexplore.bound(network, "exact", norm="l2")
        assert exact.status.startswith("exact")
        assert value(network, "shor") >= exact.lower
        assert value(network, "lipsdp-layer") >= exact.lower
        assert value(network, "eclipse", form="fast") >= exact.lower


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_three_ways_to_the_semidefinite_bound_agree(norm, many):
    for seed in range(many(4, 40)):
        network = random_dense(SHAPES[seed % len(SHAPES)], seed)
        stated = value(network, "slope-lmi", norm, solver="cvxopt")
        own = value(network, "slope-lmi", norm)
        swept = value(network, "shor", norm)
        assert own == pytest.approx(stated, rel=1e-5)
        assert swept == pytest.approx(stated, rel=1e-5)


def test_relaxations_are_nested():
    for seed in range(5):
        network = random_dense((8, 10, 1), seed)
        exact = lipexplore.bound(network, "exact", norm="linf").lower
        degrees = [value(network, "lipopt-lp", "linf", degree=degree) for degree in (2, 3)]
        assert degrees[0] * (1.0 + 1e-9) >= degrees[1] >= exact
        assert value(network, "interval-jacobian", "linf") >= exact
        assert np.isfinite(degrees).all()

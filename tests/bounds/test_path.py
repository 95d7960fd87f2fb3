"""The path bound: closed forms, rescaled units, brute force."""

import numpy as np
import pytest
from hypothesis import given

import lipexplore
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from tests.bounds.specification import seeded_network
from tests.oracles import is_upper, polynomial_maximum
from tests.strategies import networks

ONE_HIDDEN = (0.625267, 0.8628892, 1.2199256)


def test_by_hand():
    network = lipexplore.Network([[[1.0, -2.0], [2.0, 1.0]], [[1.0, -1.0]]])
    for norm, value in (("linf", 6.0), ("l1", 3.0), ("l2", np.sqrt(18.0))):
        assert lipexplore.bound(network, "path", norm).value == pytest.approx(value, rel=1e-12)


def test_values_of_independent_code():
    network = seeded_network(0, (2, 5, 1))
    for norm, value in zip(Norm, ONE_HIDDEN, strict=True):
        assert lipexplore.bound(network, "path", norm).value == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("norm", Norm)
def test_rescaling_units_changes_the_product_but_not_the_paths(norm):
    network = seeded_network(1, (3, 4, 2, 1))
    factors = np.array([0.25, 8.0, 1.0, 64.0])
    scaled = lipexplore.Network(
        [factors[:, None] * network.weights[0], network.weights[1] / factors, network.weights[2]]
    )
    paths, products = (
        [lipexplore.bound(net, method, norm).value for net in (network, scaled)]
        for method in ("path", "norm-product")
    )
    assert paths[0] == pytest.approx(paths[1], rel=1e-12)
    assert products[1] > 1.5 * products[0]


@given(networks(max_units=5, n_outputs=1))
def test_never_below_brute_force(network):
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    if network.has_path():
        for norm in Norm:
            truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
            assert is_upper(lipexplore.bound(network, "path", norm).value, truth, norm.value)

"""The Frobenius product: closed form, its place above the norm product, brute force."""

import numpy as np
import pytest
from hypothesis import given

import lipexplore
from lipexplore.errors import UnsupportedQuestion
from lipexplore.networks.slope_ranges import slope_ranges
from tests.bounds.specification import seeded_network
from tests.oracles import is_upper, polynomial_maximum
from tests.strategies import networks


def test_by_hand():
    network = lipexplore.Network([[[1.0, 2.0], [2.0, 0.0]], [[3.0, 4.0]]], activations="sigmoid")
    answer = lipexplore.bound(network, "frobenius", "l2")
    assert answer.value == pytest.approx(3.0 * 5.0 / 4.0, rel=1e-12)


def test_identity_matrices_lose_the_root_of_the_width_each():
    eye = np.eye(9)
    network = lipexplore.Network([eye, eye, eye], activations="identity")
    joint = lipexplore.bound(network, "frobenius", "l2", output="all")
    assert joint.value == pytest.approx(27.0, rel=1e-12)
    assert lipexplore.bound(network, "norm-product", "l2", output="all").value == pytest.approx(1.0)


@pytest.mark.parametrize("seed", range(5))
def test_not_below_the_norm_product(seed):
    network = seeded_network(seed, (3, 5, 4, 1))
    frobenius, product = (
        lipexplore.bound(network, method, "l2").value for method in ("frobenius", "norm-product")
    )
    assert frobenius >= product * (1 - 1e-12)


@given(networks(max_units=5, n_outputs=1))
def test_never_below_brute_force(network):
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    if network.has_path():
        truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "l2")
        assert is_upper(lipexplore.bound(network, "frobenius", "l2").value, truth, "l2")


def test_other_norms_are_refused():
    with pytest.raises(UnsupportedQuestion, match="use l2"):
        lipexplore.bound(seeded_network(0, (2, 3, 1)), "frobenius", "linf")

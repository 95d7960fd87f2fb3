"""Combettes-Pesquet: the sum over subsets, values of independent code, brute force."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given

import lipexplore
from lipexplore.bounds.combettes_pesquet import CombettesPesquet
from lipexplore.bounds.norm_product import NormProduct
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from tests.bounds.specification import seeded_network
from tests.oracles import is_upper, polynomial_maximum
from tests.strategies import networks

# seed and widths: l2 for ReLU, leaky ReLU 0.2 and absolute value; linf for ReLU
VALUES = {
    (0, (2, 5, 1)): (0.6860217, 0.6188835, 1.0217126, 1.3172715),
    (2, (3, 4, 4, 2)): (2.4860862, 2.1108947, 4.1600924, 6.9074947),
    (3, (2, 3, 3, 3, 1)): (1.9552008, 1.729385, 3.2523179, 4.4808432),
    (5, (4, 6, 3)): (1.5710054, 1.4065877, 2.3930938, 3.163877),
}


def sum_over_subsets(weights, averaged, exponent):
    """Return the formula of the paper with all 2^d terms, for slopes in [1 - 2 a, 1]."""
    depth, total = len(weights) - 1, 0.0
    for size in range(depth + 1):
        for cuts in combinations(range(1, depth + 1), size):
            term = averaged**size * (1.0 - averaged) ** (depth - size)
            for begin, end in pairwise([0, *cuts, depth + 1]):
                stretch = np.eye(weights[begin].shape[1])
                for weight in weights[begin:end]:
                    stretch = weight @ stretch
                term *= np.linalg.norm(stretch, exponent)
            total += term
    return total


def joint(network, norm, **settings):
    """Bound all outputs at once, l_inf included."""
    return CombettesPesquet(**settings)(network, lipexplore.WHOLE_SPACE, Norm.parse(norm)).value


@pytest.mark.parametrize(("seed", "widths"), VALUES)
def test_values_of_independent_code(seed, widths):
    relu, leaky, absolute, inner = VALUES[seed, widths]
    nets = {act: seeded_network(seed, widths, act) for act in ("relu", "leaky_relu:0.2", "abs")}
    for act, value in (("relu", relu), ("leaky_relu:0.2", leaky), ("abs", absolute)):
        assert joint(nets[act], "l2", hidden_norm="same") == pytest.approx(value, rel=1e-6)
    assert joint(nets["relu"], "linf", hidden_norm="same") == pytest.approx(inner, rel=1e-6)


@pytest.mark.parametrize("norm", Norm)
@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2), (3, 4, 3, 2), (2, 3, 2, 4, 3, 2)])
def test_recursion_is_the_sum_over_subsets(norm, widths):
    network = seeded_network(7, widths)
    expected = sum_over_subsets(network.weights, 0.5, norm.exponent)
    assert joint(network, norm, hidden_norm="same") == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("norm", Norm)
@pytest.mark.parametrize("seed", range(4))
def test_between_the_norm_of_the_product_and_the_product_of_norms(norm, seed):
    network = seeded_network(seed, (3, 4, 4, 2))
    bottom = np.linalg.norm(network.jacobian_of_slopes([np.ones(4)] * 2), norm.exponent)
    product = NormProduct()(network, lipexplore.WHOLE_SPACE, norm).value
    best, same = (joint(network, norm, hidden_norm=choice) for choice in ("best", "same"))
    assert bottom <= best <= same * (1 + 1e-12)
    assert same <= product * (1 + 1e-12)


@given(networks(max_units=6, n_outputs=1))
def test_never_below_brute_force(network):
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    if network.has_path():
        for norm in Norm:
            truth = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
            for choice in ("best", "same"):
                assert is_upper(joint(network, norm, hidden_norm=choice), truth, norm.value)


@pytest.mark.parametrize("scale", [1e-160, 1e80])
def test_any_scale_and_cancelling_layers(scale):
    first, inner = np.array([[scale, 1.0], [1.0, scale]]), np.array([[1.0, -1.0], [0.0, 0.0]])
    network = lipexplore.Network([first, inner, [[scale, 5.0]]])
    ends = [[np.zeros(2)] * 2, [np.ones(2)] * 2]
    for norm in Norm:
        truth = polynomial_maximum(network.weights, *ends, norm.value)
        assert is_upper(joint(network, norm), truth, norm.value)


def test_fixed_slopes_give_the_norm_of_the_product():
    network = seeded_network(4, (3, 4, 3, 2), "identity")
    for norm in Norm:
        exact = np.linalg.norm(network.jacobian(np.zeros(3)), norm.exponent)
        assert joint(network, norm) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("leak", ["5e-324", "1.5e-323"])
def test_a_fixed_slope_near_the_smallest_float_is_not_rounded(leak):
    off = lipexplore.Box([-1.0], [-0.5])
    network = lipexplore.Network([[[1e100]], [[1e100]]], [[-1.0], [0.0]], f"leaky_relu:{leak}")
    value = lipexplore.bound(network, "combettes-pesquet", "l2", off).value
    assert float(leak) * 1e200 <= value <= 4.0 * float(leak) * 1e200 * (1 + 1e-9)

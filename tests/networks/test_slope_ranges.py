"""Interval propagation: everything that happens inside a region is inside the ranges."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore import WHOLE_SPACE, Ball, Box, Network
from lipexplore.errors import InvalidRegion, InvalidSetting
from lipexplore.networks.activations import activation
from lipexplore.networks.generators import random_dense
from lipexplore.networks.linear_relaxation import back_substituted_ranges
from lipexplore.networks.slope_ranges import (
    PROPAGATIONS,
    layer_slice,
    preactivation_ranges,
    propagate,
    slope_ranges,
)
from lipexplore.regions import WholeSpace
from tests.oracles import exact_affine, rational
from tests.strategies import (
    ACTIVATIONS,
    PIECEWISE_LINEAR,
    SMOOTH,
    bounded_regions,
    examples,
    networks,
    regions,
    tame_numbers,
)


@examples(150)
@given(data=st.data())
def test_exact_preactivations_of_samples_are_inside(data):
    """Piecewise linear networks with nasty numbers, followed in rationals."""
    network = data.draw(networks(tuple(PIECEWISE_LINEAR)))
    region = data.draw(bounded_regions(network.n_inputs))
    propagation = data.draw(st.sampled_from(PROPAGATIONS))
    slopes = slope_ranges(network, region, propagation)
    enclose = preactivation_ranges if propagation == "interval" else back_substituted_ranges
    ranges = enclose(network, region)
    seed = data.draw(st.integers(0, 9))
    for x in region.sample(6, np.random.default_rng(seed), network.n_inputs):
        hidden = rational(x)
        for layer, act in enumerate(network.activations):
            left, right = map(Fraction, PIECEWISE_LINEAR[act.name])
            z = exact_affine(network.weights[layer], network.biases[layer], hidden)
            for i, value in enumerate(z):
                assert Fraction(ranges[layer][0][i]) <= value <= Fraction(ranges[layer][1][i])
                if value != 0:
                    slope = left if value < 0 else right
                    low, high = slopes.lower[layer][i], slopes.upper[layer][i]
                    assert Fraction(low) <= slope <= Fraction(high)
            hidden = [(left if value < 0 else right) * value for value in z]


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_float_samples_are_inside(act, norm):
    network = random_dense((3, 6, 5, 2), 5, act)
    region = Ball([0.5, -0.2, 1.0], 0.7, norm)
    x = region.sample(300, np.random.default_rng(0), 3)
    slopes = slope_ranges(network, region)
    for layer, z in enumerate(network.preactivations(x)):
        low, high = preactivation_ranges(network, region)[layer]
        assert (low - 1e-12 <= z).all()
        assert (z <= high + 1e-12).all()
        slope = network.activations[layer].slope(z)
        assert (slopes.lower[layer] <= slope + 1e-12).all()
        assert (slope - 1e-12 <= slopes.upper[layer]).all()


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_first_layer_is_tight(norm):
    network = random_dense((4, 7, 1), 6)
    region = Ball(np.full(4, 0.3), 0.5, norm)
    low, high = preactivation_ranges(network, region)[0]
    reach = 0.5 * np.linalg.norm(network.weights[0], ord=region.norm.dual.exponent, axis=1)
    np.testing.assert_allclose(high - low, 2 * reach, rtol=1e-12)


@examples(80)
@given(data=st.data())
def test_local_ranges_are_inside_global_ones(data):
    network = data.draw(networks())
    local = slope_ranges(network, data.draw(regions(network.n_inputs)))
    everywhere = slope_ranges(network, WHOLE_SPACE)
    for layer, act in enumerate(network.activations):
        assert (everywhere.lower[layer] == act.slope_bounds[0]).all()
        assert (everywhere.upper[layer] == act.slope_bounds[1]).all()
        assert (everywhere.lower[layer] <= local.lower[layer]).all()
        assert (local.lower[layer] <= local.upper[layer]).all()
        assert (local.upper[layer] <= everywhere.upper[layer]).all()
        assert local.largest[layer] <= act.largest_slope
    assert local.undecided <= everywhere.undecided


@pytest.mark.parametrize("act", ["relu", "abs", "leaky_relu:-0.3", *SMOOTH])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_larger_balls_have_larger_ranges(act, norm):
    network = random_dense((3, 6, 4, 1), 7, act)
    inner = slope_ranges(network, Ball([0.3, -0.4, 0.1], 1e-4, norm))
    for radius in (1e-2, 0.1, 0.5, 3.0, 1e4):
        outer = slope_ranges(network, Ball([0.3, -0.4, 0.1], radius, norm))
        for a, b, c, d in zip(outer.lower, inner.lower, inner.upper, outer.upper, strict=True):
            assert (a <= b + 1e-12).all()
            assert (c <= d + 1e-12).all()
        inner = outer


def test_fixed_units():
    network = Network([[[1.0], [-1.0], [1.0], [0.0]], [[1.0, 1.0, 1.0, 1.0]]], [[5, 5, 0, 3], None])
    slopes = slope_ranges(network, Ball([0.0], 1.0))
    assert slopes.lower[0].tolist() == [1.0, 1.0, 0.0, 1.0]
    assert slopes.upper[0].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert slopes.undecided == 1
    off = slope_ranges(network, Ball([-20.0], 1.0))
    assert off.lower[0].tolist() == off.upper[0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert off.largest == (1.0,)


def test_a_unit_that_touches_its_kink_at_the_border_is_not_trusted():
    """x + 1 over [-1, 1] is 0 at the border: outward rounding leaves the unit undecided."""
    network = Network([[[1.0]], [[1.0]]], [[1.0], None])
    assert slope_ranges(network, Box([-1.0], [1.0])).undecided == 1
    assert slope_ranges(network, Box([-1.0 + 1e-9], [1.0])).undecided == 0


def test_a_center_mask_would_be_wrong():
    """The unit is off at the centre and on inside the ball (specification, 1)."""
    network = Network([[[1.0]], [[7.0]]], [[-0.5], None])
    slopes = slope_ranges(network, Ball([0.0], 1.0))
    assert (slopes.lower[0][0], slopes.upper[0][0]) == (0.0, 1.0)


@pytest.mark.parametrize(
    "region",
    [
        Ball([1e308], 1e308),
        Ball([1e308], 1e308, "l2"),
        Ball([1e308], 1e308, "l1"),
        Box([-1.7e308], [1.7e308]),
    ],
    ids=str,
)
@pytest.mark.parametrize("propagation", PROPAGATIONS)
@pytest.mark.parametrize("act", ["relu", "silu", "tanh"])
def test_regions_that_overflow_give_global_ranges(region, act, propagation):
    network = Network([[[2.0]], [[3.0]], [[1.0]]], activations=act)
    slopes = slope_ranges(network, region, propagation)
    for layer in range(2):
        assert slopes.lower[layer] <= activation(act).slope(np.array(-1.5))
        assert slopes.upper[layer] >= activation(act).slope(np.array(0.1)) - 1e-12


@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("propagation", PROPAGATIONS)
def test_weights_that_overflow_give_sound_ranges(act, propagation):
    network = Network([[[1e100]]] * 6, activations=act)
    slopes = slope_ranges(network, Box([1.0], [2.0]), propagation)
    x = np.array([1.5])
    with np.errstate(all="ignore"):
        before = network.preactivations(x)
    for layer, z in enumerate(before):
        if np.isfinite(z).all():
            slope = network.activations[layer].slope(z)
            assert slopes.lower[layer] - 1e-12 <= slope <= slopes.upper[layer] + 1e-12
        else:
            assert slopes.upper[layer] >= network.activations[layer].slope(np.array(1e300)) - 1e-12


# -- regions inside the network


@examples(60)
@given(data=st.data())
def test_propagated_region_holds_the_hidden_activations(data):
    network = data.draw(networks(elements=tame_numbers))
    region = data.draw(bounded_regions(network.n_inputs, tame_numbers))
    layer = data.draw(st.integers(1, network.depth + 1))
    reached = propagate(network, region, layer)
    x = region.sample(20, np.random.default_rng(0), network.n_inputs)
    if layer == 1:
        assert reached is region
        return
    hidden = network.activations[layer - 2].value(network.preactivations(x)[layer - 2])
    low, high = reached.box()
    assert (low - 1e-9 * (1 + np.abs(low)) <= hidden).all()
    assert (hidden <= high + 1e-9 * (1 + np.abs(high))).all()


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_slice_ranges_hold_the_whole_networks_slopes(norm):
    network = random_dense((3, 5, 4, 3, 2), 8)
    region = Ball([0.1, 0.2, -0.3], 0.3, norm)
    part, part_region = layer_slice(network, region, (2, 4))
    assert part.widths == (5, 4, 3, 2)
    inner, outer = slope_ranges(part, part_region), slope_ranges(network, region)
    for layer in range(2):
        assert (inner.lower[layer] <= outer.lower[layer + 1]).all()
        assert (inner.upper[layer] >= outer.upper[layer + 1]).all()


def test_slices_of_the_whole_space():
    network = random_dense((3, 4, 2), 9)
    assert layer_slice(network, WHOLE_SPACE, None) == (network, WHOLE_SPACE)
    part, region = layer_slice(network, WHOLE_SPACE, (2, 2))
    assert part.widths == (4, 2)
    assert isinstance(region, WholeSpace)


def test_bad_questions_are_refused():
    network = random_dense((3, 4, 2), 9)
    for ask in (slope_ranges, preactivation_ranges, lambda n, r: propagate(n, r, 2)):
        with pytest.raises(InvalidRegion, match="2 coordinates, but the network has 3 inputs"):
            ask(network, Ball([0.0, 0.0], 1.0))
    with pytest.raises(InvalidSetting, match="choose from 1 to 2"):
        layer_slice(network, WHOLE_SPACE, (1, 3))

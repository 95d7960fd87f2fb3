"""The common form against exact gradients: errors are proven, fixed units leave."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import SlopeRanges, slope_ranges
from lipexplore.networks.slope_system import SlopeSystem, sector_system, slope_system
from tests.oracles import exact_gradient
from tests.strategies import networks, numbers, regions, tame_numbers


def exact_slopes(slopes, share):
    """Return lower + share (upper - lower) in rationals, unit by unit."""
    layers = []
    for low, high in zip(slopes.lower, slopes.upper, strict=True):
        pairs = [(Fraction(a), Fraction(b)) for a, b in zip(low, high, strict=True)]
        layers.append([a + share * (b - a) for a, b in pairs])
    return layers


def sector_gradient(system, shares, widths):
    """Return intervals for the rows of F (I - S V)^-1, at w_j = share_j width_j v_j."""
    n_inputs = system.n_inputs
    unit = [[Fraction(int(i == j)) for j in range(n_inputs)] for i in range(n_inputs)]
    zero = [[Fraction(0)] * n_inputs for _ in range(n_inputs)]
    middle, radius = unit, zero
    for j in range(system.n_units):
        row, error = product(system.inner[j], system.inner_error[j], middle, radius)
        factor = shares[j] * widths[j]
        middle = [*middle, [factor * x for x in row]]
        radius = [*radius, [abs(factor) * x for x in error]]
    unit_scale = Fraction(2) ** max(system.exponent, -5000)
    answers = [
        product(row, error, middle, radius)
        for row, error in zip(system.outer, system.outer_error, strict=True)
    ]
    return [([unit_scale * x for x in m], [unit_scale * x for x in r]) for m, r in answers]


def product(row, error, middle, radius):
    row, error = [Fraction(x) for x in row], [Fraction(x) for x in error]
    columns = range(len(middle[0]))
    center = [
        sum((a * m[k] for a, m in zip(row, middle, strict=False)), Fraction(0)) for k in columns
    ]
    spread = [
        sum(
            (
                abs(a) * r[k] + e * (abs(m[k]) + r[k])
                for a, e, m, r in zip(row, error, middle, radius, strict=False)
            ),
            Fraction(0),
        )
        for k in columns
    ]
    return center, spread


def check(network, slopes, share):
    system = sector_system(slope_system(network, slopes))
    lows, highs = (np.concatenate([np.empty(0), *ends]) for ends in (slopes.lower, slopes.upper))
    widths = []
    for j, unit in enumerate(system.units):
        size = Fraction(2) ** int(np.frexp(max(abs(lows[unit]), abs(highs[unit])))[1])
        exact = (Fraction(highs[unit]) - Fraction(lows[unit])) / size
        assert (
            exact
            <= Fraction(system.width[j])
            <= exact * (1 + Fraction(1, 2**50)) + Fraction(1, 2**1000)
        )
        widths.append(exact)
    shares = [share] * system.n_units
    slopes_there = exact_slopes(slopes, share)
    for output, (center, spread) in enumerate(sector_gradient(system, shares, widths)):
        exact = exact_gradient(network.weights, slopes_there, output)
        for a, m, r in zip(exact, center, spread, strict=True):
            assert abs(a - m) <= r


@given(st.data(), st.fractions(0, 1, max_denominator=8))
def test_contains_the_exact_gradient_for_any_slopes(data, share):
    elements = data.draw(st.sampled_from([numbers, tame_numbers]))
    network = data.draw(networks(elements=elements))
    region = data.draw(regions(network.n_inputs))
    check(network, slope_ranges(network, region), share)


@pytest.mark.parametrize("act", ["relu", "abs", "silu", "leaky_relu:2.5", "gelu:exact"])
@pytest.mark.parametrize("share", [Fraction(0), Fraction(1), Fraction(1, 3)])
def test_errors_are_small(act, share):
    network = random_dense((4, 6, 5, 3, 2), 0, act)
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    check(network, slopes, share)
    system = sector_system(slope_system(network, slopes))
    assert system.inner_error.max() < 1e-13
    assert np.abs(system.inner).max() < 100.0
    if act == "relu":
        assert not system.inner_error.any()
        assert not system.outer_error.any()
        assert system.layers.tolist() == [1] * 6 + [2] * 5 + [3] * 3


def test_fixed_units_leave_exactly():
    network = lipexplore.Network([np.eye(2), [[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0]]])
    slopes = SlopeRanges(
        (np.array([1.0, 0.0]), np.array([0.0, 0.0])), (np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    )
    system = sector_system(slope_system(network, slopes))
    assert system.units.tolist() == [2, 3]
    np.testing.assert_array_equal(system.inner[:, 1], 0.0)
    check(network, slopes, Fraction(1, 2))


def test_units_that_no_input_reaches_leave():
    network = lipexplore.Network([[[0.0], [1.0]], [[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]])
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    assert sector_system(slope_system(network, slopes)).units.tolist() == [1, 3]


def test_a_scalar_head_counts_its_rounding():
    network = random_dense((3, 4, 1), 0)
    system = sector_system(slope_system(network, slope_ranges(network, lipexplore.WHOLE_SPACE)))
    units = system.outer_error[0, 3:] / np.abs(system.outer[0, 3:])
    assert (units >= 2.0**-53).all()
    assert (units <= 2.0**-51).all()


def test_huge_and_tiny_weights_do_not_overflow():
    rng = np.random.default_rng(0)
    for size, sign in ((1e100, 1), (1e-200, -1)):
        weights = [rng.uniform(-1, 1, (3, 3)) * size for _ in range(5)]
        network = lipexplore.Network([*weights, np.ones((1, 3))])
        slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
        system = sector_system(slope_system(network, slopes))
        assert np.isfinite(system.inner).all()
        assert np.abs(system.inner).max() > 0.1
        assert sign * system.exponent > 1600


def test_implicit_systems_are_refused():
    network = random_dense((2, 2, 2, 1), 0)
    system = slope_system(network, slope_ranges(network, lipexplore.WHOLE_SPACE))
    incoming = system.incoming.tolil()
    incoming[0, 4] = 1.0
    implicit = SlopeSystem(
        incoming.tocsr(), system.outgoing, system.lower, system.upper, system.layers
    )
    with pytest.raises(ValueError, match="implicit"):
        sector_system(implicit)

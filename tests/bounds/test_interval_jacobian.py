"""Interval Jacobian, FastLip and RecurJac: values of independent code and brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore.bounds.recursive_jacobian import recursive_enclosure
from lipexplore.networks.jacobian_enclosure import jacobian_enclosure
from lipexplore.networks.slope_ranges import SlopeRanges, slope_ranges
from lipexplore.norms import Norm
from tests.bounds.specification import checksum, jacobians_of_random_slopes, seeded_network
from tests.oracles import is_upper, polynomial_maximum
from tests.strategies import networks, regions

# seed, widths, radius, checksum, then per recursion: l2 to l2, sum of lower, sum of upper entries
VALUES = [
    (6, (3, 4, 4, 2), 0.5, 5.3700205, {
        "backward": (0.8848386, -1.8151192, 0.4863193),
        "recurjac": (0.8767202, -1.8005845, 0.4863193),
    }),
    (10, (3, 4, 4, 2), 0.5, -3.800497, {
        "backward": (0.3548665, -0.7022809, 0.6264837),
        "recurjac": (0.279742, -0.6204599, 0.4496146),
    }),
    (9, (2, 5, 5, 1), 0.5, -1.6840932, {
        "backward": (0.5477705, -0.5252694, 0.1767049),
        "recurjac": (0.5413608, -0.5184352, 0.1767049),
    }),
    (3, (2, 4, 4, 4, 1), 0.1, -0.4874712, {
        "backward": (0.444338, -0.4465203, 0.4066884),
        "recurjac": (0.2776997, -0.2296768, 0.1898449),
    }),
]  # fmt: skip
ENCLOSURES = {"backward": jacobian_enclosure, "recurjac": recursive_enclosure}


@pytest.mark.parametrize(("seed", "widths", "radius", "total", "values"), VALUES)
def test_values_of_independent_code(seed, widths, radius, total, values):
    network = seeded_network(seed, widths)
    assert checksum(network) == pytest.approx(total, abs=1e-7)
    middle = np.random.default_rng(1000 + seed).standard_normal(widths[0])
    box = lipexplore.Box(middle - radius, middle + radius)
    for recursion, (spectral, low, high) in values.items():
        lower, upper = ENCLOSURES[recursion](network, slope_ranges(network, box))
        assert (lower.sum(), upper.sum()) == pytest.approx((low, high), rel=1e-6)
        answer = lipexplore.bound(
            network, "interval-jacobian", "l2", box, output="all", recursion=recursion
        )
        assert answer.value == pytest.approx(spectral, rel=1e-6)


@given(data=st.data())
def test_recurjac_is_never_wider_nor_wrong(data):
    network = data.draw(networks(max_units=6))
    slopes = slope_ranges(network, data.draw(regions(network.n_inputs)))
    plain, tight = (ENCLOSURES[name](network, slopes) for name in ("backward", "recurjac"))
    assert (tight[0] >= plain[0]).all()
    assert (tight[1] <= plain[1]).all()
    for output in range(network.n_outputs):
        head = network.head(output)
        lower, upper = recursive_enclosure(head, slopes)
        if network.has_path():
            size = np.maximum(np.abs(lower), np.abs(upper))[0]
            for column, above in enumerate(size):
                first = network.weights[0][:, [column]]
                truth = polynomial_maximum(
                    (first, *head.weights[1:])
                    if network.depth
                    else (head.weights[0][:, [column]],),
                    slopes.lower,
                    slopes.upper,
                    "linf",
                )
                assert is_upper(above, truth, "linf")


@pytest.mark.parametrize("act", ["relu", "leaky_relu:-0.5", "silu", "abs", "tanh"])
@pytest.mark.parametrize("seed", range(3))
def test_encloses_jacobians_of_random_slopes(act, seed):
    network = seeded_network(seed, (3, 6, 5, 6, 2), act)
    slopes = slope_ranges(network, lipexplore.Ball(np.full(3, 0.1), 0.2))
    found = jacobians_of_random_slopes(network, slopes, 3000)
    for enclosure in ENCLOSURES.values():
        lower, upper = enclosure(network, slopes)
        assert (lower <= found.min(axis=0)).all()
        assert (found.max(axis=0) <= upper).all()


def test_recurjac_gains_where_signs_are_known():
    gains = []
    for seed in range(10):
        network = seeded_network(seed, (4, 8, 8, 8, 1))
        region = lipexplore.Ball(np.zeros(4), 0.2)
        plain, tight = (
            lipexplore.bound(network, "interval-jacobian", "linf", region, recursion=kind).value
            for kind in ("backward", "recurjac")
        )
        gains.append(tight / plain)
    assert max(gains) <= 1.0
    assert min(gains) < 0.9


@pytest.mark.parametrize("recursion", ENCLOSURES)
def test_fixed_slopes_give_the_gradient(recursion):
    network = seeded_network(1, (3, 5, 4, 1))
    slopes = [np.array([0.0, 1.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.5, -1.0, 1.0])]
    lower, upper = ENCLOSURES[recursion](network, SlopeRanges(tuple(slopes), tuple(slopes)))
    exact = network.jacobian_of_slopes(slopes)
    assert lower == pytest.approx(exact, rel=1e-12, abs=1e-14)
    assert upper == pytest.approx(exact, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("norm", Norm)
def test_one_layer_is_the_norm_of_the_row(norm):
    network = lipexplore.Network([[[3.0, -4.0]]])
    expected = {"linf": 7.0, "l2": 5.0, "l1": 4.0}[norm.value]
    for recursion in ENCLOSURES:
        answer = lipexplore.bound(network, "interval-jacobian", norm, recursion=recursion)
        assert answer.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-90, 1e90])
def test_recurjac_at_any_scale(scale):
    rng = np.random.default_rng(0)
    weights = [scale * rng.standard_normal((3, 2)), rng.standard_normal((3, 3)) / scale]
    network = lipexplore.Network([*weights, rng.standard_normal((1, 3))])
    truth = polynomial_maximum(network.weights, [np.zeros(3)] * 2, [np.ones(3)] * 2, "linf")
    value = lipexplore.bound(network, "interval-jacobian", recursion="recurjac").value
    assert is_upper(value, truth, "linf")
    assert value <= 10 * float(truth)

"""Enclosures of gradients and their norms, against rationals."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from lipexplore import WHOLE_SPACE, Box, Network
from lipexplore.bounds.sampled_gradient import certified_at
from lipexplore.networks.jacobian_enclosure import (
    gradient_norm_below,
    jacobian_enclosure,
    norm_above,
    norm_below,
    point_slopes,
)
from lipexplore.networks.slope_ranges import SlopeRanges, slope_ranges
from lipexplore.norms import Norm
from tests.oracles import (
    box_halfspaces,
    exact_gradient,
    exact_lipschitz,
    exact_norm,
    is_lower,
    is_upper,
)
from tests.strategies import (
    PIECEWISE_LINEAR,
    examples,
    half_integers,
    networks,
    numbers,
    outputs,
    regions,
    tame_numbers,
    vectors,
)

NORMS = ("l1", "l2", "linf")


def random_vertices(slopes, rng, count):
    for _ in range(count):
        yield [
            np.where(rng.random(low.size) < 0.5, low, high)
            for low, high in zip(slopes.lower, slopes.upper, strict=True)
        ]


@examples(150)
@given(data=st.data())
def test_contains_the_gradient_at_every_vertex(data):
    network = data.draw(networks())
    output, minus = data.draw(outputs(network))
    slopes = slope_ranges(network, data.draw(regions(network.n_inputs)))
    lower, upper = jacobian_enclosure(network.head(output, minus), slopes)
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    for vertex in random_vertices(slopes, rng, 12):
        gradient = exact_gradient(network.weights, vertex, output, minus)
        for low, exact, high in zip(lower[0], gradient, upper[0], strict=True):
            assert Fraction(low) <= exact <= Fraction(high)


@examples(60)
@given(data=st.data())
def test_tight_at_one_vertex_and_with_one_hidden_layer(data):
    network = data.draw(networks(elements=tame_numbers, max_depth=1))
    slopes = slope_ranges(network, WHOLE_SPACE)
    lower, upper = jacobian_enclosure(network.head(0), slopes)
    vertices = (
        [
            exact_gradient(network.weights, [choice])
            for choice in product(*zip(*slopes.lower, *slopes.upper, strict=True))
        ]
        if network.depth
        else [exact_gradient(network.weights, [])]
    )
    for i, column in enumerate(zip(*vertices, strict=True)):
        assert lower[0, i] == pytest.approx(float(min(column)), abs=1e-12)
        assert upper[0, i] == pytest.approx(float(max(column)), abs=1e-12)
    ends = SlopeRanges(slopes.upper, slopes.upper)
    lower, upper = jacobian_enclosure(network, ends)
    assert (upper - lower).max() <= 1e-12


def test_zeros_stay_exact():
    network = Network([np.diag([1.0, 2.0]), [[3.0, 0.0], [0.0, 1.0]]])
    lower, upper = jacobian_enclosure(network, slope_ranges(network, WHOLE_SPACE))
    assert lower[0, 1] == upper[0, 1] == lower[1, 0] == upper[1, 0] == 0.0


@pytest.mark.parametrize("weight", [5e-324, 1e-200])
def test_underflow_does_not_lose_the_gradient(weight):
    network = Network([[[weight]], [[weight]]])
    lower, upper = jacobian_enclosure(network, slope_ranges(network, WHOLE_SPACE))
    assert Fraction(upper[0, 0]) >= Fraction(weight) ** 2
    assert lower[0, 0] <= 0.0


def test_overflow_gives_infinite_ends_never_nan():
    network = Network([np.eye(2) * 1e100] * 5 + [[[1e100, 1e100]]])
    lower, upper = jacobian_enclosure(network, slope_ranges(network, WHOLE_SPACE))
    assert (upper == math.inf).all()
    assert (lower == -math.inf).all()
    for norm in Norm:
        assert norm_above(np.abs(upper)[0], norm) == math.inf
        assert gradient_norm_below(network, slope_ranges(network, WHOLE_SPACE), norm) == 0.0


sizes = st.one_of(
    st.floats(0, 1e3), st.sampled_from((0.0, 5e-324, 1e-310, 1e-200, 1e-160, 1e150, 1e300, 1.0))
)


@examples(300)
@given(st.lists(sizes, min_size=1, max_size=8), st.sampled_from(NORMS))
def test_norms_enclose_the_exact_norm(values, norm):
    magnitude = np.array(values)
    above, below = norm_above(magnitude, Norm(norm)), norm_below(magnitude, Norm(norm))
    exact = exact_norm(values, norm)
    power = 2 if norm == "l2" else 1
    assert above == math.inf or Fraction(above) ** power >= exact
    assert below >= 0
    assert Fraction(below) ** power <= exact
    assert above - below <= 1e-14 * above + 1e-322


def test_norms_of_overflowing_vectors():
    for norm in (Norm.L1, Norm.L2):
        assert norm_above(np.full(4, 1.7e308), norm) == math.inf
        assert 1.7e308 <= norm_below(np.full(4, 1.7e308), norm) < math.inf
    assert norm_above(np.full(4, 1.7e308), Norm.LINF) == 1.7e308


@examples(100)
@given(data=st.data())
def test_lower_norm_holds_for_every_vertex(data):
    network = data.draw(networks())
    norm = data.draw(st.sampled_from(NORMS))
    output, minus = data.draw(outputs(network))
    slopes = slope_ranges(network, data.draw(regions(network.n_inputs)))
    below = gradient_norm_below(network.head(output, minus), slopes, Norm(norm))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    dual = {"linf": "l1", "l2": "l2", "l1": "linf"}[norm]
    for vertex in random_vertices(slopes, rng, 10):
        exact = exact_norm(exact_gradient(network.weights, vertex, output, minus), dual)
        assert is_lower(below, exact, norm)
        if all((low == high).all() for low, high in zip(slopes.lower, slopes.upper, strict=True)):
            assert is_upper(below * (1 + 1e-9) + 1e-280, exact, norm)


@pytest.mark.parametrize("norm", Norm)
def test_a_kink_certifies_nothing_that_is_not_there(norm):
    """f(x) = x - relu(x) + relu(-x) is 0, but backpropagation with relu'(0) = 0 or 1 is not."""
    network = Network([[[1.0], [-1.0], [1.0], [-1.0]], [[1.0, -1.0, -1.0, 1.0]]])
    assert (network(np.linspace(-2, 2, 9)[:, None]) == 0).all()
    assert certified_at(network, np.zeros(1), norm) == 0.0
    away = Network([[[1.0], [-1.0]], [[1.0, -1.0]]])  # relu(x) - relu(-x) = x
    assert away.jacobian(np.zeros(1))[0, 0] == 2.0
    assert certified_at(away, np.zeros(1), norm) <= 1.0
    assert certified_at(away, np.full(1, 0.5), norm) == pytest.approx(1.0, abs=1e-12)


def test_a_kink_that_only_rounding_moves_counts_as_a_kink():
    """At x = 0.1 the pre-activation 3 x - 0.3 is not 0, but float64 cannot tell its sign."""
    network = Network([[[3.0]], [[1.0]]], [[-0.30000000000000004], None])
    slopes = point_slopes(network, np.array([0.1]))
    assert (slopes.lower[0][0], slopes.upper[0][0]) == (0.0, 1.0)


@examples(120)
@given(data=st.data())
def test_points_never_certify_more_than_the_true_constant(data):
    """At every point of a box, kinks included, for tiny networks whose L is computed exactly."""
    elements = data.draw(st.sampled_from((half_integers, tame_numbers, numbers)))
    network = data.draw(
        networks(
            tuple(PIECEWISE_LINEAR),
            elements,
            max_units=5,
            n_inputs=data.draw(st.integers(1, 2)),
            n_outputs=2,
        )
    )
    norm = data.draw(st.sampled_from(NORMS))
    minus = data.draw(st.sampled_from((None, 1)))
    box = Box(np.full(network.n_inputs, -2.0), np.full(network.n_inputs, 2.0))
    slopes = [PIECEWISE_LINEAR[act.name] for act in network.activations]
    exact = exact_lipschitz(
        network.weights,
        network.biases,
        slopes,
        norm,
        box_halfspaces(box.lower, box.upper),
        minus=minus,
    )
    head = network.head(0, minus)
    certified = [
        certified_at(head, data.draw(vectors(network.n_inputs, points)), Norm(norm))
        for points in (half_integers.map(lambda v: v / 2), st.floats(-2, 2), st.just(0.0))
    ]
    assert all(is_lower(value, exact, norm) for value in certified)
    event("positive" if max(certified) > 0 else "zero")


@pytest.mark.parametrize("act", ["relu", "silu", "tanh", "elu:1.0", "gelu:exact"])
def test_points_certify_the_gradient_where_it_is_smooth(act):
    rng = np.random.default_rng(2)
    network = Network(
        [rng.standard_normal((6, 3)), rng.standard_normal((5, 6)), rng.standard_normal((1, 5))],
        activations=act,
    )
    for x in rng.standard_normal((5, 3)):
        gradient = network.jacobian(x)[0]
        for norm in Norm:
            expected = np.linalg.norm(gradient, ord=norm.dual.exponent)
            assert certified_at(network, x, norm) == pytest.approx(expected, rel=1e-9)

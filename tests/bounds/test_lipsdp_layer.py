"""LipSDP-Layer against published values, CVXOPT with tied multipliers, brute force, LipSDP."""

import math
from itertools import pairwise

import numpy as np
import picos
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lipexplore
from lipexplore.bounds import METHODS
from lipexplore.errors import NoPath
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.relaxations.layer_multipliers import LayerPass, layer_multipliers
from tests.bounds.test_eclipse import eclipse_network, normal
from tests.oracles import is_upper, polynomial_maximum
from tests.strategies import networks, outputs, regions


def value_of(network, output="all", **question):
    answer = lipexplore.bound(network, "lipsdp-layer", "l2", output=output, **question)
    assert answer.verified
    return answer.value


@pytest.mark.parametrize(
    ("widths", "seed", "layer"),
    [
        ((3, 5, 4, 2), 0, 1.63939308),
        ((6, 10, 1), 1, 0.878512176),
        ((5, 6, 5, 1), 7, 0.757721057),
        ((5, 16, 16, 16, 4), 5, 3.68770077),
    ],
)
def test_published_values(widths, seed, layer):
    assert value_of(normal(widths, seed)) == pytest.approx(layer, rel=1e-7)


def tied_lmi(network):
    """Solve LipSDP with one number per layer, stated from the definition, by CVXOPT."""
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    widths = network.widths[:-1]
    starts = np.cumsum([0, *widths])
    rho = picos.RealVariable("rho")
    t = picos.RealVariable("t", network.depth, lower=0)
    picks = [np.eye(starts[-1])[a:b] for a, b in pairwise(starts)]
    whole = rho * (picks[0].T @ picks[0])
    whole -= picks[-1].T @ network.weights[-1].T @ network.weights[-1] @ picks[-1]
    for layer, weight in enumerate(network.weights[:-1]):
        z, v = picks[layer + 1], weight @ picks[layer]
        a, b = slopes.lower[layer][:, None], slopes.upper[layer][:, None]
        product = (z - a * v).T @ (b * v - z)
        whole -= t[layer] * (0.5 * (product + product.T))
    program = picos.Problem()
    program.set_objective("min", rho)
    program.add_constraint(whole >> 0)
    program.solve(solver="cvxopt", rel_bnb_opt_tol=1e-9, max_iterations=60, primals=None)
    return math.sqrt(rho.value)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu:-0.3", "leaky_relu:0.2", "abs"])
@pytest.mark.parametrize("widths", [(3, 5, 2), (4, 6, 5, 3), (3, 4, 4, 4, 1)])
def test_equals_cvxopt_with_tied_multipliers(widths, activation):
    network = normal(widths, sum(widths), activation)
    assert value_of(network) == pytest.approx(tied_lmi(network), rel=1e-5)


DEEP = [(5, 20, 0.8982633), (10, 20, 0.07507509), (20, 60, 4.97685e-4)]


@pytest.mark.parametrize(("layers", "width", "searched"), DEEP)
def test_deep_networks(layers, width, searched):
    """Never above the line search, whose multipliers are tied too; bound and vectors agree."""
    network = eclipse_network(layers, width)
    answer = lipexplore.bound(network, "lipsdp-layer", "l2")
    assert answer.status == "optimal"
    assert answer.value <= searched
    chain = slope_chain(network, slope_ranges(network, lipexplore.WHOLE_SPACE))
    reached = math.ldexp(layer_multipliers(chain).reached, chain.exponent)
    assert reached * (1 - 1e-12) <= answer.value <= reached * (1 + 2e-7)


@pytest.mark.parametrize("activation", ["relu", "silu", "abs", "leaky_relu:0.2"])
def test_no_pass_lowers_the_value(activation):
    network = normal((5, 8, 7, 6, 3), 1, activation)
    region = lipexplore.Ball(np.full(5, 0.2), 0.5)
    for where in (lipexplore.WHOLE_SPACE, region):
        chain = slope_chain(network, slope_ranges(network, where))
        ascent, values = LayerPass(chain), []
        for _ in range(60):
            ascent.count, ascent.point = 0, ascent.swept  # no momentum
            values.append(ascent.advance())
        assert all(a <= b * (1 + 1e-14) for a, b in pairwise(values))
        assert math.ldexp(values[-1], chain.exponent) <= value_of(network, region=where)


@pytest.mark.parametrize("activation", ["relu", "silu", "abs", "tanh"])
def test_never_below_lipsdp_neuron(activation, many):
    for seed in range(many(3, 30)):
        network = normal((4, 6, 5, 2), seed, activation)
        for region in (lipexplore.WHOLE_SPACE, lipexplore.Ball(np.full(4, 0.3), 0.4, "l2")):
            neuron = lipexplore.bound(network, "slope-lmi", "l2", region, output="all").value
            assert value_of(network, region=region) >= neuron * (1 - 1e-6)


def test_against_brute_force(many):
    for seed in range(many(16, 200)):
        rng = np.random.default_rng(seed)
        widths = [(3, 5, 1), (2, 3, 2, 1), (3, 2, 2, 2, 1)][seed % 3]
        network = random_dense(widths, seed, ("relu", "abs", "silu", "elu:1.0")[seed % 4])
        region = lipexplore.WHOLE_SPACE
        if seed % 2:
            region = lipexplore.Ball(rng.standard_normal(widths[0]), (0.05, 0.5)[seed // 2 % 2])
        slopes = slope_ranges(network, region)
        exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "l2")
        value = value_of(network, 0, region=region)
        assert is_upper(value, exact, "l2")
        assert value <= 3.0 * math.sqrt(exact) + 1e-12


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.data(), st.sampled_from(["lipsdp-layer", "eclipse"]))
def test_nasty_networks_regions_and_margins(data, method):
    network = data.draw(networks(max_units=6))
    region = data.draw(regions(network.n_inputs))
    output, minus = data.draw(outputs(network))
    slopes = slope_ranges(network, region)
    try:
        answer = lipexplore.bound(
            network, method, "l2", region, output=output, minus=minus, time_limit=0.2
        )
    except NoPath:
        return
    exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "l2", output, minus)
    assert is_upper(answer.value, exact, "l2")
    assert answer.verified == np.isfinite(answer.value)


def test_one_unit_pair_by_hand():
    """relu(x) - relu(x - 1): the coupled LipSDP-Network would claim 0 where the slope is 1.

    One multiplier gives 1, which is P*: W_2 D W_1 lies in [-1, 1].
    """
    network = lipexplore.Network([[[1.0], [1.0]], [[1.0, -1.0]]], [[0.0, -1.0], None])
    assert 1.0 <= value_of(network) <= 1.0 + 1e-9
    assert not any("network" in method.name for method in METHODS)
    (method,) = (method for method in METHODS if method.name == "lipsdp-layer")
    assert "LipSDP-Network" in method.explanation
    assert "no bound" in method.explanation


def test_progress_and_time_limit():
    network, seen = eclipse_network(10, 20), []
    best = lipexplore.bound(network, "lipsdp-layer", "l2", on_progress=seen.append)
    assert [item["iteration"] for item in seen] == sorted(item["iteration"] for item in seen)
    assert all(item["dual"] <= best.value * (1 + 1e-12) for item in seen)
    assert seen[-1]["primal"] == pytest.approx(best.value, rel=1e-6)
    early = lipexplore.bound(network, "lipsdp-layer", "l2", time_limit=1e-9)
    assert early.verified
    assert early.status == "stopped early"
    fast = lipexplore.bound(network, "eclipse", "l2", form="fast").value
    assert best.value < early.value <= fast * (1 + 1e-6)

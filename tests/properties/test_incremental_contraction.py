"""Contraction in an optimised norm against enumeration and a grid of norms."""

from __future__ import annotations

import numpy as np
import pytest

import lipexplore
from lipexplore.networks.generators import random_dense
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.residual import ResidualMap
from lipexplore.properties.incremental.examples import EXAMPLES, neural_oscillator, stretched_map
from lipexplore.properties.incremental.pairs import sampled_pairs
from lipexplore.properties.incremental.sweep import radius_sweep
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.properties.incremental_qc import certify, contraction, one_sided_upper
from tests.properties.incremental_truth import pattern_jacobians


def grid_of_norms():
    """Yield planar P with trace 2, all directions and condition numbers up to 100."""
    for angle in np.linspace(0.0, np.pi, 61):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for condition in np.geomspace(1.0, 100.0, 41):
            yield turn @ np.diag([condition, 1.0]) @ turn.T * 2.0 / (1.0 + condition)


def formal_rate(jacobians, metric, *, flow):
    """Return the rate over a set of Jacobians in |.|_P (squared for maps)."""
    root = np.linalg.cholesky(metric).T
    turned = root @ jacobians @ np.linalg.inv(root)
    if flow:
        return np.linalg.eigvalsh(0.5 * (turned + turned.transpose(0, 2, 1)))[:, -1].max()
    return np.linalg.norm(turned, 2, (1, 2)).max() ** 2


@pytest.mark.parametrize("flow", [False, True])
def test_planar_systems_against_all_norms(flow):
    """The rate holds in its norm, and no norm on the grid is much better."""
    mapping = neural_oscillator() if flow else stretched_map()
    jacobians = pattern_jacobians(mapping.network.weights, ((0.0, 1.0),), mapping.skip)
    found = contraction(mapping, flow=flow)
    rate = found.value if flow else found.value**2
    assert found.verified
    assert formal_rate(jacobians, found.metric, flow=flow) <= rate + 1e-12
    best = min(formal_rate(jacobians, metric, flow=flow) for metric in grid_of_norms())
    assert rate <= best + 0.02
    euclidean = certify(mapping, "one-sided-upper" if flow else "lipschitz").value
    euclidean = euclidean if flow else euclidean**2
    assert rate < (0.0 if flow else 1.0) < euclidean


def test_linear_maps_contract_at_their_spectral_radius():
    skip = np.array([[0.5, 3.0], [0.0, 0.6]])
    mapping = ResidualMap(lipexplore.Network([np.eye(2), np.zeros((2, 2))]), skip)
    assert contraction(mapping).value == pytest.approx(0.6, abs=1e-3)
    assert certify(mapping, "lipschitz").value > 3.0
    turning = np.array([[-0.1, 5.0], [-0.2, -0.1]])
    mapping = ResidualMap(lipexplore.Network([np.eye(2), np.zeros((2, 2))]), turning)
    assert contraction(mapping, flow=True).value == pytest.approx(-0.1, abs=1e-4)
    assert one_sided_upper(mapping).value > 2.0


def test_paths_of_the_flow_come_closer_in_the_certified_norm():
    """Runge-Kutta paths of ten pairs: |x - y|_P falls at least as exp(c t)."""
    mapping = neural_oscillator()
    found = contraction(mapping, flow=True)
    pairs = np.random.default_rng(0).normal(0, 2, (10, 2, 2))
    length = [np.sqrt(np.einsum("si,ij,sj->s", d := pairs[:, 0] - pairs[:, 1], found.metric, d))]
    step, x = 0.01, pairs.reshape(20, 2)
    for _ in range(300):
        first = mapping(x)
        second = mapping(x + 0.5 * step * first)
        third = mapping(x + 0.5 * step * second)
        x = x + step / 6 * (first + 2 * second + 2 * third + mapping(x + step * third))
        d = x.reshape(10, 2, 2)[:, 0] - x.reshape(10, 2, 2)[:, 1]
        length.append(np.sqrt(np.einsum("si,ij,sj->s", d, found.metric, d)))
    times = step * np.arange(301)[:, None]
    assert (np.array(length) <= length[0] * np.exp(found.value * times) * (1 + 1e-8)).all()


def test_implicit_maps_contract():
    network = ImplicitNetwork(-0.5 * np.eye(2), np.eye(2), None, 0.5 * np.array([[0, 4], [0.1, 0]]))
    found = contraction(network)
    assert found.verified
    assert found.value < 0.6 < certify(network, "lipschitz").value
    assert found.certificate.well_posed is not None


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_keep_their_pairs_on_the_right_side(name):
    mapping = EXAMPLES[name]()
    for prop in ("lipschitz", "one-sided-upper", "one-sided-lower", "inverse"):
        pairs = sampled_pairs(mapping, certify(mapping, prop))
        slack = 1e-9 * pairs.size.max()
        if PROPERTIES[prop].side == "upper":
            assert (pairs.response <= pairs.value * pairs.size + slack).all()
        else:
            assert (pairs.response >= pairs.value * pairs.size - slack).all()


def test_sweeps_are_monotone_and_hold_their_samples():
    """Slope ranges grow with the radius, so certified values can only get worse."""
    network = random_dense((3, 8, 3), 1, "tanh")
    for prop in ("lipschitz", "one-sided-lower"):
        points = list(
            radius_sweep(network, prop, np.zeros(3), (0.5, 0.02, 0.1, np.inf), samples=300)
        )
        values = np.array([[p.radius, p.found.value, p.sampled] for p in points])
        sign = 1.0 if PROPERTIES[prop].side == "upper" else -1.0
        assert (np.diff(values[:, 0]) > 0).all()
        assert (np.diff(sign * values[:, 1]) >= -1e-7).all()
        assert (np.diff(sign * values[:, 2]) >= 0).all()
        assert (sign * values[:, 2] <= sign * values[:, 1]).all()
        center = network.jacobian(np.zeros(3))
        if prop == "lipschitz":
            assert values[0, 1] == pytest.approx(np.linalg.norm(center, 2), rel=0.05)

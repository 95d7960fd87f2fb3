"""Random maps: never on the wrong side of the truth over all patterns, or of sampled slopes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

import lipexplore
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.residual import ResidualMap
from lipexplore.properties.incremental.sweep import sampled_value, slope_level
from lipexplore.properties.incremental.table import METRICS, PROPERTIES
from lipexplore.properties.incremental_qc import certify
from tests.properties.incremental_truth import numbers_of, pattern_jacobians

ACTS = {"relu": (0.0, 1.0), "leaky_relu:0.1": (0.1, 1.0), "leaky_relu:-0.3": (-0.3, 1.0)}
SLACK = 1e-12
BASIC = ("lipschitz", "one-sided-upper", "one-sided-lower", "inverse")


def random_map(seed):
    """Return a residual map of one or two layers with at most eight units, and its slopes."""
    rng = np.random.default_rng(seed)
    n, layers = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    widths = [n, *rng.integers(1, 9 // layers, layers), n]
    act = list(ACTS)[seed % len(ACTS)]
    weights = [rng.normal(0, 1, (b, a)) for a, b in pairwise(widths)]
    biases = [rng.normal(0, 0.5, b) for b in widths[1:]]
    skip = rng.normal(0, 1, (n, n)) * rng.integers(0, 2)
    return ResidualMap(lipexplore.Network(weights, biases, act), skip), [ACTS[act]] * layers


def on_the_right_side(name, value, truth, size):
    slack = SLACK * max(size, 1.0)
    upper = PROPERTIES[name].side == "upper"
    return value >= truth - slack if upper else value <= truth + slack


def test_never_beyond_all_patterns_nor_samples(many):
    for seed in range(many(60, 500)):
        mapping, slopes = random_map(seed)
        found = pattern_jacobians(mapping.network.weights, slopes, mapping.skip)
        size = np.linalg.norm(found, axis=(1, 2)).max()
        truth = numbers_of(found)
        rng = np.random.default_rng(seed)
        region = lipexplore.Ball(rng.normal(0, 1, mapping.n_inputs), rng.uniform(0.01, 2.0), "l2")
        for name in BASIC:
            whole = certify(mapping, name)
            assert whole.verified
            assert on_the_right_side(name, whole.value, truth[name], size)
        name = BASIC[seed % len(BASIC)]
        local = certify(mapping, name, region)
        sampled = sampled_value(mapping, local.certificate, name, region, 200)
        assert on_the_right_side(name, local.value, sampled, size)


def test_contraction_and_dissipation_of_all_patterns(many):
    for seed in range(many(4, 60)):
        mapping, slopes = random_map(3 * seed)
        n = mapping.n_inputs
        found = pattern_jacobians(mapping.network.weights, slopes, mapping.skip)
        size = np.linalg.norm(found, axis=(1, 2)).max() ** 2
        for name in METRICS:
            proof = certify(mapping, name).certificate
            assert np.linalg.eigvalsh(proof.metric)[0] > 0.0
            assert proof.level <= slope_level(found, proof.supply, proof.metric) + SLACK * size
        draw = np.random.default_rng(seed).normal(0, 1, (2 * n, 2 * n))
        supply = draw + draw.T
        proof = certify(mapping, "dissipativity", supply=supply).certificate
        forms = [np.vstack([np.eye(n), j]).T @ supply @ np.vstack([np.eye(n), j]) for j in found]
        formal = min(np.linalg.eigvalsh(form)[0] for form in forms)
        assert proof.level <= formal + SLACK * size * np.abs(supply).sum()


def test_implicit_networks_against_sampled_slopes(many):
    for seed in range(many(6, 60)):
        rng = np.random.default_rng(seed)
        states, inputs = int(rng.integers(1, 7)), int(rng.integers(1, 4))
        state = rng.normal(0, 1, (states, states)) / (1.5 * states)
        network = ImplicitNetwork(
            state,
            rng.normal(0, 1, (states, inputs)),
            rng.normal(0, 1, states),
            rng.normal(0, 1, (inputs, states)),
            activation=("relu", "tanh", "leaky_relu:0.2")[seed % 3],
        )
        region = lipexplore.Ball(rng.normal(0, 1, inputs), 0.3, "l2")
        slopes = rng.integers(0, 2, (100, states)).astype(float)
        if network.activation.name == "leaky_relu:0.2":
            slopes = np.maximum(slopes, 0.2)
        formal = numbers_of(network.jacobian_of_slopes(slopes))
        for name in ("lipschitz", "one-sided-upper", "one-sided-lower", "inverse"):
            whole, local = certify(network, name), certify(network, name, region)
            assert whole.certificate.well_posed is not None
            assert on_the_right_side(name, whole.value, formal[name], 1.0)
            sampled = sampled_value(network, local.certificate, name, region, 200)
            assert on_the_right_side(name, local.value, sampled, 10.0)

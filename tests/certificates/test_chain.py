"""Proven bounds of slope chains: never below the truth, next to the relaxation's value."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import lipexplore
from lipexplore.certificates.chain import ChainProver
from lipexplore.networks.feedforward import Network
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from tests.chains import (
    SLOPES,
    chain_of,
    gain,
    random_chain,
    random_weights,
    vector_iteration,
    vertex_maximum,
)
from tests.oracles import is_upper, polynomial_maximum
from tests.poisons import POISONS

WIDTHS = ((3, 1), (3, 5, 1), (2, 3, 3, 1), (3, 2, 3, 2, 1), (2, 2, 2, 2, 2, 1), (6, 3, 3, 1))
NORMS = ("l2", "linf")


@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize("norm", NORMS)
def test_between_brute_force_and_value(slopes, norm, many):
    """A proven bound is not below the value of vectors that attain it, nor far above."""
    gaps = []
    for seed in range(many(3, 120)):
        chain = random_chain(WIDTHS[seed % len(WIDTHS)], seed, slopes)
        value, mu, tau = vector_iteration(chain, norm)
        certificate = ChainProver(chain, Norm(norm)).prove(mu, tau, value=value)
        blind = ChainProver(chain, Norm(norm)).prove(mu, tau)
        assert min(certificate.value, blind.value) >= value * (1 - 1e-13)
        assert min(certificate.value, blind.value) >= vertex_maximum(chain, norm) * (1 - 1e-12)
        if value == 0.0:
            assert certificate.value == blind.value == 0.0
            continue
        gaps.append((certificate.value / value - 1, blind.value / value - 1))
    assert np.median(gaps, axis=0)[0] < 1e-10
    assert np.median(gaps, axis=0)[1] < 1e-7
    assert np.max(gaps) < 1e-3


@pytest.mark.parametrize("slopes", SLOPES)
def test_several_outputs_jointly(slopes, many):
    for seed in range(many(1, 60)):
        chain = random_chain(((3, 4, 2), (2, 3, 3, 3), (4, 2, 2, 2, 2))[seed % 3], seed, slopes)
        value, mu, tau = vector_iteration(chain, "l2")
        proven = ChainProver(chain, Norm.L2).prove(mu, tau, value=value).value
        assert max(value, vertex_maximum(chain, "l2")) * (1 - 1e-13) <= proven
        assert proven <= value * (1 + 1e-4)


@pytest.mark.parametrize("slopes", SLOPES)
def test_one_input_of_l1(slopes, many):
    for seed in range(many(1, 40)):
        chain = random_chain(WIDTHS[1 + seed % 5], seed, slopes)
        for column in range(chain.widths[0]):
            first = chain.weights[0][:, [column]]
            alone = replace(chain, weights=(first, *chain.weights[1:]))
            value, mu, tau = vector_iteration(alone, "l2")
            certificate = ChainProver(chain, Norm.L1, column).prove(mu, tau, value=value)
            assert certificate.column == column
            assert value * (1 - 1e-13) <= certificate.value <= value * (1 + 1e-4)
            assert certificate.value >= vertex_maximum(alone, "l1") * (1 - 1e-12)


def test_where_a_plain_factorisation_is_wrong():
    """At this optimum the matrix is singular: without any margin 0.964085 would be 'proven'."""
    weights = random_weights((6, 6, 6, 1), 0)
    chain = chain_of(weights, [np.zeros(6)] * 2, [np.ones(6)] * 2)
    value, mu, tau = vector_iteration(chain, "l2", sweeps=3000)
    assert value == pytest.approx(0.967815, abs=5e-7)
    certificate = ChainProver(chain, Norm.L2).prove(mu, tau, value=value)
    assert value * (1 - 1e-13) <= certificate.value <= value * (1 + 1e-11)


@cache
def poisonable(norm):
    """Return chains of every kind with value, mu and tau."""
    chains = [
        random_chain(WIDTHS[seed % len(WIDTHS)], seed, slopes) for seed, slopes in enumerate(SLOPES)
    ]
    return [(chain, *vector_iteration(chain, norm, sweeps=100)) for chain in chains]


@pytest.mark.parametrize("poison", POISONS)
@pytest.mark.parametrize("norm", NORMS)
def test_poisoned_multipliers(poison, norm):
    """Whatever the multipliers, some bound is proven, and never one that is too low."""
    rng = np.random.default_rng(0)
    for chain, value, mu, tau in poisonable(norm):
        prover = ChainProver(chain, Norm(norm))
        with np.errstate(over="ignore"):
            spoilt = POISONS[poison](mu, rng), tuple(POISONS[poison](t, rng) for t in tau)
        for inputs, units in ((spoilt[0], tau), (mu, spoilt[1]), spoilt):
            certificate = prover.prove(inputs, units)
            assert value * (1 - 1e-13) <= certificate.value < math.inf
            assert not prover.is_proven_below(inputs, units, value * (1 - 1e-12))
        assert prover.prove(mu, tau[:1] * (chain.depth + 1)).value >= value * (1 - 1e-13)


@pytest.mark.parametrize("slopes", SLOPES)
@pytest.mark.parametrize("norm", NORMS)
def test_pruning(slopes, norm):
    for seed in range(2):
        chain = random_chain(WIDTHS[1 + 2 * seed], seed, slopes)
        value, mu, tau = vector_iteration(chain, norm)
        prover = ChainProver(chain, Norm(norm))
        assert prover.is_proven_below(mu, tau, 1.001 * value)
        assert prover.is_proven_below(mu, tau, 1e9 * value)
        assert not prover.is_proven_below(mu, tau, value * (1 - 1e-12))
        for bound in (0.0, -1.0, math.nan):
            assert not prover.is_proven_below(mu, tau, bound)


def test_other_slopes_than_the_chain_s():
    """A prover serves all nodes of a search tree, which fix slopes."""
    chain = random_chain((6, 4, 4, 1), 0, "global")
    prover = ChainProver(chain, Norm.LINF)
    rng = np.random.default_rng(0)
    for _ in range(6):
        lower, upper = zip(*(SLOPES["half decided"](rng, 4) for _ in range(2)), strict=True)
        child = replace(chain, lower=lower, upper=upper)
        value, mu, tau = vector_iteration(child, "linf")
        certificate = prover.prove(mu, tau, lower, upper, value)
        assert value * (1 - 1e-13) <= certificate.value
        assert certificate.value <= value * (1 + 1e-7) + 1e-300
        assert prover.estimate(mu, [0.99 * t for t in tau], lower, upper) >= value * (1 - 1e-12)
        assert prover.is_proven_below(mu, tau, 1.01 * value + 1e-300, lower, upper)


@pytest.mark.parametrize("norm", [*NORMS, "l1"])
def test_all_slopes_fixed(norm):
    """Then the bound is the norm of one matrix, to rounding."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        chain = random_chain((4, 5, 3, 1), seed, "global")
        slopes = tuple(rng.choice([0.0, 1.0, -0.3], n) for n in (5, 3))
        chain = replace(chain, lower=slopes, upper=slopes)
        column = 2 if norm == "l1" else None
        a, b, c = chain.weights
        jacobian = c @ (slopes[1][:, None] * b) @ (slopes[0][:, None] * a)
        if column is not None:
            jacobian = jacobian[:, [column]]
        mu = np.abs(jacobian[0]) if norm == "linf" else np.ones(1)
        units = tuple(np.zeros(n) for n in (5, 3))
        certificate = ChainProver(chain, Norm(norm), column).prove(mu, units)
        expected = gain(jacobian, norm)
        assert expected * (1 - 1e-14) <= certificate.value <= expected * (1 + 1e-8)


@pytest.mark.parametrize("scales", [(1e100, 1e-200), (1e-300, 1e-10), (1e90, 1e99), (1e-150,) * 2])
@pytest.mark.parametrize("norm", NORMS)
def test_extreme_weights(scales, norm):
    """Networks of any scale, P* in rationals; one unit far smaller than the others."""
    for seed in range(2):
        plain = random_dense((3, 4, 3, 1), seed)
        weights = [np.array(weight) for weight in plain.weights]
        weights[0] *= scales[0]
        weights[1] *= scales[1]
        weights[1][0] *= 1e-100
        network = Network(weights)
        slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
        chain = slope_chain(network, slopes)
        value, mu, tau = vector_iteration(chain, norm, sweeps=300)
        value = math.ldexp(value, chain.exponent)
        certificate = ChainProver(chain, Norm(norm)).prove(mu, tau, value=value)
        exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm)
        assert is_upper(certificate.value, exact, norm)
        assert certificate.value <= value * (1 + 1e-4) + 1e-307


def test_overflow_is_infinite():
    network = Network([np.full((2, 2), 1e99)] * 4 + [np.full((1, 2), 1e99)])
    chain = slope_chain(network, slope_ranges(network, lipexplore.WHOLE_SPACE))
    certificate = ChainProver(chain, Norm.LINF).prove(np.ones(2), [np.ones(2)] * 4)
    assert certificate.value == math.inf


def test_no_gain():
    chain = random_chain((3, 4, 4, 1), 0, "global")
    dead = replace(chain, upper=(chain.upper[0], np.zeros(4)))
    prover = ChainProver(chain, Norm.LINF)
    mu, tau = np.ones(3), [np.ones(4), np.ones(4)]
    assert ChainProver(dead, Norm.LINF).prove(mu, tau).value == 0.0
    assert prover.prove(mu, tau, dead.lower, dead.upper).value == 0.0
    assert prover.is_proven_below(mu, tau, 0.0, dead.lower, dead.upper)
    assert not prover.is_proven_below(mu, tau, 0.0)


def test_deep_networks():
    """Twelve layers, whose multipliers span many orders of magnitude."""
    widths = (4, *[6] * 12, 1)
    for slopes in ("global", "half decided"):
        chain = random_chain(widths, 0, slopes)
        value, mu, tau = vector_iteration(chain, "l2", sweeps=500)
        certificate = ChainProver(chain, Norm.L2).prove(mu, tau, value=value)
        assert value * (1 - 1e-13) <= certificate.value <= value * (1 + 1e-3)

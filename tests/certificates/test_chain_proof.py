"""The floating-point proof for slope chains against exact elimination of the whole matrix."""

from dataclasses import replace

import numpy as np
import pytest

from lipexplore.certificates import chain_proof
from lipexplore.certificates.chain_inputs import reduced_inputs, with_few_inputs
from lipexplore.certificates.chain_proof import is_proven_gain
from tests.chains import SLOPES, chain_of, exact_matrix, random_chain
from tests.oracles import is_positive_semidefinite, rational

WIDTHS = ((2, 3, 1), (3, 2, 2, 2), (2, 2, 2, 2, 1), (3, 1))


def critical(chain, inputs, units):
    """Return the least lambda in floating point, from the dense matrix; None if there is none."""
    exact = exact_matrix(chain, inputs, 1.0, units)
    without = exact_matrix(
        replace(chain, weights=(*chain.weights[:-1], 0.0 * chain.weights[-1])), inputs, 1.0, units
    )
    definite = np.array(without, dtype=float)
    try:
        root = np.linalg.inv(np.linalg.cholesky(definite))
    except np.linalg.LinAlgError:
        return None
    lost = definite - np.array(exact, dtype=float)
    return float(np.linalg.eigvalsh(root @ lost @ root.T)[-1])


def cases(seeds, slopes):
    """Yield definite chains with random multipliers and their critical lambda."""
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        chain = random_chain(WIDTHS[seed % len(WIDTHS)], seed, slopes)
        inputs = rng.uniform(0.5, 2.0, chain.widths[0])
        units = [rng.uniform(0.1, 1.0, n) * 0.3**k for k, n in enumerate(chain.widths[1:-1])]
        outer = critical(chain, inputs, units)
        dead = any(not high.any() for high in chain.upper)  # no gain, whatever the multipliers
        if outer is not None and outer > 1e-12 and not dead:
            yield chain, inputs, units, outer


@pytest.mark.parametrize("slopes", SLOPES)
def test_next_to_the_critical_lambda(slopes, many):
    """Whatever is proven is so in rationals, and the proof loses no more than 1e-11."""
    undecided = 0
    for chain, inputs, units, outer in cases(many(8, 200), slopes):
        assert is_proven_gain(chain, inputs, outer * (1 + 1e-10), units, 3.0)
        assert not is_proven_gain(chain, inputs, outer * (1 - 1e-10), units)
        for power in (-16, -15, -14, -13, -12):
            for sign in (-1, 1):
                trial = outer * (1 + sign * 10.0**power)
                if is_proven_gain(chain, inputs, trial, units):
                    exact = exact_matrix(chain, inputs, trial, units)
                    assert is_positive_semidefinite(exact)
                    undecided += 1
    assert undecided > 0


def false_proofs():
    """Count what is proven within a few units of rounding of the critical lambda, though wrong."""
    trials = (
        (chain, inputs, outer * (1 + k * 2.0**-53), units)
        for slopes in SLOPES
        for chain, inputs, units, outer in cases(4, slopes)
        for k in range(-5, 4)
    )
    proven = [trial for trial in trials if is_proven_gain(*trial)]
    return sum(not is_positive_semidefinite(exact_matrix(*trial)) for trial in proven)


def test_the_margins_are_needed(monkeypatch):
    """A factorisation alone proves nothing: without margins it accepts indefinite matrices."""
    assert false_proofs() == 0
    monkeypatch.setattr(chain_proof, "gamma", lambda _: 0.0)
    monkeypatch.setattr(chain_proof, "widened", lambda matrix, _: matrix)
    assert false_proofs() > 0


def largest_factor(chain, inputs, units):
    """Return by which factor tau can be raised until K, which is affine in it, is singular."""
    chain = replace(chain, weights=(*chain.weights[:-1], 0.0 * chain.weights[-1]))
    one, two = (
        np.array(exact_matrix(chain, inputs, 1.0, [k * tau for tau in units]), dtype=float)
        for k in (1, 2)
    )
    low, high = 0.0, 1e6
    for _ in range(80):
        middle = 0.5 * (low + high)
        smallest = np.linalg.eigvalsh(2 * one - two + middle * (two - one))[0]
        low, high = (middle, high) if smallest > 0.0 else (low, middle)
    return low


@pytest.mark.parametrize("slopes", SLOPES)
def test_a_matrix_that_is_singular_without_outputs(slopes, many):
    """tau is raised until K itself is singular: every lambda must be refused below that."""
    for chain, inputs, units, _ in cases(many(4, 100), slopes):
        if not chain.undecided:
            continue
        low = largest_factor(chain, inputs, units)
        for factor in (1 - 1e-9, 1 - 1e-12, 1 - 1e-14, 1.0, 1 + 1e-14, 1 + 1e-12, 1 + 1e-9):
            scaled = [factor * low * tau for tau in units]
            if is_proven_gain(chain, inputs, 1e15, scaled):
                assert is_positive_semidefinite(exact_matrix(chain, inputs, 1e15, scaled))


def test_large_matrices_next_to_the_critical_lambda():
    """For orders of hundreds the margins grow, but stay far below 1e-8."""
    chain = random_chain((30, 60, 50, 1), 0, "half decided")
    inputs = np.ones(30)
    units = [np.full(60, 0.05), np.full(50, 0.01)]
    covariance = chain.weights[0] @ chain.weights[0].T
    for weight, a, b, tau in zip(chain.weights[1:], chain.lower, chain.upper, units, strict=True):
        free = a < b
        root = np.where(free, np.sqrt(tau / 2) * (b - a), 0.0)
        gram = root[:, None] * covariance
        inner = np.linalg.solve(np.eye(len(a)) - gram * root, gram)
        middle = 0.5 * (a + b)
        state = middle[:, None] * (covariance + covariance * root @ inner) * middle
        covariance = weight @ (state + np.diag(np.where(free, 0.5 / tau, 0.0))) @ weight.T
    outer = float(covariance[0, 0])
    assert is_proven_gain(chain, inputs, outer * (1 + 1e-9), units, 3.0)
    assert not is_proven_gain(chain, inputs, outer * (1 - 1e-12), units)


@pytest.mark.parametrize("seed", range(6))
def test_fewer_inputs(seed):
    """R R^T >= W Diag(1/mu) W^T exactly, and close."""
    rng = np.random.default_rng(seed)
    weight, inputs = rng.standard_normal((3, 8)), 10.0 ** rng.uniform(-6, 6, 8)
    weight[1] *= seed > 0
    factor = reduced_inputs(weight, inputs)
    roots, rows, mu = rational(factor), rational(weight), rational(inputs)
    excess = [
        [
            sum(a * b for a, b in zip(roots[i], roots[j], strict=True))
            - sum(a * b / m for a, b, m in zip(rows[i], rows[j], mu, strict=True))
            for j in range(3)
        ]
        for i in range(3)
    ]
    assert is_positive_semidefinite(excess)
    spread = weight / np.sqrt(inputs)
    assert np.allclose(factor @ factor.T, spread @ spread.T, rtol=1e-12)


@pytest.mark.parametrize("slopes", SLOPES)
def test_proofs_with_fewer_inputs(slopes):
    for seed in range(4):
        chain = random_chain((6, 2, 2, 1), seed, slopes)
        rng = np.random.default_rng(seed)
        inputs, units = rng.uniform(0.5, 2.0, 6), [np.full(2, 0.03), np.full(2, 0.003)]
        outer = critical(chain, inputs, units)
        reduced = with_few_inputs(chain, inputs, 3.0)
        assert len(reduced[1]) == 2
        assert is_proven_gain(*reduced, outer * (1 + 1e-11), units, 3.0)
        assert not is_proven_gain(*reduced, outer * (1 - 1e-11), units)


def ones(chain):
    return np.ones(chain.widths[0]), 1e3, [np.full(n, 1e-3) for n in chain.widths[1:-1]]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -1.0, 0.0, 1e-300, 1e300])
@pytest.mark.parametrize("where", ["inputs", "outer", "units", "weights", "lower", "upper"])
def test_nonsense_is_never_proven(where, wrong):
    chain = random_chain((3, 4, 4, 1), 0, "mixed")
    inputs, outer, units = ones(chain)
    assert is_proven_gain(chain, inputs, outer, units)
    harmless = {
        "outer": wrong in (1e300, np.inf),
        "units": wrong == 1e-300,
        "inputs": wrong == 1e300,
        "weights": abs(wrong) < 1.0 or wrong == -1.0,
        "lower": wrong in (-1.0, 0.0, 1e-300),
        "upper": abs(wrong) < 1.0,
    }
    if where == "inputs":
        inputs[1] = wrong
    elif where == "outer":
        outer = wrong
    elif where == "units":
        units[1][2] = wrong
    else:
        index = (2, 3) if where == "weights" else 2
        arrays = [array.copy() for array in getattr(chain, where)]
        arrays[1][index] = wrong
        chain = replace(chain, **{where: tuple(arrays)})
    if not harmless[where]:
        assert not is_proven_gain(chain, inputs, outer, units)


def test_a_chain_without_gain():
    weights = [np.eye(2), np.eye(2), np.ones((1, 2))]
    dead = chain_of(weights, [np.zeros(2)] * 2, [np.zeros(2), np.ones(2)])
    assert is_proven_gain(dead, np.ones(2), 1e-200, [np.ones(2)] * 2)
    underflowed = replace(dead, upper=(np.ones(2),) * 2, weights=(0.0 * weights[0], *weights[1:]))
    assert is_proven_gain(underflowed, np.ones(2), 1e-200, [np.ones(2)] * 2)
    uncertain = replace(underflowed, absolute_errors=(1e-300, 0.0, 0.0))
    assert not is_proven_gain(uncertain, np.ones(2), 1e-200, [np.ones(2)] * 2)

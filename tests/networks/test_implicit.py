"""Equilibria with proven radii, convergence, feedforward networks as implicit ones, files."""

from __future__ import annotations

import pickle
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from lipexplore.errors import InvalidNetwork, InvalidSetting, NoContraction
from lipexplore.networks.contraction import contraction
from lipexplore.networks.feedforward import Network
from lipexplore.networks.files import load_model, load_network, save_network
from lipexplore.networks.fixed_points import averaged, fixed_points, proven_radius
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.splines import Splines
from tests.networks.implicit_cases import (
    NEMON_10,
    NEMON_11,
    contracting,
    exact_equilibrium,
    nemon,
    picard,
    random_certified,
)

SPECIFIED = pytest.mark.parametrize("values", [NEMON_10, NEMON_11], ids=["nemon_10", "nemon_11"])
ACTIVATIONS = ("relu", "leaky_relu:0.1", "tanh", "sigmoid", "softplus", "elu:2.0", "identity")
PICARD_FAILS = ImplicitNetwork([[-3.0]], [[1.0]], [0.0], [[1.0]], name="Picard fails")


@SPECIFIED
def test_values_of_the_specification(values):
    case = nemon(*values["args"])
    found = case.network.equilibrium(case.x)
    assert found.state == pytest.approx(values["x"], abs=1e-8)
    assert case.network(case.x) == pytest.approx(values["y"], rel=1e-6)
    assert found.radius < 1e-11


@SPECIFIED
def test_error_of_an_iterate_that_has_not_converged(values):
    """The proven radius is the specification's, and not below the true error."""
    case = nemon(*values["args"])
    network, proof = case.network, contraction(case.network.A, weights=case.weights)
    drive = network.B @ case.x + network.b
    state = averaged(network.A, drive[None], network.activation, proof.step, 20)
    radius = proven_radius(
        network.incoming, network.b, network.activation, proof, state, case.x[None]
    )
    truth = np.abs(state[0] - network.equilibrium(case.x).state) / case.weights
    assert radius[0] == pytest.approx(values["apost_error_k20"], rel=1e-6)
    assert truth.max() == pytest.approx(values["true_error_k20"], rel=1e-6)


@pytest.mark.parametrize("steps", [0, 1, 3, 10, 100])
def test_radius_holds_in_rationals_whatever_the_steps(steps):
    for seed in range(10):
        case = nemon(seed, 7, 3, 2, 0.6)
        found = case.network.equilibrium(case.x, most_steps=steps)
        truth = exact_equilibrium(case.network, case.network.equilibrium(case.x).state, case.x)
        for z, exact, error in zip(found.state, truth, found.error, strict=True):
            assert abs(Fraction(z) - exact) <= Fraction(error)


def test_picard_cycles_where_the_averaged_iteration_converges():
    x = np.array([1.0])
    assert picard(PICARD_FAILS, x, 6)[:, 0].tolist() == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    proof = PICARD_FAILS.contraction
    assert proof.step == 0.25
    drive = PICARD_FAILS.B @ x[None]
    once = averaged(PICARD_FAILS.A, drive, PICARD_FAILS.activation, proof.step, 1)
    assert once[0, 0] == 0.25
    assert PICARD_FAILS.equilibrium(x).state[0] == pytest.approx(0.25, abs=1e-15)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_averaged_steps_contract_by_the_factor(activation):
    rng = np.random.default_rng(3)
    for _ in range(20):
        network = random_certified(rng, activation)
        proof, x = network.contraction, rng.standard_normal(network.n_inputs)
        drive = (network.B @ x + network.b)[None]
        truth = network.equilibrium(x).state
        errors = [
            np.abs(averaged(network.A, drive, network.activation, proof.step, k)[0] - truth)
            for k in range(12)
        ]
        sizes = [(error / proof.weights).max() for error in errors]
        for before, after in pairwise(sizes):
            assert after <= proof.factor * before + 1e-12 * (1 + sizes[0])


def test_the_l1_twin_contracts_before_the_activation():
    """v <- (1 - a) v + a (A phi(v) + q) nears its limit by the factor in sum eta_i |v_i|."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        network = random_certified(rng)
        proof = contraction(network.A, norm="l1")
        q = rng.standard_normal(network.n_states)
        v, sizes, path = np.zeros_like(q), [], []
        for _ in range(12):
            path.append(v)
            v = v + proof.step * (network.A @ network.activation.value(v) + q - v)
        z, _ = fixed_points(network.A, q[None], network.activation, proof.step)
        limit = network.A @ z[0] + q
        sizes = [(proof.weights * np.abs(v - limit)).sum() for v in path]
        for before, after in pairwise(sizes):
            assert after <= proof.factor * before + 1e-12 * (1 + sizes[0])


def test_measured_factor_meets_the_theory_for_one_state():
    network = ImplicitNetwork([[0.5]], [[1.0]], [1.0], [[1.0]])
    assert network.contraction.factor == pytest.approx(0.5, abs=1e-12)
    drive = np.array([[2.0]])
    errors = [
        4.0 - averaged(network.A, drive, network.activation, network.contraction.step, k)[0, 0]
        for k in range(5)
    ]
    assert np.divide(errors[1:], errors[:-1]) == pytest.approx(0.5, rel=1e-12)


def test_iteration_converges_for_a_thousand_random_certified_networks(many):
    rng = np.random.default_rng(0)
    for number in range(many(300, 1000)):
        network = random_certified(rng, ACTIVATIONS[number % len(ACTIVATIONS)], largest=25)
        x = rng.standard_normal((2, network.n_inputs))
        found = network.equilibrium(x)
        inner = found.state @ network.A.T + x @ network.B.T + network.b
        image = network.activation.value(inner)
        size = 1.0 + np.abs(found.state) @ np.abs(network.A).T + np.abs(x @ network.B.T)
        assert (np.abs(image - found.state) <= 1e-12 * size.max()).all()
        assert np.isfinite(found.radius).all()
        assert (found.radius * found.weights.max() <= 1e-6).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_jacobian_is_that_of_finite_differences(activation):
    rng = np.random.default_rng(1)
    network = random_certified(rng, activation)
    x, step = rng.standard_normal(network.n_inputs), 1e-6
    numeric = np.array(
        [
            (network(x + step * e) - network(x - step * e)) / (2 * step)
            for e in np.eye(network.n_inputs)
        ]
    ).T
    assert network.jacobian(x) == pytest.approx(numeric, rel=1e-5, abs=1e-6)
    assert network.jacobian(np.array([x, x]))[1] == pytest.approx(network.jacobian(x), rel=1e-9)


@pytest.mark.parametrize("widths", [(3, 5, 2), (4, 6, 5, 3), (2, 4, 4, 4, 1)])
def test_feedforward_network_is_a_strictly_triangular_one(widths):
    rng = np.random.default_rng(len(widths))
    weights = [rng.standard_normal((b, a)) for a, b in pairwise(widths)]
    biases = [rng.standard_normal(b) for b in widths[1:]]
    network = Network(weights, biases, "relu", "deep")
    implicit = ImplicitNetwork.from_feedforward(network)
    assert not np.triu(implicit.A).any()
    x = rng.standard_normal((50, widths[0]))
    assert implicit(x) == pytest.approx(network(x), rel=1e-12, abs=1e-12)
    assert implicit.jacobian(x) == pytest.approx(network.jacobian(x), rel=1e-9, abs=1e-9)
    assert implicit.name == "deep"
    with pytest.raises(InvalidNetwork, match="affine"):
        ImplicitNetwork.from_feedforward(Network([np.eye(2)]))
    with pytest.raises(InvalidNetwork, match="one activation"):
        ImplicitNetwork.from_feedforward(Network([np.eye(2)] * 3, (), ["relu", "tanh"]))


def test_heads():
    case = nemon(1, 4, 3, 3, 0.2)
    y = case.network(case.x)
    assert case.network.head(2)(case.x)[0] == pytest.approx(y[2], rel=1e-12)
    assert case.network.head(0, minus=1)(case.x)[0] == pytest.approx(y[0] - y[1], rel=1e-12)
    with pytest.raises(InvalidSetting, match="no output 3"):
        case.network.head(3)
    with pytest.raises(InvalidSetting, match="two different"):
        case.network.head(1, minus=1)


def test_networks_that_are_none_are_refused_by_name():
    one = [[1.0]]
    for name in ("silu", "gelu", "abs", "leaky_relu:-0.2"):
        with pytest.raises(InvalidNetwork, match="never falls"):
            ImplicitNetwork(one, one, None, one, activation=name)
    with pytest.raises(InvalidNetwork, match=r"B must have shape \(1, 2\)|B must have shape"):
        ImplicitNetwork(one, [[1.0], [2.0]], None, one)
    with pytest.raises(InvalidNetwork, match="D must have shape"):
        ImplicitNetwork(one, one, None, one, [[1.0, 2.0]])
    with pytest.raises(InvalidNetwork, match="A holds NaN"):
        ImplicitNetwork([[np.nan]], one, None, one)
    with pytest.raises(NoContraction):
        ImplicitNetwork([[1.5]], one, None, one)([1.0])
    with pytest.raises(InvalidSetting, match="1 numbers each"):
        PICARD_FAILS.equilibrium([1.0, 2.0])


def test_files_keep_every_bit(tmp_path):
    case = nemon(2, 5, 3, 2, 0.3)
    network = ImplicitNetwork(
        *(getattr(case.network, key) for key in "ABbCD"), [1.0, 2.0], "leaky_relu:0.2", "kept"
    )
    path = tmp_path / "kept.npz"
    save_network(network, path)
    loaded = load_model(path)
    assert isinstance(loaded, ImplicitNetwork)
    assert loaded.content_hash == network.content_hash
    assert (loaded.name, repr(loaded)) == ("kept", repr(network))
    assert pickle.loads(pickle.dumps(network)).content_hash == network.content_hash
    assert network.content_hash != case.network.content_hash
    with pytest.raises(InvalidNetwork, match="kind 'implicit'"):
        load_network(path)
    for broken, message in (
        ({"A": network.A}, "B is missing"),
        ({**dict.fromkeys("ABC", np.eye(2)), "activation": "relu", "E": 1}, "E is no known key"),
        ({**dict.fromkeys("ABC", np.eye(2, dtype=bool)), "activation": "relu"}, "real numbers"),
    ):
        np.savez(path, kind="implicit", **broken)
        with pytest.raises(InvalidNetwork, match=message):
            load_model(path)


def test_splines_are_told_apart(tmp_path):
    gentle, steep = (Splines([-1.0, 0.0, 1.0], [0.0, middle, 1.0]) for middle in (0.5, 0.25))
    network = ImplicitNetwork([[0.25]], [[1.0]], None, [[1.0]], activation=steep)
    other = ImplicitNetwork([[0.25]], [[1.0]], None, [[1.0]], activation=gentle)
    assert network.content_hash != other.content_hash
    path = tmp_path / "spline.npz"
    save_network(network, path)
    loaded = load_model(path)
    assert loaded.content_hash == network.content_hash
    # z = 1/4 + 3/4 (z/4 + x) to the right of the middle knot
    assert loaded([1.0]) == pytest.approx([1.0 / 0.8125], rel=1e-13)
    weights = [[[1.0]], [[1.0]], [[1.0]]]
    assert ImplicitNetwork.from_feedforward(Network(weights, activations=steep)).n_states == 2
    with pytest.raises(InvalidNetwork, match="one activation"):
        ImplicitNetwork.from_feedforward(Network(weights, activations=[gentle, steep]))


def test_slopes_above_one_are_scaled():
    """mu(s A) counts, not mu(A): elu:2.0 doubles the slopes."""
    A = contracting(np.zeros((1, 1)), np.ones(1), 0.6)
    assert ImplicitNetwork(A, A, None, A, activation="relu").contraction.measure < 0.61
    with pytest.raises(NoContraction, match="measure"):
        _ = ImplicitNetwork(A, A, None, A, activation="elu:2.0").contraction

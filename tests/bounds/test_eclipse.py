"""ECLipsE against published values, brute force, LipSDP and a dense inverse."""

import math
from itertools import pairwise

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import estimate
from lipexplore.bounds.eclipse import FORMS
from lipexplore.errors import RelaxationTooLarge
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.relaxations.slope_lmi import SlopeLMI
from lipexplore.relaxations.stage_multipliers import Stage, closed_form, largest, line_search
from lipexplore.relaxations.stage_sdp import stage_sdp
from tests.oracles import is_upper, polynomial_maximum
from tests.poisons import POISONS

CHOICES = {"fast": closed_form, "line-search": line_search, "stage-sdp": stage_sdp}


def eclipse_network(layers, width):
    """Return the network of the authors' recipe: ``layers`` weight matrices, 4 inputs, 1 output."""
    rng = np.random.RandomState(7 * width + 13 * layers)
    weights = []
    for before, after in pairwise([4, *[width] * (layers - 1), 1]):
        size, weight = rng.uniform(0.4, 1.8), rng.randn(after, before)
        weights.append(size * weight / np.linalg.norm(weight, 2))
    return lipexplore.Network(weights)


def normal(widths, seed, activation="relu"):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    return lipexplore.Network(weights, activations=activation)


def answer_of(network, form, output="all", **question):
    answer = lipexplore.bound(network, "eclipse", "l2", output=output, form=form, **question)
    assert answer.verified
    assert answer.value <= answer.solver_value * (1 + 1e-6)
    assert answer.value - answer.solver_value <= answer.residual + 1e-15 * answer.value
    return answer


def value_of(network, form, output="all", **question):
    return answer_of(network, form, output, **question).value


def formula_of(network, form):
    """Return the paper's number; the proven one may be less: the proof tries lower multipliers."""
    return answer_of(network, form).solver_value


PUBLISHED = [
    (2, 20, 0.695617, 0.5144693, 0.446684),
    (5, 20, 3.91797, 1.443415, 0.8982633),
    (10, 20, 0.97534, 0.1301713, 0.07507509),
    (20, 60, 0.281688, 2.672598e-3, 4.97685e-4),
    (50, 100, 0.237398, 1.330252e-6, 2.252052e-8),
    pytest.param(100, 100, 9.0284, 1.620904e-10, 3.674611e-14, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("layers", "width", "product", "fast", "searched"), PUBLISHED)
def test_deep_networks_of_the_authors(layers, width, product, fast, searched):
    network = eclipse_network(layers, width)
    assert lipexplore.bound(network, "norm-product", "l2").value == pytest.approx(product, rel=2e-5)
    assert value_of(network, "fast") == pytest.approx(fast, rel=1e-6)
    value = value_of(network, "line-search")
    assert value == pytest.approx(searched, rel=1e-6)
    assert np.linalg.norm(np.linalg.multi_dot(network.weights[::-1]), 2) <= value


@pytest.mark.parametrize(
    ("widths", "seed", "fast", "searched", "program"),
    [
        ((3, 5, 4, 2), 0, 1.82259119, 1.6539969, 1.34236676),
        ((6, 10, 1), 1, 0.997258669, 0.878512176, 0.615952894),
        ((5, 6, 5, 1), 7, 0.884744915, 0.772209325, 0.633026015),
        ((5, 16, 16, 16, 4), 5, 4.95032987, 3.69123969, 3.71550342),
    ],
)
def test_small_networks(widths, seed, fast, searched, program):
    network = normal(widths, seed)
    assert formula_of(network, "fast") == pytest.approx(fast, rel=1e-8)
    assert formula_of(network, "line-search") == pytest.approx(searched, rel=1e-8)
    assert formula_of(network, "stage-sdp") == pytest.approx(program, rel=2e-3)
    assert value_of(network, "best") <= min(value_of(network, form) for form in FORMS) * (1 + 1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_slopes_of_both_signs(form):
    """Dropping the term a b would claim 0 for |x|, and 1 for slopes in [-0.1, 1.1]."""
    for activation in ("abs", "leaky_relu:-0.3"):
        network = lipexplore.Network([[[1.0]], [[1.0]]], activations=activation)
        assert 1.0 <= value_of(network, form) <= 1.0 + 1e-6
    one = np.ones((1, 1))
    stage = Stage(one, np.array([-0.1]), np.array([1.1]), one)
    assert 1.1**2 - 1e-9 <= stage.rating(CHOICES[form](stage)) <= 1.1**2 + 1e-6


def test_positive_slopes_keep_their_lower_end():
    """Independent values for slopes in [0.2, 1]; with [0, 1] in their place 2.919, P* is 1.858."""
    network = normal((3, 5, 4, 2), 3, "leaky_relu:0.2")
    assert formula_of(network, "line-search") == pytest.approx(2.382, abs=6e-4)
    assert 1.868 - 6e-4 <= value_of(network, "stage-sdp") <= 2.382


@pytest.mark.parametrize("form", ["best", *FORMS])
def test_against_brute_force(form, many):
    for seed in range(many(6, 80)):
        rng = np.random.default_rng(seed)
        widths = [(3, 5, 1), (2, 3, 2, 1), (3, 2, 2, 2, 1)][seed % 3]
        network = random_dense(widths, seed, ("relu", "abs", "silu", "elu:1.0")[seed % 4])
        region = lipexplore.WHOLE_SPACE
        if seed % 2:
            region = lipexplore.Ball(rng.standard_normal(widths[0]), (0.05, 0.5)[seed // 2 % 2])
        slopes = slope_ranges(network, region)
        exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "l2")
        value = value_of(network, form, 0, region=region)
        assert is_upper(value, exact, "l2")
        assert value <= 3.0 * math.sqrt(exact) + 1e-12


@pytest.mark.parametrize("activation", ["relu", "leaky_relu:-0.3", "tanh"])
def test_order_of_methods(activation):
    """Theorems: LipSDP-Neuron is below every form, the closed form below the norm product."""
    for seed in range(2):
        network = normal((4, 6, 5, 3), seed, activation)
        lipsdp = lipexplore.bound(network, "slope-lmi", "l2", output="all").value
        product = lipexplore.bound(network, "norm-product", "l2", output="all").value
        assert all(lipsdp <= value_of(network, form) * (1 + 1e-7) for form in FORMS)
        assert value_of(network, "fast") <= product * (1 + 1e-7)


def test_one_hidden_layer_leaves_nothing_to_be_greedy_about():
    network = normal((5, 8, 3), 2)
    for form, method in (("stage-sdp", "slope-lmi"), ("line-search", "lipsdp-layer")):
        whole = lipexplore.bound(network, method, "l2", output="all").value
        assert value_of(network, form) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("low", [-0.4, 0.0, 0.3])
def test_stage_is_a_block_of_the_dense_inverse(low):
    rng = np.random.default_rng(5)
    first, second, last = (rng.standard_normal(shape) for shape in ((3, 2), (4, 3), (1, 4)))
    lower = [np.full(3, low), low + 0.1 * rng.random(4)]
    upper = [low + rng.random(3) + 0.1, low + rng.random(4) + 0.2]
    tau = [0.02 * (1 + rng.random(3)), 0.005 * (1 + rng.random(4))]
    one = Stage(first @ first.T, lower[0], upper[0], second)
    state = one.after(tau[0])
    two = Stage(second @ state @ second.T, lower[1], upper[1], last)
    dense = np.diag(np.r_[np.ones(2), 2 * tau[0], 2 * tau[1]])
    for weight, a, b, t, rows, columns in (
        (first, lower[0], upper[0], tau[0], slice(2, 5), slice(0, 2)),
        (second, lower[1], upper[1], tau[1], slice(5, 9), slice(2, 5)),
    ):
        dense[rows, columns] -= (t * (a + b))[:, None] * weight
        dense[columns, rows] = dense[rows, columns].T
        dense[columns, columns] += 2 * weight.T @ ((t * a * b)[:, None] * weight)
    assert np.linalg.eigvalsh(dense)[0] > 0
    assert two.after(tau[1]) == pytest.approx(np.linalg.inv(dense)[5:, 5:], rel=1e-9)
    assert one.after(1e6 * tau[0]) is None


def test_fixed_units_are_eliminated_exactly():
    rng = np.random.default_rng(6)
    root, following = rng.standard_normal((5, 5)), rng.standard_normal((2, 5))
    fixed = np.array([1.0, 0.0, 0.5, -0.3, 1.0])
    stage = Stage(root @ root.T, fixed, fixed, following)
    gain = np.linalg.norm(following @ np.diag(fixed) @ root, 2)
    assert all(c(stage) is not None for c in CHOICES.values())
    assert stage.rating(line_search(stage)) == pytest.approx(gain**2, rel=1e-12)


LOCAL = [
    ("relu", 0.05, 1.96415554, 1.13576596),
    ("relu", 0.3, 2.77536455, 1.77739448),
    ("tanh", 0.05, 0.975785716, 1.01679424),
    ("tanh", 0.3, 1.54838039, 1.62168501),
]


@pytest.mark.parametrize(("activation", "radius", "searched", "program"), LOCAL)
def test_local_slope_ranges(activation, radius, searched, program):
    """Independent values of ECLipsE-Gen-Local, whose ball shrinks each layer's slope ranges."""
    rng = np.random.default_rng(30)
    dims = (4, 12, 10, 3)
    weights = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(dims)]
    biases = [0.3 * rng.standard_normal(b) for b in dims[1:]]
    (act,) = lipexplore.Network(weights[:2], activations=activation).activations

    def local(choose):
        hidden, state = np.random.default_rng(1030).standard_normal(4), np.eye(4)
        for weight, bias, following in zip(weights, biases, weights[1:], strict=False):
            covariance, middle = weight @ state @ weight.T, weight @ hidden + bias
            spread = radius * np.sqrt(np.diagonal(covariance))
            slopes = act.slope_range(middle - spread, middle + spread)
            stage = Stage(covariance, *slopes, following)
            hidden, state = act.value(middle), stage.after(choose(stage))
        return math.sqrt(largest(weights[-1] @ state @ weights[-1].T))

    assert local(stage_sdp) == pytest.approx(program, rel=2e-3)
    assert local(line_search) <= searched  # ours weighs the units by their slope ranges


@pytest.mark.parametrize("poison", POISONS)
def test_whatever_the_solver_returns(poison, monkeypatch):
    network = normal((3, 4, 3, 1), 4)
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "l2")
    searched, honest = value_of(network, "line-search"), SlopeLMI.multipliers

    def poisoned(lmi, variables):
        mu, t = honest(lmi, variables)
        return mu, POISONS[poison](t, np.random.default_rng(1))

    def unusable(lmi, variables):
        return None, None

    wrong = poison in ("missing", "truncated")
    monkeypatch.setattr(SlopeLMI, "multipliers", unusable if wrong else poisoned)
    answer = lipexplore.bound(network, "eclipse", "l2", form="stage-sdp")
    assert answer.verified
    assert is_upper(answer.value, exact, "l2")
    assert answer.value <= 1.5 * searched


def test_progress_time_limit_and_interruption():
    network, seen = eclipse_network(5, 20), []
    best = lipexplore.bound(network, "eclipse", "l2", on_progress=seen.append)
    assert [item["done"] for item in seen] == list(range(12))
    assert {item["total"] for item in seen} == {12}
    assert best.status == "stage-sdp"
    assert best.size == {"units": 80, "programs": 4}
    early = lipexplore.bound(network, "eclipse", "l2", time_limit=1e-9)
    assert "time limit" in early.status
    assert best.value < early.value <= value_of(network, "fast") * (1 + 1e-9)

    def stop(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lipexplore.bound(network, "eclipse", "l2", on_progress=stop)


def test_programs_too_large_are_refused_or_left_out():
    network = random_dense((5, 900, 900, 1), 0)
    with pytest.raises(RelaxationTooLarge):
        estimate(network, "eclipse", "l2", form="stage-sdp")
    assert estimate(network, "eclipse", "l2").size["programs"] == 0
    assert estimate(eclipse_network(5, 20), "eclipse", "l2").size["programs"] == 4

"""The method exact: against other exact methods, its interval when stopped, its saved proof."""

import json
import math
import time
from itertools import pairwise

import numpy as np
import pytest

import lipexplore
from lipexplore import WHOLE_SPACE, Ball, Network, Norm
from lipexplore.bounds.margins import margins
from lipexplore.bounds.saving import save_certificate
from lipexplore.certificates.files import load_certificate, verify_certificate
from lipexplore.cli import main
from lipexplore.errors import InvalidCertificate, InvalidSetting, UnsupportedQuestion
from lipexplore.exact.mixed_integer import integer_pattern_maximum
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from tests.certificates.forging import forge
from tests.oracles import exact_float, is_lower, is_upper, polynomial_maximum
from tests.poisons import POISONS

NETWORK = random_dense((4, 6, 5, 3), 0)
DIGITS = lipexplore.load_network("digits-64-20-10-relu")
QUESTIONS = {
    "linf": {"norm": "linf"},
    "l2": {"norm": "l2"},
    "l1": {"norm": "l1"},
    "margin": {"norm": "linf", "output": 1, "minus": 2},
    "ball": {"norm": "l2", "region": Ball(np.array([0.1, 0.2, 0.3, 0.4]), 0.25, "l2")},
}

UNUSABLE = ("zero", "missing", "negated", "truncated", "nan", "infinite", "denormal", "random")


def maximum(network, region, norm):
    """Return P* of a scalar network by rational enumeration."""
    slopes = slope_ranges(network, region)
    return polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm)


def two_layers(rng, hidden, inputs=3):
    """Return a random network of one hidden layer with biases."""
    weights = [rng.standard_normal((hidden, inputs)), rng.standard_normal((1, hidden))]
    return Network(weights, [rng.standard_normal(hidden), np.zeros(1)])


@pytest.mark.parametrize("strategy", ["branch", "tree"])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_both_strategies_give_the_maximum(norm, strategy):
    network = random_dense((3, 4, 4, 1), 5)
    found = lipexplore.bound(network, "exact", norm, strategy=strategy)
    exact = maximum(network, WHOLE_SPACE, norm)
    assert is_upper(found.value, exact, norm)
    assert is_lower(found.lower, exact, norm)
    assert found.value == pytest.approx(exact_float(exact, norm), rel=2e-9)
    assert found.status.startswith("exact")


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_mixed_integer_programming(seed):
    network = random_dense((6, 7, 7, 1), seed)
    slopes = slope_ranges(network, WHOLE_SPACE)
    found = lipexplore.bound(network, "exact", "linf")
    other = integer_pattern_maximum(network, slopes, Norm.LINF)
    assert other.status == "optimal"
    assert other.lower <= found.value
    assert found.value == pytest.approx(other.solver_value, rel=1e-6)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_margins_of_several_outputs(norm):
    table = margins(NETWORK, "exact", norm)
    for (i, j), answer in table.bounds.items():
        head = NETWORK.head(i, None if i == j else j)
        exact = exact_float(maximum(head, WHOLE_SPACE, norm), norm)
        assert table.value[i, j] == answer.value == pytest.approx(exact, rel=2e-9)
        assert table.lower[j, i] == answer.lower == pytest.approx(exact, rel=1e-9)


def test_no_hidden_layer_and_no_live_unit():
    linear = Network([[[3.0, -4.0]]])
    assert lipexplore.bound(linear, "exact", "l2").value == pytest.approx(5.0, rel=1e-12)
    dead = Network([np.eye(2), [[1.0, 1.0]]], [[-5.0, -5.0], None])
    for target in ("P*", "L"):
        found = lipexplore.bound(dead, "exact", "l2", Ball(np.zeros(2), 1.0), target=target)
        assert found.value == found.lower == 0.0


def test_true_constant_equals_activation_patterns(many):
    rng = np.random.default_rng(1)
    for _ in range(many(10, 200)):
        network = two_layers(rng, int(rng.integers(2, 7)), int(rng.integers(1, 4)))
        region = Ball(rng.standard_normal(network.n_inputs), rng.uniform(0.1, 2.0), "linf")
        norm = rng.choice(["l1", "l2", "linf"])
        found = lipexplore.bound(network, "exact", norm, region, target="L")
        truth = lipexplore.bound(network, "activation-patterns", norm, region)
        assert (found.of, found.lower_of) == ("L", "L")
        assert found.value == pytest.approx(truth.value, rel=1e-8)
        assert found.lower == pytest.approx(truth.lower, rel=1e-8)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_true_constant_of_a_digit_in_a_small_ball(norm):
    pixels = np.linspace(0.0, 1.0, 64)
    region = Ball(pixels, 0.05, "linf")
    assert slope_ranges(DIGITS, region).undecided <= 15
    free = lipexplore.bound(DIGITS, "exact", norm, region, output=3)
    found = lipexplore.bound(DIGITS, "exact", norm, region, output=3, target="L")
    truth = lipexplore.bound(DIGITS, "activation-patterns", norm, region, output=3)
    assert found.status == "exact"
    assert found.value == pytest.approx(truth.value, rel=1e-8)
    assert found.value <= free.value * (1.0 + 1e-8)
    gradient = DIGITS.head(3).jacobian(found.witness)[0]
    dual = Norm(norm).dual.exponent
    assert np.linalg.norm(gradient, dual) == pytest.approx(found.value, rel=1e-8)
    assert (np.abs(found.witness - pixels) <= 0.05).all()


def test_true_constant_needs_a_piecewise_linear_network():
    with pytest.raises(UnsupportedQuestion, match="exact with target L"):
        lipexplore.bound(random_dense((2, 3, 1), 0, "gelu:exact"), "exact", target="L")
    with pytest.raises(InvalidSetting, match="target"):
        lipexplore.bound(NETWORK, "exact", target="Q")


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_time_limit_gives_an_interval(norm):
    network = random_dense((300, 120, 120, 1), 0)
    start, reports = time.perf_counter(), []
    found = lipexplore.bound(
        network, "exact", norm, time_limit=0.5, on_progress=reports.append, strategy="branch"
    )
    assert time.perf_counter() - start < 60.0
    assert 0.0 < found.lower <= found.value < math.inf
    assert found.verified
    for earlier, later in pairwise(reports):
        assert earlier["lower"] <= later["lower"] <= later["upper"] <= earlier["upper"]


def saved(path, network=NETWORK, **question):
    """Bound by branching, save the proof, return the bound and the file's fields."""
    answer = lipexplore.bound(network, "exact", strategy="branch", **question)
    save_certificate(answer, path)
    return answer, load_certificate(path)


@pytest.mark.parametrize("question", QUESTIONS)
def test_saved_proof(tmp_path, question):
    answer, fields = saved(tmp_path / "c.json", **QUESTIONS[question])
    assert fields["format"] == "lipexplore-slope-tree-1"
    verdict = verify_certificate(fields, NETWORK)
    assert verdict.claimed == verdict.proven == answer.value
    for factor in (1.0 - 1e-6, 0.5, 0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InvalidCertificate):
            verify_certificate({**fields, "value": factor * answer.value}, NETWORK)
    looser = verify_certificate({**fields, "value": 2.0 * answer.value}, NETWORK)
    assert looser.proven == 2.0 * answer.value


def test_proof_of_an_interrupted_search(tmp_path):
    network = random_dense((30, 40, 40, 1), 0)
    answer, fields = saved(tmp_path / "c.json", network, norm="linf", time_limit=0.3)
    assert answer.status == "time limit"
    assert verify_certificate(fields, network).proven == answer.value


def test_a_forged_digest_does_not_help(tmp_path):
    path = tmp_path / "c.json"
    _, honest = saved(path, norm="linf")
    (part,) = honest["parts"]
    branches, leaves = part["branches"], part["leaves"]
    assert len(leaves) > 4
    last, proven = branches.index(-1), next(i for i, leaf in enumerate(leaves) if leaf)
    other = {**leaves[proven], "units": leaves[proven]["units"][:-1]}
    parts = [
        *({"leaves": [*leaves[:i], *leaves[i + 1 :]]} for i in range(len(leaves))),
        {"leaves": [*leaves, leaves[0]]},
        {"leaves": leaves[::-1]},
        {"leaves": [None] * len(leaves)},
        {"leaves": [*leaves[:proven], other, *leaves[proven + 1 :]]},
        {"branches": [-1], "leaves": leaves[:1]},
        {"branches": [], "leaves": []},
        {"branches": branches[:-1]},
        {"branches": branches[:last] + branches[last + 1 :]},
        {"branches": [*branches, -1]},
        *({"branches": [wrong, *branches[1:]]} for wrong in (99, -2, 0.0, "0", None, True)),
        {"branches": [branches[0], branches[0], -1, *branches[1:]], "leaves": [None, *leaves]},
        {"column": 0},
    ]
    forgeries = [
        *({"parts": [{**part, **change}]} for change in parts),
        {"parts": []},
        {"parts": [part, part]},
        {"network_hash": "0" * 64},
        {"format": "lipexplore-slope-chain-1"},
        *({"output": wrong} for wrong in (7, "all")),
        {"minus": 1},
        {"norm": "l1"},
        {"norm": "l2"},
    ]
    for forgery in forgeries:
        forge(path, {**honest, **forgery})
        with pytest.raises(InvalidCertificate):
            verify_certificate(load_certificate(path), NETWORK)
    forge(path, honest)
    verify_certificate(load_certificate(path), NETWORK)


def test_other_branches_prove_nothing_false(tmp_path):
    _, honest = saved(tmp_path / "c.json", norm="linf")
    (part,) = honest["parts"]
    exact = maximum(NETWORK.head(0), WHOLE_SPACE, "linf")
    rng = np.random.default_rng(0)
    for _ in range(30):
        branches = list(part["branches"])
        inner = [i for i, unit in enumerate(branches) if unit >= 0]
        branches[rng.choice(inner)] = int(rng.integers(11))
        value = honest["value"] * rng.choice([1.0, 0.999, 0.9])
        forged = {**honest, "value": value, "parts": [{**part, "branches": branches}]}
        assert is_refused(forged) or is_upper(value, exact, "linf")


@pytest.mark.parametrize("poison", POISONS)
def test_poisoned_multipliers_prove_nothing_false(tmp_path, poison):
    _, fields = saved(tmp_path / "c.json", norm="linf")
    exact = maximum(NETWORK.head(0), WHOLE_SPACE, "linf")
    rng = np.random.default_rng(0)
    for leaf in fields["parts"][0]["leaves"]:
        for name in leaf or ():
            spoiled = POISONS[poison](np.array(leaf[name]), rng)
            leaf[name] = None if spoiled is None else spoiled.tolist()
    for factor in (1.0, 0.99, 0.5):
        value = factor * fields["value"]
        assert is_refused({**fields, "value": value}) or is_upper(value, exact, "linf")
    assert is_refused(fields) or poison not in UNUSABLE


def is_refused(fields):
    """Tell whether the verification refuses the fields."""
    try:
        verify_certificate(fields, NETWORK)
    except InvalidCertificate:
        return True
    return False


def test_every_input_of_l1_is_needed(tmp_path):
    _, fields = saved(tmp_path / "c.json", norm="l1")
    parts = fields["parts"]
    for wrong in (parts[1:], [parts[0]] * 4, [{**part, "column": 0} for part in parts]):
        assert is_refused({**fields, "parts": wrong})


def test_dynamic_programming_and_the_true_constant_leave_no_certificate(tmp_path):
    for settings in ({"strategy": "tree"}, {"strategy": "branch", "target": "L"}):
        answer = lipexplore.bound(random_dense((2, 3, 1), 0), "exact", "l2", **settings)
        with pytest.raises(InvalidCertificate, match="leaves no certificate"):
            save_certificate(answer, tmp_path / "c.json")


def test_on_the_command_line(tmp_path, capsys):
    path = str(tmp_path / "c.json")
    question = ["bound", "digits-64-20-10-relu", "--method", "exact", "--norm", "l2"]
    assert main([*question, "--of", "P", "--json", "--certificate", path]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["of"] == "P*"
    assert main(["verify", path, "digits-64-20-10-relu"]) == 0
    assert f"{answer['value']:.17g}" in capsys.readouterr().out
    np.save(tmp_path / "x.npy", np.linspace(0.0, 1.0, 64))
    ball = ["--center", str(tmp_path / "x.npy"), "--radius", "0.02"]
    assert main([*question, *ball, "--of", "L", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["of"] == "L"


def test_the_witness_of_an_affine_network_is_a_point_of_the_region():
    network, ball = Network([[[3.0, -4.0]]]), Ball(np.array([1.0, 2.0]), 0.5, "l2")
    answer = lipexplore.bound(network, "exact", "l2", ball)
    assert answer.lower_of == "L"
    assert answer.lower == pytest.approx(5.0)
    assert np.linalg.norm(answer.witness - ball.center) <= ball.radius

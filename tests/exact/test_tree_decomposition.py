"""P* by dynamic programming against rational enumeration and against other programs' values."""

import json
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore.errors import RelaxationTooLarge
from lipexplore.exact.elimination import elimination
from lipexplore.exact.tree_decomposition import exact_pattern_maximum, predicted_elimination
from lipexplore.networks.generators import random_banded, random_dense, random_sparse
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from tests.oracles import is_lower, is_upper, polynomial_maximum
from tests.strategies import networks, outputs, regions

FOLDER = Path(__file__).parents[1] / "reference"
VALUES = json.loads((FOLDER / "values.json").read_text())
ACTIVATIONS = ("relu", "leaky_relu:-0.3", "silu", "abs", "tanh")


def everywhere(network):
    return slope_ranges(network, lipexplore.WHOLE_SPACE)


def random_case(rng):
    """Return a banded or sparse network of at most eight hidden units, and its slope ranges."""
    widths = [(5, 6, 1), (3, 3, 3, 1), (2, 2, 2, 2, 1), (4, 4, 3, 1), (6, 8, 1)][rng.integers(5)]
    act, seed = ACTIVATIONS[rng.integers(len(ACTIVATIONS))], int(rng.integers(10**6))
    if rng.integers(2):
        network = random_banded(widths, 1, seed, act)
    else:
        network = random_sparse(widths, 0.4, seed, act)
    region = lipexplore.WHOLE_SPACE
    if rng.integers(2):
        region = lipexplore.Ball(rng.standard_normal(widths[0]), 10.0 ** rng.uniform(-1, 1), "l2")
    return network, slope_ranges(network, region)


@pytest.mark.parametrize("norm", list(Norm))
def test_equals_enumeration(norm, many):
    rng = np.random.default_rng(list(Norm).index(norm))
    for _ in range(many(70, 700)):
        network, slopes = random_case(rng)
        answer = exact_pattern_maximum(network, slopes, norm)
        maximum = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
        assert is_upper(answer.upper, maximum, norm.value)
        assert is_lower(answer.lower, maximum, norm.value)
        assert answer.upper - answer.lower <= 1e-11 * answer.upper + 1e-150
        assert answer.status == "optimal"
        for chosen, low, high in zip(answer.slopes, slopes.lower, slopes.upper, strict=True):
            assert ((chosen == low) | (chosen == high)).all()


@given(st.data())
def test_both_ends_hold_for_nasty_numbers(data):
    network = data.draw(networks(max_units=6))
    margin = data.draw(outputs(network))
    slopes = slope_ranges(network, data.draw(regions(network.n_inputs)))
    for norm in Norm:
        answer = exact_pattern_maximum(network.head(*margin), slopes, norm)
        maximum = polynomial_maximum(
            network.weights, slopes.lower, slopes.upper, norm.value, *margin
        )
        assert is_upper(answer.upper, maximum, norm.value)
        assert is_lower(answer.lower, maximum, norm.value)


@pytest.mark.parametrize(("name", "degree"), [("band-60-60-1", "3"), ("band-30-30-30-1", "4")])
def test_meets_the_linear_program_where_that_is_exact(name, degree):
    network = lipexplore.load_network(FOLDER / f"{name}.npz")
    answer = exact_pattern_maximum(network, everywhere(network), Norm.LINF)
    assert answer.upper == pytest.approx(VALUES[name]["krivine_linf"][degree]["value"], rel=1e-6)
    assert answer.lower >= answer.upper * (1.0 - 1e-12)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("name", sorted(VALUES))
def test_local_reference_values(name, norm):
    local = VALUES[name]["local"]
    network = lipexplore.load_network(FOLDER / f"{name}.npz")
    region = lipexplore.Ball(np.array(local["centre"]), local["radius_linf"], "linf")
    answer = exact_pattern_maximum(network, slope_ranges(network, region), norm)
    assert answer.upper == pytest.approx(local["polynomial_max"][norm.value], rel=1e-6)


BANDED = [  # inputs, half bandwidth, hidden layers, P* by a program for a window of signs
    (20, 3, 1, 4.509130),
    (50, 5, 1, 5.610948),
    (200, 3, 1, 13.324821),
    (50, 2, 2, 5.958531),
    (100, 3, 2, 10.608085),
    pytest.param(50, 8, 1, 5.671667, marks=pytest.mark.slow),
    pytest.param(100, 4, 2, 11.098969, marks=pytest.mark.slow),
    pytest.param(50, 5, 2, 6.370428, marks=pytest.mark.slow),
]


def normal_banded(n, half_bandwidth, hidden_layers):
    rng = np.random.default_rng(0)
    near = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= half_bandwidth
    weights = [
        np.where(near, rng.standard_normal((n, n)) / np.sqrt(2 * half_bandwidth + 1), 0.0)
        for _ in range(hidden_layers)
    ]
    return lipexplore.Network([*weights, rng.standard_normal((1, n)) / np.sqrt(n)])


@pytest.mark.parametrize(("n", "half_bandwidth", "hidden_layers", "expected"), BANDED)
def test_banded_values_of_another_program(n, half_bandwidth, hidden_layers, expected):
    network = normal_banded(n, half_bandwidth, hidden_layers)
    answer = exact_pattern_maximum(network, everywhere(network), Norm.LINF)
    assert answer.upper == pytest.approx(expected, abs=6e-7)
    assert answer.lower == pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize(("n_0", "n_1"), [(7, 4), (4, 7)])
def test_width_and_tables_of_a_complete_bipartite_graph(n_0, n_1):
    """Its treewidth is the smaller side; the larger side leaves first."""
    plan = predicted_elimination(*dense_question(n_0, n_1), Norm.LINF)
    small, large = sorted((n_0, n_1))
    assert plan.width == small
    assert plan.entries == large * 2 ** (small + 1) + sum(2**k for k in range(1, small + 1))


def dense_question(*widths):
    network = random_dense((*widths, 1), 0)
    return network, everywhere(network)


@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
def test_order_is_a_tree_decomposition(norm):
    network = random_sparse((9, 8, 7, 1), 0.3, 1)
    polynomial = norm_gradient_problem(network, everywhere(network), norm).objective
    plan = elimination(polynomial)
    bags = [{v, *scope} for v, scope in zip(plan.order, plan.scopes, strict=True)]
    for row in polynomial.terms:
        assert any({v for v in row.tolist() if v >= 0} <= bag for bag in bags)
    place = {v: step for step, v in enumerate(plan.order)}
    for v, scope in zip(plan.order, plan.scopes, strict=True):
        assert all(place[v] < place[u] for u in scope)
        assert all(place[a] > place[b] for a, b in pairwise(scope))
        if scope:  # the rest of the scope is passed on to the variable that leaves next
            assert set(scope[:-1]) <= set(plan.scopes[place[scope[-1]]])


def test_refuses_before_building():
    start = time.process_time()
    with pytest.raises(RelaxationTooLarge, match=r"2\^101 numbers"):
        exact_pattern_maximum(*dense_question(100, 120), Norm.LINF, memory_limit=1e9)
    assert time.process_time() - start < 5.0


def test_refuses_by_the_memory_of_the_plan():
    network = normal_banded(40, 4, 1)
    plan = predicted_elimination(network, everywhere(network), Norm.LINF)
    question = network, everywhere(network), Norm.LINF
    exact_pattern_maximum(*question, memory_limit=plan.memory_bytes)
    with pytest.raises(RelaxationTooLarge):
        exact_pattern_maximum(*question, memory_limit=0.5 * plan.memory_bytes)


def test_memory_is_predicted():
    network = normal_banded(40, 7, 1)
    slopes = everywhere(network)
    predicted = predicted_elimination(network, slopes, Norm.LINF).memory_bytes
    tracemalloc.start()
    exact_pattern_maximum(network, slopes, Norm.LINF)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= predicted + 4e6
    assert peak >= 0.5 * predicted


@pytest.mark.parametrize("steps", [0, 5, 20])
@pytest.mark.parametrize("norm", list(Norm))
def test_stopped_early_it_still_encloses(norm, steps, monkeypatch):
    """The clock passes the deadline after so many variables."""
    network = random_sparse((7, 8, 1), 0.5, 3, "silu")
    slopes = everywhere(network)
    clock = iter([0.0] * steps + [2.0] * 1000)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    answer = exact_pattern_maximum(network, slopes, norm, deadline=1.0)
    monkeypatch.undo()
    maximum = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
    assert is_upper(answer.upper, maximum, norm.value)
    assert is_lower(answer.lower, maximum, norm.value)
    if steps == 0:
        assert answer.status == "time limit"


def test_progress_counts_the_variables():
    network = random_banded((6, 6, 1), 1, 0)
    seen = []
    exact_pattern_maximum(network, everywhere(network), Norm.LINF, on_progress=seen.append)
    assert [step["eliminated"] for step in seen] == list(range(1, 13))
    assert {step["variables"] for step in seen} == {12}


@pytest.mark.parametrize("norm", list(Norm))
def test_no_path_means_zero(norm):
    network = lipexplore.Network([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0]]])
    answer = exact_pattern_maximum(network, everywhere(network), norm)
    assert answer.lower == 0.0
    assert 0.0 <= answer.upper < 1e-150

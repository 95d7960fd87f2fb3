"""HiGHS's answers against rational enumeration and against dynamic programming."""

import time

import numpy as np
import pytest

import lipexplore
from lipexplore.exact.integer_programs import layer_program, monomial_program
from lipexplore.exact.mixed_integer import integer_pattern_maximum
from lipexplore.exact.tree_decomposition import exact_pattern_maximum
from lipexplore.networks.generators import random_banded, random_dense, random_sparse
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from tests.oracles import exact_float, is_lower, polynomial_maximum

ACTIVATIONS = ("relu", "leaky_relu:2.5", "silu", "abs", "elu:1.0")
WIDTHS = [(3, 1), (4, 5, 1), (2, 6, 1), (3, 3, 2, 1), (2, 3, 2, 1), (2, 2, 2, 2, 1)]


def everywhere(network):
    return slope_ranges(network, lipexplore.WHOLE_SPACE)


@pytest.mark.parametrize("norm", list(Norm))
def test_equals_enumeration(norm, many):
    rng = np.random.default_rng(list(Norm).index(norm))
    for case in range(many(15, 200)):
        widths, act = WIDTHS[case % len(WIDTHS)], ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
        seed = int(rng.integers(10**6))
        network = random_dense(widths, seed, act)
        if rng.integers(2):
            network = random_sparse(widths, 0.6, seed, act)
        region = lipexplore.WHOLE_SPACE
        if rng.integers(2):
            region = lipexplore.Ball(rng.standard_normal(widths[0]), 0.5, "linf")
        slopes = slope_ranges(network, region)
        maximum = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
        answer = integer_pattern_maximum(network, slopes, norm)
        expected = pytest.approx(exact_float(maximum, norm.value), rel=1e-6)
        assert answer.status == "optimal"
        assert answer.solver_value == expected
        assert answer.solver_bound == expected
        assert answer.lower == expected
        assert is_lower(answer.lower, maximum, norm.value)
        assert not answer.verified


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("scales", [(1e-6, 1e-6, 1e-6), (1e6, 1e-6, 1e6), (1e-9, 1.0, 1e9)])
def test_scaled_weights(norm, scales):
    """Multiplying layers by numbers multiplies P* by their product."""
    plain = random_dense((3, 4, 2, 1), 7)
    weights = [scale * weight for scale, weight in zip(scales, plain.weights, strict=True)]
    scaled = lipexplore.Network(weights, plain.biases)
    expected = integer_pattern_maximum(plain, everywhere(plain), norm).solver_value
    found = integer_pattern_maximum(scaled, everywhere(scaled), norm)
    assert found.solver_value == pytest.approx(expected * np.prod(scales), rel=1e-6)
    assert found.lower == pytest.approx(expected * np.prod(scales), rel=1e-6)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize(
    "network", [random_banded((14, 14, 1), 2, 0), random_banded((8, 8, 8, 1), 1, 1)], ids=str
)
def test_agrees_with_dynamic_programming(network, norm):
    slopes = everywhere(network)
    exact = exact_pattern_maximum(network, slopes, norm)
    answer = integer_pattern_maximum(network, slopes, norm)
    assert answer.solver_value == pytest.approx(exact.upper, rel=1e-6)
    assert answer.lower <= exact.upper


def test_size_counts_the_program():
    """t, and per unit f, z, b with one equation and four sides of the product."""
    network = random_dense((3, 4, 2, 1), 0)
    size = integer_pattern_maximum(network, everywhere(network), Norm.LINF).size
    assert (size["columns"], size["rows"], size["binaries"]) == (3 + 3 * 6, 5 * 6, 6)


def test_every_pattern_is_feasible_and_worth_its_gradient():
    """At a vertex the layer program's constraints leave exactly w D_d W_d ... D_1 W_1 t."""
    network = random_dense((2, 3, 2, 1), 5, "silu")
    slopes = everywhere(network)
    program = layer_program(network, slopes, Norm.LINF)
    rng = np.random.default_rng(0)
    for _ in range(20):
        bits = [rng.integers(0, 2, len(low)) for low in slopes.lower]
        t = rng.uniform(-1.0, 1.0, 2)
        columns, hidden, chosen = [t], t, []
        for weight, low, high, b in zip(
            network.weights, slopes.lower, slopes.upper, bits, strict=False
        ):
            exponent = np.frexp(np.abs(weight).max())[1]
            f = np.ldexp(weight, -exponent) @ hidden
            hidden = np.where(b, high, low) * f
            chosen.append(np.where(b, high, low))
            columns += [f, b * f, b]
        x = np.concatenate(columns)
        rows = program.matrix @ x
        assert (rows >= program.row_lower - 1e-12).all()
        assert (rows <= program.row_upper + 1e-12).all()
        assert ((x >= program.lower - 1e-12) & (x <= program.upper + 1e-12)).all()
        value = network.jacobian_of_slopes(chosen)[0] @ t
        assert program.scale * (program.cost @ x) == pytest.approx(value)


def test_monomials_are_products_at_every_vertex():
    network = random_dense((2, 2, 2, 1), 1, "silu")
    problem = norm_gradient_problem(network, everywhere(network), Norm.L2)
    program = monomial_program(problem)
    for vertex in range(16):
        b = np.array([vertex >> place & 1 for place in range(4)], dtype=float)
        x = np.zeros(problem.n_variables)
        x[np.concatenate([problem.blocks["s1"], problem.blocks["s2"]])] = b
        upper = program.upper.copy()
        lower = program.lower.copy()
        lower[:4] = upper[:4] = b
        best = best_at(program, lower, upper)
        assert program.scale * best + program.offset == pytest.approx(float(problem.objective(x)))


def best_at(program, lower, upper):
    from scipy.optimize import linprog

    finite = np.isfinite(program.row_upper)
    rows, most = program.matrix[finite], program.row_upper[finite]
    found = linprog(-program.cost, rows, most, bounds=np.column_stack([lower, upper]))
    assert found.status == 0
    return -found.fun


@pytest.mark.parametrize("norm", list(Norm))
def test_stops_at_the_deadline(norm):
    widths = (30, 30, 1) if norm is not Norm.L1 else (12, 12, 12, 1)
    network = random_dense(widths, 0)
    start = time.perf_counter()
    answer = integer_pattern_maximum(network, everywhere(network), norm, deadline=start + 0.2)
    assert time.perf_counter() - start < 60.0
    assert answer.status in ("time limit", "optimal")
    assert np.isnan(answer.solver_value) or answer.solver_value <= answer.solver_bound * (1 + 1e-9)
    assert all(np.isin(layer, (0.0, 1.0)).all() for layer in answer.slopes)


def test_no_variable_at_all():
    network = lipexplore.Network([[[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0]]])
    for norm in Norm:
        answer = integer_pattern_maximum(network, everywhere(network), norm)
        assert answer.solver_value == pytest.approx(0.0, abs=1e-12)
        assert answer.lower == 0.0

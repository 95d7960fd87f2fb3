"""Semidefinite relaxations of the gradient polynomial: published values, laws, sizes, refusals."""

from itertools import combinations, product

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import estimate
from lipexplore.certificates.sums_of_squares import verified_bound
from lipexplore.errors import DegreeTooLow, RelaxationTooLarge
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.sparsity import Cliques, clique_family
from lipexplore.relaxations.lasserre import clique_relaxation, elimination_cliques, pair_relaxation
from lipexplore.relaxations.triangles import TriangleCuts, violated_triangles, with_triangles
from lipexplore.solvers import solve
from tests.oracles import is_upper, polynomial_maximum

EXACT = {0: 3.215871, 1: 2.407727, 2: 3.703597}
SHOR = {0: 3.324478, 1: 2.410496, 2: 3.809181}
SHOR_L2 = {0: 1.241133, 1: 0.912907, 2: 1.517044}
CLOSE = 2e-6


def recipe(widths, seed):
    """Return the network of the published tables: W_1, ..., w drawn in this order."""
    rng = np.random.default_rng(seed)
    shapes = zip(widths[1:], widths, strict=False)
    return lipexplore.Network([rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes])


def sdp(network, norm="linf", **settings):
    return lipexplore.bound(network, "lipopt-lasserre", norm, **settings).value


def question(network, norm=Norm.LINF, family="layerwise"):
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    problem = norm_gradient_problem(network, slopes, norm)
    return problem, clique_family(problem, network, slopes, family)


@pytest.mark.parametrize("seed", EXACT)
def test_published_values_of_8_8_1(seed):
    network = recipe((8, 8, 1), seed)
    for family in ("output", "dense", "chordal"):
        value = sdp(network, variant="cliques", order=1, clique_family=family)
        assert value == pytest.approx(SHOR[seed], rel=CLOSE)
    assert sdp(network, variant="pairs") == pytest.approx(EXACT[seed], rel=CLOSE)
    assert sdp(network, "l2", variant="cliques") == pytest.approx(SHOR_L2[seed], rel=CLOSE)


@pytest.mark.slow
def test_order_2_on_the_cliques_of_each_unit_is_exact():
    value = sdp(recipe((8, 8, 1), 0), variant="cliques", order=2, solver="cvxopt")
    assert value == pytest.approx(EXACT[0], rel=CLOSE)


def test_order_2_on_small_cliques_is_exact():
    network = recipe((3, 4, 1), 0)
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    exact = float(polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf"))
    assert sdp(network, variant="cliques", order=2) == pytest.approx(exact, rel=CLOSE)


@pytest.mark.parametrize(
    ("widths", "seed", "value"), [((10, 10, 1), 1, 1.947959), ((12, 7, 1), 0, 3.849380)]
)
def test_published_values_of_shor_with_products(widths, seed, value):
    assert sdp(recipe(widths, seed)) == pytest.approx(value, rel=CLOSE)


@pytest.mark.slow
def test_published_values_of_20_20_1():
    network = recipe((20, 20, 1), 1)
    assert sdp(network) == pytest.approx(4.011710, rel=CLOSE)
    assert sdp(network, variant="triangles") == pytest.approx(3.926871, rel=1e-5)


def test_published_value_of_two_hidden_layers_for_l2():
    assert sdp(recipe((6, 6, 6, 1), 0), "l2") == pytest.approx(0.955198, rel=CLOSE)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_pairs_are_no_looser_than_shor_and_the_linear_program(seed, norm):
    network = random_dense((5, 7, 1), seed)
    pairs = sdp(network, norm)
    assert pairs <= lipexplore.bound(network, "lipopt-lp", norm, degree=2).value * (1 + 1e-6)
    assert pairs <= sdp(network, norm, variant="cliques", clique_family="dense") * (1 + 1e-6)
    assert sdp(network, norm, variant="triangles") <= pairs * (1 + 1e-6)


@pytest.mark.parametrize("settings", [{"variant": "triangles"}, {"variant": "cliques"}])
@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_two_hidden_layers_against_brute_force(settings, norm):
    network = random_dense((2, 3, 2, 1), 4, "silu")
    region = lipexplore.Ball(np.array([0.2, -0.4]), 0.5)
    slopes = slope_ranges(network, region)
    maximum = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm)
    value = sdp(network, norm, region=region, **settings)
    assert is_upper(value, maximum, norm)
    assert value <= 1.2 * float(maximum) ** (0.5 if norm == "l2" else 1.0)


def test_triangles_tighten_two_hidden_layers():
    network = recipe((6, 6, 6, 1), 0)
    products = lipexplore.bound(network, "lipopt-lp", degree=3, clique_family="layerwise").value
    pairs, triangles = sdp(network), sdp(network, variant="triangles")
    assert 1.840420 < triangles < pairs * 0.999 < products


def relaxations():
    problem, products = question(random_dense((3, 4, 1), 0))
    pairs = pair_relaxation(problem, products, Cliques("dense", (np.arange(7),)))
    all_triples = list(combinations(range(7), 3))
    triples, patterns = zip(*product(all_triples, range(4)), strict=True)
    yield with_triangles(pairs, TriangleCuts(np.array(triples), np.array(patterns)))
    yield pair_relaxation(problem, products, elimination_cliques(products))
    yield clique_relaxation(*question(random_dense((2, 3, 2, 1), 1), family="output"), 2)
    yield clique_relaxation(*question(random_dense((3, 4, 1), 0), Norm.L2, "output"), 1)


@pytest.mark.parametrize("relaxation", [*relaxations()], ids=lambda r: str(r.size["blocks"]))
def test_moments_of_every_vertex_are_feasible(relaxation):
    """At a vertex M(y) = m m^T, every inequality holds, and p . y is the polynomial's value."""
    problem = relaxation.source
    for vertex in product((0.0, 1.0), repeat=problem.n_variables):
        x = np.array([*vertex, 1.0])
        y = x[relaxation.monomials].prod(axis=1)
        for basis, block in zip(relaxation.bases, relaxation.blocks, strict=True):
            m = x[basis].prod(axis=1)
            assert np.array_equal(y[block], np.outer(m, m))
        assert (relaxation.matrix.T @ y).min(initial=0.0) >= 0.0
        assert relaxation.objective @ y == pytest.approx(problem.objective(x[:-1]), abs=1e-12)


@pytest.mark.parametrize("widths", [(9, 4, 1), (3, 8, 1), (4, 3, 4, 1)])
def test_cliques_of_an_elimination_lose_nothing(widths):
    network = random_dense(widths, 0)
    problem, products = question(network)
    cliques = elimination_cliques(products)
    assert cliques.running_intersection
    if len(widths) == 3:
        assert cliques.largest == min(widths[:2]) + 1
    values = []
    for matrices in (cliques, Cliques("dense", (np.arange(sum(widths[:-1])),))):
        relaxation = pair_relaxation(problem, products, matrices)
        solution = solve(relaxation.problem())
        values.append(verified_bound(relaxation, solution.duals).value)
    assert values[0] == pytest.approx(values[1], rel=1e-6)


def test_violated_triangles_are_found():
    """Three variables of which any two always differ: impossible, and pattern 0 says so."""
    problem, cliques = question(random_dense((2, 1, 1), 0))
    relaxation = pair_relaxation(problem, cliques, Cliques("dense", (np.arange(3),)))
    moments = np.zeros(len(relaxation.monomials))
    moments[relaxation.blocks[0][0]] = moments[np.diagonal(relaxation.blocks[0])] = 0.5
    cuts = violated_triangles(relaxation, moments[1:], 10, 1e-6)
    assert cuts.triples.tolist() == [[0, 1, 2]]
    assert cuts.patterns.tolist() == [0]


@pytest.mark.parametrize(
    "settings", [{}, {"variant": "cliques", "order": 1}, {"variant": "cliques", "order": 2}]
)
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_estimate_counts_the_program(settings, norm):
    network = random_dense((4, 5, 1), 0)
    forecast = estimate(network, "lipopt-lasserre", norm, **settings).size
    size = lipexplore.bound(network, "lipopt-lasserre", norm, **settings).size
    for key in ("columns", "nonzeros", "blocks", "largest_block"):
        assert forecast[key] == size[key]
    assert forecast["rows"] >= size["rows"]


def test_refusals_name_what_to_change():
    network = random_dense((3, 3, 3, 1), 0)
    with pytest.raises(DegreeTooLow, match="use order 2 or higher"):
        sdp(network, variant="cliques", order=1)
    with pytest.raises(RelaxationTooLarge, match="order 161, above 100"):
        sdp(random_dense((80, 80, 1), 0), variant="triangles")
    with pytest.raises(RelaxationTooLarge, match="order 112, above 100"):
        sdp(random_dense((110, 110, 1), 0))
    with pytest.raises(RelaxationTooLarge, match="order 232, above 100"):
        sdp(random_dense((20, 20, 1), 0), variant="cliques", order=2)
    with pytest.raises(RelaxationTooLarge, match="above the limit of 1e-09 GB"):
        sdp(random_dense((4, 4, 1), 0), memory_limit=1e-9)


def test_progress_and_time_limit():
    network, seen = recipe((10, 10, 1), 0), []
    answer = lipexplore.bound(network, "lipopt-lasserre", on_progress=seen.append)
    assert seen[-1]["primal"] == pytest.approx(answer.solver_value, rel=1e-3)
    late = lipexplore.bound(network, "lipopt-lasserre", variant="triangles", time_limit=1e-3)
    assert late.verified
    assert late.value >= answer.value


def test_program_prints_as_mathematics():
    problem, cliques = question(random_dense((3, 2, 1), 0))
    relaxation = pair_relaxation(problem, cliques, Cliques("dense", (np.arange(5),)))
    assert "1 moment blocks of order up to 6" in str(relaxation)
    assert "maximize" in str(relaxation.problem())

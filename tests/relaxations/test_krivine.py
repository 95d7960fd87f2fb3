"""The program's matrix, sizes and values against slow, obvious code."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.optimize import linprog

import lipexplore
from lipexplore.errors import DegreeTooLow, InvalidSetting, RelaxationTooLarge
from lipexplore.networks.generators import random_banded, random_dense, random_sparse
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.sparsity import Cliques, clique_family, count_subsets
from lipexplore.relaxations.krivine import krivine_relaxation, predicted_size


def question(network, region=lipexplore.WHOLE_SPACE, family="output"):
    slopes = slope_ranges(network, region)
    problem = norm_gradient_problem(network, slopes, Norm.LINF)
    return problem, clique_family(problem, network, slopes, family)


NETWORKS = [
    random_dense((4, 3, 1), 0),
    random_dense((3, 2, 2, 1), 1),
    random_banded((6, 6, 1), 1, 2),
    random_sparse((5, 4, 3, 1), 0.5, 3),
    random_dense((3, 3, 1), 4, "silu"),
]


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("extra", [0, 1])
def test_every_product_is_what_it_says(network, extra):
    problem, cliques = question(network)
    degree = problem.objective.degree + extra
    relaxation = krivine_relaxation(problem, cliques, degree)
    x = np.random.default_rng(0).random(problem.n_variables)
    padded = np.append(x, 1.0)
    monomials = padded[relaxation.monomials].prod(axis=1)
    expected = [
        np.prod([x[v] if vertex >> i & 1 else 1 - x[v] for i, v in enumerate(subset)])
        for block in relaxation.subsets
        for subset in block
        for vertex in range(2 ** len(subset))
    ]
    assert monomials @ relaxation.matrix.toarray() == pytest.approx(np.array(expected))
    assert monomials @ relaxation.objective == pytest.approx(problem.objective(x))


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("degree", [3, 4])
def test_subsets_are_all_subsets_of_the_cliques(network, degree):
    problem, cliques = question(network)
    relaxation = krivine_relaxation(problem, cliques, degree)
    expected = {
        subset
        for clique in cliques.members
        for subset in combinations(clique.tolist(), min(degree, len(clique)))
    }
    found = [tuple(row) for block in relaxation.subsets for row in block.tolist()]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert sum(count_subsets(cliques, degree).values()) >= len(found)


@pytest.mark.parametrize("network", NETWORKS[:4], ids=str)
@pytest.mark.parametrize("family", ["output", "layerwise", "dense"])
def test_value_against_another_formulation_and_solver(network, family):
    """State the same hierarchy as a local-marginal LP over tables and solve it with scipy."""
    problem, cliques = question(network, family=family)
    degree = problem.objective.degree
    relaxation = krivine_relaxation(problem, cliques, degree)
    subsets = [tuple(row) for block in relaxation.subsets for row in block.tolist()]
    terms = {
        tuple(int(v) for v in row if v >= 0): c
        for row, c in zip(problem.objective.terms, problem.objective.coefficients, strict=True)
    }
    # probabilities mu_S(v) >= 0; moments of a monomial agree in all subsets that hold it
    index = {}
    for subset in subsets:
        for vertex in product((0, 1), repeat=len(subset)):
            index[subset, vertex] = len(index)
    rows, rhs, cost = [], [], np.zeros(len(index))
    home = {}
    for subset in subsets:
        for size in range(len(subset) + 1):
            for face in combinations(subset, size):
                row = np.zeros(len(index))
                for vertex in product((0, 1), repeat=len(subset)):
                    if all(vertex[subset.index(v)] for v in face):
                        row[index[subset, vertex]] = 1.0
                if not face:
                    rows.append(row)
                    rhs.append(1.0)
                elif face in home:
                    rows.append(row - home[face])
                    rhs.append(0.0)
                else:
                    home[face] = row
    for term, coefficient in terms.items():
        if term:
            cost -= coefficient * home[term]
    result = linprog(cost, A_eq=np.array(rows), b_eq=rhs, method="highs")
    expected = terms.get((), 0.0) - result.fun
    answer = lipexplore.bound(network, "lipopt-lp", clique_family=family, degree=degree)
    assert answer.value == pytest.approx(expected, rel=1e-7)


def test_published_size_of_40_40_1():
    problem, cliques = question(random_dense((40, 40, 1), 0))
    size = predicted_size(cliques, 3)
    assert size == {"columns": 328_640, "nonzeros": 1_109_160}
    assert krivine_relaxation(problem, cliques, 3).size["rows"] == 43_541


def test_layerwise_and_output_sizes_of_64_32_16():
    _, output = question(random_dense((64, 32, 16, 1), 0))
    _, layerwise = question(random_dense((64, 32, 16, 1), 0), family="layerwise")
    assert predicted_size(output, 3)["columns"] == 1_726_720
    assert predicted_size(layerwise, 3)["columns"] == 262_144


def test_degree_too_low_names_the_least():
    network = random_dense((3, 2, 2, 1), 1)
    with pytest.raises(DegreeTooLow, match="use degree 3 or higher") as caught:
        lipexplore.bound(network, "lipopt-lp", degree=2)
    assert caught.value.least == 3


def test_family_that_misses_a_monomial_is_refused():
    network = random_dense((4, 3, 1), 0)
    problem, cliques = question(network)
    partial = Cliques("partial", cliques.members[1:])
    with pytest.raises(InvalidSetting, match="misses 5 monomials"):
        krivine_relaxation(problem, partial, 2)


def test_too_large_is_refused_before_building():
    problem, cliques = question(random_dense((200, 200, 1), 0))
    with pytest.raises(RelaxationTooLarge, match="42,347,200 products"):
        krivine_relaxation(problem, cliques, 3, memory_limit=1e9)


def test_fixed_slopes_leave_the_program():
    network = random_dense((5, 6, 1), 3)
    region = lipexplore.Ball(np.full(5, 0.3), 0.3)
    slopes = slope_ranges(network, region)
    problem, cliques = question(network, region)
    names = {problem.variable_name(int(v)) for clique in cliques.members for v in clique}
    undecided = {f"s1[{j}]" for j in np.flatnonzero(slopes.lower[0] < slopes.upper[0])}
    assert 0 < len(undecided) < 6
    assert {name for name in names if name.startswith("s")} == undecided


def test_program_prints_as_mathematics():
    problem, cliques = question(random_dense((3, 2, 1), 0))
    program = krivine_relaxation(problem, cliques, 2).problem()
    assert "maximize" in str(program)
    assert "A^T y" in str(program)


@pytest.mark.parametrize("network", [*NETWORKS, random_dense((6, 6, 1), 8)], ids=str)
@pytest.mark.parametrize("extra", [0, 1])
def test_subsets_in_which_variables_meet(network, extra):
    problem, cliques = question(network)
    degree = problem.objective.degree + extra
    whole = krivine_relaxation(problem, cliques, degree)
    pruned = krivine_relaxation(problem, cliques, degree, meeting_only=True)
    terms = {frozenset(row[row >= 0].tolist()) for row in problem.objective.terms}
    several = [term for term in terms if len(term) > 1]
    kept = {frozenset(row) for block in pruned.subsets for row in block.tolist()}
    everything = {frozenset(row) for block in whole.subsets for row in block.tolist()}
    for subset in everything - kept:
        assert not any(term <= subset for term in several)
    for term in terms:
        assert any(term <= subset for subset in kept)
    settings = {"degree": degree}
    full = lipexplore.bound(network, "lipopt-lp", **settings)
    fewer = lipexplore.bound(network, "lipopt-lp", subsets="meeting", **settings)
    assert fewer.value >= full.value * (1 - 1e-7)
    assert fewer.size["columns"] <= full.size["columns"]


def test_published_sizes_of_pruned_families():
    """One hidden layer, 20-20-1, degree 3: all triples with a monomial inside, same value."""
    network = random_dense((20, 20, 1), 0)
    problem, cliques = question(network)
    assert krivine_relaxation(problem, cliques, 3).size["columns"] == 39_520
    pruned = krivine_relaxation(problem, cliques, 3, meeting_only=True)
    assert pruned.size["columns"] == 30_400


@pytest.mark.parametrize("family", ["output", "layerwise", "chordal", "dense"])
@pytest.mark.parametrize("norm", list(Norm), ids=str)
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_families_cover_and_nest(network, norm, family):
    """Every family covers p, and the dense one is never looser (it holds all other products)."""
    degree = 2 * network.depth if norm is Norm.L2 else network.depth + (norm is Norm.LINF)
    settings = {"degree": max(degree, 1)}
    value = lipexplore.bound(network, "lipopt-lp", norm, clique_family=family, **settings).value
    dense = lipexplore.bound(network, "lipopt-lp", norm, clique_family="dense", **settings).value
    assert dense <= value * (1 + 1e-7)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_higher_degree_is_no_looser(network):
    least = network.depth + 1
    values = [
        lipexplore.bound(network, "lipopt-lp", degree=degree).value
        for degree in (least, least + 1, least + 2)
    ]
    assert values[1] <= values[0] * (1 + 1e-7)
    assert values[2] <= values[1] * (1 + 1e-7)


def test_running_intersection_property():
    def cliques(*members):
        return Cliques("hand", tuple(np.array(m) for m in members))

    assert cliques([0, 1], [1, 2], [2, 3]).running_intersection
    assert cliques([0, 1], [2, 3]).running_intersection
    assert not cliques([0, 1], [1, 2], [0, 2]).running_intersection
    assert cliques([0, 1, 2], [1, 2, 3], [1, 3, 4]).running_intersection
    assert not cliques([0, 1], [1, 2], [2, 3], [0, 3]).running_intersection
    for network in NETWORKS:
        _, chordal = question(network, family="chordal")
        assert chordal.running_intersection
        size = lipexplore.bound(network, "lipopt-lp", clique_family="chordal").size
        assert size["junction_tree"] == 1
        assert size["cliques"] == len(chordal.members)
        assert size["largest_clique"] == chordal.largest

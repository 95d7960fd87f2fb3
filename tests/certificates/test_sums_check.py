"""The rational check of sums of squares: against brute force, and for poisoned multipliers."""

from fractions import Fraction
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore.certificates.coupled_check import proven_coupled
from lipexplore.certificates.sums_check import proven_sum
from lipexplore.certificates.sums_fields import sums_fields
from lipexplore.certificates.sums_of_squares import verified_bound
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.relaxations.coupled import coupled_problem, coupled_relaxation
from lipexplore.relaxations.triangles import TriangleCuts, with_triangles
from tests.oracles import exact_lipschitz, linf_halfspaces
from tests.poisons import POISONS

INNER = (Fraction(0), Fraction(1, 3), Fraction(1))
small = st.integers(-4, 4)


@st.composite
def programs(draw):
    """Draw a polynomial, facts and a part with whatever multipliers; two of four variables move."""
    variables = st.lists(st.integers(0, 3), max_size=2, unique=True).map(sorted)
    polynomial = draw(st.dictionaries(variables.map(frozenset), small.map(Fraction), max_size=6))
    terms = st.lists(st.integers(0, 3), max_size=2).map(sorted).map(tuple)
    facts = draw(
        st.lists(st.lists(st.tuples(terms, small.map(float)), min_size=1, max_size=4), max_size=3)
    )
    basis = draw(st.lists(variables, min_size=1, max_size=4))
    factor = np.array(draw(st.lists(st.lists(small, min_size=4, max_size=4), max_size=2)))
    columns = factor.reshape(-1, 4)[:, : len(basis)].astype(float)
    gram = columns.T @ columns
    subsets = draw(st.lists(variables, max_size=3))
    return (
        polynomial,
        facts,
        {
            "exponent": draw(st.sampled_from([0, -2, 3])),
            "grams": [
                {
                    "basis": basis,
                    "rows": [row[: i + 1] for i, row in enumerate(gram.tolist())],
                }
            ],
            "region": [float(abs(draw(small))) for _ in facts],
            "subsets": subsets,
            "multipliers": [
                [float(abs(draw(small))) for _ in range(2 ** len(subset))] for subset in subsets
            ],
        },
    )


def value(terms, point):
    return sum(
        (Fraction(weight) * prod(point[v] for v in monomial) for monomial, weight in terms),
        Fraction(0),
    )


@given(programs())
def test_no_feasible_point_is_above(program):
    polynomial, facts, part = program
    proven = proven_sum(polynomial, part, facts, n_binary=2)
    for point in product((0, 1), (0, 1), INNER, INNER):
        if all(value(fact, point) >= 0 for fact in facts):
            assert value(polynomial.items(), point) <= proven


def test_squares_stay_where_a_variable_is_not_binary():
    """x = 1/2 - (1/2 - x)^2 - (1/4 - x^2), so it is at most 1/2 where x^2 <= 1/4."""
    polynomial, fact = {frozenset({1}): Fraction(1)}, [((), 0.25), ((1, 1), -1.0)]
    square = {"basis": [[], [1]], "rows": [[0.25], [-0.5, 1.0]]}
    part = {"exponent": 0, "grams": [], "region": [1.0], "subsets": [], "multipliers": []}
    assert proven_sum(polynomial, {**part, "grams": [square]}, [fact], 1) == Fraction(1, 2)
    assert proven_sum(polynomial, part, [fact], 1) == Fraction(5, 4)
    assert proven_sum(polynomial, part, [fact], None) == Fraction(1, 4)


@pytest.mark.parametrize("products", ["none", "triples"])
def test_poisoned_multipliers_can_be_checked_again(products):
    """What verification makes of any multipliers holds in rationals, and bounds the true L."""
    network = random_dense((2, 4, 1), 1)
    region = lipexplore.Ball(np.array([0.1, -0.2]), 0.7)
    slopes = slope_ranges(network, region)
    relaxation = coupled_relaxation(network, region, coupled_problem(network, slopes), products)
    cuts = TriangleCuts(np.array([[0, 1, 2], [0, 1, 2]]), np.array([0, 2]))
    relaxation = with_triangles(relaxation, cuts)
    halfspaces = linf_halfspaces(region.center, region.radius)
    truth = exact_lipschitz(network.weights, network.biases, [(0, 1)], "linf", halfspaces)
    rng = np.random.default_rng(0)
    factors = [rng.standard_normal((len(block), 2)) for block in relaxation.blocks]
    start = [(f @ f.T).ravel() for f in factors] + [rng.random(relaxation.matrix.shape[1])]
    question = {"norm": "linf", "output": 0, "minus": None, "settings": {"products": products}}
    for poison in POISONS.values():
        certificate = verified_bound(relaxation, [poison(dual, rng) for dual in start])
        proven = proven_coupled(network, region, slopes, question, sums_fields(certificate))
        assert truth <= proven <= Fraction(certificate.value)

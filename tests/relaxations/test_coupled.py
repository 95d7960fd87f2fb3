"""The coupled program: never below L, never above Shor with products, exact in both limits."""

from fractions import Fraction
from itertools import pairwise, product
from math import prod

import numpy as np
import pytest

import lipexplore
from lipexplore import Ball, Box, Network
from lipexplore.bounds import estimate
from lipexplore.certificates.sums_of_squares import verified_bound
from lipexplore.errors import RelaxationTooLarge, UnsupportedQuestion
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.relaxations import signs
from lipexplore.relaxations.coupled import coupled_problem, coupled_relaxation
from lipexplore.relaxations.signs import center_and_radii
from lipexplore.relaxations.triangles import violated_triangles, with_triangles
from lipexplore.solvers import solve
from tests.oracles import exact_affine, fast_polynomial_maximum, rational
from tests.patterns import cell_constant, true_constant
from tests.poisons import POISONS

RADII = (0.1, 0.4, 1.5)


def random_case(seed):
    """Return a network with up to 3 inputs and 8 units, and a centre."""
    rng = np.random.default_rng(seed)
    n_0, units = 1 + seed % 3, int(rng.integers(2, 9))
    weights = [rng.standard_normal((units, n_0)), rng.standard_normal((1, units))]
    network = Network(weights, [0.7 * rng.standard_normal(units), None])
    return network, 0.3 * rng.standard_normal(n_0)


def coupled(network, region, **settings):
    return lipexplore.bound(network, "coupled-sdp", "linf", region, **settings).value


def free_maximum(network, region):
    """Return P* over the region's slope ranges."""
    slopes = slope_ranges(network, region)
    return fast_polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")


@pytest.mark.parametrize("seed", range(6))
def test_the_two_oracles_agree(seed):
    network, center = random_case(seed)
    lower, upper = center - 0.5, center + 0.5
    expected = true_constant(network, "linf", (lower, upper))
    assert cell_constant(network, lower, upper) == pytest.approx(expected, rel=1e-12)


def test_between_the_true_constant_and_shor_with_products(many):
    """Never below L, never above the same program without the input; often below P*."""
    below = 0
    for seed in range(many(24, 200)):
        network, center = random_case(seed)
        for radius in RADII:
            region = Ball(center, radius)
            value = coupled(network, region)
            free = lipexplore.bound(network, "lipopt-lasserre", "linf", region).value
            assert value >= cell_constant(network, *region.box()) * (1 - 1e-12)
            assert value <= free * (1 + 1e-6)
            below += value < free_maximum(network, region) * (1 - 1e-4)
    assert below >= 15


def test_not_above_free_slopes_with_triangles(many):
    """With triangle inequalities the free program is exact on such networks, hence P* is reached.

    That is measured, not proven: without them the value is 1 % above P* in one case of seed 20.
    """
    for seed in range(many(12, 200)):
        network, center = random_case(seed)
        region = Ball(center, 1.5)
        value = coupled(network, region, products="triangles")
        assert value >= cell_constant(network, *region.box()) * (1 - 1e-12)
        assert value <= free_maximum(network, region) * (1 + 1e-5) + 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_limits_of_the_radius(seed):
    network, center = random_case(3 * seed + 2)
    gradient = np.abs(network.jacobian(center)).sum()
    assert coupled(network, Ball(center, 1e-6)) == pytest.approx(gradient, rel=1e-9)
    everywhere = lipexplore.bound(network, "lipopt-lasserre", "linf").value
    far = coupled(network, Ball(center, 1e6))
    assert free_maximum(network, lipexplore.WHOLE_SPACE) <= everywhere
    assert far == pytest.approx(everywhere, rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_products_and_round_balls_tighten(seed):
    network, center = random_case(3 * seed + 2)
    values = [coupled(network, Ball(center, 0.7, norm)) for norm in ("l1", "l2", "linf")]
    assert values[0] <= values[1] * (1 + 1e-6)
    assert values[1] <= values[2] * (1 + 1e-6)
    region = Ball(center, 0.7)
    by_strength = [
        coupled(network, region, products=name)
        for name in ("triangles", "triples", "pairs", "none")
    ]
    assert all(a <= b * (1 + 1e-6) for a, b in pairwise(by_strength))


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("seed", range(3))
def test_round_balls_against_sampled_gradients(norm, seed):
    network, center = random_case(3 * seed + 2)
    region = Ball(center, 0.7, norm)
    points = region.sample(4000, np.random.default_rng(0), network.n_inputs)
    slopes = (points @ network.weights[0].T + network.biases[0] > 0).astype(float)
    sampled = np.abs((slopes * network.weights[1]) @ network.weights[0]).sum(axis=1).max()
    assert coupled(network, region) >= sampled * (1 - 1e-12)


def test_a_box_is_its_ball():
    network, center = random_case(5)
    ball = coupled(network, Ball(center, 0.5))
    assert coupled(network, Box(center - 0.5, center + 0.5)) == pytest.approx(ball, rel=1e-6)


@pytest.mark.parametrize("kind", ["linf", "l2", "l1", "box"])
@pytest.mark.parametrize("scale", [1.0, 1e-5, 3e5])
def test_inequalities_hold_exactly(kind, scale):
    """In rationals, at inputs of the region with their slopes; both slopes where z_j = 0."""
    network, center = random_case(5)
    network = Network([scale * network.weights[0], network.weights[1]], network.biases)
    center, radius = center / scale, 0.6 / scale
    region = Box(center - 0.7 * radius, center + radius) if kind == "box" else None
    region = region or Ball(center, radius, kind)
    problem = coupled_problem(network, slope_ranges(network, region))
    relaxation = coupled_relaxation(network, region, problem, "triples")
    moments = np.random.default_rng(1).random(len(relaxation.monomials) - 1)
    cuts = violated_triangles(relaxation, moments, 50, 1e-6)
    relaxation = with_triangles(relaxation, cuts)
    assert len(problem.slopes) >= 3
    assert len(cuts.triples) == 50
    totals = smallest_inequalities(network, region, problem, relaxation)
    assert len(totals) >= 8
    assert min(totals) >= 0


def test_the_exact_test_has_teeth(monkeypatch):
    """Without the rounding terms an inequality fails somewhere."""
    monkeypatch.setattr(signs, "product_error", lambda roundings, size: 0.0 * size)
    network, center = random_case(5)
    region = Ball(center, 0.6)
    problem = coupled_problem(network, slope_ranges(network, region))
    relaxation = coupled_relaxation(network, region, problem, "pairs")
    assert min(smallest_inequalities(network, region, problem, relaxation)) < 0


def smallest_inequalities(network, region, problem, relaxation):
    """Return the smallest inequality at each of several feasible points."""
    return [
        min(exact_inequalities(relaxation, values))
        for x in inputs_to_check(network, region)
        for values in feasible_points(network, region, problem, x)
    ]


def exact_inequalities(relaxation, values):
    y = [
        prod((values[v] for v in row if v >= 0), start=Fraction(1))
        for row in relaxation.monomials.tolist()
    ]
    totals = [Fraction(0)] * relaxation.size["columns"]
    entries = relaxation.matrix.tocoo()
    for row, column, c in zip(entries.row, entries.col, entries.data, strict=True):
        totals[column] += Fraction(float(c)) * y[row]
    return totals


def inputs_to_check(network, region):
    """Return random inputs, and their projections to each unit's hyperplane, as rationals."""
    inputs = []
    for x in region.sample(2, np.random.default_rng(0), network.n_inputs):
        exact = rational(x)
        inputs.append(exact)
        for row, z in zip(*preactivations(network, exact), strict=True):
            step = z / sum(a * a for a in row)
            inputs.append([v - step * a for v, a in zip(exact, row, strict=True)])
    return [x for x in inputs if holds(region, x)]


def holds(region, x):
    if isinstance(region, Box):
        ends = zip(rational(region.lower), x, rational(region.upper), strict=True)
        return all(low <= v <= high for low, v, high in ends)
    moves = [abs(v - c) for v, c in zip(x, rational(region.center), strict=True)]
    radius = Fraction(region.radius)
    if region.norm is Norm.L2:
        return sum(m * m for m in moves) <= radius**2
    return (max(moves) if region.norm is Norm.LINF else sum(moves)) <= radius


def preactivations(network, x):
    weight = network.weights[0]
    return rational(weight), exact_affine(weight, network.biases[0], x)


def feasible_points(network, region, problem, x):
    """Yield exact values of all variables at the input x, for two choices of the signs t."""
    center, radii = center_and_radii(region, network.n_inputs)
    blocks = problem.source.blocks
    inputs = {
        v: ((e - c) / r + 1) / 2
        for v, e, c, r in zip(blocks["x"], x, rational(center), rational(radii), strict=True)
    }
    assert all(0 <= value <= 1 for value in inputs.values())
    _, z = preactivations(network, x)
    choices = [(0, 1) if value == 0 else (int(value > 0),) for value in z]
    for slopes in product(*choices):
        for t in ((0, 1, 1), (1, 0, 1)):
            fixed = dict(zip([*blocks["s1"], *blocks["t"]], [*slopes, *t], strict=True))
            yield {**inputs, **{v: Fraction(value) for v, value in fixed.items()}}


@pytest.mark.parametrize("seed", range(6))
def test_any_multipliers_stay_above_the_true_constant(seed):
    network, center = random_case(seed)
    region = Ball(center, 0.8)
    problem = coupled_problem(network, slope_ranges(network, region))
    relaxation = coupled_relaxation(network, region, problem, "triples")
    truth = cell_constant(network, *region.box()) * (1 - 1e-12)
    rng = np.random.default_rng(seed)
    honest = solve(relaxation.problem()).duals
    for start in (honest, [rng.standard_normal(dual.size) for dual in honest]):
        for poison in POISONS.values():
            duals = [poison(dual, rng) for dual in start]
            assert verified_bound(relaxation, duals).value >= truth


def test_estimate_counts_the_program():
    network, region = random_dense((3, 6, 1), 0), Ball(np.zeros(3), 0.5)
    for products in ("triples", "pairs", "none"):
        forecast = estimate(network, "coupled-sdp", "linf", region, products=products).size
        size = lipexplore.bound(network, "coupled-sdp", "linf", region, products=products).size
        assert forecast["largest_block"] == size["largest_block"]
        for key in ("rows", "columns", "nonzeros"):
            assert size[key] <= forecast[key] <= 2 * size[key]


@pytest.mark.parametrize(
    ("network", "norm", "region", "reason"),
    [
        (random_dense((2, 3, 1), 0), "linf", lipexplore.WHOLE_SPACE, "needs a bounded region"),
        (random_dense((2, 3, 1), 0), "l2", Ball(np.zeros(2), 1.0), "for the l2 norm"),
        (random_dense((2, 3, 2, 1), 0), "linf", Ball(np.zeros(2), 1.0), "2 hidden layers"),
        (random_dense((2, 3, 1), 0, "silu"), "linf", Ball(np.zeros(2), 1.0), "silu, only for relu"),
    ],
)
def test_refusals_name_the_reason(network, norm, region, reason):
    with pytest.raises(UnsupportedQuestion, match=reason):
        lipexplore.bound(network, "coupled-sdp", norm, region)


def test_too_large_is_refused_with_its_size():
    with pytest.raises(RelaxationTooLarge, match="order 121, above 100"):
        coupled(random_dense((30, 60, 1), 0), Ball(np.zeros(30), 10.0))

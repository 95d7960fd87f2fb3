"""Branch and bound against rational enumeration, and what it says when it is stopped."""

import math
import time
from itertools import pairwise

import numpy as np
import pytest

from lipexplore import WHOLE_SPACE, Ball, Network, Norm, bound
from lipexplore.exact.branch_and_bound import PatternSearch
from lipexplore.exact.pattern_ascent import ascend, shaken
from lipexplore.exact.pattern_feasibility import Feasibility
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import SlopeRanges, slope_ranges
from tests.oracles import exact_float, is_lower, is_upper, polynomial_maximum
from tests.patterns import true_constant

SHAPES = ((3, 4, 1), (2, 5, 1), (3, 3, 3, 1), (4, 2, 3, 2, 1), (1, 2, 2, 2, 2, 1), (6, 2, 1))


def random_case(rng):
    """Return a network and slope ranges of every class: fixed, negative, above 1, symmetric."""
    shape = SHAPES[rng.integers(len(SHAPES))]
    weights = [
        rng.standard_normal((b, a)) * (rng.random((b, a)) < rng.choice([1.0, 0.6]))
        for a, b in pairwise(shape)
    ]
    lower, upper = [], []
    for width in shape[1:-1]:
        low, high = np.sort(rng.uniform(-0.5, 1.7, (2, width)), axis=0)
        kind = rng.random(width)
        low = np.where(kind < 0.3, 0.0, np.where(kind < 0.4, -high, low))
        high = np.where(kind < 0.3, 1.0, np.where(kind > 0.75, low, high))
        lower.append(np.minimum(low, high))
        upper.append(np.maximum(low, high))
    return Network(weights), SlopeRanges(tuple(lower), tuple(upper))


def check_case(seed):
    network, slopes = random_case(np.random.default_rng(seed))
    for norm in Norm:
        exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
        found = PatternSearch(network, slopes, norm).run()
        assert found.status == "exact"
        assert is_upper(found.upper, exact, norm.value)
        assert is_lower(found.lower, exact, norm.value)
        value = exact_float(exact, norm.value)
        assert found.upper == pytest.approx(value, rel=2e-9)
        assert found.lower == pytest.approx(value, rel=1e-9)
        slope_norm = polynomial_maximum(network.weights, found.slopes, found.slopes, norm.value)
        assert is_lower(found.lower, slope_norm, norm.value)


def test_is_the_maximum_over_all_vertices(many):
    for seed in range(many(12, 500)):
        check_case(seed)


class Stopped(PatternSearch):
    """A search that ends after so many batches."""

    def __init__(self, batches, *question):
        super().__init__(*question)
        self.left = batches

    def _is_full(self):
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize("batches", [0, 1, 2, math.inf])
def test_stopped_or_not_the_leaves_cover_all_slopes(batches):
    network = random_dense((6, 8, 5, 1), 3)
    vertices = 1 - 2 * np.array(list(np.ndindex(*[2] * 13)), dtype=np.int8)
    slopes = slope_ranges(network, WHOLE_SPACE)
    exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, "linf")
    found = Stopped(batches, network, slopes, Norm.LINF).run()
    assert (found.status == "exact") == (batches == math.inf)
    assert is_upper(found.upper, exact, "linf")
    assert is_lower(found.lower, exact, "linf")
    covered = np.zeros(len(vertices), dtype=bool)
    for leaf in found.leaves:
        assert leaf.bound <= found.upper
        covered |= (vertices * leaf.choice >= 0).all(axis=1)
    assert covered.all()


def test_proofs_that_are_too_large_are_not_kept(monkeypatch):
    monkeypatch.setattr("lipexplore.exact.branch_and_bound.LARGEST_PROOF", 1000)
    network = random_dense((10, 10, 10, 1), 0)
    found = PatternSearch(network, slope_ranges(network, WHOLE_SPACE), Norm.LINF).run()
    assert found.status == "exact"
    assert found.leaves == ()


def test_slopes_that_cannot_be_scaled_exactly():
    smallest = 5e-324
    network = Network([[[1.0, 0.5], [0.25, 1.0]], [[2.0**60, 2.0**60]]])
    slopes = SlopeRanges((np.array([smallest, 0.5]),), (np.array([3 * smallest, 1.0]),))
    for norm in Norm:
        exact = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
        found = PatternSearch(network, slopes, norm).run()
        assert is_upper(found.upper, exact, norm.value)
        assert is_lower(found.lower, exact, norm.value)
    slopes = SlopeRanges((np.array([smallest, smallest]),), (np.array([1e300, 1e300]),))
    box = PatternSearch(network, slopes, Norm.L2).box
    assert box.free.all()
    low, high = box.ranges(np.array([-1, 1], dtype=np.int8))
    assert low[0][0] == 0.0 < high[0][0] < 1e-320
    assert low[0][1] == high[0][1] > 1.0


def test_the_same_seed_gives_the_same_answer():
    network = random_dense((20, 15, 15, 1), 0)
    slopes = slope_ranges(network, WHOLE_SPACE)
    one, two = (PatternSearch(network, slopes, Norm.LINF).run() for _ in range(2))
    assert (one.upper, one.lower, one.nodes) == (two.upper, two.lower, two.nodes)
    assert all(map(np.array_equal, one.slopes, two.slopes))


@pytest.mark.parametrize("norm", list(Norm))
def test_an_interrupted_search_is_an_interval_around_the_maximum(norm):
    network = random_dense((30, 20, 20, 1), 0)
    slopes = slope_ranges(network, WHOLE_SPACE)
    exact = PatternSearch(network, slopes, norm).run()
    reports = []
    late = PatternSearch(network, slopes, norm)
    cut = late.run(time.perf_counter() - 1.0, reports.append)
    assert cut.status == "time limit"
    assert cut.lower <= exact.upper
    assert cut.upper >= exact.lower
    assert cut.upper < math.inf
    assert reports[-1]["open"] > 0
    assert reports[-1]["upper"] == cut.upper


def test_reports_are_nested_proven_intervals():
    network = random_dense((30, 30, 30, 1), 1)
    reports = []
    found = PatternSearch(network, slope_ranges(network, WHOLE_SPACE), Norm.LINF).run(
        on_progress=reports.append
    )
    uppers = [report["upper"] for report in reports]
    lowers = [report["lower"] for report in reports]
    assert (np.diff(uppers) <= 0.0).all()
    assert (np.diff(lowers) >= 0.0).all()
    assert min(uppers) >= found.lower


def test_memory_limit_ends_the_search():
    network = random_dense((30, 30, 30, 1), 1)
    slopes = slope_ranges(network, WHOLE_SPACE)
    found = PatternSearch(network, slopes, Norm.LINF, memory=1.0).run()
    assert found.status == "memory limit"
    assert found.upper >= found.lower > 0.0


@pytest.mark.parametrize("power", [-900, -300, 300])
def test_scale_does_not_matter(power):
    weights = [w.copy() for w in random_dense((3, 4, 3, 1), 2).weights]
    plain = Network(weights)
    scaled = Network([np.ldexp(weights[0], power), *weights[1:]])
    values = [
        PatternSearch(network, slope_ranges(network, WHOLE_SPACE), Norm.L2).run()
        for network in (plain, scaled)
    ]
    assert values[1].upper == pytest.approx(math.ldexp(values[0].upper, power), rel=3e-9)
    assert values[1].lower == pytest.approx(math.ldexp(values[0].lower, power), rel=1e-9)


def test_zero_and_linear_networks():
    for network, value in (
        (Network([[[1.0, 2.0]], [[0.0]]]), 0.0),
        (Network([[[3.0, -4.0]]]), 5.0),
        (Network([[[3.0, -4.0]], [[1.0]]], activations="identity"), 5.0),
    ):
        found = PatternSearch(network, slope_ranges(network, WHOLE_SPACE), Norm.L2).run()
        assert found.lower <= value <= found.upper
        assert found.upper == pytest.approx(value, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("seed", range(4))
def test_true_constant_in_a_box(seed):
    rng = np.random.default_rng(seed)
    network = Network(
        [rng.standard_normal((5, 3)), rng.standard_normal((1, 5))],
        [rng.standard_normal(5), np.zeros(1)],
    )
    region = Ball(rng.standard_normal(3), 0.6, Norm.LINF)
    for norm in Norm:
        truth = true_constant(network, norm.value, region.box())
        found = PatternSearch(
            network,
            slope_ranges(network, region),
            norm,
            feasibility=Feasibility(network, region),
        ).run()
        assert found.upper >= truth * (1.0 - 1e-12)
        assert found.lower <= truth * (1.0 + 1e-12)
        assert found.upper == pytest.approx(found.lower, rel=1e-8)
        point = found.witness.point
        assert (np.abs(point - region.center) <= 0.6).all()
        gradient = network.jacobian(point)[0]
        assert np.linalg.norm(gradient, norm.dual.exponent) == pytest.approx(truth, rel=1e-9)


def test_ascent_never_lowers_a_vertex():
    network = random_dense((5, 6, 6, 1), 4)
    chain = slope_chain(network, slope_ranges(network, WHOLE_SPACE))
    rng = np.random.default_rng(0)
    vertices = rng.random((50, 12)) < 0.5
    for norm in Norm:
        values, reached = ascend(chain, norm, vertices)
        for start, vertex, value in zip(vertices, reached, values, strict=True):
            gradients = [
                network.jacobian_of_slopes([v[:6].astype(float), v[6:].astype(float)])[0]
                for v in (start, vertex)
            ]
            before, after = (np.linalg.norm(g, norm.dual.exponent) for g in gradients)
            assert after >= before * (1.0 - 1e-12)
            assert math.ldexp(value, chain.exponent) == pytest.approx(after, rel=1e-12)


def test_shaking_flips_a_share_of_the_units():
    vertex = np.zeros(1000, dtype=bool)
    copies = shaken(vertex, 50, np.random.default_rng(0))
    flipped = copies.mean(axis=1)
    assert flipped.max() < 0.4
    assert flipped.max() > 0.1


def test_the_root_is_bounded_by_the_relaxation():
    network = random_dense((20, 20, 20, 1), 0)
    for norm in (Norm.L2, Norm.LINF):
        found = PatternSearch(network, slope_ranges(network, WHOLE_SPACE), norm).run()
        relaxation = bound(network, "shor", norm).value
        assert found.upper <= found.root <= 1.001 * relaxation

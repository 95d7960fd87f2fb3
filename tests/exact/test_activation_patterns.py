"""The enumeration of activation patterns: exact for L, proven whatever the linear programs say."""

import time
from itertools import count
from math import comb, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lipexplore
from lipexplore import WHOLE_SPACE, Ball, Box, Network
from lipexplore.errors import RelaxationTooLarge, UnsupportedQuestion
from lipexplore.exact.activation_patterns import count_above, enumerate_patterns
from lipexplore.exact.pattern_feasibility import Feasibility
from lipexplore.exact.pattern_program import PatternProgram
from lipexplore.exact.pattern_proofs import has_independent_rows
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from tests import strategies
from tests.oracles import (
    box_halfspaces,
    exact_float,
    exact_lipschitz,
    is_lower,
    is_upper,
    l1_halfspaces,
    linf_halfspaces,
)
from tests.patterns import true_constant
from tests.strategies import PIECEWISE_LINEAR

WIDTHS = (
    (2, 3, 1),
    (2, 4, 1),
    (3, 4, 1),
    (2, 2, 2, 1),
    (2, 3, 2, 1),
    (3, 2, 3, 1),
    (2, 2, 2, 2, 1),
)
TIGHT = 1 + 1e-11
IDENTITY = Network([[[1.0], [-1.0]], [[1.0, -1.0]]], name="relu(x) - relu(-x)")


def halfspaces(region):
    """Return the oracle's form of a region."""
    if isinstance(region, Box):
        return box_halfspaces(region.lower, region.upper)
    if isinstance(region, Ball):
        shape = {Norm.L1: l1_halfspaces, Norm.LINF: linf_halfspaces}[region.norm]
        return shape(region.center, region.radius)
    return []


def exact_constant(network, region, norm):
    slopes = [PIECEWISE_LINEAR[act.name] for act in network.activations]
    return exact_lipschitz(network.weights, network.biases, slopes, norm.value, halfspaces(region))


def random_question(seed):
    rng = np.random.default_rng(seed)
    names = [name for name in PIECEWISE_LINEAR if name != "identity"]
    network = random_dense(WIDTHS[seed % len(WIDTHS)], seed, names[seed % len(names)])
    if seed % 4 == 0:
        network = Network(network.weights, activations=network.activations)
    center = np.zeros(network.n_inputs) if seed % 8 == 0 else rng.uniform(-1, 1, network.n_inputs)
    size = rng.uniform(0.05, 1.0)
    ball = Ball(center, size, "l1" if network.n_inputs == 2 else "linf")
    regions = (WHOLE_SPACE, Box(center - size, center + 0.9 * size), ball)
    return network, regions[rng.integers(3)], list(Norm)[rng.integers(3)]


def test_rational_enumeration(many):
    for seed in range(many(210, 3000)):
        network, region, norm = random_question(seed)
        truth = exact_constant(network, region, norm)
        found = enumerate_patterns(network, region, norm)
        assert is_upper(found.upper, truth, norm.value), seed
        assert is_lower(found.lower, truth, norm.value), seed
        assert found.upper <= exact_float(truth, norm.value) * TIGHT, seed
        assert found.lower * TIGHT >= exact_float(truth, norm.value), seed


@pytest.mark.parametrize("norm", list(Norm), ids=lambda norm: norm.value)
def test_a_linear_program_per_sign_pattern(norm, many):
    for seed in range(many(3, 100)):
        network = random_dense((3, 5, 1), 50 + seed)
        ends = np.array([-0.4, -0.2, -0.3]), np.array([0.5, 0.3, 0.2])
        for region, box in ((WHOLE_SPACE, None), (Box(*ends), ends)):
            truth = true_constant(network, norm.value, box)
            found = lipexplore.bound(network, "activation-patterns", norm, region)
            assert found.value == pytest.approx(truth, rel=1e-11)
            assert found.lower == pytest.approx(truth, rel=1e-11)


@st.composite
def questions_with_ties(draw):
    network = draw(
        strategies.networks(tuple(PIECEWISE_LINEAR), strategies.half_integers, 3, 3, 6, n_outputs=1)
    )
    region = draw(strategies.regions(network.n_inputs, strategies.half_integers))
    return network, region, draw(st.sampled_from(list(Norm)))


def is_of_usual_size(region):
    """Tell whether the region has inner points, and more than rounding leaves of it."""
    if isinstance(region, Box):
        return bool((region.lower < region.upper).all())
    return not isinstance(region, Ball) or 1e-3 < region.radius < 1e3


@given(questions_with_ties())
def test_parallel_and_concurrent_hyperplanes(question):
    network, region, norm = question
    found = enumerate_patterns(network, region, norm)
    assert 0.0 <= found.lower <= found.upper
    if isinstance(region, Ball) and region.norm is Norm.L2:
        return
    truth = exact_constant(network, region, norm)
    assert is_upper(found.upper, truth, norm.value)
    assert is_lower(found.lower, truth, norm.value)
    if is_of_usual_size(region):
        assert found.upper <= exact_float(truth, norm.value) * TIGHT


@given(
    strategies.networks(tuple(PIECEWISE_LINEAR), max_width=3, max_units=5, n_outputs=1).flatmap(
        lambda network: st.tuples(st.just(network), strategies.regions(network.n_inputs))
    )
)
def test_nasty_numbers(question):
    """Weights from 1e-6 to 1e6, denormals and tiny or huge regions: proven, if not always tight."""
    network, region = question
    if isinstance(region, Ball) and (region.norm is Norm.L2 or network.n_inputs > 2):
        region = Box(region.center - 1.0, region.center + 1.0)
    found = enumerate_patterns(network, region, Norm.LINF)
    truth = exact_constant(network, region, Norm.LINF)
    assert is_upper(found.upper, truth, "linf")
    assert is_lower(found.lower, truth, "linf")


def test_numbers_beyond_the_solver_and_another_run_in_between():
    network = Network([[[1e90, 1.0], [1.0, -1e-90]], [[1e-90, 1.0]]], [[1e20, 1.0], [0.0]])
    truth = exact_constant(network, WHOLE_SPACE, Norm.L1)
    found = enumerate_patterns(network, WHOLE_SPACE, Norm.L1)
    assert is_upper(found.upper, truth, "l1")
    assert is_lower(found.lower, truth, "l1")
    feasibility = Feasibility(IDENTITY, WHOLE_SPACE)
    lipexplore.bound(IDENTITY, "lipopt-lp")
    both = ((np.ones(2),), (np.ones(2),))
    assert feasibility.is_proven_infeasible(*both)
    assert feasibility.point(*both) is None


@pytest.mark.parametrize("act", ["relu", "leaky_relu:-0.3", "identity"])
def test_a_ball_as_large_as_float64(act):
    """Pre-activations overflow: nothing may warn, and the whole space bounds the ball."""
    network = random_dense((2, 3, 2, 1), 1, act)
    found = enumerate_patterns(network, Ball(np.zeros(2), 1.7e308, "l1"), Norm.LINF)
    truth = exact_constant(network, WHOLE_SPACE, Norm.LINF)
    assert is_upper(found.upper, truth, "linf")
    assert is_lower(found.lower, truth, "linf")


def test_l_below_p_star():
    answer = lipexplore.bound(IDENTITY, "activation-patterns")
    assert (answer.of, answer.lower_of) == ("L", "L")
    assert answer.lower <= 1.0 <= answer.value <= 1.0 + 1e-14
    assert lipexplore.bound(IDENTITY, "vertex-search").lower == pytest.approx(2.0)


def test_l_below_p_star_over_a_box():
    """Of relu(x + y), relu(1 - x - y) one alone is steep outside the strip; near 0 both are on."""
    network = Network([[[1.0, 1.0], [-1.0, -1.0]], [[1.0, -1.0]]], [[0.0, 1.0], [0.0]])
    wide, narrow = Box([-9.0, -9.0], [-1.0, -1.0]), Box([0.1, 0.1], [0.4, 0.4])
    for region, slope in ((WHOLE_SPACE, 4.0), (narrow, 4.0), (wide, 2.0)):
        answer = lipexplore.bound(network, "activation-patterns", "linf", region)
        assert answer.value == pytest.approx(slope, rel=1e-13)
        assert answer.lower == pytest.approx(slope, rel=1e-13)


@pytest.mark.parametrize("n_inputs", [1, 2, 3])
def test_cells_of_an_arrangement_in_general_position(n_inputs):
    network = random_dense((n_inputs, 6, 1), 3)
    cells = sum(comb(6, k) for k in range(n_inputs + 1))
    found = enumerate_patterns(network, WHOLE_SPACE, Norm.L2)
    assert found.patterns == cells == count_above(network, WHOLE_SPACE)


def test_central_hyperplanes_have_fewer_cells():
    """n lines through one point cut the plane into 2 n sectors: a tie that only integers decide."""
    network = Network(random_dense((2, 6, 1), 3).weights)
    assert enumerate_patterns(network, WHOLE_SPACE, Norm.L2).patterns == 12
    assert enumerate_patterns(network, Ball([0.0, 0.0], 1.0), Norm.L2).patterns == 12
    assert enumerate_patterns(network, Ball([0.0, 0.0], 1.0, "l2"), Norm.L2).patterns == 12


@pytest.mark.parametrize("seed", range(4))
def test_nested_balls(seed):
    network = random_dense((3, 4, 3, 1), 20 + seed)
    found = [
        enumerate_patterns(network, Ball([0.1, -0.2, 0.3], 0.5, shape), Norm.LINF)
        for shape in ("l1", "l2", "linf")
    ]
    assert found[0].lower <= found[1].upper * TIGHT
    assert found[1].lower <= found[2].upper * TIGHT
    assert found[1].upper <= found[1].lower * TIGHT
    x = found[1].witness.point
    assert np.linalg.norm(x - [0.1, -0.2, 0.3]) <= 0.5
    assert np.abs(network.jacobian(x)).sum() == pytest.approx(found[1].lower)


class Garbled(PatternProgram):
    """A solver that claims infeasibility of everything, with random or scaled multipliers."""

    def optimum(self, sides):
        from dataclasses import replace

        found = super().optimum(sides)
        rng = np.random.default_rng(abs(hash(sides.tobytes())) % 2**32)
        noise = rng.standard_normal(len(found.rows)) * 10.0 ** rng.integers(-12, 6)
        rows = (found.rows * (1 + 1e-3 * noise), noise, found.rows, 0 * noise + np.nan)
        return replace(found, margin=-1.0, rows=rows[rng.integers(4)])


def test_wrong_answers_of_the_solver_only_loosen(monkeypatch):
    monkeypatch.setattr("lipexplore.exact.pattern_feasibility.PatternProgram", Garbled)
    for seed in range(14):
        network, region, norm = random_question(seed)
        truth = exact_constant(network, region, norm)
        found = enumerate_patterns(network, region, norm)
        assert is_upper(found.upper, truth, norm.value)
        assert is_lower(found.lower, truth, norm.value)


def partial(network, region, x, rng):
    """Return the slopes at a point, some of them freed again."""
    ranges = slope_ranges(network, region)
    z = network.preactivations(x)
    slopes = [act.slope(layer) for act, layer in zip(network.activations, z, strict=True)]
    kept = [rng.random(len(s)) < 0.7 for s in slopes]
    return tuple(
        tuple(np.where(keep, s, end) for keep, s, end in zip(kept, slopes, ends, strict=True))
        for ends in (ranges.lower, ranges.upper)
    )


@pytest.mark.parametrize("seed", range(12))
def test_nodes_that_hold_a_point_are_never_excluded(seed):
    network = random_dense((4, 6, 5, 1), seed, ("relu", "abs", "leaky_relu:2.5")[seed % 3])
    rng = np.random.default_rng(seed)
    center = rng.uniform(-1, 1, 4)
    shapes = [Ball(center, 0.7, norm) for norm in Norm]
    for region in (WHOLE_SPACE, Box(center - 0.5, center + 0.4), *shapes):
        feasibility = Feasibility(network, region)
        for x in region.sample(8, rng, 4):
            node = partial(network, region, x, rng)
            assert not feasibility.is_proven_infeasible(*node)
            point = feasibility.point(*node)
            assert point is None or not isinstance(region, Box) or (point <= region.upper).all()


@pytest.mark.parametrize("region", [Ball(np.zeros(2), 1.0), WHOLE_SPACE], ids=str)
def test_a_time_limit_leaves_an_honest_interval(region, monkeypatch):
    network = random_dense((2, 5, 4, 1), 2)
    truth = exact_float(exact_constant(network, region, Norm.LINF), "linf")
    spent = lipexplore.bound(network, "activation-patterns", region=region, time_limit=0.0)
    above = lipexplore.bound(
        network, "interval-jacobian", region=region, slopes="back-substitution"
    )
    assert "0 patterns" in spent.status
    assert truth <= spent.value <= above.value * TIGHT
    uppers = []
    for steps in (3, 10, inf):  # on a clock that counts how often it is read
        clock = count()
        monkeypatch.setattr(time, "perf_counter", lambda clock=clock: next(clock))
        uppers.append(enumerate_patterns(network, region, Norm.LINF, steps))
        monkeypatch.undo()
    assert all(item.lower <= truth * TIGHT and item.upper * TIGHT >= truth for item in uppers)
    assert uppers[0].left > 0 == uppers[-1].left
    assert uppers[-1].upper <= truth * TIGHT


@pytest.mark.parametrize("norm", Norm)
def test_reports_are_nested_proven_intervals(norm):
    network = random_dense((2, 4, 3, 1), 3)
    truth = exact_constant(network, WHOLE_SPACE, norm)
    seen = []
    answer = lipexplore.bound(network, "activation-patterns", norm, on_progress=seen.append)
    uppers = [item["upper"] for item in seen]
    lowers = [item["lower"] for item in seen]
    assert uppers == sorted(uppers, reverse=True)
    assert lowers == sorted(lowers)
    assert all(is_upper(upper, truth, norm.value) for upper in uppers)
    assert all(is_lower(lower, truth, norm.value) for lower in lowers)
    assert (uppers[-1], lowers[-1]) == (answer.value, answer.lower)


def test_refusals_say_what_to_do():
    large = lipexplore.load_network("digits-64-20-10-relu")
    with pytest.raises(RelaxationTooLarge, match=r"1,048,576 patterns.*time limit.*vertex-search"):
        lipexplore.bound(large, "activation-patterns", output=3)
    assert lipexplore.bound(large, "activation-patterns", output=3, time_limit=0.1).value < 76
    for name in strategies.SMOOTH:
        with pytest.raises(UnsupportedQuestion, match=f"activation-patterns.*{name}"):
            lipexplore.bound(random_dense((2, 3, 1), 0, name), "activation-patterns")
    with pytest.raises(UnsupportedQuestion, match="hidden layer"):
        Feasibility(random_dense((2, 1), 0), WHOLE_SPACE)


def test_a_trained_deep_classifier_has_l_below_p_star_in_a_ball():
    """Both ends of the comparison are proven: L from above, P* from below."""
    question = lipexplore.load_network("digits-64-32-16-10-relu"), Ball(np.full(64, 0.5), 0.1)
    answer, slopes, points = (
        lipexplore.bound(question[0], method, "linf", question[1], output=3, **settings)
        for method, settings in (
            ("activation-patterns", {}),
            ("vertex-search", {"slopes": "back-substitution"}),
            ("sampled-gradient", {"points": 2000}),
        )
    )
    assert answer.value <= answer.lower * TIGHT
    assert points.lower <= answer.value < 0.98 * slopes.lower
    at_witness = np.abs(question[0].jacobian(answer.witness)[3]).sum()
    assert at_witness == pytest.approx(answer.lower, rel=1e-11)
    assert np.abs(answer.witness - 0.5).max() <= 0.1


def test_independent_rows_are_proven_exactly():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((6, 9))
    assert has_independent_rows(matrix)
    assert has_independent_rows(np.ldexp(matrix, -900))
    assert has_independent_rows(np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]]))
    whole = rng.integers(-9, 9, (5, 9)).astype(float)
    for combination in rng.integers(-3, 4, (20, 5)).astype(float):
        assert not has_independent_rows(np.vstack([whole, combination @ whole]))
    assert not has_independent_rows(np.zeros((1, 3)))

"""The one LMI against published values, closed forms and its own statement in PICOS."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import picos
import pytest

import lipexplore
from lipexplore.bounds import estimate
from lipexplore.certificates.lmi import verified_bound
from lipexplore.errors import InvalidSetting, RelaxationTooLarge, UnsupportedQuestion
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_ranges import SlopeRanges, slope_ranges
from lipexplore.networks.slope_system import sector_system, slope_system
from lipexplore.norms import Norm
from lipexplore.relaxations.slope_lmi import slope_lmi, with_reduced_input
from lipexplore.solvers import solve


def normal(widths, seed, biases=False):
    """Return the network that the published values belong to: N(0, 1 / fan-in), no biases."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    return lipexplore.Network(
        weights, [0.3 * rng.standard_normal(b) for b in widths[1:]] if biases else ()
    )


def system_of(network, region=lipexplore.WHOLE_SPACE):
    return sector_system(slope_system(network, slope_ranges(network, region)))


def value_of(network, norm, **question):
    answer = lipexplore.bound(network, "slope-lmi", norm, **question)
    assert answer.verified
    assert answer.status == "optimal"
    assert answer.value - answer.solver_value <= answer.residual + 1e-9 * answer.value
    return answer.value


SHOR = [
    ((8, 8, 1), 0, 3.324478, 1.241133),
    ((8, 8, 1), 1, 2.410496, 0.912907),
    ((8, 8, 1), 2, 3.809181, 1.517044),
    ((10, 10, 1), 0, 3.156991, 1.076847),
    ((10, 10, 1), 1, 2.031929, 0.673865),
    ((10, 10, 1), 2, 3.527389, 1.261609),
    ((12, 7, 1), 0, 3.857203, 1.241039),
    ((20, 20, 1), 1, 4.321802, 1.094234),
    ((6, 6, 6, 1), 0, 2.014285, 0.967815),
    ((5, 7, 4, 1), 0, 1.472181, 0.804200),
    ((8, 8, 8, 1), 0, 2.240789, 0.885835),
    ((8, 8, 8, 1), 1, 1.439826, 0.562003),
    ((8, 8, 8, 1), 2, 2.454909, 0.928791),
]


@pytest.mark.parametrize(("widths", "seed", "linf", "l2"), SHOR)
def test_published_values(widths, seed, linf, l2):
    """Independent values of Shor's relaxation, GeoLIP and LipSDP-Neuron, which agree."""
    network = normal(widths, seed)
    assert value_of(network, "linf") == pytest.approx(linf, rel=2e-6)
    assert value_of(network, "l2") == pytest.approx(l2, rel=2e-6)


@pytest.mark.parametrize(
    ("widths", "seed", "joint_l2", "rows_linf"),
    [
        ((3, 5, 4, 2), 0, 1.318984701304, 1.85596942),
        ((6, 10, 1), 1, 0.615952894, 1.28446721),
        ((5, 6, 5, 1), 7, 0.580383634, 1.12648363),
        ((5, 16, 16, 16, 4), 5, 2.76711394, 5.77563049),
    ],
)
def test_several_outputs(widths, seed, joint_l2, rows_linf):
    network = normal(widths, seed)
    assert value_of(network, "l2", output="all") == pytest.approx(joint_l2, rel=1e-7)
    assert value_of(network, "linf", output="all") == pytest.approx(rows_linf, rel=1e-7)


def test_worked_example_is_not_below_the_exact_value():
    """The solver's raw optimum of 3-5-4-2 is; the formal value is known to 13 digits."""
    assert value_of(normal((3, 5, 4, 2), 0), "l2", output="all") >= 1.318984701304


@pytest.mark.parametrize(
    ("act", "radius", "ball", "units", "expected"),
    [
        ("relu", 0.05, "linf", 5, 1.19620938),
        ("relu", 0.05, "l2", 3, 1.15254031),
        ("relu", 0.3, "linf", 13, 1.44267708),
        ("relu", 0.3, "l2", 11, 1.44215591),
        ("tanh", 0.05, "linf", 22, 1.05328419),
        ("tanh", 0.05, "l2", 22, 0.977573332),
        ("tanh", 0.3, "linf", 22, 1.47420814),
        ("tanh", 0.3, "l2", 22, 1.32708948),
    ],
)
def test_published_local_values(act, radius, ball, units, expected):
    """Local LipSDP: units with a fixed slope leave, the others keep their local ranges."""
    plain = normal((4, 12, 10, 3), 30, biases=True)
    network = lipexplore.Network(plain.weights, plain.biases, act)
    center = np.random.default_rng(1030).standard_normal(4)
    region = lipexplore.Ball(center, radius, ball)
    answer = lipexplore.bound(network, "slope-lmi", "l2", region, output="all")
    assert answer.size["units"] == units
    assert answer.value == pytest.approx(expected, rel=2e-5)


def test_tiny_regions_give_the_jacobian():
    network = random_dense((4, 6, 5, 1), 1, "tanh")
    center = np.array([0.1, -0.2, 0.3, 0.0])
    for norm in (Norm.L2, Norm.LINF):
        exact = np.linalg.norm(network.jacobian(center)[0], norm.dual.exponent)
        for radius in (1e-6, 1e-12, 1e-300):
            region = lipexplore.Ball(center, radius)
            assert value_of(network, norm, region=region) == pytest.approx(exact, rel=2e-5)


def test_coupled_multipliers_are_not_used():
    """relu(x) - relu(x - 1) has slope 1; "LipSDP-Network" claims 0."""
    network = lipexplore.Network([[[1.0], [1.0]], [[1.0, -1.0]]], [[0.0, -1.0], [0.0]])
    assert 1.0 <= value_of(network, "l2") <= 1.0 + 1e-6


@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
def test_negative_and_large_slopes(norm):
    """One unit with slopes in [-0.1, 1.1]: dropping a b would claim 1."""
    network = lipexplore.Network([[[1.0]], [[1.0]]])
    slopes = SlopeRanges((np.array([-0.1]),), (np.array([1.1]),))
    system = sector_system(slope_system(network, slopes))
    lmi = slope_lmi(system, norm)
    solution = solve(lmi.problem(), structure=lmi.structure())
    value = verified_bound(system, norm, *lmi.multipliers(solution.primal["c"])).value
    assert 1.1 <= value <= 1.1 * (1 + 1e-7)


@pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF])
@pytest.mark.parametrize("reduce_input", ["no", "auto"])
def test_picos_states_what_the_structure_says(norm, reduce_input):
    network = random_dense((7, 4, 3, 2 if norm is Norm.L2 else 1), 0, "silu")
    lmi = slope_lmi(system_of(network), norm, reduce_input)
    problem = lmi.problem()
    (variable,) = problem.variables.values()
    (constraint,) = problem.constraints.values()
    c = np.random.default_rng(0).random(len(lmi.repeats))
    variable.value = c
    stated = np.array(constraint.psd.value)
    constant = np.zeros_like(stated)
    constant[: len(lmi.outer), len(lmi.outer) :] = -lmi.outer
    np.testing.assert_allclose(stated, lmi.structure().value(c) + constant + constant.T, atol=1e-14)
    inputs = c[1 : len(c) - len(lmi.inner)]
    assert problem.objective.value == pytest.approx((c[0] + lmi.weight * inputs.sum()) / 2)
    assert isinstance(problem, picos.Problem)
    assert lmi.size["order"] == len(stated)
    assert lmi.size["variables"] == len(c)


def test_reducing_the_input_changes_nothing_for_l2():
    network = normal((40, 6, 5, 2), 0)
    answers = [
        lipexplore.bound(network, "slope-lmi", "l2", output="all", reduce_input=choice)
        for choice in ("no", "auto", "yes")
    ]
    assert [answer.size["inputs"] for answer in answers] == [40, 6, 6]
    for answer in answers[1:]:
        assert answer.value == pytest.approx(answers[0].value, rel=1e-7)


def test_reducing_the_input_keeps_direct_weights():
    """Slopes in [a, b] with a > 0 put weights from the input to the output: D counts as well."""
    network = random_dense((30, 4, 3, 1), 3, "leaky_relu:2.5")
    whole, less = (
        lipexplore.bound(network, "slope-lmi", "l2", reduce_input=choice)
        for choice in ("no", "yes")
    )
    assert less.size["inputs"] == 8
    assert less.value == pytest.approx(whole.value, rel=1e-7)


def test_reducing_the_input_would_be_unsound_for_linf():
    """f = relu(x + y) grows by 2; after turning the input it is relu(sqrt(2) x)."""
    network = lipexplore.Network([[[1.0, 1.0]], [[1.0]]])
    system = system_of(network)
    inner, outer = with_reduced_input(system.inner, system.outer)
    turned = replace(
        system,
        inner=inner,
        inner_error=np.zeros_like(inner),
        outer=outer,
        outer_error=np.zeros_like(outer),
    )
    for norm, expected in ((Norm.LINF, np.sqrt(2.0)), (Norm.L2, np.sqrt(2.0))):
        lmi = slope_lmi(turned, norm)
        solution = solve(lmi.problem(), structure=lmi.structure())
        value = verified_bound(turned, norm, *lmi.multipliers(solution.primal["c"])).value
        assert value == pytest.approx(expected, rel=1e-6)
    assert value_of(network, "l2") == pytest.approx(np.sqrt(2.0), rel=1e-6)
    assert value_of(network, "linf") >= 2.0
    with pytest.raises(UnsupportedQuestion, match="unsound"):
        lipexplore.bound(network, "slope-lmi", "linf", reduce_input="yes")
    with pytest.raises(UnsupportedQuestion, match="unsound"):
        estimate(network, "slope-lmi", "linf", reduce_input="yes")


def test_sizes_are_counted_before_building():
    network = random_dense((3, 801, 1), 0)
    for run in (lipexplore.bound, estimate):
        with pytest.raises(RelaxationTooLarge, match="801 units"):
            run(network, "slope-lmi", "l2")
        with pytest.raises(RelaxationTooLarge, match="order 21"):
            run(random_dense((10, 10, 1), 0), "slope-lmi", "linf", memory_limit=1e-6)
    with pytest.raises(InvalidSetting, match="reduce_input"):
        lipexplore.bound(network, "slope-lmi", "l2", reduce_input="perhaps")


@pytest.mark.parametrize("factor", [2.0**-60, 2.0**60, 1e-6, 1e6])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_scaled_weights(factor, norm):
    network = random_dense((5, 6, 4, 1), 2)
    scaled = lipexplore.Network([factor * network.weights[0], *network.weights[1:]])
    expected = factor * value_of(network, norm)
    assert value_of(scaled, norm) == pytest.approx(expected, rel=1e-6)


def test_without_units_it_is_the_norm():
    network = random_dense((5, 4, 3, 1), 0, "identity")
    row = network.weights[2] @ network.weights[1] @ network.weights[0]
    assert value_of(network, "linf") == pytest.approx(np.abs(row).sum(), rel=1e-6)
    assert value_of(network, "l2") == pytest.approx(np.linalg.norm(row), rel=1e-6)


def test_a_region_with_zero_gradient():
    network = lipexplore.Network([np.eye(2), [[1.0, 1.0]]], [[-5.0, -5.0], None])
    region = lipexplore.Ball(np.zeros(2), 1.0)
    for norm in ("l2", "linf"):
        answer = lipexplore.bound(network, "slope-lmi", norm, region)
        assert (answer.value, answer.verified, answer.status) == (0.0, True, "constant gradient")


def test_progress_and_stopping():
    network = random_dense((10, 15, 15, 1), 0)
    seen = []
    best = lipexplore.bound(network, "slope-lmi", "linf", on_progress=seen.append).value
    assert [item["iteration"] for item in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["primal"] == pytest.approx(best, rel=1e-6)

    class Enough(Exception):
        pass

    def stop(progress):
        if progress["iteration"] == 3:
            raise Enough

    with pytest.raises(Enough):
        lipexplore.bound(network, "slope-lmi", "linf", on_progress=stop)
    early = lipexplore.bound(network, "slope-lmi", "linf", time_limit=1e-6)
    assert early.status == "time limit"
    assert early.verified
    assert best <= early.value < np.inf

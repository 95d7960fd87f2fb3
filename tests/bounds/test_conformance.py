"""Laws that every method of METHODS obeys; registering a method subjects it to them."""

import json
import pickle
from dataclasses import fields
from fractions import Fraction
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import METHODS, estimate
from lipexplore.errors import InvalidRegion, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.generators import random_dense, random_sparse
from lipexplore.networks.slope_ranges import propagate, slope_ranges
from lipexplore.norms import Norm
from tests.oracles import is_lower, is_upper, polynomial_maximum
from tests.patterns import true_constant

QUESTIONS = [(method, norm) for method in METHODS for norm in method.norms]
IDS = [f"{method.name}-{norm.value}" for method, norm in QUESTIONS]
NETWORKS = [
    random_dense((3, 4, 1), 0),
    random_dense((2, 3, 3, 1), 1),
    random_sparse((4, 4, 3, 1), 0.5, 2),
    random_dense((3, 3, 1), 3, "silu"),
    random_dense((3, 4, 1), 4, "abs"),
    random_dense((2, 3, 2, 1), 5, "elu:1.0"),
    random_dense((3, 2), 6),
]
CENTER = {2: np.array([0.2, -0.1]), 3: np.array([0.3, -0.2, 0.1]), 4: np.array([0.1, 0, 0.2, 0])}


def regions(network):
    center = CENTER[network.n_inputs]
    yield lipexplore.WHOLE_SPACE
    for norm in Norm:
        yield lipexplore.Ball(center, 0.4, norm)
    yield lipexplore.Box(center - 0.1, center + 0.3)


def answers(method, network, region=lipexplore.WHOLE_SPACE):
    """Tell whether a method declares that it knows a network's shape and a region."""
    names = {activation.name for activation in network.activations}
    return (
        (method.depths is None or network.depth in method.depths)
        and (method.activations is None or names <= set(method.activations))
        and not (method.bounded_regions_only and region is lipexplore.WHOLE_SPACE)
    )


def home(method, network):
    """Return the whole space, or a ball for a method that needs a bounded region."""
    if method.bounded_regions_only:
        return lipexplore.Ball(np.full(network.n_inputs, 0.1), 0.4)
    return lipexplore.WHOLE_SPACE


def known_network(method, preferred):
    """Return the preferred network if the method knows its shape, else the first that it knows."""
    return next(net for net in (preferred, *NETWORKS) if answers(method, net, home(method, net)))


def floor_and_maximum(method, network, region, norm, minus=None):
    """Return what the upper end must reach (P*, or L for a bound of L alone) and P*.

    Both are squared for l2.
    """
    slopes = slope_ranges(network, region)
    maximum = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value, 0, minus)
    if method.of == "P*" or method.side == "lower":
        return maximum, maximum
    ends = None if region is lipexplore.WHOLE_SPACE else region.box()
    truth = true_constant(network.head(0, minus), norm.value, ends)
    return Fraction(truth * (1 - 1e-12)) ** (2 if norm is Norm.L2 else 1), maximum


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_refuses_what_it_does_not_declare(method, norm):
    for network in NETWORKS:
        for region in regions(network):
            if not answers(method, network, region):
                for ask in (lipexplore.bound, estimate):
                    with pytest.raises(UnsupportedQuestion, match=method.name):
                        ask(network, method.name, norm, region)


@pytest.mark.sweep
@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_against_brute_force(method, norm, network):
    for region in filter(partial(answers, method, network), regions(network)):
        slopes = slope_ranges(network, region)
        maximum = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
        answer = lipexplore.bound(network, method.name, norm, region)
        if answer.of == "P*":
            assert is_upper(answer.value, maximum, norm.value)
        assert is_lower(answer.lower, maximum, norm.value)
        assert answer.verified
        assert answer.side == method.side


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_what_overflows_is_not_called_verified(method, norm):
    network = lipexplore.Network([[[1e100]]] * 5)
    try:
        answer = lipexplore.bound(network, method.name, norm)
    except UnsupportedQuestion:
        return
    if method.side != "lower":
        assert answer.value == np.inf
        assert not answer.verified
        assert answer.status != "done"


@pytest.mark.parametrize(
    ("method", "norm"), [item for item in QUESTIONS if "slopes" in item[0]().settings()]
)
def test_tighter_slopes_are_no_worse_and_hold(method, norm):
    network = random_dense((3, 4, 4, 1), 5)
    region = lipexplore.Ball(CENTER[3], 0.6, "l2")
    slopes = slope_ranges(network, region, "back-substitution")
    assert slopes.undecided < slope_ranges(network, region).undecided
    maximum = polynomial_maximum(network.weights, slopes.lower, slopes.upper, norm.value)
    plain, tight = (
        lipexplore.bound(network, method.name, norm, region, slopes=kind)
        for kind in ("interval", "back-substitution")
    )
    assert tight.value <= plain.value * (1 + 1e-7)
    assert is_upper(tight.value, maximum, norm.value)
    assert is_lower(tight.lower, maximum, norm.value)


@pytest.mark.sweep
@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
@pytest.mark.parametrize("seed", range(6))
def test_against_the_true_constant(method, norm, seed):
    network = random_dense((2, 4, 1), 100 + seed)
    box = (np.array([-0.5, -0.3]), np.array([0.6, 0.4]))
    for region, ends in ((lipexplore.WHOLE_SPACE, None), (lipexplore.Box(*box), box)):
        if not answers(method, network, region):
            continue
        truth = true_constant(network, norm.value, ends)
        answer = lipexplore.bound(network, method.name, norm, region)
        assert answer.value >= truth * (1 - 1e-12)
        if answer.lower_of == "L":
            assert answer.lower <= truth * (1 + 1e-12)


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_margins_count_the_rounding_of_the_difference(method, norm):
    rng = np.random.default_rng(7)
    network = lipexplore.Network([rng.standard_normal((3, 2)), rng.standard_normal((2, 3)) / 3])
    region = home(method, network)
    floor, maximum = floor_and_maximum(method, network, region, norm, minus=1)
    answer = lipexplore.bound(network, method.name, norm, region, output=0, minus=1)
    assert is_upper(answer.value, floor, norm.value)
    assert is_lower(answer.lower, maximum, norm.value)


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_all_outputs_are_the_largest_row(method, norm):
    network = random_dense((3, 4, 3), 8)
    region = home(method, network)
    rows = [lipexplore.bound(network, method.name, norm, region, output=i) for i in range(3)]
    answer = lipexplore.bound(network, method.name, norm, region, output="all", output_norm="linf")
    assert answer.value == max(row.value for row in rows)
    assert answer.lower == max(row.lower for row in rows)


@pytest.mark.parametrize(("method", "norm"), [(m, norm) for m in METHODS for norm in m.joint_norms])
@pytest.mark.parametrize("seed", range(4))
def test_joint_outputs_against_brute_force(method, norm, seed):
    network = random_dense((2, 3, 2, 3), seed)
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    rng = np.random.default_rng(seed)
    ends = rng.integers(0, 2, (200, 5)).astype(float)
    jacobians = network.jacobian_of_slopes([ends[:, :3], ends[:, 3:]])
    largest = max(np.linalg.norm(jacobian, norm.exponent) for jacobian in jacobians)
    assert slopes.undecided == 5
    answer = lipexplore.bound(network, method.name, norm, output="all", output_norm=norm)
    assert answer.value >= largest * (1 - 1e-12)
    assert answer.output_norm == norm.value


def test_joint_outputs_are_refused_where_unknown():
    with pytest.raises(UnsupportedQuestion, match="from l2 to l1"):
        lipexplore.bound(NETWORKS[6], "path", "l2", output="all", output_norm="l1")
    with pytest.raises(UnsupportedQuestion, match="output_norm='linf'"):
        lipexplore.bound(NETWORKS[6], "vertex-search", "l2", output="all")


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_scaling_and_permutation(method, norm):
    network = NETWORKS[0]
    order = np.array([2, 0, 3, 1])
    permuted = lipexplore.Network(
        [network.weights[0][order], network.weights[1][:, order]], [network.biases[0][order], None]
    )
    scaled = lipexplore.Network([network.weights[0], 8 * network.weights[1]], network.biases)
    region = home(method, network)
    found = [
        lipexplore.bound(net, method.name, norm, region) for net in (network, permuted, scaled)
    ]
    ends = [(answer.value if method.side == "upper" else answer.lower) for answer in found]
    assert ends[1] == pytest.approx(ends[0], rel=1e-6)
    assert ends[2] == pytest.approx(8 * ends[0], rel=1e-6)


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("method", "norm"), [item for item in QUESTIONS if item[0].side != "lower"]
)
@pytest.mark.parametrize("network", NETWORKS[:6], ids=str)
def test_smaller_region_is_no_worse(method, norm, network):
    center = CENTER[network.n_inputs]
    radii = (0.01, 0.1, 1.0, 10.0)
    growing = [*(lipexplore.Ball(center, radius) for radius in radii), lipexplore.WHOLE_SPACE]
    known = filter(partial(answers, method, network), growing)
    values = [lipexplore.bound(network, method.name, norm, region).value for region in known]
    assert all(a <= b * (1 + 1e-7) for a, b in pairwise(values))


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_deterministic_and_picklable(method, norm):
    network = known_network(method, NETWORKS[1])
    region = home(method, network)
    first = lipexplore.bound(network, method.name, norm, region)
    second = lipexplore.bound(network, method.name, norm, region)
    again = pickle.loads(pickle.dumps(first))
    assert (first.value, first.lower) == (second.value, second.lower) == (again.value, again.lower)
    assert pickle.loads(pickle.dumps(method())) == method()
    assert json.loads(first.to_json())["network_hash"] == network.content_hash


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_describes_itself(method):
    assert method.explanation.endswith(".")
    assert method.label
    assert method.sources
    assert all(item.metadata.get("help") for item in fields(method))
    assert method.__doc__
    with pytest.raises(InvalidSetting, match="has no setting 'nonsense'"):
        lipexplore.bound(NETWORKS[0], method.name, nonsense=1)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_refuses_what_it_cannot_answer(method):
    for norm in Norm:
        if norm not in method.norms:
            with pytest.raises(UnsupportedQuestion, match=method.name):
                lipexplore.bound(NETWORKS[0], method.name, norm)
    with pytest.raises(InvalidRegion, match="5 coordinates"):
        lipexplore.bound(NETWORKS[0], method.name, region=lipexplore.Ball(np.zeros(5), 1.0))


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_estimate_before_running(method, norm):
    region = home(method, NETWORKS[0])
    forecast = estimate(NETWORKS[0], method.name, norm, region)
    answer = lipexplore.bound(NETWORKS[0], method.name, norm, region)
    assert 0 < forecast.seconds < 10
    for key in set(forecast.size) & set(answer.size):
        assert forecast.size[key] >= answer.size[key]


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_a_spent_time_limit_still_gives_a_valid_answer(method, norm):
    network = random_dense((6, 6, 1), 9)
    region = home(method, network)
    floor, maximum = floor_and_maximum(method, network, region, norm)
    answer = lipexplore.bound(network, method.name, norm, region, time_limit=1e-6)
    assert is_upper(answer.value, floor, norm.value)
    assert is_lower(answer.lower, maximum, norm.value)


@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_slices_are_networks_of_their_own(method, norm):
    network = random_dense((3, 4, 3, 2), 10)
    part = lipexplore.Network(network.weights[1:], network.biases[1:])
    region = home(method, network)
    inner = propagate(network, region, 2)
    whole = lipexplore.bound(network, method.name, norm, region, layers=(2, 3), output=1)
    alone = lipexplore.bound(part, method.name, norm, inner, output=1)
    assert whole.value == alone.value
    assert whole.lower == alone.lower
    assert whole.network_hash == network.content_hash

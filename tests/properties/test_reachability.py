"""Boxes of implicit networks: the specification's values, samples, traps, and certified radii."""

from __future__ import annotations

import time

import numpy as np
import pytest

from lipexplore.errors import InvalidNetwork, InvalidSetting, NoContraction
from lipexplore.networks.contraction import matrix_measure
from lipexplore.networks.fixed_points import averaged
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.implicit.bounds import implicit_bound
from lipexplore.properties.implicit.boxes import lipschitz_box, sampled_box, unrolled_box
from lipexplore.properties.implicit.robustness import (
    certified_accuracy,
    certified_radii,
    is_certified,
    lipschitz_radii,
    margin_constants,
)
from lipexplore.properties.reachability import EmbeddedNetwork, ball_box, reachable_box
from tests.networks.implicit_cases import NEMON_10, NEMON_11, nemon, random_certified

SPECIFIED = pytest.mark.parametrize("values", [NEMON_10, NEMON_11], ids=["nemon_10", "nemon_11"])


def width(box):
    return box[1] - box[0]


def contains(network, box, states, count, seed=0):
    """Sampled equilibria and outputs, with their own proven errors, lie inside."""
    low, high = box
    rng = np.random.default_rng(seed)
    x = low + rng.random((count, network.n_inputs)) * (high - low)
    found = network.equilibrium(x)
    inside = (found.state - found.error <= states[1]) & (found.state + found.error >= states[0])
    return bool(inside.all())


@SPECIFIED
def test_values_of_the_specification(values):
    case = nemon(*values["args"])
    embedded, box = EmbeddedNetwork(case.network), ball_box(case.x, 0.1)
    states, outputs = embedded.states(*box), embedded.outputs(*box)
    for found, expected in zip((*states, *outputs), ("x_lo", "x_hi", "y_lo", "y_hi"), strict=True):
        assert found == pytest.approx(values[expected], rel=1e-6, abs=1e-8)
    margin = embedded.margins(box[0][None], box[1][None], np.array([0]))[0, 1]
    assert margin == pytest.approx(values["rel01"], rel=1e-6)
    assert outputs[0][0] - outputs[1][1] == pytest.approx(values["plain01"], rel=1e-6)
    assert np.array(reachable_box(case.network, case.x, 0.1)) == pytest.approx(np.array(outputs))


@SPECIFIED
def test_measure_of_the_embedded_network_is_that_of_the_network(values):
    case = nemon(*values["args"])
    matrix = EmbeddedNetwork(case.network).matrix
    doubled = matrix_measure(matrix, np.tile(case.weights, 2))
    assert doubled == pytest.approx(matrix_measure(case.network.A, case.weights), rel=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu:0.2", "elu:2.0", "sigmoid"])
def test_boxes_contain_sampled_equilibria(activation, many):
    rng = np.random.default_rng(7)
    for _ in range(many(4, 20)):
        network = random_certified(rng, activation)
        center = rng.standard_normal(network.n_inputs)
        box = ball_box(center, float(rng.uniform(0.0, 1.0)))
        embedded = EmbeddedNetwork(network)
        assert contains(network, box, embedded.states(*box), 500)
        outputs, error = sampled_box(network, *box, 1000)
        for found in (embedded.outputs(*box), lipschitz_box(network, *box)):
            assert ((outputs + error >= found[0]) & (outputs - error <= found[1])).all()


@SPECIFIED
def test_a_million_samples_lie_inside(values, many):
    case = nemon(*values["args"])
    box = ball_box(case.x, 0.1)
    states = EmbeddedNetwork(case.network).states(*box)
    for part in range(many(1, 10)):
        assert contains(case.network, box, states, 50_000, seed=part)


@SPECIFIED
def test_iterates_enclose_only_once_moved_outward(values):
    """Raw iterates from 0 miss the equilibrium for ten steps; with their radius all enclose."""
    case = nemon(*values["args"])
    network, box, count = case.network, ball_box(case.x, 0.1), case.network.n_states
    truth, embedded = network.equilibrium(case.x).state, EmbeddedNetwork(case.network)
    drive = np.concatenate(box) @ embedded.incoming[:, 2 * count :].T + embedded.bias
    step = embedded.contraction.step
    for steps in range(0, 31, 2):
        pair = averaged(embedded.matrix, drive[None], network.activation, step, steps)[0]
        if steps <= 10:
            assert (pair[:count] > truth).any() or (pair[count:] < truth).any()
        states = EmbeddedNetwork(network, steps).states(*box)
        assert contains(network, box, states, 50, seed=steps)


@pytest.mark.parametrize("seed", range(10))
def test_embedded_box_is_never_wider_than_the_lipschitz_box(seed):
    rng = np.random.default_rng(seed)
    network = random_certified(rng)
    box = ball_box(rng.standard_normal(network.n_inputs), 0.2)
    embedded = EmbeddedNetwork(network).outputs(*box)
    assert (width(embedded) <= width(lipschitz_box(network, *box)) * (1 + 1e-9) + 1e-12).all()


@pytest.mark.parametrize("seed", range(6))
def test_unrolled_intervals_contain_and_are_no_tighter_on_negative_diagonals(seed):
    case = nemon(seed, 6, 3, 2, 0.3)
    box = ball_box(case.x, 0.1)
    unrolled = unrolled_box(case.network, *box)
    outputs, error = sampled_box(case.network, *box, 2000)
    assert ((outputs + error >= unrolled[0]) & (outputs - error <= unrolled[1])).all()
    embedded = EmbeddedNetwork(case.network).outputs(*box)
    assert (width(embedded) < width(unrolled)).all()


def test_unrolled_intervals_converge_where_nothing_is_negative():
    network = ImplicitNetwork([[0.25, 0.25], [0.5, 0.0]], np.eye(2), [1.0, 1.0], np.eye(2))
    box = ball_box([1.0, 1.0], 0.5)
    assert np.array(unrolled_box(network, *box, 200)) == pytest.approx(
        np.array(EmbeddedNetwork(network).outputs(*box)), rel=1e-9
    )


def test_box_of_one_state_by_hand():
    """z = relu(-3 z + x): z = x / 4 for x >= 0; the diagonal's sign is kept."""
    network = ImplicitNetwork([[-3.0]], [[1.0]], None, [[1.0]])
    lower, upper = reachable_box(network, [2.0], 1.0)
    assert lower[0] <= 0.25
    assert lower[0] == pytest.approx(0.25, abs=1e-12)
    assert upper[0] >= 0.75
    assert upper[0] == pytest.approx(0.75, abs=1e-12)
    zero = reachable_box(network, [-2.0], 1.0)
    assert np.array(zero) == pytest.approx(0.0, abs=1e-12)


def test_relu_is_applied_to_both_ends():
    network = ImplicitNetwork([[0.0]], [[1.0]], None, [[1.0]])
    lower, upper = reachable_box(network, [0.0], 1.0)
    assert lower[0] == pytest.approx(0.0, abs=1e-12)
    assert upper[0] == pytest.approx(1.0, abs=1e-12)


def test_radius_zero_is_a_point_and_clipping_is_exact():
    low, high = ball_box([0.25, 1.0], 0.0)
    assert low.tolist() == high.tolist() == [0.25, 1.0]
    low, high = ball_box([0.0, 0.95], 0.1, clip=(0.0, 1.0))
    assert low[0] == 0.0
    assert high[1] == 1.0
    assert high[0] >= 0.1
    assert low[1] <= 0.85
    for center, radius, clip in (([0.0], -1.0, None), ([0.0], np.nan, None), ([2.0], 0.1, (0, 1))):
        with pytest.raises(InvalidSetting):
            ball_box(center, radius, clip)


def test_many_boxes_at_once_are_the_same_as_one_by_one():
    case = nemon(3, 6, 3, 2, 0.4)
    rng = np.random.default_rng(0)
    low = rng.standard_normal((5, 3))
    high = low + rng.random((5, 3))
    embedded = EmbeddedNetwork(case.network)
    together = np.array(embedded.outputs(low, high))
    apart = np.array([embedded.outputs(a, b) for a, b in zip(low, high, strict=True)])
    assert together == pytest.approx(apart.transpose(1, 0, 2), rel=1e-9)


def test_boxes_that_are_none_are_refused():
    embedded = EmbeddedNetwork(nemon(3, 6, 3, 2, 0.4).network)
    for low, high in (([1.0, 0, 0], [0.0, 0, 0]), ([0.0], [1.0]), ([np.nan] * 3, [1.0] * 3)):
        with pytest.raises(InvalidSetting):
            embedded.states(low, high)
    with pytest.raises(NoContraction):
        reachable_box(ImplicitNetwork([[2.0]], [[1.0]], None, [[1.0]]), [0.0], 1.0)


def classifier(seed):
    case = nemon(seed, 8, 4, 3, 0.2)
    x = np.random.default_rng(seed).random((20, 4))
    return case.network, x, case.network(x).argmax(axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_certified_radii_hold_against_samples_and_are_the_last_certified(seed):
    network, x, labels = classifier(seed)
    radii = certified_radii(network, x, labels)
    assert is_certified(network, x, labels, radii).all()  # never the last tried
    assert (radii > 0.0).any()
    finite = radii < 1.0
    assert not is_certified(network, x[finite], labels[finite], radii[finite] * 1.001).any()
    rng = np.random.default_rng(0)
    for point, label, radius in zip(x, labels, radii, strict=True):
        near = np.clip(point + radius * rng.choice([-1.0, 1.0], (200, 4)), 0.0, 1.0)
        assert (network(near).argmax(axis=1) == label).all()


@pytest.mark.parametrize("seed", range(4))
def test_lipschitz_radii_hold_and_are_not_above_the_embedded_ones(seed):
    network, x, labels = classifier(seed)
    plain = lipschitz_radii(network, x, labels)
    embedded = certified_radii(network, x, labels, largest=4.0, bisections=30, clip=None)
    assert (plain <= embedded + 1e-8).all()
    assert is_certified(network, x, labels, plain * (1 - 1e-9), clip=None).all()
    constants = margin_constants(network)
    for c, j in ((0, 1), (2, 0)):
        head = network.head(c, minus=j)
        assert constants[c, j] == pytest.approx(implicit_bound(head).value, rel=1e-9)


def test_wrong_labels_have_no_radius():
    network, x, labels = classifier(0)
    assert not certified_radii(network, x, (labels + 1) % 3).any()


def test_certified_accuracy_falls_from_the_clean_one():
    network, x, labels = classifier(1)
    labels = labels.copy()
    labels[:5] = (labels[:5] + 1) % 3
    shares = certified_accuracy(network, x, labels, [0.0, 0.01, 0.1, 1.0])
    assert shares[0] == 0.75
    assert (np.diff(shares) <= 0).all()


def test_rows_are_subtracted_before_the_box():
    """Two equal outputs but for a constant: their margin is known exactly, not by two boxes."""
    network = ImplicitNetwork([[0.0]], [[1.0]], [3.0], [[1.0], [1.0]], c=[0.1, 0.0])
    assert is_certified(network, [[0.5]], [0], 0.5).all()
    lower, upper = reachable_box(network, [0.5], 0.5)
    assert lower[0] < upper[1]


def test_classifiers_that_are_none_are_refused():
    network, x, labels = classifier(0)
    with pytest.raises(InvalidNetwork, match="two outputs"):
        is_certified(network.head(0), x, labels, 0.1)
    with pytest.raises(InvalidSetting, match="labels must be classes"):
        is_certified(network, x, labels + 5, 0.1)
    with pytest.raises(InvalidSetting, match="images must have shape"):
        is_certified(network, x[:, :2], labels, 0.1)
    with pytest.raises(InvalidSetting, match="between 0 and 1"):
        is_certified(network, x + 1.0, labels, 0.1)


def test_box_of_a_64_100_10_network_takes_milliseconds():
    case = nemon(1, 100, 64, 10, 0.5)
    seconds = []
    for _ in range(5):
        start = time.process_time()
        reachable_box(case.network, case.x, 0.05)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.05  # 0.003 measured, 0.01 asked; a busy machine is slow

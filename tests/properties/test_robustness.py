"""Certified radii against attacks, closed forms and exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds.margins import MarginTable
from lipexplore.errors import InvalidNetwork, InvalidSetting
from lipexplore.networks.gallery import gallery_network
from lipexplore.networks.generators import random_dense
from lipexplore.norms import Norm
from lipexplore.properties.attack import attack
from lipexplore.properties.robustness import accuracy_at, certified_radii, margins_below
from lipexplore.regions import Ball
from lipexplore.training.images import digits_for

DIGITS = gallery_network("digits-64-20-10-relu")
IMAGES, LABELS = digits_for(DIGITS)
ORDERS = {"l1": 1, "l2": 2, "linf": np.inf}


@pytest.fixture(scope="module", params=["l1", "l2", "linf"])
def attacked(request):
    return request.param, attack(DIGITS, IMAGES, request.param)


def exact_outputs(network, x):
    """Evaluate a ReLU network in rational arithmetic: independent of the package's rounding."""
    hidden = [Fraction(v) for v in x]
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        sums = [
            Fraction(b) + sum(Fraction(w) * h for w, h in zip(row, hidden, strict=True))
            for row, b in zip(weight, bias, strict=True)
        ]
        hidden = sums if layer == network.depth else [max(s, Fraction(0)) for s in sums]
    return hidden


def test_no_attack_is_shorter_than_a_certified_radius(attacked):
    norm, attacks = attacked
    methods = ("norm-product", "path") if norm == "l1" else ("norm-product", "path", "shor")
    for method in methods:
        table = lipexplore.margins(DIGITS, method, norm)
        certified = certified_radii(DIGITS, IMAGES, table)
        assert (certified.radius > 0.0).all()
        assert (certified.radius <= attacks.radius).all()


def test_the_comparison_would_notice_a_bound_that_is_too_small():
    attacks = attack(DIGITS, IMAGES, "l2")
    table = lipexplore.margins(DIGITS, "shor", "l2")
    wrong = MarginTable(0.99 * table.value, table.lower, table.bounds)
    assert (certified_radii(DIGITS, IMAGES, wrong).radius > attacks.radius).any()


def test_every_attack_changes_the_class_within_its_radius(attacked):
    norm, attacks = attacked
    before = DIGITS(IMAGES).argmax(axis=1)
    assert np.isfinite(attacks.radius).all()
    assert (DIGITS(attacks.points).argmax(axis=1) != before).all()
    lengths = np.linalg.norm(attacks.points - IMAGES, ord=ORDERS[norm], axis=1)
    assert (attacks.radius >= lengths).all()
    assert attacks.radius == pytest.approx(lengths)
    for index in range(0, len(IMAGES), 60):
        values = exact_outputs(DIGITS, attacks.points[index])
        assert max(values) > values[before[index]]


def test_margins_lie_just_below_the_exact_ones():
    classes = DIGITS(IMAGES[:4]).argmax(axis=1)
    below = margins_below(DIGITS, IMAGES[:4], classes)
    for point, chosen, row in zip(IMAGES[:4], classes, below, strict=True):
        values = exact_outputs(DIGITS, point)
        for j, low in enumerate(row.tolist()):
            margin = values[chosen] - values[j]
            assert Fraction(low) <= margin
            assert float(margin) - low < 1e-11


@pytest.mark.parametrize("norm", ["l1", "l2", "linf"])
def test_linear_classifier_has_the_distance_to_its_hyperplanes(norm):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(4, 6)), rng.normal(size=4)
    network = lipexplore.Network([weight], [bias])
    points = rng.normal(size=(20, 6))
    certified = certified_radii(network, points, lipexplore.margins(network, "path", norm))
    dual = {"l1": np.inf, "l2": 2, "linf": 1}[norm]
    for point, radius, chosen in zip(points, certified.radius, certified.classes, strict=True):
        values = weight @ point + bias
        assert chosen == values.argmax()
        distances = [
            (values[chosen] - values[j]) / np.linalg.norm(weight[chosen] - weight[j], ord=dual)
            for j in range(4)
            if j != chosen
        ]
        assert radius == pytest.approx(min(distances), rel=1e-12)
        assert radius <= min(distances)
    attacks = attack(network, points, norm)
    assert attacks.radius == pytest.approx(certified.radius, rel=1e-6)


def test_ties_and_equal_outputs():
    weight = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    tied = lipexplore.Network([weight])
    radii = certified_radii(tied, [[2.0, 0.0]], lipexplore.margins(tied, "path"))
    assert radii.radius.tolist() == [0.0]  # outputs 0 and 1 are equal: no class is proven
    shifted = lipexplore.Network([weight], [[0.0, -1.0, 0.0]])
    radii = certified_radii(shifted, [[2.0, 0.0]], lipexplore.margins(shifted, "path"))
    assert radii.radius[0] == pytest.approx(1.0)  # output 1 never comes closer
    assert radii.rival.tolist() == [2]


def test_a_class_that_cannot_change():
    network = lipexplore.Network([np.zeros((2, 3))], [[1.0, 0.0]])
    points = np.zeros((1, 3))
    table = lipexplore.margins(network, "path")
    assert certified_radii(network, points, table).radius.tolist() == [np.inf]
    assert attack(network, points).radius.tolist() == [np.inf]


def test_useless_bounds_certify_nothing():
    table = lipexplore.margins(DIGITS, "path")
    for value in (np.inf, np.nan):
        useless = np.full_like(table.value, value)
        broken = MarginTable(useless, table.lower, table.bounds)
        assert (certified_radii(DIGITS, IMAGES[:3], broken).radius == 0.0).all()


def test_smooth_networks_too():
    network = random_dense((4, 6, 3), 1)
    network = lipexplore.Network(network.weights, network.biases, "tanh")
    points = np.random.default_rng(1).normal(size=(30, 4))
    for norm in Norm:
        certified = certified_radii(network, points, lipexplore.margins(network, "path", norm))
        assert (certified.radius <= attack(network, points, norm).radius).all()


def test_accuracy_counts_correct_images_with_the_radius():
    radius, correct = np.array([0.1, 0.2, 0.3, np.inf]), np.array([True, False, True, True])
    assert accuracy_at(radius, correct, np.array([0.0, 0.1, 0.11, 0.3, 5.0])).tolist() == [
        0.75,
        0.75,
        0.5,
        0.5,
        0.25,
    ]


def test_wrong_tables_and_images_are_refused():
    table = lipexplore.margins(random_dense((64, 5, 10), 0), "path")
    with pytest.raises(InvalidNetwork, match="another network"):
        certified_radii(DIGITS, IMAGES, table)
    local = lipexplore.margins(DIGITS, "path", region=Ball(IMAGES[0], 0.1, Norm.LINF))
    with pytest.raises(InvalidSetting, match="whole space"):
        certified_radii(DIGITS, IMAGES, local)
    own = lipexplore.margins(DIGITS, "path")
    with pytest.raises(InvalidSetting, match="shape"):
        certified_radii(DIGITS, np.zeros((2, 3)), own)
    with pytest.raises(InvalidSetting, match="NaN"):
        certified_radii(DIGITS, np.full((1, 64), np.nan), own)
    one = DIGITS.head(0)
    single = lipexplore.margins(one, "path")
    with pytest.raises(InvalidNetwork, match="two outputs"):
        certified_radii(one, IMAGES, single)

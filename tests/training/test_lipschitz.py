"""1-Lipschitz training: derivatives, proofs of the exported weights, what can be learned."""

from __future__ import annotations

import hashlib
import json
import re
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from lipexplore import Network, bound
from lipexplore.errors import InvalidSetting
from lipexplore.networks.gallery import data_folder, gallery_names, gallery_network
from lipexplore.networks.splines import Splines
from lipexplore.norms import Norm
from lipexplore.training.lipschitz_experiments import (
    distances,
    estimate_distance,
    fit_curve,
    results,
    ring_and_points,
    threes_and_eights,
)
from lipexplore.training.lipschitz_families import FAMILIES, GroupSort, LearnedSplines, Named
from lipexplore.training.lipschitz_networks import LipschitzNetworks, Plan, train
from lipexplore.training.lipschitz_tasks import (
    TARGETS,
    hinge,
    squared_error,
    transport_distance,
    wasserstein,
)
from lipexplore.training.lipschitz_weights import constrain, proven_weight
from lipexplore.training.splines import sparse_splines
from tests import spline_oracle as oracle
from tests.oracles import is_above_spectral_norm

families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
norms = pytest.mark.parametrize("norm", [Norm.L2, Norm.LINF], ids=lambda norm: norm.value)
README = (data_folder() / "README.md").read_text(encoding="utf-8")
SHIPPED = [name for name in gallery_names() if name.startswith("spline-")]


def perturbed(family, norm, widths=(2, 4, 4, 2)):
    networks = LipschitzNetworks.initial(widths, family, Plan(norm=norm, replicas=2, seed=1))
    rng = np.random.default_rng(0)
    networks.shapes = [s + 0.05 * rng.standard_normal(s.shape) for s in networks.shapes]
    return networks, rng


@norms
@families
def test_derivatives_are_those_of_finite_differences(family, norm):
    networks, rng = perturbed(family, norm)
    x, labels = rng.standard_normal((7, 2)), rng.integers(0, 2, 7)
    loss = hinge(labels, 0.7)
    _, *gradients = networks.gradient(x, loss, 1e-3)
    for parts, found in zip(
        (networks.free, networks.biases, networks.shapes), gradients, strict=True
    ):
        for part, gradient in zip(parts, found, strict=True):
            for _ in range(6 if part.size else 0):
                place = tuple(rng.integers(0, size) for size in part.shape)
                kept, ends = part[place], []
                for step in (1e-6, -1e-6):
                    part[place] = kept + step
                    ends.append(networks.gradient(x, loss, 1e-3)[0].sum())
                part[place] = kept
                assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)


@norms
def test_constraint_on_weights(norm):
    rng = np.random.default_rng(0)
    for shape in ((5, 3), (3, 5), (4, 4), (1, 6), (6, 1)):
        weight = constrain(3.0 * rng.standard_normal((2, *shape)), norm).weight
        for matrix in weight:
            if norm is Norm.LINF:
                assert np.abs(matrix).sum(axis=1).max() == pytest.approx(1.0)
            else:
                np.testing.assert_allclose(np.linalg.svd(matrix)[1], 1.0)


def test_short_rows_stay():
    weight = np.array([[0.25, -0.25], [3.0, 1.0]])
    np.testing.assert_array_equal(
        constrain(weight, Norm.LINF).weight, [[0.25, -0.25], [0.75, 0.25]]
    )


def test_no_constraint_in_l1():
    with pytest.raises(InvalidSetting, match="l2 or the linf"):
        constrain(np.eye(2), Norm.L1)


def test_exported_weights_are_proven_in_rational_arithmetic():
    """Orthonormal weights in float64 have norms of 1 + 1e-16 about as often as not."""
    rng = np.random.default_rng(3)
    above = 0
    for _ in range(5):
        weight = constrain(rng.standard_normal((4, 3)), Norm.L2).weight
        above += not is_above_spectral_norm(1.0, weight)
        proven = proven_weight(weight, Norm.L2)
        assert is_above_spectral_norm(1.0, proven)
        np.testing.assert_allclose(proven, weight, atol=1e-4)
        rows = proven_weight(constrain(weight, Norm.LINF).weight, Norm.LINF)
        assert max(sum(abs(Fraction(x)) for x in row) for row in rows) <= 1
    assert above > 0


def test_few_power_iterations_would_be_unsound():
    """Dividing by two power steps leaves a norm above 1; the exported weights do not trust it."""
    rng = np.random.default_rng(3)
    matrix, v = rng.standard_normal((60, 80)), np.random.default_rng(4).standard_normal(80)
    for _ in range(2):
        v = matrix.T @ (matrix @ (v / np.linalg.norm(v)))
        v /= np.linalg.norm(v)
    normalised = matrix / np.linalg.norm(matrix @ v)
    assert np.linalg.norm(normalised, 2) > 1.1
    assert np.linalg.norm(proven_weight(normalised, Norm.L2), 2) <= 1.0


@norms
@families
def test_exported_networks_are_1_lipschitz_and_the_same_function(family, norm):
    networks, rng = perturbed(family, norm)
    x = rng.standard_normal((50, 2))
    outputs = networks(x)
    for replica in range(2):
        network = networks.exported(replica)
        np.testing.assert_allclose(network(x), outputs[replica], atol=1e-3)
        if not (family.name == "groupsort" and norm is Norm.LINF):
            kind = norm.value
            value = bound(network, "norm-product", kind, output="all", output_norm=kind).value
            assert 0.99 < value <= 1.0
        for act in network.activations:
            if isinstance(act, Splines):
                for t, c in zip(act.knots, act.values, strict=True):
                    assert max(map(abs, oracle.slopes(oracle.points(t, c)))) <= 1


def test_layer_types_are_told_apart():
    z = np.array([[[3.0, -1.0, 0.0, 2.0]]])
    assert GroupSort().forward(z, np.zeros((1, 4, 0)))[0].tolist() == [[[3.0, -1.0, 2.0, 0.0]]]
    assert Named("abs", "").forward(z, np.zeros((1, 4, 0)))[0].tolist() == [[[3.0, 1.0, 0.0, 2.0]]]
    splines = LearnedSplines(knots=5)
    # absolute value and identity in turn, going on beyond the knots
    assert splines.forward(z, splines.initial((1, 4)))[0].tolist() == [[[3.0, -1.0, 0.0, 2.0]]]


@pytest.mark.parametrize("target", TARGETS)
def test_targets_are_1_lipschitz(target):
    x = np.linspace(-1.0, 1.0, 4001)
    steps = np.abs(np.diff(TARGETS[target](x))) / np.diff(x)
    assert steps.max() <= 1.0 + 1e-9
    assert steps.max() > 0.8


def test_a_layer_of_splines_learns_the_zigzag_that_relus_cannot():
    plan = Plan(steps=150, replicas=2)
    errors = {
        family.name: fit_curve(family, "|x| folded twice", plan).scores.min()
        for family in (FAMILIES[0], FAMILIES[-1])
    }
    assert errors["spline"] < 0.6 * errors["relu"]


def test_loss_falls_and_is_reported():
    x = np.linspace(-1.0, 1.0, 50)[:, None]
    loss, told = squared_error(TARGETS["random polyline"](x[:, 0])), []
    networks = LipschitzNetworks.initial((1, 6, 1), FAMILIES[2], Plan(replicas=2))
    train(networks, x, loss, Plan(steps=60, replicas=2), lambda step, losses: told.append(losses))
    assert len(told) == 60
    assert (told[-1] < told[0]).all()


def test_transport_distance_is_the_best_assignment():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 5, 3))
    for exponent in (2.0, np.inf):
        costs = np.linalg.norm(first[:, None] - second[None], ord=exponent, axis=2)
        best = min(
            costs[np.arange(5), list(order)].mean() for order in product(range(5), repeat=5)
            if len(set(order)) == 5
        )  # fmt: skip
        assert transport_distance(first, second, exponent) == pytest.approx(best)


@pytest.mark.parametrize("family", [FAMILIES[0], FAMILIES[3], FAMILIES[4]], ids=lambda f: f.name)
def test_estimates_stay_below_the_distance(family):
    pair = ring_and_points()
    plan = Plan(steps=80, replicas=2, smoothing=1e-8)
    found = estimate_distance(family, *pair, (2, 8, 1), plan, "ring")
    assert (found.scores <= transport_distance(*pair)).all()
    assert found.scores.min() > 0.05


def test_wasserstein_loss_is_the_difference_of_means():
    outputs = np.array([[[1.0], [3.0], [0.0]]])
    value, gradient = wasserstein(2)(outputs)
    assert value.tolist() == [-2.0]
    assert gradient[0, :, 0].tolist() == [-0.5, -0.5, 1.0]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_networks_are_what_the_readme_says(name):
    network = gallery_network(name)
    norm = "linf" if "-linf-" in name else "l2"
    value = bound(network, "norm-product", norm, output="all", output_norm=norm).value
    assert value <= 1.0
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}`"))
    content = (data_folder() / "networks" / f"{name}.npz").read_bytes()
    assert hashlib.sha256(content).hexdigest() in row
    assert f"{value:.7f}" in row
    for array in (*network.weights, *network.biases):
        np.testing.assert_array_equal(array * 2.0**21, np.round(array * 2.0**21))


def test_nine_networks_are_shipped():
    assert len(SHIPPED) == 9


def test_written_scores_keep_the_theorem_and_the_shipped_network_its_score():
    table = results()
    for task, exact in distances().items():
        assert table["distances"][task]["exact"] == pytest.approx(exact, abs=1e-6)
        scores = {k: v for k, v in table["distances"][task].items() if k != "exact"}
        assert max(max(values) for values in scores.values()) <= exact
    x = np.linspace(-1.0, 1.0, 2001)[:, None]
    for file, family in (("relu", "relu"), ("learned", "spline"), ("groupsort", "groupsort")):
        network = gallery_network(f"spline-sine-l2-{file}")
        misfit = network(x)[:, 0] - TARGETS["sine of slope 1"](x[:, 0])
        error = np.sqrt(np.square(misfit).mean())
        assert error == pytest.approx(
            np.median(table["curves"]["l2"]["sine of slope 1"][family]), rel=1e-4
        )


def test_readme_tables_are_those_of_the_scores():
    table = results()
    for by_target in table["curves"].values():
        for by_family in by_target.values():
            for errors in by_family.values():
                assert f"{np.median(errors):.4g} ({min(errors):.4g}" in README
    assert re.search(r"exact 0\.703004", README)
    assert json.loads(json.dumps(table)) == table


def test_sets_are_those_described():
    ring, inner = ring_and_points()
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 1.0)
    assert np.linalg.norm(inner, axis=1).max() < 0.75
    assert [len(part) for part in threes_and_eights()] == [128, 128]


def test_fewer_knots_keep_the_guarantee_of_a_shipped_network():
    network = gallery_network("spline-sine-l2-learned")
    acts = [sparse_splines(act, 1e-3) for act in network.activations]
    fewer = Network(network.weights, network.biases, acts)
    kept = sum(int((~np.isnan(act.knots)).sum()) for act in acts)
    assert kept < 0.5 * 33 * 30
    assert bound(fewer, "norm-product", "l2").value <= 1.0
    x = np.linspace(-1.0, 1.0, 501)[:, None]
    # every layer errs by 1e-3 per unit at most, sqrt(10) in l_2, and the rest is 1-Lipschitz
    assert np.abs(fewer(x) - network(x)).max() <= 3 * np.sqrt(10) * 1e-3

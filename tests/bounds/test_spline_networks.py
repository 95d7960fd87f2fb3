"""Every method on networks of splines: against all slope patterns and against the exact L."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import METHODS
from lipexplore.bounds.saving import save_certificate
from lipexplore.certificates.files import load_certificate, verify_certificate
from lipexplore.errors import InvalidCertificate, UnsupportedQuestion
from lipexplore.networks.splines import Splines
from lipexplore.norms import Norm
from tests import spline_oracle as oracle
from tests.oracles import is_lower, is_upper, polynomial_maximum

KNOTS = np.array([-1.0, -0.5, 0.0, 1.0])
QUESTIONS = [(method, norm) for method in METHODS for norm in method.norms]
IDS = [f"{method.name}-{norm.value}" for method, norm in QUESTIONS]
CERTIFIED = ("lipopt-lp", "slope-lmi", "shor", "eclipse", "lipsdp-layer", "exact")


def network(seed, n_inputs=2):
    """Slopes are of both signs and exceed 1; everything is a multiple of 2^-10."""
    rng = np.random.default_rng(seed)
    values = np.cumsum(rng.uniform(-1.3, 1.3, (5, 4)) * 0.5, axis=1)
    draw = [values[:3], values[3:], *(rng.standard_normal(s) for s in ((3, n_inputs), (2, 3)))]
    draw += [rng.standard_normal(s) for s in ((1, 2), (3,), (2,), (1,))]
    first, second, *rest = (np.round(a * 2**10) / 2**10 for a in draw)
    acts = [Splines(KNOTS, first), Splines(KNOTS, second)]
    return lipexplore.Network(rest[:3], rest[3:], acts)


def exact_layers(net):
    return [
        [oracle.points(t, c) for t, c in zip(act.knots, act.values, strict=True)]
        for act in net.activations
    ]


def exact_ranges(net, region):
    """Return the slopes each unit can take, from rational interval arithmetic."""
    box = None if region is lipexplore.WHOLE_SPACE else region.box()
    lower, upper = [], []
    for weight, bias, splines in zip(net.weights, net.biases, exact_layers(net), strict=False):
        if box is None:
            found = [oracle.slopes(s) for s in splines]
        else:
            ends = _affine_range(weight, bias, *box)
            found = [oracle.slope_between(s, *e) for s, e in zip(splines, ends, strict=True)]
            values = [_value_range(s, *e) for s, e in zip(splines, ends, strict=True)]
            box = [v[0] for v in values], [v[1] for v in values]
        lower.append([min(f) for f in found])
        upper.append([max(f) for f in found])
    return lower, upper


def _affine_range(weight, bias, lower, upper):
    results = []
    for row, b in zip(weight, bias, strict=True):
        pairs = [
            (Fraction(float(w)) * Fraction(lo), Fraction(float(w)) * Fraction(hi))
            for w, lo, hi in zip(row, lower, upper, strict=True)
        ]
        start = Fraction(float(b))
        results.append((start + sum(map(min, pairs)), start + sum(map(max, pairs))))
    return results


def _value_range(spline, lower, upper):
    inner = [t for t, _ in spline if lower <= t <= upper]
    values = [oracle.value(spline, x) for x in (lower, upper, *inner)]
    return min(values), max(values)


def asked(method, net, norm, region, **settings):
    if method.bounded_regions_only and region is lipexplore.WHOLE_SPACE:
        pytest.skip("needs a bounded region")
    try:
        return lipexplore.bound(net, method.name, norm, region, **settings)
    except UnsupportedQuestion as refusal:
        pytest.skip(str(refusal))


@pytest.mark.sweep
@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_against_all_slope_patterns(method, norm):
    net = network(0)
    for region in (lipexplore.WHOLE_SPACE, lipexplore.Ball([0.2, -0.1], 0.15)):
        answer = asked(method, net, norm, region)
        lower, upper = exact_ranges(net, region)
        maximum = polynomial_maximum(net.weights, lower, upper, norm.value)
        if answer.of == "P*" and method.side != "lower":
            assert is_upper(answer.value, maximum, norm.value)
        # outward rounding of a range may exceed the rational one in the last place
        assert is_lower(answer.lower * (1.0 - 1e-13), maximum, norm.value)


@pytest.mark.sweep
@pytest.mark.parametrize(("method", "norm"), QUESTIONS, ids=IDS)
def test_against_the_exact_constant_on_a_line(method, norm, many):
    for seed in range(1, 1 + many(1, 6)):
        net = network(seed, n_inputs=1)
        for low, high in ((-40.0, 40.0), (-0.5, 0.25)):
            truth = oracle.line_constant(net.weights, net.biases, exact_layers(net), low, high)
            answer = asked(method, net, norm, lipexplore.Box([low], [high]))
            assert Fraction(answer.value) >= truth if np.isfinite(answer.value) else True
            if answer.lower_of == "L":
                assert Fraction(answer.lower) <= truth
            if method.name == "activation-patterns":
                assert answer.lower == pytest.approx(float(truth), rel=1e-9)
                assert answer.value == pytest.approx(float(truth), rel=1e-9)


def test_exact_finds_the_constant_on_a_line():
    net = network(1, n_inputs=1)
    truth = oracle.line_constant(net.weights, net.biases, exact_layers(net), -0.5, 0.25)
    box = lipexplore.Box([-0.5], [0.25])
    answer = lipexplore.bound(net, "exact", "linf", box, target="L")
    assert answer.lower <= float(truth) * (1 + 1e-12) <= answer.value * (1 + 2e-12)
    assert answer.value == pytest.approx(float(truth), rel=1e-6)


def test_only_the_method_made_for_relus_refuses():
    small = lipexplore.Ball([0.0, 0.0], 0.01)
    one_layer = lipexplore.Network([np.eye(2), np.ones((1, 2))], activations=Splines(KNOTS, KNOTS))
    refused = {}
    for method in METHODS:
        try:
            lipexplore.bound(one_layer, method.name, method.norms[0], small)
        except UnsupportedQuestion as refusal:
            refused[method.name] = str(refusal)
    assert set(refused) == {"coupled-sdp"}
    assert "does not answer for spline, only for relu" in refused["coupled-sdp"]


def test_combettes_pesquet_gains_nothing_where_slopes_reach_minus_one():
    """The averagedness constant of slopes in [-1, 1] is 1: the product of the norms remains."""
    net = network(3)
    symmetric = Splines([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0])
    steep = lipexplore.Network(net.weights, net.biases, symmetric)
    product = lipexplore.bound(steep, "norm-product", "l2").value
    averaged = lipexplore.bound(steep, "combettes-pesquet", "l2", hidden_norm="same").value
    assert averaged == pytest.approx(product, rel=1e-9)


@pytest.mark.parametrize("name", CERTIFIED)
def test_certificates_are_saved_and_verified(name, tmp_path):
    net = network(0)
    settings = {"strategy": "branch"} if name == "exact" else {}
    answer = lipexplore.bound(net, name, "l2", lipexplore.Ball([0.2, -0.1], 0.4), **settings)
    save_certificate(answer, tmp_path / "proof.json")
    verdict = verify_certificate(load_certificate(tmp_path / "proof.json"), net)
    assert verdict.proven <= answer.value
    values = [act.values.copy() for act in net.activations]
    values[1][0, 0] += 2.0**-10
    other = [Splines(KNOTS, v) for v in values]
    changed = lipexplore.Network(net.weights, net.biases, other)
    with pytest.raises(InvalidCertificate, match="another network"):
        verify_certificate(load_certificate(tmp_path / "proof.json"), changed)


def test_scaled_units_have_one_slope_range_each():
    """Slopes of one unit must not widen those of its neighbours."""
    values = np.array([[0.0, 4.0], [0.0, 0.5]])
    net = lipexplore.Network(
        [np.eye(2), np.array([[1.0, 1.0]])], activations=Splines([0.0, 1.0], values)
    )
    for name in ("path", "interval-jacobian", "huang-local"):
        assert lipexplore.bound(net, name, "linf").value >= 4.5
    assert lipexplore.bound(net, "path", "linf").value == pytest.approx(4.5)
    assert lipexplore.bound(net, "interval-jacobian", Norm.LINF).value == pytest.approx(4.5)

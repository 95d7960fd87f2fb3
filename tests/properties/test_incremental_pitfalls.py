"""What goes wrong in certificates of this kind, one test each."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lipexplore
from lipexplore.certificates.incremental import IncrementalCertificate, verified_level
from lipexplore.certificates.incremental_check import check_incremental
from lipexplore.errors import InvalidCertificate
from lipexplore.networks.residual import ResidualMap
from lipexplore.networks.sector_loops import any_sector_system
from lipexplore.properties.incremental import contraction as metric_search
from lipexplore.properties.incremental.files import verify_property, write_property
from lipexplore.properties.incremental.maps import system_of
from lipexplore.properties.incremental.table import PROPERTIES, metric_supply
from lipexplore.properties.incremental_qc import certify, contraction
from lipexplore.regions import WHOLE_SPACE
from tests.properties.incremental_truth import normal, numbers_of, pattern_jacobians, residual


def test_units_with_a_fixed_slope_are_eliminated():
    """(a) Kept, their best multiplier is infinite: 3.42 instead of 1.85 in one public example."""
    network = normal((3, 9, 9, 3), 5, biases=True, act="leaky_relu:0.2")
    center = np.random.default_rng(5).standard_normal(3)
    tiny = lipexplore.Ball(center, 1e-9)
    jacobian = network.jacobian(center)[None]
    truth = numbers_of(jacobian)
    for name, value in truth.items():
        found = certify(network, name, tiny)
        assert found.size["units"] == 0
        assert found.value == pytest.approx(value, rel=1e-8, abs=1e-9)
    some = certify(network, "lipschitz", lipexplore.Ball(center, 0.05))
    assert 0 < some.size["units"] < 18
    assert some.certificate.units.max() < 1e3


def test_negative_multipliers_prove_nothing():
    """(b) Free signs are right where both slopes agree, and unsound everywhere else."""
    mapping = residual(0, 2, 4, 0.0)
    system = system_of(mapping, WHOLE_SPACE)
    sectors = any_sector_system(system)
    supply = PROPERTIES["lipschitz"].supply_of(2, 2)
    honest = certify(mapping, "lipschitz")
    formal = numbers_of(pattern_jacobians(mapping.network.weights, ((0.0, 1.0),)))["lipschitz"]
    for garbage in (-np.ones(4), np.full(4, np.nan), np.full(4, np.inf), np.ones(3), None):
        found = verified_level(sectors, supply, np.eye(2), garbage, np.ones(4))
        assert -found.level >= formal**2 * (1 - 1e-12)
        assert (found.units >= 0.0).all()
    forged = IncrementalCertificate(
        supply, np.eye(2), honest.certificate.level, -np.abs(honest.certificate.units)
    )
    with pytest.raises(InvalidCertificate, match="negative"):
        check_incremental(system, forged)


def test_bisection_returns_the_last_rate_that_was_certified(monkeypatch):
    """(c) Whatever the solver claims to have found, the rate returned is proven."""
    mapping = residual(3, 2, 6, -0.5)
    honest = contraction(mapping)
    tried = []

    def lying(run, rate, *, flow):
        """Hand out the norm of the first rate for ever: lower rates then fail."""
        tried.append(rate)
        metric = np.diag([1.5, 0.5])
        return verified_level(
            run.system, metric_supply(metric, flow=flow), metric, None, run.interior
        )

    monkeypatch.setattr(metric_search, "_proof_at", lying)
    found = contraction(mapping)
    assert len(tried) > 3
    assert found.verified
    assert found.value >= honest.value * (1 - 1e-9)
    assert found.value <= certify(mapping, "lipschitz").value * (1 + 1e-9)
    check_incremental(system_of(mapping, WHOLE_SPACE), found.certificate)
    monkeypatch.setattr(metric_search, "_proof_at", lambda *_, **__: None)
    fallback = contraction(mapping)
    assert fallback.verified
    assert fallback.value == pytest.approx(certify(mapping, "lipschitz").value, rel=1e-8)


def test_smooth_slopes_are_enclosed_without_tangent_lines():
    """(d) tanh on an interval: no root finder, so no secant escapes the certified slope."""
    rng = np.random.default_rng(0)
    for _ in range(8):
        low, high = np.sort(rng.normal(0.0, 2.0, 2))
        scale = rng.uniform(0.2, 3.0)
        network = lipexplore.Network([[[scale]], [[1.0]]], [[rng.normal()], [0.0]], "tanh")
        region = lipexplore.Box([low], [high])
        points = np.linspace(low, high, 400)
        values = network(points[:, None])[:, 0]
        secants = np.diff(values) / np.diff(points)
        slack = 1e-9 + 1e-14 / np.diff(points).min()
        assert certify(network, "lipschitz", region).value >= secants.max() - slack
        assert certify(network, "one-sided-lower", region).value <= secants.min() + slack


def test_a_local_number_says_its_region_and_holds_there_only(tmp_path):
    """(f) Outside the region the map is steeper; the file cannot be used for another region."""
    network = normal((2, 8, 2), 1, biases=True)
    region = lipexplore.Ball([2.0, 2.0], 0.01, "l2")
    found = certify(network, "lipschitz", region)
    slopes = np.linalg.norm(
        network.jacobian(np.random.default_rng(0).normal(0, 3, (500, 2))), 2, (1, 2)
    )
    assert slopes.max() > 1.05 * found.value
    assert found.region == region.to_dict()
    path = tmp_path / "local.json"
    write_property(found, path)
    fields = json.loads(path.read_text())
    fields["region"]["radius"] = 5.0
    path.write_text(json.dumps(fields))
    with pytest.raises(InvalidCertificate, match="changed"):
        verify_property(path, network)


def test_relu_whose_input_touches_zero():
    """(g) On [0, 1] the slope of relu is 1 throughout, on [-1, 0] it is 0."""
    network = lipexplore.Network([[[1.0]], [[1.0]]])
    touching = lipexplore.Box([0.0], [1.0])
    assert certify(network, "lipschitz", touching).value == pytest.approx(1.0, rel=1e-9)
    assert certify(network, "one-sided-lower", touching).value <= 1.0
    below = lipexplore.Box([-1.0], [0.0])
    assert 0.0 <= certify(network, "lipschitz", below).value <= 1.0 + 1e-9
    assert certify(network, "one-sided-lower", below).value <= 0.0
    across = lipexplore.Box([-1.0], [1.0])
    assert certify(network, "lipschitz", across).value >= 1.0
    assert certify(network, "one-sided-lower", across).value <= 0.0


def test_float32_weights_are_the_float64_numbers_that_they_are():
    """(h) The certified network is the widened one, bit by bit."""
    weights = [w.astype(np.float32) for w in normal((3, 6, 3), 7).weights]
    narrow = lipexplore.Network(weights)
    wide = lipexplore.Network([w.astype(np.float64) for w in weights])
    found = certify(narrow, "inverse"), certify(wide, "inverse")
    assert found[0].value == found[1].value
    assert found[0].network_hash == found[1].network_hash


def test_the_coupled_multipliers_of_lipsdp_network_are_not_used():
    """relu(x) - relu(x - 1) has slope 1; coupling its units proves 0."""
    network = lipexplore.Network([[[1.0], [1.0]], [[1.0, -1.0]]], [[0.0, -1.0], [0.0]])
    assert certify(network, "lipschitz").value == pytest.approx(1.0, rel=1e-8)


def test_slopes_below_zero_keep_their_product_term():
    """Slopes in [-0.1, 1.1] of one unit: dropping a b t v^2 would claim 1.0."""
    network = lipexplore.Network([[[1.0]], [[1.0]]], activations="silu")
    found = certify(network, "lipschitz")
    assert found.value == pytest.approx(1.0998393201, rel=1e-6)
    assert certify(network, "one-sided-lower").value == pytest.approx(-0.0998393201, rel=1e-5)


def test_huge_weights_give_no_wrong_number():
    for size in (1e80, 1e-70, 1e-90):
        mapping = ResidualMap(lipexplore.Network([[[size]], [[size]]]), 0.0)
        for name in ("lipschitz", "one-sided-upper"):
            assert certify(mapping, name).value >= size * size * (1 - 1e-12)
        assert certify(mapping, "inverse").value == 0.0


def test_constant_maps():
    mapping = lipexplore.Network([np.eye(2), np.zeros((2, 2))])
    assert certify(mapping, "lipschitz").value == 0.0
    assert certify(mapping, "one-sided-upper").value == 0.0
    assert certify(mapping, "inverse").value == 0.0

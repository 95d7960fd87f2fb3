"""Incremental certificates: proven from the multipliers alone, and once more in rationals."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.sparse import csr_array

import lipexplore
from lipexplore.certificates.incremental import incremental_matrix, is_proven_contracting
from lipexplore.certificates.incremental_check import check_incremental, exact_matrix
from lipexplore.errors import InvalidCertificate, UnsupportedQuestion
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.implicit_slopes import preactivation_range
from lipexplore.networks.sector_loops import any_sector_system, has_loops
from lipexplore.networks.slope_system import SlopeSystem
from lipexplore.properties.incremental.files import verify_property, write_property
from lipexplore.properties.incremental.maps import system_of
from lipexplore.properties.incremental.run import well_posed
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.properties.incremental_qc import certify
from lipexplore.regions import WHOLE_SPACE
from tests.properties.incremental_truth import (
    LBEN_ANALYSIS,
    LBEN_DESIGN,
    LBEN_FORMAL,
    lben,
    normal,
    numbers_of,
    residual,
)


def loops(lower, seed=0, size=5):
    """Return a system with loops and lower slopes ``lower``."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(0, 0.3, (size, size + 2))
    outgoing = rng.normal(0, 1, (2, size + 2))
    ends = np.full(size, float(lower)), np.ones(size)
    return SlopeSystem(csr_array(weights), csr_array(outgoing), *ends, (size,))


MAPS = {
    "residual": residual(40, 3, 4, 1.5),
    "feedforward": normal((2, 3, 3, 2), 4, biases=True, act="leaky_relu:0.2"),
    "implicit": ImplicitNetwork(
        np.array([[-0.5, 0.3], [0.2, 0.1]]),
        np.eye(2),
        None,
        np.eye(2),
        activation="leaky_relu:0.25",
    ),
}
REGIONS = (WHOLE_SPACE, lipexplore.Ball([0.3, -0.2], 0.4, "l2"))


@pytest.mark.parametrize("prop", PROPERTIES)
@pytest.mark.parametrize("name", MAPS)
def test_files_are_checked_in_rationals(name, prop, tmp_path):
    mapping = MAPS[name]
    n = mapping.n_inputs
    region = REGIONS[1] if n == 2 else WHOLE_SPACE
    form = {"supply": np.diag([2.0] * n + [-1.0] * n)} if prop == "dissipativity" else {}
    found = certify(mapping, prop, region, **form)
    assert found.verified
    path = tmp_path / "proof.json"
    write_property(found, path)
    verdict = verify_property(path, mapping)
    assert verdict.proven == verdict.claimed == found.value


def test_the_exact_matrix_lies_within_the_error_of_the_float_one():
    """Also with loops and lower slopes above 0, where an inverse is enclosed."""
    for system in (loops(0.0), loops(0.3), system_of(MAPS["feedforward"], WHOLE_SPACE)):
        sectors = any_sector_system(system)
        rng = np.random.default_rng(1)
        draw = rng.normal(0, 1, (4, 4))
        units = rng.uniform(0, 1, sectors.n_units)
        proof = replace(
            certify(residual(0, 2, 2, 1.0), "lipschitz").certificate,
            supply=draw + draw.T,
            metric=np.eye(2),
            level=0.3,
            units=units,
        )
        exact = exact_matrix(system, sectors, proof)
        matrix, error = incremental_matrix(sectors, proof.supply, np.eye(2), 0.3, units)
        scale = [Fraction(1)] * 2 + [Fraction(2) ** int(e) for e in sectors.exponents]
        assert error.max() < 1e-11
        for i, row in enumerate(exact):
            for j, entry in enumerate(row):
                scaled = entry * scale[i] * scale[j]
                assert abs(scaled - Fraction(matrix[i, j])) <= Fraction(error[i, j])


def test_forged_certificates_are_refused(tmp_path):
    mapping = MAPS["residual"]
    path = tmp_path / "proof.json"
    write_property(certify(mapping, "lipschitz"), path)
    with pytest.raises(InvalidCertificate, match="another map"):
        verify_property(path, residual(41, 3, 4, 1.5))
    changes = {
        "value": lambda v: v * 0.99,
        "level": lambda v: v * 0.99,
        "units": lambda v: [0.0 * t for t in v],
        "supply": lambda v: (np.array(v) * 0.5).tolist(),
        "metric": lambda v: (np.array(v) * 2.0).tolist(),
        "prop": lambda _: "one-sided-upper",
    }
    for name, change in changes.items():
        fields = json.loads(path.read_text())
        fields.pop("digest")
        fields[name] = change(fields[name])
        digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
        forged = tmp_path / f"{name}.json"
        forged.write_text(json.dumps({**fields, "digest": digest}))
        with pytest.raises(InvalidCertificate):
            verify_property(forged, mapping)
    (tmp_path / "none.json").write_text("[]")
    with pytest.raises(InvalidCertificate, match="no certificate file"):
        verify_property(tmp_path / "none.json", mapping)


def test_a_level_that_is_a_little_too_good_is_refused():
    mapping = MAPS["residual"]
    proof = certify(mapping, "one-sided-lower").certificate
    system = system_of(mapping, WHOLE_SPACE)
    check_incremental(system, proof)
    with pytest.raises(InvalidCertificate):
        check_incremental(system, replace(proof, level=proof.level + 1e-6))


def test_equilibrium_network_of_the_literature():
    """The analysis of a given network lies between the formal maximum and the design value."""
    network = lben()
    assert float(network.A[0, 0]) == pytest.approx(-1.64145669, rel=1e-8)
    found = certify(network, "lipschitz")
    assert found.verified
    assert found.value == pytest.approx(LBEN_ANALYSIS, rel=1e-6)
    assert LBEN_FORMAL <= found.value <= LBEN_DESIGN
    patterns = np.array(np.meshgrid(*[(0.0, 1.0)] * 8)).reshape(8, -1).T
    jacobians = network.jacobian_of_slopes(patterns)
    formal = np.linalg.norm(jacobians, 2, (1, 2)).max()
    assert formal == pytest.approx(LBEN_FORMAL, rel=1e-6)
    assert found.certificate.well_posed is not None
    assert is_proven_contracting(
        any_sector_system(system_of(network, WHOLE_SPACE)), found.certificate.well_posed
    )


def test_without_a_single_equilibrium_nothing_is_claimed():
    """z = relu(2 z + x) has none or two; z = relu(z + x) none or many."""
    for weight in (2.0, 1.0):
        network = ImplicitNetwork([[weight]], [[1.0]], None, [[1.0]])
        found = certify(network, "lipschitz")
        assert not found.verified
        assert found.value == np.inf
        assert "exactly one equilibrium" in found.status
        assert well_posed(any_sector_system(system_of(network, WHOLE_SPACE))) is None
    strong = ImplicitNetwork([[-3.0]], [[1.0]], None, [[1.0]])
    assert certify(strong, "lipschitz").value == pytest.approx(0.25, rel=1e-8)
    assert certify(strong, "one-sided-lower").value == pytest.approx(0.0, abs=1e-8)


def test_linear_loops_are_inverted_with_an_enclosure():
    """phi(v) = v: f = C (I - A)^-1 B exactly; a singular I - A is refused."""
    rng = np.random.default_rng(3)
    a, b, c = rng.normal(0, 0.3, (4, 4)), rng.normal(0, 1, (4, 2)), rng.normal(0, 1, (2, 4))
    network = ImplicitNetwork(a, b, None, c, activation="identity")
    jacobian = c @ np.linalg.solve(np.eye(4) - a, b)
    for name, value in numbers_of(jacobian[None]).items():
        found = certify(network, name)
        assert found.size["units"] == 0
        assert found.value == pytest.approx(value, rel=1e-9)
    with pytest.raises(UnsupportedQuestion, match="invertible"):
        certify(ImplicitNetwork([[1.0]], [[1.0]], None, [[1.0]], activation="identity"), "inverse")


def test_states_of_a_region_are_enclosed():
    rng = np.random.default_rng(5)
    network = ImplicitNetwork(
        rng.normal(0, 0.15, (6, 6)), rng.normal(0, 1, (6, 3)), rng.normal(0, 1, 6), np.eye(3, 6)
    )
    for region in (
        lipexplore.Ball([0.1, 0.2, 0.3], 0.5, "l2"),
        lipexplore.Ball([0.1, 0.2, 0.3], 1e-9),
        lipexplore.Box([-1.0, 0.0, 2.0], [1.0, 0.1, 3.0]),
    ):
        low, high = preactivation_range(network, region)
        inside = network.preactivations(region.sample(500, rng, 3))
        assert (low <= inside + 1e-12).all()
        assert (inside <= high + 1e-12).all()
    low, high = preactivation_range(network, lipexplore.Ball([0.1, 0.2, 0.3], 1e-9))
    assert (high - low).max() < 1e-7


def test_feedforward_and_its_implicit_form_agree():
    network = normal((2, 5, 4, 2), 3, biases=True)
    implicit = ImplicitNetwork.from_feedforward(network)
    assert not has_loops(system_of(network, WHOLE_SPACE))
    assert has_loops(system_of(implicit, WHOLE_SPACE))
    for name in ("lipschitz", "one-sided-upper", "one-sided-lower", "inverse"):
        assert certify(implicit, name).value == pytest.approx(
            certify(network, name).value, rel=1e-6, abs=1e-7
        )

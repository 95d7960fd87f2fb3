"""Certificates of the slope LMI on disk: a round trip, and every way to tamper with one."""

import json

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds.saving import save_certificate
from lipexplore.certificates.files import load_certificate, verify_certificate
from lipexplore.cli import main
from lipexplore.errors import InvalidCertificate
from lipexplore.networks.generators import random_dense
from tests.certificates.forging import forge

NETWORK = random_dense((3, 4, 3, 3), 0, "silu")
QUESTIONS = {
    "whole space": {"norm": "linf"},
    "l2": {"norm": "l2"},
    "margin": {"norm": "linf", "output": 1, "minus": 2},
    "jointly": {"norm": "l2", "output": "all"},
    "ball": {"norm": "l2", "region": lipexplore.Ball(np.array([0.1, 0.2, 0.3]), 0.25, "l2")},
    "box": {"norm": "linf", "region": lipexplore.Box(np.zeros(3), np.ones(3))},
    "slopes": {
        "norm": "linf",
        "region": lipexplore.Box(np.zeros(3), np.ones(3)),
        "slopes": "back-substitution",
    },
    "slice": {"norm": "linf", "layers": (2, 3), "region": lipexplore.Ball(np.zeros(3), 0.5)},
}


def saved(tmp_path, network=NETWORK, **question):
    answer = lipexplore.bound(network, "slope-lmi", **question)
    path = tmp_path / "certificate.json"
    save_certificate(answer, path)
    return answer, path


@pytest.mark.parametrize("question", QUESTIONS)
def test_round_trip(tmp_path, question):
    answer, path = saved(tmp_path, **QUESTIONS[question])
    fields = load_certificate(path)
    verdict = verify_certificate(fields, NETWORK)
    assert fields["format"] == "lipexplore-slope-lmi-1"
    assert verdict.claimed == answer.value
    assert verdict.proven == pytest.approx(answer.value, rel=1e-12)
    assert verdict.proven <= answer.value
    assert verdict.multipliers > 0


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("act", ["relu", "gelu:exact"])
def test_large_orders_are_checked_by_cholesky(tmp_path, norm, act):
    network = random_dense((30, 20, 15, 2), 0, act)
    answer, path = saved(tmp_path, network, norm=norm, output=1, minus=0)
    verdict = verify_certificate(load_certificate(path), network)
    assert verdict.proven == pytest.approx(answer.value, rel=1e-12)
    fields = load_certificate(path)
    fields["parts"][0]["outer"] *= 1 - 1e-6
    fields["value"] *= 1 - 1e-7
    with pytest.raises(InvalidCertificate, match="not positive semidefinite"):
        verify_certificate(fields, network)


def test_zero_gradient(tmp_path):
    network = lipexplore.Network([np.eye(2), [[1.0, 1.0]]], [[-5.0, -5.0], None])
    region = lipexplore.Ball(np.zeros(2), 1.0)
    _, path = saved(tmp_path, network, norm="linf", region=region)
    assert verify_certificate(load_certificate(path), network).proven == 0.0


def test_any_changed_or_missing_field_fails(tmp_path):
    _, path = saved(tmp_path, norm="linf", region=lipexplore.Ball(np.zeros(3), 0.25))
    whole = json.loads(path.read_text())
    for field in whole:
        missing = {key: value for key, value in whole.items() if key != field}
        for tampered in (missing, {**whole, field: [1] if field == "parts" else 1}):
            path.write_text(json.dumps(tampered))
            with pytest.raises(InvalidCertificate):
                verify_certificate(load_certificate(path), NETWORK)


def test_a_forged_digest_does_not_help(tmp_path):
    _, path = saved(tmp_path, norm="linf")
    honest = load_certificate(path)
    (part,) = honest["parts"]
    units, inputs, outer = part["units"], part["inputs"], part["outer"]
    parts = [
        {"outer": outer * (1 - 1e-6)},
        {"outer": -outer},
        {"outer": float("nan")},
        {"outer": "1"},
        {"outer": True},
        {"outer": 1},
        {"inputs": [x * (1 - 1e-6) for x in inputs]},
        {"inputs": inputs[:-1]},
        {"inputs": inputs[:1]},
        {"inputs": None},
        {"units": units[::-1]},
        {"units": [-t for t in units]},
        {"units": [0.5 * t for t in units]},
        {"units": [0.0] * len(units)},
        {"units": [float("inf")] * len(units)},
        {"units": units + units[:1]},
    ]
    forgeries = [
        *({"parts": [{**part, **change}]} for change in parts),
        {"parts": []},
        {"parts": [part, part]},
        {"value": honest["value"] * (1 - 1e-9)},
        {"value": float("nan")},
        {"value": float("inf")},
        {"value": -1.0},
        {"network_hash": "0" * 64},
        {"format": "lipexplore-krivine-1"},
        {"output": 1},
        {"output": 7},
        {"output": "all"},
        {"minus": 0},
        {"minus": 2},
        {"norm": "l2"},
        {"norm": "l1"},
        {"layers": [2, 3]},
        {"region": {"kind": "moon"}},
    ]
    for forgery in forgeries:
        forge(path, {**honest, **forgery})
        with pytest.raises(InvalidCertificate):
            verify_certificate(load_certificate(path), NETWORK)
    forge(path, honest)
    verify_certificate(load_certificate(path), NETWORK)


def test_a_larger_region_is_not_proven(tmp_path):
    _, path = saved(tmp_path, norm="l2", region=lipexplore.Ball(np.full(3, 0.5), 0.05))
    fields = load_certificate(path)
    fields["region"]["radius"] = 5.0
    with pytest.raises(InvalidCertificate, match="not positive semidefinite"):
        verify_certificate(fields, NETWORK)


def test_a_unit_with_a_fixed_slope_may_not_be_assumed(tmp_path):
    """Units leave for the certificate's region only; elsewhere the count does not fit."""
    network = random_dense((3, 6, 1), 1)
    _, path = saved(tmp_path, network, norm="l2", region=lipexplore.Ball(np.zeros(3), 0.01))
    fields = load_certificate(path)
    fields["region"] = {"kind": "whole space"}
    with pytest.raises(InvalidCertificate, match="number of multipliers"):
        verify_certificate(fields, network)


def test_another_network_fails(tmp_path):
    _, path = saved(tmp_path, norm="l2")
    with pytest.raises(InvalidCertificate, match="another network"):
        verify_certificate(load_certificate(path), random_dense((3, 4, 3, 3), 1, "silu"))


def test_rows_of_all_outputs_leave_no_certificate(tmp_path):
    answer = lipexplore.bound(NETWORK, "slope-lmi", "linf", output="all")
    with pytest.raises(InvalidCertificate, match="one output"):
        save_certificate(answer, tmp_path / "c.json")


def test_from_the_command_line(tmp_path, capsys):
    path, proof = tmp_path / "net.npz", tmp_path / "proof.json"
    arrays = {f"weight_{i}": w for i, w in enumerate(NETWORK.weights, 1)}
    arrays |= {f"bias_{i}": b for i, b in enumerate(NETWORK.biases, 1)}
    np.savez(path, activation="silu", **arrays)
    command = ["bound", str(path), "--method", "slope-lmi", "--norm", "l2", "--output", "all"]
    assert main([*command, "--certificate", str(proof)]) == 0
    assert main(["verify", str(proof), str(path)]) == 0
    assert "valid: P* of all outputs" in capsys.readouterr().out

"""Certificates on disk: a round trip, and every way to tamper with one."""

import json
import math

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds.saving import save_certificate
from lipexplore.certificates.files import load_certificate, verify_certificate
from lipexplore.errors import InvalidCertificate
from lipexplore.networks.generators import random_dense
from tests.certificates.forging import forge

NETWORK = random_dense((3, 4, 3, 3), 0, "silu")
QUESTIONS = {
    "whole space": {},
    "margin": {"output": 1, "minus": 2},
    "ball": {"region": lipexplore.Ball(np.array([0.1, 0.2, 0.3]), 0.25, "l2")},
    "box": {"region": lipexplore.Box(np.zeros(3), np.ones(3))},
    "slice": {"layers": (2, 3), "region": lipexplore.Ball(np.zeros(3), 0.5), "output": 2},
    "layerwise": {"clique_family": "layerwise"},
    "back-substitution": {
        "region": lipexplore.Ball(np.array([0.1, 0.2, 0.3]), 0.5),
        "slopes": "back-substitution",
    },
    "l2": {"norm": "l2", "output": 1},
    "l1": {"norm": "l1", "output": 2, "minus": 0},
}


def saved(tmp_path, **question):
    answer = lipexplore.bound(NETWORK, "lipopt-lp", **question)
    path = tmp_path / "certificate.json"
    save_certificate(answer, path)
    return answer, path


@pytest.mark.parametrize("question", QUESTIONS)
def test_round_trip(tmp_path, question):
    answer, path = saved(tmp_path, **QUESTIONS[question])
    verdict = verify_certificate(load_certificate(path), NETWORK)
    assert verdict.claimed == answer.value
    assert verdict.proven <= answer.value
    assert verdict.proven == pytest.approx(answer.value, rel=1e-9)


def fields_of(path):
    fields = json.loads(path.read_text())
    fields.pop("digest")
    return fields


@pytest.mark.parametrize(
    "field",
    ["network_hash", "norm", "output", "minus", "layers", "region", "settings", "value",
     "parts", "format"],
)  # fmt: skip
def test_any_changed_or_missing_field_fails(tmp_path, field):
    _, path = saved(tmp_path, region=lipexplore.Ball(np.zeros(3), 0.25))
    whole = json.loads(path.read_text())
    missing = {key: value for key, value in whole.items() if key != field}
    changed = {**whole, field: [1] if field == "parts" else 1}
    for tampered in (missing, changed):
        path.write_text(json.dumps(tampered))
        with pytest.raises(InvalidCertificate):
            verify_certificate(load_certificate(path), NETWORK)


@pytest.mark.parametrize("value", [10**400, [], {}, "x", None, math.nan, math.inf, -1.0])
def test_a_value_that_is_no_bound_fails(tmp_path, value):
    _, path = saved(tmp_path)
    with pytest.raises(InvalidCertificate):
        verify_certificate({**fields_of(path), "value": value}, NETWORK)


def test_a_forged_digest_does_not_help(tmp_path):
    _, path = saved(tmp_path)
    honest = fields_of(path)
    (part,) = honest["parts"]
    rows = part["multipliers"]

    def parts(**changes):
        return {"parts": [{**part, **changes}]}

    forgeries = [
        {"value": honest["value"] * 0.999},
        {"value": float("nan")},
        {"value": float("inf")},
        {"network_hash": "0" * 64},
        {"output": 7},
        {"output": 1},
        {"minus": 0},
        {"norm": "l2"},
        parts(exponent=part["exponent"] + 1),
        parts(exponent=0.5),
        parts(multipliers=[[-n for n in row] for row in rows]),
        parts(multipliers=[[n / 2 for n in row] for row in rows]),
        parts(multipliers=[[n // 2 for n in row] for row in rows]),
        parts(multipliers=rows[:-1]),
        parts(multipliers=[row[::-1] for row in rows]),
        parts(subsets=part["subsets"][::-1]),
        parts(subsets=[[0, 0, 0]] * len(part["subsets"])),
        parts(entry=[0, 1]),
        {"parts": []},
        {"region": {"kind": "moon"}},
        {"region": {"kind": "ball", "norm": "linf", "radius": -1.0, "center": [0, 0, 0]}},
        {"region": {"kind": "ball", "norm": "linf", "radius": 1.0, "center": [0, 0]}},
        {"layers": [2, 3]},
        {"layers": [0, 9]},
        parts(subsets=None),
    ]
    for forgery in forgeries:
        forge(path, {**honest, **forgery})
        with pytest.raises(InvalidCertificate):
            verify_certificate(load_certificate(path), NETWORK)
    forge(path, honest)
    verify_certificate(load_certificate(path), NETWORK)


def test_a_larger_region_is_not_proven(tmp_path):
    _, path = saved(tmp_path, region=lipexplore.Ball(np.full(3, 0.5), 0.05))
    fields = fields_of(path)
    fields["region"]["radius"] = 5.0
    forge(path, fields)
    with pytest.raises(InvalidCertificate, match="prove"):
        verify_certificate(load_certificate(path), NETWORK)


def test_another_network_fails(tmp_path):
    _, path = saved(tmp_path)
    weights = [w.copy() for w in NETWORK.weights]
    weights[0][0, 0] = np.nextafter(weights[0][0, 0], 2.0)
    other = lipexplore.Network(weights, NETWORK.biases, NETWORK.activations)
    with pytest.raises(InvalidCertificate, match="another network"):
        verify_certificate(load_certificate(path), other)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '{"format": "other"}', '{"format": []}', "[" * 100_000, "\x00\xff"],
    ids=range(8),
)
def test_files_that_are_no_certificates(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InvalidCertificate, match=r"c\.json"):
        load_certificate(path)


def test_methods_without_certificate_say_so(tmp_path):
    with pytest.raises(InvalidCertificate, match="use lipopt-lp"):
        save_certificate(lipexplore.bound(NETWORK, "path"), tmp_path / "c.json")
    everything = lipexplore.bound(NETWORK, "lipopt-lp", output="all")
    with pytest.raises(InvalidCertificate, match="one output"):
        save_certificate(everything, tmp_path / "c.json")

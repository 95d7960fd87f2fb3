"""Certificates of slope chains on disk: a round trip, and every way to tamper with one."""

import json

import numpy as np
import pytest

import lipexplore
from lipexplore.certificates.chain import ChainProver
from lipexplore.certificates.files import load_certificate, verify_certificate, write_certificate
from lipexplore.errors import InvalidCertificate
from lipexplore.networks.generators import random_dense
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE
from tests.certificates.forging import forge
from tests.chains import chain_of, vector_iteration

NETWORK = random_dense((3, 4, 3, 3), 0, "silu")
BALL = lipexplore.Ball(np.array([0.1, 0.2, 0.3]), 0.25, "l2")
QUESTIONS = {
    "whole space": {"norm": "linf"},
    "l2": {"norm": "l2"},
    "l1": {"norm": "l1"},
    "margin": {"norm": "linf", "output": 1, "minus": 2},
    "jointly": {"norm": "l2", "output": "all"},
    "ball": {"norm": "l1", "region": BALL},
}


def saved(path, network=NETWORK, norm="linf", output=0, minus=None, region=WHOLE_SPACE):
    """Prove a bound of the network and write its certificate."""
    head = network if output == "all" else network.head(output, minus)
    chain = slope_chain(head, slope_ranges(head, region))
    parts = []
    for column in range(network.n_inputs) if norm == "l1" else [None]:
        first = chain.weights[0] if column is None else chain.weights[0][:, [column]]
        plain = chain_of((first, *chain.weights[1:]), chain.lower, chain.upper)
        value, mu, tau = vector_iteration(plain, "linf" if norm == "linf" else "l2")
        prover = ChainProver(chain, Norm(norm), column)
        parts.append(prover.prove(mu, tau, value=float(np.ldexp(value, chain.exponent))))
    question = {
        "network_hash": network.content_hash,
        "norm": norm,
        "output": output,
        "minus": minus,
        "layers": None,
        "region": region.to_dict(),
        "settings": {},
        "value": max(part.value for part in parts),
    }
    write_certificate(question, parts, path)
    return question["value"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_round_trip(tmp_path, question):
    value = saved(tmp_path / "c.json", **QUESTIONS[question])
    fields = load_certificate(tmp_path / "c.json")
    verdict = verify_certificate(fields, NETWORK)
    assert fields["format"] == "lipexplore-slope-chain-1"
    assert verdict.claimed == value
    assert value * (1 - 1e-12) <= verdict.proven <= value
    assert verdict.multipliers > 0


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("act", ["relu", "gelu:exact"])
@pytest.mark.parametrize("widths", [(30, 20, 15, 2), (15, 20, 15, 2)])
def test_large_orders_are_checked_in_floating_point(tmp_path, norm, act, widths):
    network = random_dense(widths, 0, act)
    path = tmp_path / "c.json"
    value = saved(path, network, norm, 1, 0)
    fields = load_certificate(path)
    assert verify_certificate(fields, network).proven == pytest.approx(value, rel=1e-12)
    fields["parts"][0]["outer"] *= 1 - 1e-6
    fields["value"] *= 1 - 1e-7
    with pytest.raises(InvalidCertificate, match="not positive semidefinite"):
        verify_certificate(fields, network)


def test_zero_gradient(tmp_path):
    network = lipexplore.Network([np.eye(2), [[1.0, 1.0]]], [[-5.0, -5.0], None])
    assert saved(tmp_path / "c.json", network, region=lipexplore.Ball(np.zeros(2), 1.0)) == 0.0
    assert verify_certificate(load_certificate(tmp_path / "c.json"), network).proven == 0.0


def test_any_changed_or_missing_field_fails(tmp_path):
    path = tmp_path / "c.json"
    saved(path, region=BALL)
    whole = json.loads(path.read_text())
    for field in whole:
        missing = {key: value for key, value in whole.items() if key != field}
        for tampered in (missing, {**whole, field: [1] if field == "parts" else 1}):
            path.write_text(json.dumps(tampered))
            with pytest.raises(InvalidCertificate):
                verify_certificate(load_certificate(path), NETWORK)


def test_a_forged_digest_does_not_help(tmp_path):
    path = tmp_path / "c.json"
    saved(path)
    honest = load_certificate(path)
    (part,) = honest["parts"]
    units, inputs, outer = part["units"], part["inputs"], part["outer"]
    parts = [
        *({"outer": wrong} for wrong in (outer * (1 - 1e-6), -outer, float("nan"), "1", True, 0.0)),
        {"inputs": [x * (1 - 1e-6) for x in inputs]},
        *({"inputs": wrong} for wrong in (inputs[:-1], inputs[:1], None, [[x] for x in inputs])),
        {"units": units[::-1]},
        {"units": units[0]},
        {"units": units[:1]},
        *({"units": [[f * t for t in layer] for layer in units]} for f in (-1.0, 0.0, 0.5, 2.0)),
        {"units": [[float("inf")] * len(layer) for layer in units]},
        {"units": [layer[::-1] for layer in units]},
        {"column": 0},
    ]
    forgeries = [
        *({"parts": [{**part, **change}]} for change in parts),
        {"parts": []},
        {"parts": [part, part]},
        {"parts": [{key: part[key] for key in ("outer", "inputs", "units")}]},
        *({"value": wrong} for wrong in (honest["value"] * (1 - 1e-9), float("nan"), -1.0)),
        {"network_hash": "0" * 64},
        {"format": "lipexplore-slope-lmi-1"},
        *({"output": wrong} for wrong in (1, 7, "all")),
        *({"minus": wrong} for wrong in (0, 2)),
        *({"norm": wrong} for wrong in ("l2", "l1")),
        {"layers": [2, 3]},
        {"region": {"kind": "moon"}},
    ]
    for forgery in forgeries:
        forge(path, {**honest, **forgery})
        with pytest.raises(InvalidCertificate):
            verify_certificate(load_certificate(path), NETWORK)
    forge(path, honest)
    verify_certificate(load_certificate(path), NETWORK)


def test_every_input_of_l1_is_needed(tmp_path):
    path = tmp_path / "c.json"
    saved(path, norm="l1")
    fields = load_certificate(path)
    smallest = min(fields["parts"], key=lambda part: part["outer"] * part["inputs"][0])
    for parts in (
        fields["parts"][1:],
        [smallest] * 3,
        [{**p, "column": 0} for p in fields["parts"]],
    ):
        with pytest.raises(InvalidCertificate):
            verify_certificate({**fields, "parts": parts}, NETWORK)


def test_a_larger_region_is_not_proven(tmp_path):
    path = tmp_path / "c.json"
    saved(path, norm="l2", region=BALL)
    fields = load_certificate(path)
    fields["region"]["radius"] = 50.0
    with pytest.raises(InvalidCertificate, match="not positive semidefinite"):
        verify_certificate(fields, NETWORK)


def test_another_network_fails(tmp_path):
    saved(tmp_path / "c.json")
    with pytest.raises(InvalidCertificate, match="another network"):
        verify_certificate(
            load_certificate(tmp_path / "c.json"), random_dense((3, 4, 3, 3), 1, "silu")
        )

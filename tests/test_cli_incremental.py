"""``lipexplore certify`` and ``verify`` of its files: one line per mistake."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lipexplore
from lipexplore.cli import main
from lipexplore.networks.files import save_network
from lipexplore.networks.implicit import ImplicitNetwork
from tests.properties.incremental_truth import normal, numbers_of, pattern_jacobians

NETWORK = normal((2, 4, 2), 3)
IMPLICIT = ImplicitNetwork([[-3.0]], [[1.0]], None, [[1.0]])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_network(NETWORK, "net.npz")
    save_network(IMPLICIT, "implicit.npz")
    np.save("x.npy", np.full(2, 0.5))
    np.save("q.npy", np.diag([3.0, 3.0, -1.0, -1.0]))
    return tmp_path


def run(capsys, *arguments):
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_json_bounds_the_truth_over_all_patterns(folder, capsys):
    truth = numbers_of(pattern_jacobians(NETWORK.weights, ((0.0, 1.0),)))
    for prop, number in truth.items():
        code, out, err = run(capsys, "certify", "net.npz", "--property", prop, "--json")
        found = json.loads(out)
        assert (code, err, found["verified"]) == (0, "", True)
        upper = prop in ("lipschitz", "one-sided-upper")
        sign = 1.0 if upper else -1.0
        assert sign * (found["value"] - number) >= -1e-12
        assert sign * (found["value"] - number) <= 0.7


def test_certificates_of_every_kind_are_verified(folder, capsys):
    region = ["--center", "x.npy", "--radius", "0.1", "--ball", "l2"]
    for net, prop, more in (
        ("net.npz", "contraction", []),
        ("net.npz", "lipschitz", [*region, "--norm", "linf"]),
        ("net.npz", "dissipativity", ["--supply", "q.npy"]),
        ("implicit.npz", "one-sided-upper", []),
    ):
        file = ["--certificate", "proof.json"]
        code, out, err = run(capsys, "certify", net, "--property", prop, *more, *file)
        assert (code, err) == (0, "")
        assert "(verified)" in out
        assert ("P = [[" in out) == (prop == "contraction")
        code, out, err = run(capsys, "verify", "proof.json", net)
        assert (code, err) == (0, "")
        assert out.startswith("valid: ")
        assert ("l2 ball of radius 0.1" in out) == bool(region[0] in more)
    code, _, err = run(capsys, "verify", "proof.json", "net.npz")
    assert code == 2
    assert "another map" in err


def test_a_changed_claim_is_refused(folder, capsys):
    run(capsys, "certify", "net.npz", "--property", "lipschitz", "--certificate", "proof.json")
    path = folder / "proof.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "value": 0.1}))
    code, out, err = run(capsys, "verify", "proof.json", "net.npz")
    assert (code, out) == (2, "")
    assert "a field was changed" in err


def test_what_is_not_proven_is_said(folder, capsys):
    save_network(ImplicitNetwork([[2.0]], [[1.0]], None, [[1.0]]), "loop.npz")
    code, out, _ = run(capsys, "certify", "loop.npz", "--property", "lipschitz")
    assert code == 0
    assert "nothing is proven" in out
    assert "exactly one equilibrium" in out
    _, out, _ = run(capsys, "certify", "loop.npz", "--property", "lipschitz", "--json")
    assert json.loads(out)["value"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["net.npz", "--property", "beauty"], "no property is called 'beauty'"),
        (["net.npz", "--property", "dissipativity"], "needs the matrix Q"),
        (["net.npz", "--property", "dissipativity", "--supply", "x.npy"], "Q must be a matrix"),
        (["none.npz", "--property", "lipschitz"], "none.npz: there is no such file"),
        (["net.npz", "--property", "inverse", "--norm", "linf"], "l2 norm only"),
    ],
)
def test_mistakes_end_in_one_line(folder, capsys, arguments, message):
    code, out, err = run(capsys, "certify", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_maps_that_are_not_square_are_refused(folder, capsys):
    save_network(lipexplore.Network([np.ones((3, 2)), np.ones((1, 3))]), "flat.npz")
    code, _, err = run(capsys, "certify", "flat.npz", "--property", "one-sided-upper")
    assert code == 2
    assert "as many outputs as inputs" in err

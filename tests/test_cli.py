"""The command line: answers, JSON, certificates, and one line per mistake."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lipexplore
from lipexplore.cli import main
from lipexplore.networks.generators import random_dense


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.npz"
    lipexplore.save_network(random_dense((4, 5, 3), 0), path)
    return path


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_bound_json_equals_python(net, capsys):
    code, out, err = run(
        capsys, "bound", net, "--method", "lipopt-lp", "--degree", 3, "--output", 2, "--json"
    )
    fields = json.loads(out)
    expected = lipexplore.bound(lipexplore.load_network(net), "lipopt-lp", output=2, degree=3)
    assert (code, err) == (0, "")
    assert fields["value"] == expected.value
    assert fields["settings"]["degree"] == 3
    assert fields["verified"] is True
    assert set(fields) == set(expected.to_dict())


def test_json_writes_infinity_as_null_with_a_reason(net, capsys):
    _, out, _ = run(capsys, "bound", net, "--method", "vertex-search", "--json")
    fields = json.loads(out)
    assert fields["value"] is None
    assert fields["side"] == "lower"
    assert fields["lower"] > 0


def test_regions(net, tmp_path, capsys):
    center, box = tmp_path / "x.npy", tmp_path / "box.npz"
    np.save(center, np.full(4, 0.1))
    np.savez(box, lower=np.full(4, -0.1), upper=np.full(4, 0.3))
    ball = ("--center", center, "--radius", 0.2)
    _, local, _ = run(capsys, "bound", net, "--method", "path", *ball, "--json")
    _, boxed, _ = run(capsys, "bound", net, "--method", "path", "--box", box, "--json")
    _, whole, _ = run(capsys, "bound", net, "--method", "path", "--json")
    local, boxed, whole = (json.loads(text)["value"] for text in (local, boxed, whole))
    assert local == pytest.approx(boxed, rel=1e-9)
    assert local < whole


def test_all_outputs_and_layers(net, capsys):
    _, out, _ = run(capsys, "bound", net, "--method", "path", "--output", "all", "--json")
    network = lipexplore.load_network(net)
    rows = [lipexplore.bound(network, "path", output=i).value for i in range(3)]
    assert json.loads(out)["value"] == max(rows)
    _, out, _ = run(capsys, "bound", net, "--method", "path", "--layers", "2:2", "--json")
    assert json.loads(out)["value"] == pytest.approx(np.abs(network.weights[1][0]).sum())


def test_certificate_round_trip(net, tmp_path, capsys):
    proof = tmp_path / "proof.json"
    code, _, _ = run(capsys, "bound", net, "--method", "lipopt-lp", "--certificate", proof)
    assert code == 0
    code, out, _ = run(capsys, "verify", proof, net)
    assert code == 0
    assert out.startswith("valid: P* of output 0, linf norm, whole space <=")


def test_printed_bound_is_rounded_up(net, capsys):
    _, out, _ = run(capsys, "bound", net, "--method", "norm-product", "--norm", "l2")
    printed = float(out.split("<= ")[2].split()[0])
    assert printed >= lipexplore.bound(lipexplore.load_network(net), "norm-product", "l2").value


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bound", "NET", "--method", "nonsense"], "unknown method 'nonsense'"),
        (["bound", "NET", "--method", "path", "--norm", "l7"], "unknown norm 'l7'"),
        (["bound", "NET", "--method", "path", "--output", "9"], "there is no output 9"),
        (["bound", "NET", "--method", "path", "--output", "x"], "--output needs a number"),
        (["bound", "NET", "--method", "path", "--minus", "0"], "two different outputs"),
        (["bound", "NET", "--method", "path", "--degree", "2"], "no setting 'degree'"),
        (["bound", "NET", "--method", "lipopt-lp", "--degree", "1"], "use degree 2"),
        (["bound", "NET", "--method", "lipopt-lp", "--degree", "0"], "at least 1"),
        (["bound", "NET", "--method", "lipopt-lp", "--memory-limit", "1e-9"], "products"),
        (["bound", "NET", "--method", "lipopt-lp", "--solver", "cplex"], "solver must be one of"),
        (["bound", "NET", "--method", "lipopt-lp", "--clique-family", "x"], "clique_family must"),
        (["bound", "NET", "--method", "path", "--radius", "1"], "--center and --radius"),
        (["bound", "NET", "--method", "path", "--center", "no.npy", "--radius", "1"], "no such"),
        (["bound", "NET", "--method", "path", "--center", "NET", "--radius", "1"], ".npy file"),
        (["bound", "NET", "--method", "path", "--box", "NET"], "the array 'lower'"),
        (["bound", "NET", "--method", "path", "--layers", "7"], "--layers needs I:J"),
        (["bound", "NET", "--method", "path", "--layers", "2:9"], "choose from 1 to 2"),
        (["bound", "NET", "--method", "path", "--output", "all", "--output-norm", "l2"], "l2"),
        (["bound", "NET", "--method", "path", "--certificate", "c.json"], "no certificate"),
        (["bound", "missing.npz", "--method", "path"], "missing.npz: there is no such file"),
        (["bound", "NET"], "--method"),
        (["verify", "missing.json", "NET"], "missing.json: there is no such file"),
        (["explore", "missing.npz"], "missing.npz: there is no such file"),
        (["explore", "--users", "0"], "--users must be at least 1"),
        (["explore", "--idle-minutes", "0"], "--idle-minutes must be positive"),
        (["explore", "--port", "70000"], "--port must be from 0"),
        (["explore", "--port", "x"], "--port"),
        (["frobnicate"], "frobnicate"),
        ([], "COMMAND"),
    ],
)
def test_mistakes_cost_one_line_and_status_2(net, capsys, arguments, words):
    code, out, err = run(capsys, *(net if a == "NET" else a for a in arguments))
    assert code == 2
    assert out == ""
    assert err.startswith("lipexplore: ")
    assert err.count("\n") == 1
    assert words in err


def test_no_path_is_an_error(tmp_path, capsys):
    path = tmp_path / "dead.npz"
    lipexplore.save_network(lipexplore.Network([np.ones((2, 2)), np.zeros((1, 2))]), path)
    code, _, err = run(capsys, "bound", path, "--method", "path")
    assert code == 2
    assert "no path of non-zero weights" in err


def test_explore_serves_this_machine_or_asks_for_a_token(net, capsys, monkeypatch):
    served, opened = [], []

    def serve(options, on_address):
        served.append(options)
        on_address(options.address(options.port))

    monkeypatch.setattr("lipexplore.app.server.serve", serve)
    monkeypatch.setattr("lipexplore.app.server.open_in_browser", opened.append)
    code, out, _ = run(capsys, "explore", net, "--port", 9000)
    assert code == 0
    assert "http://127.0.0.1:9000/\n" in out
    assert opened == ["http://127.0.0.1:9000/"]
    others = ("--host", "0.0.0.0", "--users", 2, "--idle-minutes", 5, "--no-browser")
    _, out, _ = run(capsys, "explore", *others)
    here, everywhere = served
    assert (here.networks, here.token) == ((str(net),), "")
    assert (everywhere.users, everywhere.idle_minutes) == (2, 5.0)
    assert len(everywhere.token) >= 32
    assert f"?token={everywhere.token}" in out
    assert len(opened) == 1


def test_methods_doctor_and_show(net, capsys):
    _, out, _ = run(capsys, "methods")
    assert all(method.name in out for method in lipexplore.METHODS)
    code, out, err = run(capsys, "doctor")
    assert (code, err) == (0, "")
    assert "arithmetic: IEEE 754" in out
    assert "solver highs: optimal" in out
    assert "solver cvxopt: optimal" in out
    assert "voila: " in out
    _, out, _ = run(capsys, "show", net)
    assert "4-5-3" in out


def test_runs_as_a_program_without_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "lipexplore.cli", "bound", "nothing.npz", "--method", "path"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr

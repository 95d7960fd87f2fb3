"""``lipexplore implicit``: certificate, bound and box, and one line per mistake."""

from __future__ import annotations

import json

import numpy as np
import pytest

import lipexplore
from lipexplore.cli import main
from lipexplore.networks.files import save_network
from lipexplore.networks.generators import random_dense
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.implicit.bounds import implicit_bound
from lipexplore.properties.reachability import reachable_box
from tests.networks.implicit_cases import LBEN_50, lben, nemon


@pytest.fixture
def saved(tmp_path):
    case = nemon(1, 4, 3, 2, 0.3)
    path, center = tmp_path / "net.npz", tmp_path / "x.npy"
    save_network(case.network, path)
    np.save(center, case.x)
    return case, path, center


def run(capsys, *arguments):
    code = main(["implicit", *(str(a) for a in arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_json_is_what_python_says(saved, capsys):
    case, path, center = saved
    code, out, err = run(capsys, path, "--center", center, "--radius", 0.1, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    ball = lipexplore.Ball(case.x, 0.1)
    assert found["value"] == implicit_bound(case.network, "closed-form", "linf", ball).value
    lower, upper = reachable_box(case.network, case.x, 0.1)
    assert found["outputs"] == {"lower": lower.tolist(), "upper": upper.tolist()}
    assert found["certificate"]["measure"] == case.network.contraction.measure


def test_text_is_rounded_outward(saved, capsys):
    case, path, center = saved
    _, out, _ = run(capsys, path, "--center", center, "--radius", 0.1, "--method", "patterns")
    lower, upper = reachable_box(case.network, case.x, 0.1)
    lines = [line for line in out.splitlines() if line.startswith("output ")]
    for line, low, high in zip(lines, lower, upper, strict=True):
        words = line.split()
        assert float(words[3]) <= low
        assert high <= float(words[5])
    assert "matrix measure" in out
    assert "P* >= " in out


def test_network_without_weights_says_so(tmp_path, capsys):
    network, _ = lben(*LBEN_50["args"])
    save_network(network, tmp_path / "lben.npz")
    code, out, _ = run(capsys, tmp_path / "lben.npz", "--method", "slope-lmi", "--norm", "l2")
    assert code == 0
    assert "no l_inf weights" in out
    assert "L <= P* <= 1.3709" in out
    code, _, err = run(capsys, tmp_path / "lben.npz")
    assert code == 2
    assert "no certificate" in err


def test_mistakes_are_one_line(saved, tmp_path, capsys):
    _, path, center = saved
    save_network(random_dense((2, 2, 1), 0), tmp_path / "deep.npz")
    save_network(ImplicitNetwork([[0.0]], [[1.0]], None, [[1.0]]), tmp_path / "one.npz")
    for arguments, words in (
        ((tmp_path / "deep.npz",), "use 'lipexplore bound'"),
        ((tmp_path / "missing.npz",), "no such file"),
        ((path, "--center", center), "both --center and --radius"),
        ((path, "--center", path, "--radius", 1), "no .npy file"),
        ((path, "--method", "guess"), "unknown method"),
        ((tmp_path / "one.npz", "--center", center, "--radius", 1), "3 coordinates"),
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert words in err
        assert len(err.splitlines()) == 1

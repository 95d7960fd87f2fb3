"""``lipexplore compare``: a table, a summary, an alarm; one line per mistake."""

from __future__ import annotations

import json
import math
import sys

import pandas
import pytest

from lipexplore.cli import main
from lipexplore.experiments.store import Store
from tests.experiments.store_rows import row


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, rows in {
        "a": [row(1, value=2.0, seconds=1.0), row(2), row(3, network="long name of a network")],
        "b": [row(1, value=2.5, seconds=0.25), row(2)],
    }.items():
        with Store(name) as store:
            for one in rows:
                store.add(one)
    return tmp_path


def run(capsys, *arguments):
    code = main(["compare", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_table_and_summary(folder, capsys):
    code, out, err = run(capsys, "a", "b")
    assert (code, err) == (0, "")
    head, *lines, told = out.splitlines()
    assert len(lines) == 3
    one = next(line for line in lines if "net 1" in line)
    assert one.split()[-1] == "both"
    assert "1.25" in one
    assert told == (
        "2 runs in both, 1 in A only, 0 in B only; upper bounds B / A from 1 to 1.25; "
        "median speed-up 2.5"
    )
    assert head.split()[:3] == ["network", "region", "norm"]


def test_settings_tell_runs_of_one_method_apart(folder, capsys):
    for name in "ab":
        with Store(name) as store:
            for degree in (2, 3):
                settings = json.dumps({"degree": degree})
                store.add(row(1, run=f"d{degree}", method="lipopt-lp", settings=settings))
    _, out, _ = run(capsys, "a", "b")
    assert "lipopt-lp, degree 2 " in out
    assert "lipopt-lp, degree 3 " in out


def test_long_tables_are_cut_and_written_whole(folder, capsys):
    code, out, _ = run(capsys, "a", "b", "--rows", "1", "--out", "all.csv")
    assert code == 0
    assert "... and 2 more rows" in out
    assert len(pandas.read_csv("all.csv")) == 3


def test_contradiction_is_an_alarm(folder, capsys):
    with Store("b") as store:
        store.add(
            row(1, run="x", settings="{}", value=math.inf, lower=2.25, method="vertex-search")
        )
    code, out, err = run(capsys, "a", "b")
    assert code == 2
    assert "runs in both" in out
    warning, last = err.splitlines()
    assert "P* <= 2.0 by norm-product, but L >= 2.25 by vertex-search" in warning
    assert "1 upper bounds lie below" in last


def test_a_terminal_gets_at_most_100_columns_and_whole_numbers(folder, capsys, monkeypatch):
    with Store("a") as store:
        store.add(row(9, network="a network of a long name " * 3, value=1.23456789e-100))
    for terminal in (False, True):
        monkeypatch.setattr(sys.stdout, "isatty", lambda answer=terminal: answer)
        _, out, _ = run(capsys, "a", "b")
        lines = out.splitlines()[:-1]
        assert (max(map(len, lines)) <= 100) == terminal
        assert any("1.23457e-100  -" in line for line in lines)
        assert ("…" in out) == terminal


def test_no_rows(folder, capsys):
    _, out, _ = run(capsys, "a", "b", "--rows", "-3")
    assert "... and 3 more rows" in out


def test_mistakes_are_one_line(folder, capsys):
    for arguments in (
        ("a", "nowhere"),
        ("a", "b", "--out", "x.txt"),
        ("a", "b", "--out", "n/x.csv"),
    ):
        code, _, err = run(capsys, *arguments)
        assert code == 2
        assert err.startswith("lipexplore: ")
        assert err.count("\n") == 1

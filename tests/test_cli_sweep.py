"""``lipexplore sweep``."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from lipexplore.cli import main
from lipexplore.errors import StoreUnavailable
from lipexplore.experiments import costs, progress
from lipexplore.experiments.progress import Progress, duration
from lipexplore.experiments.spec import read_spec
from lipexplore.experiments.store import Store

HOME = Path(__file__).parents[1]
PAGE = HOME / "docs" / "sweeps.md"
SPEC = """
title = "Two small networks"
[[grid]]
networks = [{generator = "dense", widths = [[3, 4, 1], [3, 3, 3, 1]]}]
norms = ["linf"]
methods = ["path", {name = "lipopt-lp", degree = [2, 3]}]
"""
"""Six runs; degree 2 is too low for the deeper network."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def run(capsys, *arguments):
    code = main(["sweep", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_sweep_is_kept_and_not_run_again_but_failures_on_demand(folder, capsys):
    code, out, err = run(capsys, "spec.toml", "--out", "runs", "--workers", "2")
    assert code == 0
    assert err.startswith("Two small networks: 6 runs, expected ")
    assert ", 1 will be refused" in err
    assert "6/6, 1 failed" in err
    assert f"6 runs: 6 now, 0 before, 1 failed; kept in {Path('runs/runs.sqlite')}" in out
    assert "  1 failed: degree 2 is too low" in out
    with Store("runs") as store:
        table = store.table()
    assert table.run.tolist() != []
    assert {*table.run} == {case.run_key for case in read_spec("spec.toml").cases}

    code, out, err = run(capsys, "spec.toml", "--out", "runs", "--workers", "1")
    assert (code, err) == (0, "Two small networks: 6 runs, 6 of them kept already\n")
    assert "6 runs: 0 now, 6 before, 1 failed" in out

    code, out, err = run(capsys, "spec.toml", "--out", "runs", "--workers", "1", "--retry-failed")
    assert "6 runs: 1 now, 5 before, 1 failed" in out
    with Store("runs") as store:
        again = store.table()
    kept = table[~table.failed].sort_values("run").finished_at.tolist()
    assert again[~again.failed].sort_values("run").finished_at.tolist() == kept


def test_a_dry_run_lists_what_would_be_run_and_writes_nothing(folder, capsys):
    code, out, err = run(capsys, "spec.toml", "--dry-run", "--time-limit", "5")
    lines = out.splitlines()
    assert (code, err, len(lines)) == (0, "", 7)
    assert "dense 3-4-1 seed 0  whole space  linf  output 0  lipopt-lp degree=2" in lines[1]
    assert re.search(r" s  dense.* [\d,]+ columns", lines[1])
    assert "refused" in lines[4]
    assert "degree 2 is too low" in lines[4]
    assert lines[6].startswith("Two small networks: 6 runs, expected ")
    assert sorted(path.name for path in folder.iterdir()) == ["spec.toml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["spec.toml"], "--out RUNS"),
        (["none.toml", "--out", "runs"], "none.toml: there is no such file"),
        (["spec.toml", "--out", "runs", "--workers", "0"], "--workers needs at least 1, not 0"),
        (["spec.toml", "--out", "runs", "--time-limit", "-1"], "--time-limit needs seconds above"),
        (
            ["spec.toml", "--out", "runs", "--workers", "2", "--cluster", "local:2"],
            "either --workers or --cluster",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_made(folder, capsys, arguments, message):
    code, out, err = run(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not Path("runs").exists()


def test_control_c_ends_at_once_and_says_how_to_go_on(folder):
    grid = (
        '[[grid]]\nnetworks = [{generator = "dense", widths = [40, 40, 1]}]\n'
        'methods = ["path", {name = "lipopt-lp", degree = 3}]\n'
    )
    Path("long.toml").write_text(grid, encoding="utf-8")
    child = subprocess.Popen(
        [sys.executable, "-m", "lipexplore.cli", "sweep", "long.toml", "--out", "runs"],
        env=os.environ | {"PYTHONPATH": str(HOME)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 120.0
        while rows() == 0:
            assert child.poll() is None
            assert time.monotonic() < end
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=180.0)
    finally:
        child.kill()
    assert (child.returncode, out) == (130, "")
    assert "1 of 2 runs are kept in runs: the same command goes on with the others" in err
    assert "Traceback" not in err
    assert rows() == 1


def rows():
    with suppress(StoreUnavailable), Store("runs", create=False) as store:
        return len(store)
    return 0


def test_the_documented_example_is_complete_and_every_run_of_it_counted(
    folder, capsys, monkeypatch
):
    text = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    Path("example.toml").write_text(example, encoding="utf-8")
    monkeypatch.setattr(costs, "PATIENCE", 0.0)
    code, out, _ = run(capsys, "example.toml", "--dry-run")
    assert code == 0
    assert f"{len(out.splitlines()) - 1} runs" in out.splitlines()[-1]
    assert f"{len(out.splitlines()) - 1} runs" in text
    code, out, _ = run(capsys, "example.toml", "--out", "runs", "--time-limit", "0.001")
    assert code == 0
    with Store("runs") as store:
        assert {row["run"] for row in store.page(0, 10**6)} == {
            case.run_key for case in read_spec("example.toml", 0.001).cases
        }


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal_is_one_line_within_its_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    stream = Terminal()
    with Progress([f"run {i} of a long name" for i in range(4)], [1.0] * 4, stream) as shown:
        shown.started(0)
        shown.started(1)
        assert re.match(
            r"\[\.{20}\] 0/4, [\d.e-]+ s, run 0 of a long name; run 1 of a long name$", shown.line()
        )
        shown.finished(0, failed=False)
        shown.finished(1, failed=True)
        assert re.match(
            r"\[#{10}\.{10}\] 2/4, 1 failed, [\d.e-]+ s, about [\d.e-]+ s left$", shown.line()
        )
    written = stream.getvalue()
    assert written.count("\n") == 1
    assert written.endswith("\x1b[K\n")
    assert max(len(line) for line in re.split(r"\r|\x1b\[K", written)) < 70


def test_progress_in_a_log_is_whole_lines_now_and_then(monkeypatch):
    monkeypatch.setattr(progress, "LOG", 0.01)
    stream = io.StringIO()
    with Progress(["one"], [1.0], stream) as shown:
        shown.started(0)
        end = time.monotonic() + 30.0
        while stream.getvalue().count("\n") < 2 and time.monotonic() < end:
            time.sleep(0.01)
        shown.finished(0, failed=False)
    lines = stream.getvalue().splitlines()
    assert len(lines) >= 3
    assert all(re.match(r"\[[#.]{20}\] [01]/1, ", line) for line in lines)
    assert lines[-1].startswith("[####################] 1/1")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (0.0123, "0.01 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3725.0, "1 h 2 min")],
)
def test_times_are_said_as_people_do(seconds, text):
    assert duration(seconds) == text

"""The commands ``lipexplore report`` and ``lipexplore reproduce``."""

from __future__ import annotations

import pytest

from lipexplore.cli import main
from lipexplore.experiments.reproduction import EXPERIMENTS
from lipexplore.experiments.store import Store
from tests.experiments.store_rows import row


def test_report_of_a_store_goes_beside_it(tmp_path, capsys):
    with Store(tmp_path / "runs") as store:
        assert store.add(row(1))
    assert main(["report", str(tmp_path / "runs")]) == 0
    page = tmp_path / "runs" / "report" / "report.html"
    assert capsys.readouterr().out == f"1 runs: {page}\n"
    assert "net 1" in page.read_text(encoding="utf-8")


def test_report_goes_where_it_is_told(tmp_path, capsys):
    with Store(tmp_path / "runs") as store:
        assert store.add(row(1))
        store.table().to_csv(tmp_path / "kept.csv", index=False)
    assert main(["report", str(tmp_path / "kept.csv"), "--out", str(tmp_path / "there")]) == 0
    assert capsys.readouterr().out.startswith("1 runs: ")
    assert (tmp_path / "there" / "figures" / "question-001.pdf").exists()


def test_report_of_nothing_is_refused_in_a_line(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "no runs are kept here" in error
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--only", "breadth"], "there is no experiment 'breadth': use width"),
        (["--specs", "nowhere"], "nowhere/width.toml: the specification"),
        (["--workers", "0"], "--workers needs at least 1"),
    ],
)
def test_reproduce_refuses_in_a_line_before_anything_runs(tmp_path, capsys, options, words):
    runs = tmp_path / "runs"
    assert main(["reproduce", "--out", str(runs), *options]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error
    assert not runs.exists()


def test_experiments_have_names_that_are_files():
    names = [experiment.name for experiment in EXPERIMENTS]
    assert len(set(names)) == len(names)

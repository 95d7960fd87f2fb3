"""The command ``lipexplore reproduce``: the experiments of the paper, their page and its table."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lipexplore import cli_sweep

if TYPE_CHECKING:
    import pandas

    from lipexplore.figures.reproduction_page import Finding

_SECONDS = "{:,.0f} s of run time in {:,} runs, of which {:,} have no answer.\n\n"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("--out", metavar="RUNS", default="runs/reproduce", help="folder (default runs/reproduce)")
    add("--full", action="store_true", help="the size for a cluster: days on one machine")
    add("--specs", metavar="DIR", help="a folder of changed specifications in place of ours")
    add("--only", action="append", metavar="NAME", help="one experiment; may be given again")
    add("--workers", type=int, metavar="N", help=f"worker processes (default {cli_sweep.WORKERS})")
    add("--cluster", metavar="ADDRESS", help="a Dask scheduler in their place, or local:N")
    add("--time-limit", type=float, metavar="S", help="seconds per run, over those of the files")
    add("--retry-failed", action="store_true", help="run again what has failed before")


def run(chosen: argparse.Namespace) -> None:
    """Run what the store has not yet, then write the page, its figures and its tables.

    Raises
    ------
    InvalidSetting
        If an experiment is unknown or a specification is not there, before anything runs.
    """
    from lipexplore.errors import InvalidSetting
    from lipexplore.experiments.reproduction import EXPERIMENTS, specification, specifications

    names = [experiment.name for experiment in EXPERIMENTS]
    for name in chosen.only or ():
        if name not in names:
            raise InvalidSetting(f"there is no experiment {name!r}: use {', '.join(names)}")
    folder = Path(chosen.specs) if chosen.specs else specifications(full=chosen.full)
    paths = [
        specification(experiment, folder)
        for experiment in EXPERIMENTS
        if experiment.name in (chosen.only or names)
    ]
    start = time.perf_counter()
    for path in paths:
        cli_sweep.run(argparse.Namespace(**vars(chosen), spec=str(path), dry_run=False))
    sys.stdout.write(f"swept in {time.perf_counter() - start:.0f} s\n")
    page = _write(Path(chosen.out), paths, chosen.time_limit)
    sys.stdout.write(f"{page}\n")


def _write(runs: Path, paths: Sequence[Path], time_limit: float | None) -> Path:
    from lipexplore.experiments.store import Store
    from lipexplore.figures.reproduction_page import claims_table, reproduction_parts
    from lipexplore.figures.sweep_report import write_figures, write_report, write_tables

    with Store(runs, create=False) as store:
        table = store.table()
    findings = findings_of(paths, table, time_limit)
    out, claims = runs / "report", claims_table(findings)
    heading = "The experiments of LiPopt, run again"
    page = write_report(table, out, heading, reproduction_parts(findings))
    write_tables([claims], out)
    write_figures([chart for item in findings for chart in item.charts() if chart.series], out)
    failed, seconds = int(table.failed.sum()), float(table.seconds.sum())
    text = _SECONDS.format(seconds, len(table), failed) + claims.markdown()
    (out / "reproduction.md").write_text(text, encoding="utf-8", newline="\n")
    return page


def findings_of(
    paths: Sequence[Path], table: pandas.DataFrame, time_limit: float | None
) -> list[Finding]:
    """Return the experiment of each specification with its rows of the table."""
    from lipexplore.experiments.questions import questions
    from lipexplore.experiments.reproduction import EXPERIMENTS
    from lipexplore.experiments.spec import read_spec
    from lipexplore.figures.reproduction_page import Finding

    experiments = {experiment.name: experiment for experiment in EXPERIMENTS}
    findings = []
    for path in paths:
        spec = read_spec(path, time_limit)
        keys = {case.run_key for case in spec.cases}
        rows = table[table.run.isin(keys)]
        missing = len(keys) - len(rows)
        found = questions(rows)
        findings.append(Finding(experiments[path.stem], spec.title, found, len(keys), missing))
    return findings

"""The command ``lipexplore report``: a page, figures and tables of the runs that are kept."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("runs", metavar="RUNS", help="a folder of runs, as lipexplore sweep writes it, or a table")
    add("--out", metavar="DIR", help="where the report goes (default RUNS/report)")


def run(chosen: argparse.Namespace) -> None:
    """Write the report and print where it is."""
    from lipexplore.experiments.store_tables import open_table
    from lipexplore.figures.sweep_report import write_report

    runs = Path(chosen.runs)
    folder = Path(chosen.out) if chosen.out else _beside(runs)
    table = open_table(runs)
    page = write_report(table, folder, f"Lipschitz bounds: {runs.resolve().name}")
    sys.stdout.write(f"{len(table):,} runs: {page}\n")


def _beside(runs: Path) -> Path:
    return (runs if runs.is_dir() else runs.parent) / "report"

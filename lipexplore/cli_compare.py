"""The command ``lipexplore compare``: two sets of kept runs side by side."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

from lipexplore.errors import LipexploreError
from lipexplore.figures.texts import changed_settings
from lipexplore.rounding import text_above

if TYPE_CHECKING:
    import pandas

HEAD: Final = (
    "network",
    "region",
    "norm",
    "output",
    "method",
    "upper A",
    "upper B",
    "B / A",
    "s A",
    "s B",
    "speed-up",
    "in",
)
ROWS: Final = 40
NARROWEST, SHORTEST = 100, 6
"""Columns of a terminal that the table takes anyway, and of a word that it keeps."""

_WORDS: Final = tuple(HEAD.index(name) for name in ("network", "region", "method"))
_SIDES: Final = {"both": "both", "first": "A", "second": "B"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    kind = "a folder of runs, or a table of them (.csv, .parquet, .jsonl)"
    add("first", metavar="RUNS_A", help=kind)
    add("second", metavar="RUNS_B", help=kind)
    add("--out", metavar="FILE", help="write the whole comparison: .csv, .parquet or .jsonl")
    add("--rows", type=int, default=ROWS, metavar="N", help=f"most rows to print (default {ROWS})")


def run(chosen: argparse.Namespace) -> None:
    """Print the comparison and its summary.

    Raises
    ------
    LipexploreError
        After printing, if the two sets contradict each other.
    """
    from lipexplore.experiments.comparison import compare, contradictions
    from lipexplore.experiments.store_tables import open_table, write_table

    first, second = open_table(chosen.first), open_table(chosen.second)
    table = compare(first, second)
    if chosen.out:
        write_table(table, chosen.out)
    shown = table.head(max(chosen.rows, 0))
    sys.stdout.write(_table(shown, _width()))
    if len(table) > len(shown):
        sys.stdout.write(f"... and {len(table) - len(shown):,} more rows\n")
    sys.stdout.write(f"{summary(table)}\n")
    alarms = contradictions(first, second)
    sys.stderr.writelines(f"warning: {_alarm(row)}\n" for row in alarms.to_dict("records"))
    if len(alarms):
        raise LipexploreError(
            f"{len(alarms)} upper bounds lie below a lower bound of the same constant: a proof, a "
            "file or lipexplore is wrong, report it"
        )


def summary(table: pandas.DataFrame) -> str:
    """Say in a line what a table of :func:`lipexplore.experiments.comparison.compare` shows."""
    counts = table["in"].value_counts()
    both, only_a, only_b = (int(counts.get(name, 0)) for name in ("both", "first", "second"))
    told = [f"{both:,} runs in both, {only_a:,} in A only, {only_b:,} in B only"]
    ratios = table["ratio"].dropna()
    if len(ratios):
        told.append(f"upper bounds B / A from {ratios.min():.6g} to {ratios.max():.6g}")
    if table["speed_up"].notna().any():
        told.append(f"median speed-up {table['speed_up'].median():.3g}")
    return "; ".join(told)


def _width() -> float:
    """Return the columns of the terminal, but at least NARROWEST; a file has no width."""
    if not sys.stdout.isatty():
        return math.inf
    return max(shutil.get_terminal_size().columns, NARROWEST)


def _table(table: pandas.DataFrame, width: float = math.inf) -> str:
    """Return lines of at most ``width`` characters: words are cut for that, numbers never."""
    lines = [HEAD, *(_cells(row) for row in table.to_dict("records"))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    while sum(widths) + 2 * len(widths) - 2 > width:
        widest = max(_WORDS, key=lambda column: widths[column])
        if widths[widest] <= SHORTEST:
            break
        widths[widest] -= 1
    return "".join("  ".join(map(_cut, line, widths)).rstrip() + "\n" for line in lines)


def _cut(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else f"{cell[: width - 1]}…"


def _cells(row: Any) -> tuple[str, ...]:
    question = (row["network"], row["region_label"], row["norm"], _output(row), _method(row))
    return (
        *question,
        *(_end(row[f"value_{side}"]) for side in ("first", "second")),
        _number(row["ratio"], 6),
        *(_number(row[f"seconds_{side}"], 3) for side in ("first", "second")),
        _number(row["speed_up"], 3),
        _SIDES[row["in"]],
    )


def _method(row: Any) -> str:
    """Return the method with the settings that are not its own; one of another version as it is."""
    try:
        settings = json.loads(row["settings"])
        words = changed_settings(row["method"], settings)
    except (LipexploreError, ValueError, AttributeError):
        return str(row["method"])
    degree = [f"degree {settings['degree']}"] if "degree" in settings else []
    return ", ".join([row["method"], *degree, *words])


def _output(row: Any) -> str:
    margin = f" - {row['minus']}" if row["minus"] else ""
    layers = f", layers {row['layers']}" if row["layers"] else ""
    return f"{row['output']}{margin}{layers}"


def _end(value: float) -> str:
    return "-" if math.isnan(value) else "inf" if math.isinf(value) else text_above(value)


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}g}"


def _alarm(row: Any) -> str:
    return (
        f"{row['network']}, {row['norm']}, output {_output(row)}, {row['region_label']}: "
        f"{row['upper_of']} <= {row['upper']!r} by {row['upper_method']}, but "
        f"{row['lower_of']} >= {row['lower']!r} by {row['lower_method']}"
    )

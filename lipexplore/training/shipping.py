"""What the scripts of data/ share: files, tables of data/README.md, and writing or checking."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from lipexplore.networks.gallery import data_folder
from lipexplore.rounding import Array

TOLERANCE = 1e-6
"""Weights that training gives elsewhere may differ by this much: sums in another order."""


def path_of(name: str) -> Path:
    """Return the file of the shipped network of that name."""
    return data_folder() / "networks" / f"{name}.npz"


def checksum(name: str) -> str:
    """Return the SHA-256 of a shipped network's file, as Markdown code."""
    return f"`{hashlib.sha256(path_of(name).read_bytes()).hexdigest()}`"


def line(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table.

    >>> line(["a", "b"])
    '| a | b |'
    """
    return f"| {' | '.join(cells)} |"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join([line(head), "|---" * len(head) + "|", *map(line, rows)])


def renew(script: str, text: str) -> None:
    """Replace what ``script`` has written in data/README.md, between its two marks."""
    start, end = f"<!-- {script}: begin -->", f"<!-- {script}: end -->"
    before, rest = _readme().read_text(encoding="utf-8").split(start)
    after = rest.split(end)[1]
    _readme().write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")


def weight_problems(name: str, pairs: Iterable[tuple[Array, Array]]) -> list[str]:
    """Return a sentence if arrays that training gave twice differ by more than TOLERANCE."""
    gap = max(float(np.abs(old - new).max(initial=0.0)) for old, new in pairs)
    return [f"{name}: weights differ by {gap:.3g}"] if gap > TOLERANCE else []


def table_problems(name: str, told: str) -> list[str]:
    """Return a sentence if data/README.md does not hold the text ``told`` of a network."""
    if told in _readme().read_text(encoding="utf-8"):
        return []
    return [f"{name}: the line of data/README.md is not that of the file"]


def run(description: str, write: Callable[[], None], differences: Callable[[], list[str]]) -> int:
    """Write everything, or with ``--check`` tell on standard error what differs: status 1."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    if not parser.parse_args().check:
        write()
        return 0
    problems = differences()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def _readme() -> Path:
    return data_folder() / "README.md"

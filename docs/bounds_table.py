"""All bounds on the shipped networks: `make bounds-table` writes docs/bounds-table.md again.

Every method, every shipped feedforward network, every norm; whole space, output 0, default
settings. A run has LIMIT seconds in a worker process of its own and is stopped soon after that.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import lipexplore
from lipexplore.bounds import METHODS
from lipexplore.networks.gallery import gallery_names
from lipexplore.rounding import text_above, text_below

PAGE = Path(__file__).parent / "bounds-table.md"
LIMIT = 2.0
NORMS = ("l1", "l2", "linf")
OUTPUT = 0

HEAD = f"""\
# All bounds on the shipped networks

Written by `make bounds-table`: every method of [Bound methods](methods/index.md), every shipped
feedforward network ([where they come from](shipped-networks.md)), every input norm; output
{OUTPUT}, whole space, default settings, {LIMIT:g} seconds for each run. Upper bounds are
rounded up and lower bounds down to six digits. A time limit makes the bounds of anytime
methods weaker, never wrong; a slower machine shows more of it. Networks are named
without `digits-` and `spline-`.

* `a`: an upper bound of P\\*, hence of L. `a (L)`: an upper bound of L alone.
* `>= a`: a lower bound of L. `>= a (P*)`: a lower bound of P\\*, no floor for L.
* `b .. a`: both ends are proven.
* A letter: no bound, for the reason under the table. A star: stopped by the limit, the bound holds.
"""


def rows(
    networks: Iterable[str], methods: Iterable[str], norms: Iterable[str], executor: int | None
) -> list[dict[str, Any]]:
    """Return one row for every combination."""
    loaded = [lipexplore.load_network(name) for name in networks]
    table = lipexplore.sweep(
        loaded, methods, norms, outputs=[OUTPUT], time_limit=LIMIT, executor=executor
    )
    return table.to_dict("records")


def cell(row: Mapping[str, Any], letters: dict[str, str]) -> str:
    """Return what is proven, or the letter of the reason why nothing is."""
    upper = row["value"] if math.isfinite(row["value"]) and row["verified"] else None
    lower = row["lower"] if row["lower"] > 0.0 else None
    star = r"\*" if "time" in row["status"] else ""
    if upper is None and lower is None:
        return letters.setdefault(reason(row["status"]), letter(len(letters)))
    about = "" if row["of"] == "P*" else " (L)"
    if upper is None:
        floor = "" if row["lower_of"] == "L" else r" (P\*)"
        return f"≥ {text_below(lower, 6)}{floor}{star}"
    if lower is None:
        return f"{text_above(upper, 6)}{about}{star}"
    return f"{text_below(lower, 6)} .. {text_above(upper, 6)}{about}{star}"


def reason(status: str) -> str:
    """Return a status without what differs from run to run."""
    if status.startswith(("killed", "stopped", "time limit")):
        return "nothing was proven within the time limit"
    return status


def letter(count: int) -> str:
    """Return a, b, ..., z, aa, ab, ..."""
    first = chr(ord("a") + count // 26 - 1) if count >= 26 else ""
    return f"*{first}{chr(ord('a') + count % 26)}*"


def table(found: list[dict[str, Any]], norm: str, networks: list[str], methods: list[str]) -> str:
    """Return the table of one norm: a line for each method, a column for each network.

    A method that answers for no network, always for the same reason, is a note under the table.
    """
    cells = {(row["network"], row["method"]): row for row in found if row["norm"] == norm}
    letters: dict[str, str] = {}
    short = [name.removeprefix("digits-").removeprefix("spline-") for name in networks]
    lines = ["| method | " + " | ".join(short) + " |", "|---" * (len(networks) + 1) + "|"]
    notes = []
    for method in methods:
        chosen = [cells[network, method] for network in networks]
        reasons = {reason(row["status"]) for row in chosen if row["failed"]}
        if len(reasons) == 1 and all(row["failed"] for row in chosen):
            notes.append(f"* `{method}`: {escaped(reasons.pop())}")
            continue
        values = " | ".join(cell(row, letters) for row in chosen)
        lines.append(f"| [`{method}`](methods/{method}.md) | {values} |")
    notes += [f"* {mark}: {escaped(text)}" for text, mark in letters.items()]
    return "\n".join([*lines, "", *notes])


def escaped(text: str) -> str:
    """Return a reason whose signs mean themselves in Markdown."""
    return text.replace("*", r"\*").replace("_", r"\_")


def page(found: list[dict[str, Any]]) -> str:
    """Return the whole page: for each norm the classifiers, then the spline networks."""
    methods = [method.name for method in METHODS]
    names = list(gallery_names())
    groups = {
        "classifiers of digits": [name for name in names if not name.startswith("spline-")],
        "spline networks": [name for name in names if name.startswith("spline-")],
    }
    parts = [HEAD]
    for norm in NORMS:
        for title, networks in groups.items():
            parts.append(f"## Norm {norm}, {title}\n\n{table(found, norm, networks, methods)}\n")
    return "\n".join(parts)


def main() -> None:
    """Run everything with two workers and write the page."""
    found = rows(gallery_names(), [method.name for method in METHODS], NORMS, 2)
    PAGE.write_text(page(found), encoding="utf-8")
    seconds = sum(row["seconds"] for row in found)
    sys.stdout.write(f"{PAGE.name}: {len(found)} runs, {seconds:.0f} s\n")


if __name__ == "__main__":
    main()

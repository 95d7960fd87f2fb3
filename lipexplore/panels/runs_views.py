"""Kept runs as HTML and as entries of lists."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from lipexplore.bounds import METHODS
from lipexplore.figures.texts import changed_settings, seconds_text
from lipexplore.norms import Norm
from lipexplore.panels.runs_rows import PAGE, View
from lipexplore.rounding import text_above, text_below

COLUMNS: Final = (
    ("method", True),
    ("network", True),
    ("question", True),
    ("upper bound", False),
    ("lower bound", False),
    ("verified", True),
    ("time", False),
    ("finished (UTC)", True),
    ("status", True),
)
_LONGEST: Final = 90
_LABELS: Final = {method.name: method.label for method in METHODS}


def page_html(view: View) -> str:
    """Return the rows of a page as a table, the newest first."""
    if not view.page:
        return '<p class="lx-note">No kept run has these properties.</p>'
    head = "".join(f'<th scope="col"{_class(left)}>{name}</th>' for name, left in COLUMNS)
    body = "".join(_row(row) for row in view.page)
    return (
        f'<div class="lx-scroll"><table class="lx-table"><caption>{escape(range_text(view))}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def range_text(view: View) -> str:
    """Say which rows are shown, of how many."""
    first, last = view.request.first + 1, view.request.first + len(view.page)
    of = f"{view.matching:,}"
    if view.matching != view.total:
        of += f" that match, {view.total:,} in all"
    return f"Runs {first:,} to {last:,} of {of}; the newest first"


def is_last(view: View) -> bool:
    """Tell whether there is no older page."""
    return view.request.first + PAGE >= view.matching


def question_title(row: Mapping[str, Any]) -> str:
    """Return the question of a row in a few words."""
    return f"{row['network']}, {question_text(row)}"


def question_text(row: Mapping[str, Any]) -> str:
    """Return output, norm and region of a row in words."""
    output = "all outputs" if row["output"] == "all" else f"output {row['output']}"
    margin = "" if row["minus"] is None else f" minus {row['minus']}"
    layers = f", layers {_layers(row['layers'])}" if row["layers"] else ""
    norms = {norm.value: norm.symbol for norm in Norm}
    norm = norms.get(row["norm"], row["norm"])
    return f"{output}{margin}{layers}, {norm} norm, {row.get('region_label') or 'a region'}"


def run_label(row: Mapping[str, Any]) -> str:
    """Return a run of the chosen question in a few words, for a list to choose from."""
    value, lower = row["value"], row["lower"]
    end = f"{row['of']} ≤ {text_above(value)}" if math.isfinite(value) else ""
    if not end and lower > 0.0:
        end = f"{row['lower_of']} ≥ {text_below(lower)}"
    return f"{run_name(row)}: {end or 'no bound'}, {seconds_text(row['seconds'])}"


def run_name(row: Mapping[str, Any]) -> str:
    """Return the method's label with its degree and the settings that are not its own."""
    name = row["method"] or "no method"
    try:
        settings = json.loads(row["settings"])
        changed = changed_settings(name, settings) if name in _LABELS else []
        degree = settings.get("degree")
    except (ValueError, TypeError, AttributeError):
        changed, degree = [], None
    words = [_LABELS.get(name, name), *([] if degree is None else [f"degree {degree}"]), *changed]
    return ", ".join(words)


def _row(row: Mapping[str, Any]) -> str:
    upper = text_above(row["value"]) if math.isfinite(row["value"]) else ""
    lower = text_below(row["lower"]) if row["lower"] > 0.0 else ""
    cells = [
        escape(str(row["network"])),
        escape(question_text(row)),
        f"{escape(str(row['of']))} ≤ {upper}" if upper else "",
        f"{escape(str(row['lower_of']))} ≥ {lower}" if lower else "",
        "✓ yes" if row["verified"] else '<span class="lx-refused">no</span>',
        "" if math.isnan(row["seconds"]) else seconds_text(row["seconds"]),
        escape(str(row["finished_at"] or "")[:19].replace("T", " ")),
        _status(row),
    ]
    body = "".join(
        f"<td{_class(left)}>{cell}</td>" for cell, (_, left) in zip(cells, COLUMNS[1:], strict=True)
    )
    return f'<tr><th scope="row" class="lx-text">{escape(run_name(row))}</th>{body}</tr>'


def _status(row: Mapping[str, Any]) -> str:
    status = str(row["status"] or "")
    text = escape(status if len(status) <= _LONGEST else f"{status[: _LONGEST - 1]}…")
    return f'<span class="lx-refused">failed: {text}</span>' if row["failed"] else text


def _layers(text: str) -> str:
    return " to ".join(text.strip("[]").split(", "))


def _class(left: bool) -> str:
    return ' class="lx-text"' if left else ""


def options_of(names: Sequence[str], word: str) -> list[tuple[str, str]]:
    """Return the entries of a filter, all of them first."""
    return [(f"all {word}", ""), *((_LABELS.get(name, name), name) for name in names)]

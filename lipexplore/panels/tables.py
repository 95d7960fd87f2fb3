"""Runs as HTML: the table, the lines of running jobs and the details of one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from lipexplore.bounds import METHODS, method_class
from lipexplore.figures.texts import changed_settings, degree_of, shape_text, times_text
from lipexplore.figures.traces import hover_text
from lipexplore.panels.rows import Row
from lipexplore.panels.script import script
from lipexplore.rounding import text_above, text_below

COLUMNS = (
    ("method", True),
    ("degree", False),
    ("upper bound", False),
    ("lower bound", False),
    ("constant", True),
    ("verified", True),
    ("size", True),
    ("build + solve + verify", False),
    ("status", True),
)
_OF_UPPER = {"P*": "P*, hence L", "L": "L only"}
_OF_LOWER = {"L": "L, hence P*", "P*": "P* only"}


def runs_html(rows: Sequence[Row], key: object, selected: int | None) -> str:
    """Return all runs as a table: those of the question ``key`` first, older others greyed."""
    if not rows:
        return '<p class="lx-note">No runs yet: press Run.</p>'
    groups: dict[object, list[Row]] = {key: []}
    for row in sorted(rows, key=_place):
        groups.setdefault(row.question.key, []).append(row)
    head = "".join(f'<th scope="col"{_class(name, left)}>{name}</th>' for name, left in COLUMNS)
    body = ""
    for question, group in groups.items():
        if question != key:
            title = f"Another question, not drawn: {group[0].question.title}"
            body += (
                f'<tr class="lx-other"><th scope="rowgroup" colspan="{len(COLUMNS)}" '
                f'class="lx-text">{escape(title)}</th></tr>'
            )
        body += "".join(_row(row, row.number == selected, question != key) for row in group)
    return (
        '<div class="lx-scroll"><table class="lx-table"><caption>The same as a table</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _place(row: Row) -> tuple[int, int, int]:
    return METHODS.index(method_class(row.run.method)), row.run.degree or 0, row.number


def _row(row: Row, selected: bool, other: bool) -> str:
    names = " ".join(name for name, yes in (("lx-selected", selected), ("lx-other", other)) if yes)
    first = f'<th scope="row" class="lx-text">{escape(_name(row))}</th>'
    cells = [str(row.run.degree or ""), *_numbers(row), _status(row)]
    body = "".join(
        f"<td{_class(column, left)}>{cell}</td>"
        for cell, (column, left) in zip(cells, COLUMNS[1:], strict=True)
    )
    return f'<tr class="{names}">{first}{body}</tr>'


def _name(row: Row) -> str:
    label = method_class(row.run.method).label
    return ", ".join([label, *changed_settings(row.run.method, row.run.settings)])


def _numbers(row: Row) -> list[str]:
    bound = row.bound
    if bound is None:
        return [""] * 6
    upper = text_above(bound.value) if math.isfinite(bound.value) else ""
    lower = text_below(bound.lower) if bound.lower > 0.0 else ""
    return [
        upper,
        lower,
        _OF_UPPER[bound.of] if upper else _OF_LOWER[bound.lower_of] if lower else "",
        "✓ yes" if bound.verified else '<span class="lx-refused">no</span>',
        escape(shape_text(bound)),
        times_text(bound),
    ]


def _status(row: Row) -> str:
    text = escape(row.message or row.state)
    return f'<span class="lx-refused">failed: {text}</span>' if row.state == "failed" else text


def _class(column: str, left: bool) -> str:
    if column == "size":
        return ' class="lx-text lx-size"'
    return ' class="lx-text"' if left else ""


def running_html(rows: Sequence[Row]) -> str:
    """Return the progress of the run that runs and the number of those that wait."""
    waiting = sum(row.state == "waiting" for row in rows)
    lines = [
        f"<b>{escape(row.run.label)}</b>: {_progress(row)}"
        for row in rows
        if row.state == "running"
    ]
    if not lines and not waiting:
        lines = ["Nothing is running. Hover or click a point for its details"]
    if waiting:
        lines.append(f"{waiting} waiting")
    return f'<p role="status" aria-live="off" class="lx-note">{"; ".join(lines)}.</p>'


def _progress(row: Row) -> str:
    parts = []
    share = row.share
    if share is not None:
        label = escape(f"progress of {row.run.label}")
        parts.append(f'<progress max="1" value="{share:.3f}" aria-label="{label}"></progress>')
    parts.append(f"{row.elapsed:.1f} s")
    progress = row.progress
    if "iteration" in progress:
        parts.append(f"iteration {progress['iteration']}")
        if row.gap is not None:
            parts.append(f"gap {row.gap:.1g}")
        if progress.get("dual") is not None:
            parts.append(f"solver at {progress['dual']:.5g} (not yet a bound)")
    elif "total" in progress:
        parts.append(f"{progress['done']:,} of {progress['total']:,}")
    return ", ".join(parts)


def details_html(row: Row, time_limit: float | None = None) -> str:
    """Return what is known about one run: numbers, how the method works, source, code."""
    method = method_class(row.run.method)
    told = hover_text(row.bound) if row.bound else f"<b>{escape(row.run.label)}</b>: {_status(row)}"
    sources = "; ".join(map(escape, method.sources))
    code = escape(script(row.question, [row.run], time_limit))
    return (
        f"<p>{told}</p><p>{escape(method.explanation)}</p>"
        f'<p class="lx-note">Source: {sources}</p><pre tabindex="0">{code}</pre>'
    )


def row_label(row: Row) -> str:
    """Return a run in a few words, for a list to choose from."""
    degree = degree_of(row.bound) if row.bound else row.run.degree
    name = _name(row)
    return f"{row.number}: {name}" if degree is None else f"{row.number}: {name}, degree {degree}"

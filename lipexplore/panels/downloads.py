"""Files to take away: links that hold their content, so that no server is asked."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from lipexplore.bounds import Bound
from lipexplore.errors import LipexploreError
from lipexplore.experiments.export import csv_text, latex_text, parquet_bytes
from lipexplore.experiments.report import Section, report_html
from lipexplore.figures.print import png_bytes, svg_text
from lipexplore.figures.texts import sentence
from lipexplore.panels.rows import Row
from lipexplore.panels.script import script
from lipexplore.panels.state import WorkbenchState


@dataclass(frozen=True)
class Download:
    """A file's name, type and content; ``missing`` says why there is none."""

    name: str
    mime: str = ""
    content: bytes = b""
    missing: str = ""


def downloads(state: WorkbenchState) -> list[Download]:
    """Make all files for the finished runs: tables, the figure, and the report of all questions."""
    rows = state.comparable_rows
    bounds = [row.bound for row in rows if row.bound is not None]
    section = _section(rows, state.settings.time_limit)
    here, everything = [section] if section else [], _sections(state)
    svg = "image/svg+xml"
    return [
        _made("bounds.csv", "text/csv", lambda: csv_text(bounds).encode()),
        _made("bounds.parquet", "application/vnd.apache.parquet", lambda: parquet_bytes(bounds)),
        _made("bounds.tex", "application/x-tex", lambda: latex_text(bounds).encode()),
        _made("figure.svg", svg, lambda: _standalone(svg_text(bounds)).encode()),
        _made("figure.png", "image/png", lambda: png_bytes(bounds)),
        _made("figure.html", "text/html", lambda: report_html(here, "Bounds").encode()),
        _made("report.html", "text/html", lambda: report_html(everything).encode()),
    ]


def links_html(files: Sequence[Download]) -> str:
    """Return links that save the files; a sentence where there is none."""
    items = "".join(f"<li>{_link(item)}</li>" for item in files)
    return f'<ul class="lx-downloads">{items}</ul>'


def _link(item: Download) -> str:
    if item.missing:
        return f'{escape(item.name)}: <span class="lx-note">{escape(item.missing)}</span>'
    data = base64.b64encode(item.content).decode("ascii")
    size = f"{max(1, round(len(item.content) / 1000))} kB"
    return (
        f'<a download="{escape(item.name)}" href="data:{item.mime};base64,{data}">'
        f"{escape(item.name)}</a> ({size})"
    )


def _made(name: str, mime: str, make: Callable[[], bytes]) -> Download:
    try:
        return Download(name, mime, make())
    except LipexploreError as error:
        return Download(name, missing=str(error))


def _sections(state: WorkbenchState) -> list[Section]:
    """Return one section per question that has answers, the present one first."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    if state.question is not None:
        groups[state.question.key] = []
    for row in (*state.rows, *(pin.row for pin in state.pins if pin.row not in state.rows)):
        groups.setdefault(row.question.key, []).append(row)
    sections = [_section(rows, state.settings.time_limit) for rows in groups.values()]
    return [section for section in sections if section is not None]


def _section(rows: Sequence[Row], time_limit: float | None) -> Section | None:
    finished = [row for row in rows if row.bound is not None]
    if not finished:
        return None
    bounds: list[Bound] = [row.bound for row in finished if row.bound is not None]
    question = finished[0].question
    code = script(question, [row.run for row in finished], time_limit)
    return Section(question.title, sentence(bounds), bounds, svg_text(bounds), code)


def _standalone(svg: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{svg}'

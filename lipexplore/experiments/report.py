"""A report in one HTML file: no script, nothing loaded, equal bytes for equal rows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from lipexplore.bounds import Bound, method_class
from lipexplore.jobs.versions import package_versions
from lipexplore.rounding import text_above, text_below

COLUMNS: Final = (
    "method",
    "settings",
    "upper bound",
    "lower bound",
    "verified",
    "seconds",
    "residual",
    "size",
    "status",
)
MEANING: Final = (
    "L is the Lipschitz constant: the largest dual norm of the gradient over the region. P* is "
    "the largest one when every unit's slope moves freely in its range, so L ≤ P*. An upper bound "
    "of P* is one of L; a lower bound of L is one of P*. Numbers are rounded outward. A verified "
    "bound was proven from the solver's output with all rounding counted."
)
_STYLE: Final = (
    "body{font:16px/1.45 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222;"
    "background:#fff}table{border-collapse:collapse;margin:1em 0;font-size:.9em}"
    "th,td{border-bottom:1px solid #bbb;padding:3px 9px 3px 0;text-align:left;vertical-align:top}"
    "pre{background:#eee;padding:.7em;overflow-x:auto}svg{max-width:100%;height:auto}"
    ".scroll{overflow-x:auto}h2{margin-top:2em}.no{color:#b00020;font-weight:600}"
)
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Section:
    """One question of a report.

    Parameters
    ----------
    title, sentence
        The question, and what is proven about it, in words.
    bounds
        Its runs.
    svg
        A figure to put inline, empty for none.
    code
        Python that makes the bounds again.
    """

    title: str
    sentence: str
    bounds: Sequence[Bound]
    svg: str = ""
    code: str = ""


def report_html(sections: Sequence[Section], heading: str = "Lipschitz bounds") -> str:
    """Return the report; it is the same text for the same sections and versions."""
    versions = ", ".join(f"{name} {number}" for name, number in package_versions().items())
    body = "".join(map(_section, sections)) or "<p>No runs.</p>"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(heading)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(heading)}</h1><p>{escape(MEANING)}</p>{body}"
        f"<p><small>Made by {escape(versions)}.</small></p></body></html>\n"
    )


def _section(section: Section) -> str:
    figure = section.svg and f"<figure>{section.svg}</figure>"
    code = section.code and f"<h3>The same in Python</h3><pre>{escape(section.code)}</pre>"
    return (
        f"<h2>{escape(section.title)}</h2><p>{escape(section.sentence)}</p>{figure}"
        f"{_question(section.bounds)}{_table(section.bounds)}{code}"
    )


def _question(bounds: Sequence[Bound]) -> str:
    if not bounds:
        return ""
    first = bounds[0]
    region = {
        name: f"{len(value)} numbers" if isinstance(value, list) else value
        for name, value in first.region.items()
    }
    facts = {
        "network": first.network,
        "SHA-256 of the weights": first.network_hash,
        "layers": "all" if first.layers is None else "{} to {}".format(*first.layers),
        "output": first.output if first.minus is None else f"{first.output} minus {first.minus}",
        "input norm": first.norm,
        "region": json.dumps(region),
    }
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>'
        for name, value in facts.items()
    )
    return f"<table>{rows}</table>"


def _table(bounds: Sequence[Bound]) -> str:
    head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(map(_row, bounds))}</tbody></table></div>"
    )


def _row(bound: Bound) -> str:
    settings = ", ".join(f"{key} {value}" for key, value in bound.settings.items())
    size = ", ".join(f"{count:,} {name}" for name, count in bound.size.items())
    cells = (
        escape(settings),
        f"{bound.of} ≤ {text_above(bound.value)}" if math.isfinite(bound.value) else "",
        f"{bound.lower_of} ≥ {text_below(bound.lower)}" if bound.lower > 0.0 else "",
        "yes" if bound.verified else '<span class="no">no</span>',
        f"{bound.seconds:.3g}",
        "" if math.isnan(bound.residual) else f"{bound.residual:.2g}",
        escape(size),
        escape(bound.status),
    )
    label = escape(method_class(bound.method).label)
    return f'<tr><th scope="row">{label}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'

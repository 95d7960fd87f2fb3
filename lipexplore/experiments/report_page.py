"""The page of a report: one file with its scripts and styles inside, which asks no host.

Every figure is there twice: as SVG, which is shown without script and on paper, and as data that
plotly draws when it comes into sight.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
STYLE: Final = (_HERE / "report_page.css").read_text(encoding="utf-8")
SCRIPT: Final = (_HERE / "report_page.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Part:
    """A part of the page.

    Parameters
    ----------
    name
        Its address in the page.
    html
        Its content.
    folded
        Whether it is hidden until it is opened.
    """

    name: str
    title: str
    html: str
    folded: bool = False


def figure_html(name: str, title: str, note: str, svg: str, plot: str, height: int) -> str:
    """Return a figure: ``svg`` for paper, ``plot`` (JSON of plotly) for the screen."""
    return (
        f'<figure id="{escape(name)}">'
        f"<figcaption><strong>{escape(title)}</strong>{escape(note)}</figcaption>"
        f'<div class="still">{svg}</div>'
        f'<div class="live" role="img" aria-label="{escape(title)}" '
        f'style="min-height:{height}px" hidden></div>'
        f'<script type="application/json">{plot}</script></figure>'
    )


def page_html(heading: str, head: str, parts: Sequence[Part], plotly: str) -> str:
    """Return the page.

    Parameters
    ----------
    head
        HTML that stands before the list of contents.
    plotly
        The source of plotly.js, empty for a page without interactive figures.
    """
    scripts = [script for script in (plotly, SCRIPT) if script]
    listed = "".join(
        f'<li><a href="#{escape(part.name)}">{escape(part.title)}</a></li>'
        for part in parts
        if not part.folded
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(heading)}</title><style>{STYLE}</style></head><body>"
        f'<main><h1>{escape(heading)}</h1>{head}<nav aria-label="contents"><ul>{listed}</ul></nav>'
        f"{''.join(map(_part, parts))}</main>"
        f"{''.join(f'<script>{script}</script>' for script in scripts)}</body></html>\n"
    )


def _part(part: Part) -> str:
    title = escape(part.title)
    if part.folded:
        return (
            f"<details><summary>{title}</summary>"
            f'<section id="{escape(part.name)}">{part.html}</section></details>'
        )
    return f'<section id="{escape(part.name)}"><h2>{title}</h2>{part.html}</section>'


def _policy(scripts: Sequence[str]) -> str:
    """Allow these scripts alone, inline styles, and images in the page; no connection at all."""
    digests = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )

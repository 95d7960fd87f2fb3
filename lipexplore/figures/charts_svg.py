"""A chart as a small inline SVG in the colour of the text around it: for paper and without script.

Markers are ``<use>`` of :func:`marker_definitions`, which a page holds once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

import numpy as np

from lipexplore.figures.charts import Chart, Level, Series
from lipexplore.figures.print import MARKERS

_WIDTH, _HEIGHT, _LEGEND = 900.0, 380.0, 300.0
_LEFT, _LEFT_OF_LABELS, _BOTTOM, _TOP = 64.0, 270.0, 44.0, 10.0
_LINE: Final = 16.0
_LETTER: Final = 7.0
_DASHES: Final = {"solid": "", "dash": "8 5", "dot": "2 4", "dashdot": "8 4 2 4"}


def marker_definitions() -> str:
    """Return an SVG of no size that defines each marker as ``m-NAME``, of about unit radius."""
    paths = "".join(f'<path id="m-{name}" d="{_outline(name)}"/>' for name in MARKERS)
    return f'<svg class="defs" width="0" height="0" aria-hidden="true"><defs>{paths}</defs></svg>'


def svg_of(chart: Chart) -> str:
    """Return the chart; its title and note are its name for screen readers."""
    return _Drawing(chart).text()


class _Drawing:
    """Coordinates of one drawing: pixels from the upper left corner."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.rows = bool(chart.y.labels)
        longest = _LETTER * max(map(len, chart.y.labels), default=0) + 10.0
        self.left = min(max(longest, _LEFT_OF_LABELS), _WIDTH / 2) if self.rows else _LEFT
        self.right = _WIDTH - (14.0 if self.rows else _LEGEND)
        lines = len(chart.y.labels) if self.rows else len(chart.series)
        self.bottom = max(_HEIGHT - _BOTTOM, _TOP + _LINE * (lines + 1) * (1.4 if self.rows else 1))
        self.across, self.upward = chart.scales

    def x(self, value: float) -> float:
        low, high, _ = self.across
        share = (self.chart.x.position(value) - low) / (high - low)
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, value: float) -> float:
        low, high, _ = self.upward
        share = (self.chart.y.position(value) - low) / (high - low)
        return round(self.bottom - share * (self.bottom - _TOP), 1)

    def text(self) -> str:
        chart = self.chart
        parts: list[str] = [*self.grid(), *map(self.level, chart.levels)]
        for item in chart.series:
            parts += self.series(item)
        if not self.rows:
            parts += self.legend()
        height = self.bottom + _BOTTOM
        return (
            f'<svg viewBox="0 0 {_WIDTH:g} {height:g}" role="img" '
            f'aria-label="{escape(chart.title)}" font-size="12" fill="currentColor">'
            f"{''.join(parts)}</svg>"
        )

    def grid(self) -> Iterator[str]:
        for value, text in self.across[2]:
            x = self.x(value)
            yield _line(x, _TOP, x, self.bottom, "#888", 0.3)
            yield _text(x, self.bottom + 16, text, "middle")
        for value, text in self.upward[2]:
            y = self.y(value)
            yield _line(self.left, y, self.right, y, "#888", 0.3)
            yield _text(self.left - 6, y + 4, text, "end")
        yield _text((self.left + self.right) / 2, self.bottom + 36, self.chart.x.title, "middle")
        middle = (self.bottom + _TOP) / 2
        if self.chart.y.title:
            yield (
                f'<text transform="translate(14 {middle:g}) rotate(-90)" text-anchor="middle">'
                f"{escape(self.chart.y.title)}</text>"
            )

    def level(self, level: Level) -> str:
        y = self.y(level.y)
        words = _text(self.left + 4, y + (14 if level.text_below else -5), level.text, "start")
        return _line(self.left, y, self.right, y, level.colour, 2, _DASHES[level.dash]) + words

    def series(self, item: Series) -> Iterator[str]:
        points = [(self.x(x), math.nan if math.isnan(y) else self.y(y)) for x, y in _pairs(item)]
        if item.joined:
            yield (
                f'<path fill="none" stroke="{item.style.colour}" stroke-width="1.7" '
                f'stroke-dasharray="{_DASHES[item.style.dash]}" d="{_polyline(points)}"/>'
            )
        for (x, y), low in zip(points, item.lows, strict=False):
            yield _line(x, y, x, self.y(low), item.style.colour, 3)
        size = 3 if self.rows else 5
        yield f'<g fill="{item.style.colour}">'
        for x, y in points:
            if not math.isnan(y):
                yield _marker(item.style.symbol, x, y, size)
        yield "</g>"

    def legend(self) -> Iterator[str]:
        for index, item in enumerate(self.chart.series):
            y = _TOP + _LINE * (index + 0.6)
            marker = _marker(item.style.symbol, self.right + 18, y - 4, 5)
            yield f'<g fill="{item.style.colour}">{marker}</g>'
            yield _text(self.right + 30, y, item.name, "start")


def _pairs(item: Series) -> Iterable[tuple[float, float]]:
    return zip(item.x, item.y, strict=True)


def _polyline(points: Iterable[tuple[float, float]]) -> str:
    parts, pen = [], "M"
    for x, y in points:
        if math.isnan(y):
            pen = "M"
            continue
        parts.append(f"{pen}{x:g} {y:g}")
        pen = "L"
    return "".join(parts)


def _marker(symbol: str, x: float, y: float, size: float) -> str:
    return f'<use href="#m-{symbol}" transform="translate({x:g} {y:g})scale({size:g})"/>'


def _line(
    x0: float, y0: float, x1: float, y1: float, colour: str, width: float, dash: str = ""
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x0:g}" y1="{y0:g}" x2="{x1:g}" y2="{y1:g}" stroke="{colour}" '
        f'stroke-width="{width:g}"{dashes}/>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(text)}</text>'


def _outline(name: str) -> str:
    """Return matplotlib's marker as an SVG path of about unit radius, y downwards."""
    from matplotlib.markers import MarkerStyle

    style = MarkerStyle(MARKERS[name])
    path = style.get_path().transformed(style.get_transform())
    reach = np.abs(np.asarray(path.vertices)).max()
    parts = []
    for points, code in path.iter_segments(curves=True, simplify=False):
        flat = " ".join(f"{(-1) ** i * value / reach:.3g}" for i, value in enumerate(points))
        parts.append("Z" if code == path.CLOSEPOLY else f"{' MLQC'[code]}{flat}")
    return "".join(parts)

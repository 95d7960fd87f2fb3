"""A chart for paper: PDF by matplotlib, fonts inside, equal bytes for equal charts."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from lipexplore.figures.charts import Axis, Chart, Series, Ticks
from lipexplore.figures.print import MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHES: Final = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_FONT, _WIDTH, _HEIGHT = 9.0, 8.6, 4.0
_LEGEND_LINE = 0.19
"""Height of a line of the legend in inches."""
_LETTER = 0.075
"""Width of a letter in inches, on the safe side."""


def pdf_bytes(charts: Sequence[Chart]) -> bytes:
    """Return a PDF with one chart per page: TrueType fonts (type 42), no date in it."""
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import PdfPages

    content = io.BytesIO()
    settings = {"pdf.fonttype": 42, "font.size": _FONT}
    nameless = {"CreationDate": None, "Creator": None, "Producer": None}
    with mpl.rc_context(settings), PdfPages(content, metadata=nameless) as pages:
        for chart in charts:
            pages.savefig(drawn(chart))
    return content.getvalue()


def drawn(chart: Chart) -> Figure:
    """Return the chart as a figure of matplotlib."""
    from matplotlib.figure import Figure

    rows = len(chart.y.labels)
    height = max(_HEIGHT, 0.24 * rows + 0.9, _LEGEND_LINE * len(chart.series) + 0.6)
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.subplots()
    left, right = (_room(chart.y.labels), 0.985) if rows else (0.115, 0.655)
    figure.subplots_adjust(left, 0.52 / height, right, 1.0 - 0.12 / height)
    for item in chart.series:
        _draw(axes, item, bool(rows))
    for level in chart.levels:
        axes.axhline(level.y, color=level.colour, linestyle=DASHES[level.dash], zorder=0)
        axes.annotate(
            level.text,
            (0.01, level.y),
            (0, -3 if level.text_below else 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="top" if level.text_below else "bottom",
        )
    across, upward = chart.scales
    _set_axis(axes, "x", chart.x, across)
    _set_axis(axes, "y", chart.y, upward)
    axes.minorticks_off()
    axes.grid(visible=True, color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    if not rows:
        _draw_legend(axes, chart.series, height)
    return figure


def _room(labels: Sequence[str]) -> float:
    """Return the share of the width that the longest label needs, at most a half."""
    return min(0.5, max(0.31, (_LETTER * max(map(len, labels)) + 0.15) / _WIDTH))


def _draw(axes: Axes, item: Series, small: bool) -> None:
    colour = item.style.colour
    if item.lows:
        axes.vlines(item.x, item.lows, item.y, color=colour, linewidth=2.5)
    line = DASHES[item.style.dash] if item.joined else "none"
    size = 5 if small else 7
    axes.plot(item.x, item.y, color=colour, linestyle=line, **_marker(item, size), clip_on=False)


def _draw_legend(axes: Axes, series: Sequence[Series], height: float) -> None:
    """Write the names right of the axes, a few times quicker than matplotlib's own legend."""
    step = _LEGEND_LINE / (height - 0.64)
    for index, item in enumerate(series):
        y, colour = 1.0 - (index + 0.5) * step, item.style.colour
        line = DASHES[item.style.dash] if item.joined else "none"
        place: dict[str, Any] = {"transform": axes.transAxes, "clip_on": False}
        ends = [1.02, 1.045, 1.07]
        style = {"color": colour, "linestyle": line, "markevery": [1], **_marker(item, 6), **place}
        axes.plot(ends, [y] * 3, **style)
        axes.text(1.085, y, item.name.replace("$", r"\$"), fontsize=8, va="center", **place)


def _marker(item: Series, size: float) -> dict[str, Any]:
    return {
        "marker": MARKERS[item.style.symbol],
        "markersize": size,
        "markeredgecolor": "#444444",
        "markeredgewidth": 0.7,
    }


def _set_axis(axes: Axes, which: str, axis: Axis, scale: tuple[float, float, Ticks]) -> None:
    low, high, ticks = scale
    ends = [10.0**end for end in (low, high)] if axis.log else [low, high]
    axes.set(**{f"{which}scale": "log" if axis.log else "linear"})
    axes.set(**{f"{which}lim": ends, f"{which}label": axis.title})
    place = axes.set_xticks if which == "x" else axes.set_yticks
    place([value for value, _ in ticks], [text.replace("$", r"\$") for _, text in ticks])

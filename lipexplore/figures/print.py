"""The figure of bound against run time for paper: SVG and PNG by matplotlib."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from lipexplore.bounds import Bound, method_class
from lipexplore.figures.comparable import check_comparable
from lipexplore.figures.labels import Label, places
from lipexplore.figures.palette import L_COLOUR, P_STAR_COLOUR, STYLES
from lipexplore.figures.series import (
    AxisName,
    Point,
    Scale,
    drawable,
    end_of,
    floors,
    log_axis,
    point_label,
    scale_of,
    seconds_of,
    series,
    series_name,
    time_tick,
)
from lipexplore.norms import Norm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS: Final[dict[str, Any]] = {
    "square": "s",
    "diamond": "D",
    "x": "X",
    "circle": "o",
    "star": "*",
    "hexagon": "h",
    "pentagon": "p",
    "bowtie": r"$\bowtie$",
    "cross": "P",
    "octagon": "8",
    "hexagram": (6, 1, 0),
    "diamond-wide": "H",
    "diamond-tall": "d",
    "star-square": (8, 1, 0),
    "hourglass": (4, 1, 45),
    "star-diamond": (4, 1, 0),
    "triangle-up": "^",
    "star-triangle-up": (3, 1, 0),
    "triangle-ne": "<",
    "triangle-down": "v",
    "star-triangle-down": (3, 1, 180),
    "triangle-se": ">",
}
"""The marker of each of plotly's symbols that our palette uses."""

_DASHES: Final = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_PLACES: Final = {
    "middle right": ((7, 0), "left", "center"),
    "middle left": ((-7, 0), "right", "center"),
    "top center": ((0, 7), "center", "bottom"),
    "bottom center": ((0, -7), "center", "top"),
}
_INCHES, _DPI, _FONT = (8.6, 4.4), 150, 10.0
_POINTS = (370.0, 270.0)
"""About the size of the plotting area in points."""


def svg_text(bounds: Sequence[Bound], axis: AxisName = "bound") -> str:
    """Return the figure as SVG: equal text for equal bounds, no date, nothing loaded.

    Raises
    ------
    InvalidSetting
        As :func:`lipexplore.figures.tightness.bound_against_runtime`.
    """
    import matplotlib as mpl

    content = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "lipexplore", "svg.fonttype": "none"}):
        _drawn(bounds, axis).savefig(content, format="svg", metadata={"Date": None})
    text = content.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return text.replace("<svg ", '<svg role="img" aria-label="bound against run time" ', 1)


def png_bytes(bounds: Sequence[Bound], axis: AxisName = "bound") -> bytes:
    """Return the figure as PNG; raises as :func:`svg_text`."""
    content = io.BytesIO()
    _drawn(bounds, axis).savefig(content, format="png", dpi=_DPI, metadata={"Software": None})
    return content.getvalue()


def _drawn(bounds: Sequence[Bound], axis: AxisName) -> Figure:
    from matplotlib.figure import Figure

    check_comparable(bounds)
    scale = scale_of(axis, bounds)
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.subplots()
    points = drawable(bounds, scale)
    for group in series(points):
        _draw_series(axes, group, scale)
    for constant, level, text in floors(bounds, scale):
        on_l = constant == "L"
        colour = L_COLOUR if on_l else P_STAR_COLOUR
        axes.axhline(level, color=colour, linestyle="-" if on_l else "--", linewidth=2, zorder=0)
        axes.annotate(
            text,
            (0.01, level),
            (0, -3 if on_l else 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="top" if on_l else "bottom",
            fontsize=_FONT,
        )
    _set_axes(axes, [bound for _, bound in points], scale)
    _place_labels(axes, points, scale)
    if points:
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=0.85 * _FONT, frameon=False
        )
    return figure


def _draw_series(axes: Axes, group: Sequence[Point], scale: Scale) -> None:
    found = [bound for _, bound in group]
    style, first = STYLES[found[0].method], found[0]
    is_upper = math.isfinite(first.value)
    x, y = [seconds_of(bound) for bound in found], [scale(end_of(bound)) for bound in found]
    if is_upper and method_class(first.method).side == "interval":
        lows = [
            scale(bound.lower) if scale.shows(bound.lower) else level
            for bound, level in zip(found, y, strict=True)
        ]
        axes.vlines(x, lows, y, color=style.colour, linewidth=3)
    axes.plot(
        x,
        y,
        color=style.colour,
        linestyle=_DASHES[style.dash] if is_upper and len(found) > 1 else "none",
        marker=MARKERS[style.symbol],
        markersize=9,
        markeredgecolor="#444444" if is_upper else style.colour,
        label=f"{series_name(first)} ({'≤' if is_upper else '≥'})",
        clip_on=False,
    )


def _set_axes(axes: Axes, bounds: Sequence[Bound], scale: Scale) -> None:
    ends = [scale(e) for b in bounds for e in (b.value, b.lower) if scale.shows(e)]
    x_range, x_ticks = log_axis([seconds_of(b) for b in bounds] or [1e-3, 1.0], 2.0, 4.0)
    y_range, y_ticks = log_axis(ends or [1.0, 10.0], 1.25, 1.2)
    decades = [tick for tick in x_ticks if abs(math.log10(tick) % 1.0) < 1e-9]
    symbol = Norm.parse(bounds[0].norm).symbol if bounds else ""
    axes.set(
        xscale="log",
        yscale="log",
        xlim=[10.0**end for end in x_range],
        ylim=[10.0**end for end in y_range],
        xlabel="run time",
        ylabel=scale.title(symbol),
    )
    axes.set_xticks(decades, [time_tick(tick) for tick in decades])
    axes.set_yticks(y_ticks, [f"{tick:g}" for tick in y_ticks])
    axes.minorticks_off()
    axes.grid(visible=True, color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)


def _place_labels(axes: Axes, points: Sequence[Point], scale: Scale) -> None:
    """Write the values where they cover nothing; those without room are in the table."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    spots = [(seconds_of(bound), scale(end_of(bound))) for _, bound in points]
    labels = [
        Label(
            _POINTS[0] * math.log(x / left) / math.log(right / left),
            _POINTS[1] * math.log(y / low) / math.log(high / low),
            point_label(bound, scale),
        )
        for (x, y), (_, bound) in zip(spots, points, strict=True)
    ]
    for spot, label, place in zip(
        spots, labels, places(labels, _FONT, _POINTS[0], marker=10.0), strict=True
    ):
        if place:
            offset, across, upward = _PLACES[place]
            axes.annotate(
                label.text,
                spot,
                offset,
                textcoords="offset points",
                ha=across,
                va=upward,
                fontsize=0.9 * _FONT,
            )

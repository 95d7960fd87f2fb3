"""Points of the figure of bound against run time, as plotly takes them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lipexplore.bounds import Bound, method_class
from lipexplore.figures.kinds import KINDS, kind_of
from lipexplore.figures.palette import GREY, STYLES
from lipexplore.figures.series import (
    Point,
    Running,
    Scale,
    end_of,
    point_label,
    seconds_of,
    series_name,
)
from lipexplore.figures.texts import lower_text, run_name, seconds_text, size_text, upper_text

PINNED: Final = "pinned"
LEGEND_FONT, LABEL_FONT = 0.78, 0.9
"""Sizes of the letters of the legend and of labels, in font sizes."""


def trace(
    group: Sequence[Point], scale: Scale, selected: int | None, font_size: int
) -> dict[str, Any]:
    """Return the points of one method; a whisker reaches down where both ends are proven."""
    first = group[0][1]
    style, is_upper = STYLES[first.method], math.isfinite(first.value)
    method = method_class(first.method)
    levels = [scale(end_of(bound)) for _, bound in group]
    trace = {
        "name": series_name(first),
        "mode": "lines+markers+text" if is_upper and len(group) > 1 else "markers+text",
        "x": [seconds_of(bound) for _, bound in group],
        "y": levels,
        "customdata": [index for index, _ in group],
        "text": [point_label(bound, scale) for _, bound in group],
        "textfont": {"size": LABEL_FONT * font_size},
        "cliponaxis": False,
        "hovertext": [hover_text(bound) for _, bound in group],
        "hoverinfo": "text",
        "legendgroup": kind_of(method),
        "legendgrouptitle": {"text": kind_of(method), "font": {"size": LEGEND_FONT * font_size}},
        "legendrank": next(i for i, kind in enumerate(KINDS) if first.method in kind.methods),
        "marker": {
            "color": style.colour,
            "symbol": style.symbol,
            "size": [(19 if index == selected else 13) for index, _ in group],
            "line": {"width": 1.5, "color": "#444444" if is_upper else style.colour},
        },
        "line": {"color": style.colour, "dash": style.dash, "width": 2},
    }
    if is_upper and method.side == "interval":
        ends = [max(bound.lower, scale.reference * 1e-9) for _, bound in group]
        below = [level - min(scale(end), level) for level, end in zip(levels, ends, strict=True)]
        trace["error_y"] = _whisker(below, style.colour)
    return trace


def _whisker(below: Sequence[float], colour: str) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [0.0] * len(below),
        "arrayminus": list(below),
        "color": colour,
        "thickness": 3,
        "width": 8,
    }


def running_trace(item: Running, scale: Scale, font_size: int) -> dict[str, Any]:
    """Return the interval of a run that is under way: two ends, joined."""
    ends = [item.lower, item.upper]
    text = (
        f"{item.label} after {seconds_text(item.seconds)}: between {ends[0]:.6g} and {ends[1]:.6g}"
    )
    return {
        "name": f"{item.label} (running)",
        "mode": "lines+markers+text",
        "x": [max(item.seconds, 1e-3)] * 2,
        "y": [scale(end) for end in ends],
        "text": ["", "running"],
        "textfont": {"size": LABEL_FONT * font_size},
        "hovertext": [text, text],
        "hoverinfo": "text",
        "marker": {"color": STYLES[item.method].colour, "symbol": "line-ew-open", "size": 16},
        "line": {"color": STYLES[item.method].colour, "dash": "dot", "width": 3},
    }


def pin_trace(pins: Mapping[str, Bound], scale: Scale, font_size: int) -> dict[str, Any]:
    """Return the pinned bounds as grey rings."""
    shown = {name: bound for name, bound in pins.items() if scale.shows(end_of(bound))}
    return {
        "name": PINNED,
        "mode": "markers+text",
        "x": [seconds_of(bound) for bound in shown.values()],
        "y": [scale(end_of(bound)) for bound in shown.values()],
        "text": list(shown),
        "textfont": {"size": LABEL_FONT * font_size},
        "cliponaxis": False,
        "hovertext": [f"pinned as {name}<br>{hover_text(b)}" for name, b in shown.items()],
        "hoverinfo": "text",
        "marker": {
            "color": "rgba(0,0,0,0)",
            "symbol": "circle",
            "size": 22,
            "line": {"width": 3, "color": GREY},
        },
    }


def hover_text(bound: Bound) -> str:
    """Return what a point says when hovered: value, cost, size, solver's status and residual."""
    proven = " and ".join(t for t in (upper_text(bound), lower_text(bound)) if t != "–")
    lines = [
        f"<b>{run_name(bound)}</b>",
        f"{proven or 'nothing proven'} ({'verified ✓' if bound.verified else 'NOT verified'})",
        f"{seconds_text(bound.seconds)}: build {seconds_text(bound.build_seconds)}, "
        f"solve {seconds_text(bound.solve_seconds)}, verify {seconds_text(bound.verify_seconds)}",
        f"status: {bound.status}",
    ]
    if bound.settings.get("solver"):
        lines.append(f"solver: {bound.settings['solver']}")
    if math.isfinite(bound.residual):
        lines.append(f"residual paid for the proof: {bound.residual:.2g}")
    if bound.size:
        lines.append(size_text(bound))
    return "<br>".join(lines)

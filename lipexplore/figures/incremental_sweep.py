"""A certified property against the radius of a ball, with sampled estimates beside it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_ABOVE, lay_out
from lipexplore.figures.palette import BLUE, GREEN, GREY, ORANGE
from lipexplore.properties.incremental.sweep import SweepPoint
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.rounding import text_above, text_below

if TYPE_CHECKING:
    import plotly.graph_objects as go

THRESHOLDS = {
    "one-sided-upper": (0.0, "below: x' = f(x) contracts"),
    "one-sided-lower": (0.0, "above: monotone"),
    "strong-monotonicity": (0.0, "above: strongly monotone"),
    "inverse": (0.0, "above: invertible"),
    "contraction": (1.0, "below: a contraction"),
    "flow-contraction": (0.0, "below: the flow contracts"),
    "dissipativity": (0.0, "above: dissipative"),
}
"""Where a property begins to mean something, and what."""


def sweep_figure(points: Sequence[SweepPoint], *, font_size: int = 14) -> go.Figure:
    """Draw certified values as a line, sampled estimates as open markers, the whole space dashed.

    The truth lies between line and markers; the space between them is shaded.
    """
    import plotly.graph_objects as go

    prop = PROPERTIES[points[0].found.prop]
    local = [point for point in points if np.isfinite(point.radius)]
    x = [point.radius for point in local]
    certified = [_finite(point.found.value) for point in local]
    sampled = [_finite(point.sampled) for point in local]
    figure = go.Figure()
    edge: dict[str, Any] = {"x": x, "mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    for y, fill in ((sampled, None), (certified, "tonexty")):
        figure.add_trace(
            go.Scatter(**edge, y=y, line={"width": 0}, fill=fill, fillcolor="rgba(0,114,178,0.12)")
        )
    figure.add_trace(
        go.Scatter(
            name=f"certified {prop.side} bound",
            x=x,
            y=certified,
            mode="lines+markers",
            line={"color": BLUE, "width": 2.5},
            marker={"size": 8},
            hovertemplate="radius %{x:.3g}: %{y:.6g}<extra>certified</extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            name="sampled estimate, no bound",
            x=x,
            y=sampled,
            mode="markers",
            marker={
                "color": GREEN,
                "size": 10,
                "symbol": _arrow(prop.side),
                "line": {"width": 2, "color": GREEN},
            },
            hovertemplate="radius %{x:.3g}: %{y:.6g}<extra>sampled</extra>",
        )
    )
    for point in points:
        if not np.isfinite(point.radius) and np.isfinite(point.found.value):
            figure.add_trace(_level(x, point.found.value, "certified, whole space", ORANGE, "dash"))
    if prop.name in THRESHOLDS and x:
        value, words = THRESHOLDS[prop.name]
        figure.add_trace(_level(x, value, words, GREY, "dot"))
    drawn = [y for trace in figure.data for y in trace.y if y is not None]
    _lay_out(figure, f"{prop.label} {prop.symbol}", _range(drawn), font_size)
    return figure


def _level(x: Sequence[float], value: float, name: str, colour: str, dash: str) -> dict[str, Any]:
    ends = [min(x, default=0.1), max(x, default=1.0)]
    line = {"color": colour, "width": 2, "dash": dash}
    return {
        "type": "scatter",
        "name": name,
        "x": ends,
        "y": [value, value],
        "mode": "lines",
        "line": line,
    }


def _range(values: Sequence[float]) -> list[float]:
    """Return the ends of the axis: at least a tenth of the numbers' size apart."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = max(0.06 * (high - low), 0.05 * max(abs(low), abs(high)) - 0.5 * (high - low), 1e-12)
    return [low - room, high + room]


def _arrow(side: str) -> str:
    return "triangle-up-open" if side == "upper" else "triangle-down-open"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _lay_out(figure: go.Figure, title: str, ends: list[float], font_size: int) -> None:
    lay_out(
        figure,
        font_size,
        27,
        legend={**LEGEND_ABOVE, "traceorder": "normal"},
        xaxis={
            **AXIS,
            "type": "log",
            "dtick": "D2",
            "title": {"text": "radius of the ball (units of the input)"},
        },
        yaxis={**AXIS, "title": {"text": title}, "range": ends},
    )


def sweep_html(points: Sequence[SweepPoint]) -> str:
    """Return the same as a table."""
    prop = PROPERTIES[points[0].found.prop]
    text = text_above if prop.side == "upper" else text_below
    rows = "".join(
        f'<tr><th scope="row">{"whole space" if np.isinf(p.radius) else f"{p.radius:.3g}"}</th>'
        f"<td>{text(p.found.value, 6)}</td><td>{p.sampled:.5g}</td>"
        f"<td>{p.found.size.get('units', 0)}</td><td>{p.found.seconds:.2f}</td></tr>"
        for p in points
    )
    heads = ("radius", f"certified {prop.symbol}", "sampled, no bound", "free units", "seconds")
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    claim = escape(_signs(prop.claim))
    return (
        f'<div class="lx-scroll"><table class="lx-table"><caption>{claim}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _signs(text: str) -> str:
    return text.replace("<=", "≤").replace(">=", "≥")


def sweep_sentence(points: Sequence[SweepPoint]) -> str:
    """Say up to which radius the property is proven."""
    prop = PROPERTIES[points[0].found.prop]
    last = points[-1]
    text = text_above if prop.side == "upper" else text_below
    where = "over the whole space" if np.isinf(last.radius) else f"up to radius {last.radius:.3g}"
    told = f"{_signs(prop.claim)}: {prop.symbol} = {text(last.found.value, 6)} {where}."
    if prop.name not in THRESHOLDS:
        return told
    limit, words = THRESHOLDS[prop.name]
    upper = prop.side == "upper"
    good = [p for p in points if (p.found.value < limit if upper else p.found.value > limit)]
    claim = words.split(": ", 1)[1]
    if not good:
        return f"{told} Not proven for any of these radii: {claim}."
    reach = good[-1].radius
    reached = "on the whole space" if np.isinf(reach) else f"up to radius {reach:.3g}"
    return f"{told} Proven {reached}: {claim}."

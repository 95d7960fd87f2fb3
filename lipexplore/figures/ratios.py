"""Bounds of different questions on one axis: each as its ratio to its own best lower bound."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lipexplore.bounds import Bound
from lipexplore.figures.comparable import summary
from lipexplore.figures.palette import BLUE, GREEN, ORANGE, PURPLE, SKY, STYLES, VERMILLION
from lipexplore.figures.series import Scale, log_axis, seconds_of, series_name, time_tick
from lipexplore.figures.traces import hover_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

_COLOURS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY)
_DASHES = ("solid", "dash", "dot", "dashdot")


def ratio_by_question(groups: Mapping[str, Sequence[Bound]], *, font_size: int = 14) -> go.Figure:
    """Draw one trace per question: upper bounds over the question's best lower bound of L.

    1 is tight. Questions without a lower bound of L are left out. Methods are told by their symbol
    and by hovering, questions by colour, dash and the legend.
    """
    import plotly.graph_objects as go

    figure, ratios = go.Figure(), [1.0]
    times: list[float] = []
    for title, bounds in groups.items():
        lowest = summary(bounds).l_lower
        shown = sorted((b for b in bounds if math.isfinite(b.value)), key=seconds_of)
        if lowest is None or not shown:
            continue
        scale, turn = Scale("ratio", lowest.lower), len(figure.data)
        levels = [scale(bound.value) for bound in shown]
        colour = _COLOURS[turn % len(_COLOURS)]
        figure.add_trace(
            go.Scatter(
                name=title,
                mode="lines+markers",
                x=[seconds_of(bound) for bound in shown],
                y=levels,
                hovertext=[
                    f"{title}<br>{scale.text(bound.value)} by {series_name(bound)}"
                    f"<br>{hover_text(bound)}"
                    for bound in shown
                ],
                hoverinfo="text",
                marker={
                    "color": colour,
                    "size": 13,
                    "symbol": [STYLES[bound.method].symbol for bound in shown],
                    "line": {"width": 1.5, "color": "#444444"},
                },
                line={"color": colour, "width": 1.5, "dash": _DASHES[turn % len(_DASHES)]},
            )
        )
        times += map(seconds_of, shown)
        ratios += levels
    _lay_out(figure, times, ratios, font_size)
    return figure


def _lay_out(
    figure: go.Figure, times: Sequence[float], ratios: Sequence[float], font_size: int
) -> None:
    x_range, x_ticks = log_axis(times or [1e-3, 1.0], 2.0, 4.0)
    y_range, y_ticks = log_axis(ratios, 1.1, 1.2)
    decades = [tick for tick in x_ticks if abs(math.log10(tick) % 1.0) < 1e-9]
    axis = {"type": "log", "gridcolor": "rgba(128,128,128,0.25)", "automargin": True}
    figure.update_layout(
        font={"size": font_size},
        height=29 * font_size,
        autosize=True,
        margin={"l": 10, "r": 16, "t": 8, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        uirevision="ratios",
        meta="ratios",
        showlegend=True,
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
        hoverlabel={"align": "left", "font": {"size": font_size}},
        xaxis={
            **axis,
            "title": {"text": "run time"},
            "range": x_range,
            "tickvals": decades,
            "ticktext": [time_tick(tick) for tick in decades],
        },
        yaxis={
            **axis,
            "title": {"text": "upper bound / best lower bound of L"},
            "range": y_range,
            "tickvals": y_ticks,
            "ticktext": [f"{tick:g}" for tick in y_ticks],
        },
    )

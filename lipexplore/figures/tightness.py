"""Bound against run time: the price of tightness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from lipexplore.bounds import Bound
from lipexplore.figures.comparable import check_comparable
from lipexplore.figures.labels import Label, places
from lipexplore.figures.palette import L_COLOUR, P_STAR_COLOUR
from lipexplore.figures.series import (
    AxisName,
    Running,
    Scale,
    drawable,
    end_of,
    floors,
    log_axis,
    scale_of,
    seconds_of,
    series,
    time_tick,
)
from lipexplore.figures.traces import (
    LABEL_FONT,
    LEGEND_FONT,
    pin_trace,
    running_trace,
    trace,
)
from lipexplore.norms import Norm

if TYPE_CHECKING:
    import plotly.graph_objects as go

CONFIG: Final = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
}
"""How plotly shows our figures: no logo and no button that uploads to a cloud."""

_WIDTH = 480.0
"""Pixels that the points have side by side where labels just fit; wider figures have more."""


def bound_against_runtime(
    bounds: Sequence[Bound],
    *,
    font_size: int = 14,
    selected: int | None = None,
    axis: AxisName = "bound",
    running: Sequence[Running] = (),
    pins: Mapping[str, Bound] | None = None,
) -> go.Figure:
    """Draw upper bounds as points over their run time and the best lower bounds as lines.

    Both axes are logarithmic. Degrees of one method with equal other settings are joined. The lower
    bound of L is a solid line: nothing is below it. The lower bound of P* is dashed and says so:
    bounds of L may pass it. Methods that prove both ends reach down to their lower end. Each
    point's ``customdata`` is its index in ``bounds``.

    Parameters
    ----------
    bounds
        Answers to one question.
    font_size
        Points of the text.
    selected
        Index of the bound that is marked.
    axis
        "bound", or the distance from the best lower bound of L as "gap" in percent or as "ratio".
    running
        Intervals that runs have reached so far.
    pins
        Bounds of the same question that stay, by name: hollow and grey.

    Raises
    ------
    InvalidSetting
        If the bounds answer different questions, or no lower bound of L is there to compare with.
    """
    import plotly.graph_objects as go

    pinned = pins or {}
    everything = [*bounds, *pinned.values()]
    check_comparable(everything)
    scale = scale_of(axis, everything)
    figure = go.Figure()
    for group in series(drawable(bounds, scale)):
        figure.add_trace(go.Scatter(trace(group, scale, selected, font_size)))
    if pinned:
        figure.add_trace(go.Scatter(pin_trace(pinned, scale, font_size)))
    for item in running:
        figure.add_trace(go.Scatter(running_trace(item, scale, font_size)))
    for constant, level, text in floors(everything, scale):
        _add_floor(figure, constant, level, text, font_size)
    shown = [item for item in everything if scale.shows(end_of(item))]
    _lay_out(figure, shown, running, scale, font_size)
    _place_labels(figure, font_size)
    return figure


def _add_floor(figure: go.Figure, constant: str, level: float, text: str, font_size: int) -> None:
    """Draw a lower end across the whole width: labelled below its line for L, above for P*."""
    line = {"color": P_STAR_COLOUR, "dash": "dash", "width": 2.5}
    if constant == "L":
        line = {"color": L_COLOUR, "dash": "solid", "width": 3}
    figure.add_shape(
        type="line",
        xref="paper",
        x0=0,
        x1=1,
        y0=level,
        y1=level,
        line=line,
        name=text,
        layer="below",
    )
    figure.add_annotation(
        xref="paper",
        x=0,
        xanchor="left",
        y=math.log10(level),
        yanchor="top" if constant == "L" else "bottom",
        text=f" {text}",
        showarrow=False,
        font={"size": font_size},
    )


def _place_labels(figure: go.Figure, font_size: int) -> None:
    """Let labels stand where they cover nothing; those without room are left to hovering."""
    (left, right), (low, high) = figure.layout.xaxis.range, figure.layout.yaxis.range
    height = figure.layout.height - 4.0 * font_size
    spots = [
        Label(
            _WIDTH * (math.log10(x) - left) / (right - left),
            height * (math.log10(y) - low) / (high - low),
            text,
        )
        for drawn in figure.data
        for x, y, text in zip(drawn.x, drawn.y, drawn.text, strict=True)
    ]
    found = iter(places(spots, LABEL_FONT * font_size, _WIDTH))
    for drawn in figure.data:
        chosen = [next(found) for _ in drawn.x]
        text = [word if place else "" for word, place in zip(drawn.text, chosen, strict=True)]
        drawn.update(text=text, textposition=[place or "middle right" for place in chosen])


def _lay_out(
    figure: go.Figure,
    bounds: Sequence[Bound],
    running: Sequence[Running],
    scale: Scale,
    font_size: int,
) -> None:
    symbol = Norm.parse(bounds[0].norm).symbol if bounds else ""
    times = [*map(seconds_of, bounds), *(max(item.seconds, 1e-3) for item in running)]
    x_range, x_ticks = log_axis(times or [1e-3, 1.0], 2.0, 4.0)
    ends = [end for bound in bounds for end in (bound.value, bound.lower)]
    ends += [end for item in running for end in (item.lower, item.upper)]
    levels = [scale(end) for end in ends if scale.shows(end)]
    y_range, y_ticks = log_axis(levels or [1.0, 10.0], 1.25, 1.2)
    decades = [tick for tick in x_ticks if abs(math.log10(tick) % 1.0) < 1e-9]
    axis = {"type": "log", "zeroline": False, "gridcolor": "rgba(128,128,128,0.25)"}
    figure.update_layout(
        font={"size": font_size},
        height=round(26.5 * font_size),
        autosize=True,
        margin={"l": 10, "r": 16, "t": 8, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        uirevision=scale.name,
        meta="bounds",
        hoverlabel={"align": "left", "font": {"size": font_size}},
        legend={
            "y": 1,
            "x": 1.01,
            "tracegroupgap": 0,
            "font": {"size": LEGEND_FONT * font_size},
            "groupclick": "toggleitem",
        },
        showlegend=True,
        xaxis={
            **axis,
            "title": {"text": "run time"},
            "range": x_range,
            "tickvals": decades,
            "ticktext": [time_tick(tick) for tick in decades],
            "automargin": True,
        },
        yaxis={
            **axis,
            "title": {"text": scale.title(symbol)},
            "range": y_range,
            "tickvals": y_ticks,
            "ticktext": [f"{tick:g}" for tick in y_ticks],
            "automargin": True,
        },
    )

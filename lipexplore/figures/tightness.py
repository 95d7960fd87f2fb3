"""Bound against run time: the price of tightness."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from lipexplore.bounds import METHODS, Bound
from lipexplore.figures.comparable import check_comparable, summary
from lipexplore.figures.palette import L_COLOUR, P_STAR_COLOUR, STYLES
from lipexplore.figures.texts import (
    changed_settings,
    degree_of,
    lower_text,
    run_name,
    seconds_text,
    short_label,
    size_text,
    upper_text,
)
from lipexplore.norms import Norm
from lipexplore.rounding import text_above, text_below

if TYPE_CHECKING:
    import plotly.graph_objects as go

CONFIG: Final = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
}
"""How plotly shows our figures: no logo and no button that uploads to a cloud."""

_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_ORDER = {method.name: index for index, method in enumerate(METHODS)}
_SHORTEST = 1e-5

Point = tuple[int, Bound]


def bound_against_runtime(
    bounds: Sequence[Bound], *, font_size: int = 14, selected: int | None = None
) -> go.Figure:
    """Draw upper bounds as points over their run time and the best lower bounds as lines.

    Both axes are logarithmic. Degrees of one method with equal other settings are joined. The lower
    bound of L is a solid line: nothing is below it. The lower bound of P* is dashed and says so:
    bounds of L may pass it. Each point's ``customdata`` is its index in ``bounds``.

    Raises
    ------
    InvalidSetting
        If the bounds answer different questions.
    """
    import plotly.graph_objects as go

    check_comparable(bounds)
    points = [
        (index, bound)
        for index, bound in enumerate(bounds)
        if math.isfinite(bound.value) or bound.lower > 0.0
    ]
    figure = go.Figure()
    for group in _series(points):
        figure.add_trace(go.Scatter(_trace(group, selected, font_size)))
    _add_floors(figure, bounds, font_size)
    _lay_out(figure, [bound for _, bound in points], font_size)
    return figure


def _series(points: Sequence[Point]) -> Iterable[list[Point]]:
    """Group the points of one method and equal settings other than the degree, by degree."""

    def key(point: Point) -> tuple[int, str]:
        others = {k: v for k, v in point[1].settings.items() if k != "degree"}
        return _ORDER[point[1].method], repr(sorted(others.items()))

    for _, group in groupby(sorted(points, key=key), key=key):
        yield sorted(group, key=lambda point: degree_of(point[1]) or 0)


def _trace(group: Sequence[Point], selected: int | None, font_size: int) -> dict[str, Any]:
    first = group[0][1]
    style, is_upper = STYLES[first.method], math.isfinite(first.value)
    sizes = [(19 if index == selected else 13) for index, _ in group]
    return {
        "name": _series_name(first),
        "mode": "lines+markers+text" if is_upper and len(group) > 1 else "markers+text",
        "x": [_seconds(bound) for _, bound in group],
        "y": [bound.value if is_upper else bound.lower for _, bound in group],
        "customdata": [index for index, _ in group],
        "text": [_label(bound) if is_upper else "" for _, bound in group],
        "textposition": "middle right" if degree_of(first) is None else "top center",
        "textfont": {"size": font_size},
        "cliponaxis": False,
        "hovertext": [hover_text(bound) for _, bound in group],
        "hoverinfo": "text",
        "marker": {
            "color": style.colour,
            "symbol": style.symbol,
            "size": sizes,
            "line": {"width": 1.5, "color": "#444444" if is_upper else style.colour},
        },
        "line": {"color": style.colour, "dash": style.dash, "width": 2},
    }


def _series_name(bound: Bound) -> str:
    """Return the label, with the settings that are not the method's own."""
    return ", ".join([short_label(bound.method), *changed_settings(bound.method, bound.settings)])


def _label(bound: Bound) -> str:
    degree = degree_of(bound)
    value = text_above(bound.value, 4)
    return f"  {value}" if degree is None else f"{value} (degree {degree})"


def _seconds(bound: Bound) -> float:
    return max(bound.seconds, _SHORTEST)


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
    if math.isfinite(bound.residual):
        lines.append(f"residual paid for the proof: {bound.residual:.2g}")
    if bound.size:
        lines.append(size_text(bound))
    return "<br>".join(lines)


def _add_floors(figure: go.Figure, bounds: Sequence[Bound], font_size: int) -> None:
    """Draw the best lower bounds across the whole width, labelled below and above their line."""
    best = summary(bounds)
    if best.l_lower is not None:
        text = f"L is at least {text_below(best.l_lower.lower)}"
        _add_floor(figure, best.l_lower.lower, text, L_COLOUR, "solid", "top", font_size)
    if best.p_star_lower is not None:
        text = f"P* is at least {text_below(best.p_star_lower.lower)}"
        _add_floor(
            figure, best.p_star_lower.lower, text, P_STAR_COLOUR, "dash", "bottom", font_size
        )


def _add_floor(
    figure: go.Figure,
    level: float,
    text: str,
    colour: str,
    dash: str,
    anchor: str,
    font_size: int,
) -> None:
    line = {"color": colour, "dash": dash, "width": 3 if dash == "solid" else 2.5}
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
        yanchor=anchor,
        text=f" {text}",
        showarrow=False,
        font={"size": font_size},
    )


def _lay_out(figure: go.Figure, bounds: Sequence[Bound], font_size: int) -> None:
    norm = Norm.parse(bounds[0].norm).symbol if bounds else ""
    x_range, x_ticks = _axis([_seconds(bound) for bound in bounds] or [1e-3, 1.0], 2.0, 8.0)
    levels = [v for b in bounds for v in (b.value, b.lower) if math.isfinite(v) and v > 0.0]
    y_range, y_ticks = _axis(levels or [1.0, 10.0], 1.25, 1.2)
    decades = [tick for tick in x_ticks if abs(math.log10(tick) % 1.0) < 1e-9]
    axis = {"type": "log", "zeroline": False, "gridcolor": "rgba(128,128,128,0.25)"}
    figure.update_layout(
        font={"size": font_size},
        height=29 * font_size,
        autosize=True,
        margin={"l": 10, "r": 16, "t": 8, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        hoverlabel={"align": "left", "font": {"size": font_size}},
        legend={
            "orientation": "h",
            "yref": "container",
            "yanchor": "top",
            "y": 0.99,
            "x": 0,
            "font": {"size": min(font_size, 16)},
        },
        showlegend=True,
        xaxis={
            **axis,
            "title": {"text": "run time"},
            "range": x_range,
            "tickvals": decades,
            "ticktext": [_time_tick(tick) for tick in decades],
            "automargin": True,
        },
        yaxis={
            **axis,
            "title": {"text": f"bound ({norm} norm)"},
            "range": y_range,
            "tickvals": y_ticks,
            "ticktext": [f"{tick:g}" for tick in y_ticks],
            "automargin": True,
        },
    )


def _axis(values: Sequence[float], below: float, above: float) -> tuple[list[float], list[float]]:
    """Return a range in powers of ten around the values, and round ticks inside it."""
    low, high = min(values) / below, max(values) * above
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**e for e in exponents for step in _STEPS]
    return (
        [math.log10(low), math.log10(high)],
        [float(f"{tick:.3g}") for tick in ticks if low <= tick <= high],
    )


def _time_tick(seconds: float) -> str:
    if seconds < 0.999e-3:
        return f"{seconds * 1e6:g} µs"
    return f"{seconds * 1e3:g} ms" if seconds < 0.999 else f"{seconds:,g} s"

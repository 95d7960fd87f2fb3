"""One spline before and after projection: its graph, its slopes, a fit to points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_ABOVE, lay_out
from lipexplore.figures.palette import BLUE, GREEN, GREY, ORANGE, PURPLE
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHAPE: Final = "spline shape"
"""``layout.meta`` of the graph: a click on one of its points gives the knot's number."""

EDITED, PROJECTED, NEAREST, STORED = "edited", "SplineProj", "orthogonal projection", "stored"
FREE, LIMITED = "slopes free", "slopes in [-1, 1]"
STYLES: Final = {
    EDITED: (ORANGE, "dash", "diamond"),
    PROJECTED: (BLUE, "solid", "circle"),
    NEAREST: (PURPLE, "dot", "x"),
    STORED: (GREY, "dashdot", "square-open"),
    FREE: (ORANGE, "dash", "diamond"),
    LIMITED: (BLUE, "solid", "circle"),
}
SIZES: Final = {STORED: 18, EDITED: 13, PROJECTED: 7}
"""Of markers that often lie on top of each other."""

BAND: Final = "rgba(0,158,115,0.14)"
BEYOND: Final = 0.25
"""Part of the knots' range that is drawn beyond each end: there the outer slopes go on."""


def shape_figure(
    knots: Array, curves: Mapping[str, Array], chosen: int, font_size: int = 14
) -> go.Figure:
    """Draw sigma(z) of several coefficient vectors on the same knots, one knot marked."""
    figure = _figure(font_size, "pre-activation z", "activation σ(z)", meta=SHAPE)
    for label, values in curves.items():
        figure.add_trace(_curve(label, knots, values, _prolonged))
    marked = next(iter(curves.values()))[chosen]
    figure.add_scatter(
        x=[float(knots[chosen])],
        y=[float(marked)],
        mode="markers",
        marker={"symbol": "circle-open", "size": 18, "color": "#444444", "line": {"width": 2.5}},
        name=f"knot {chosen + 1}",
        hoverinfo="skip",
    )
    return figure


def slope_figure(knots: Array, curves: Mapping[str, Array], font_size: int = 14) -> go.Figure:
    """Draw the slope of every segment against the band [-1, 1] that it should stay in."""
    figure = _figure(font_size, "pre-activation z", "slope σ′(z)", meta="spline slopes")
    ends = [knots[0] - BEYOND * np.ptp(knots), *knots[1:-1], knots[-1] + BEYOND * np.ptp(knots)]
    for label, values in curves.items():
        slopes = np.diff(values) / np.diff(knots)
        colour, dash, _ = STYLES[label]
        figure.add_scatter(
            x=np.repeat(ends, 2)[1:-1].tolist(),
            y=np.repeat(slopes, 2).tolist(),
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2.5},
            name=label,
            hovertemplate="slope %{y:.4g}<extra>" + label + "</extra>",
        )
    figure.add_hrect(y0=-1.0, y1=1.0, fillcolor=BAND, line_width=0, layer="below")
    for edge in (-1.0, 1.0):
        figure.add_hline(y=edge, line={"color": GREEN, "width": 1.5})
    return figure


def fit_figure(
    x: Array, y: Array, knots: Array, curves: Mapping[str, Array], font_size: int = 14
) -> go.Figure:
    """Draw points and the splines fitted to them."""
    figure = _figure(font_size, "x", "y", meta="spline fit")
    figure.add_scatter(
        x=x.tolist(),
        y=y.tolist(),
        mode="markers",
        marker={"symbol": "cross-thin", "size": 8, "line": {"width": 1.5, "color": "#444444"}},
        name="points",
        hoverinfo="skip",
    )
    for label, values in curves.items():
        figure.add_trace(_curve(label, knots, values, lambda t, c: (t, c)))
    return figure


def bounds_figure(bounds: Mapping[str, Mapping[str, float]], font_size: int = 14) -> go.Figure:
    """Draw bounds of the same network with several activations: one row per method.

    ``bounds`` holds a mapping from methods' labels to values for each label of :data:`STYLES`.
    """
    figure = _figure(font_size, "bound of the Lipschitz constant", "", meta="spline bounds")
    for label, values in bounds.items():
        colour, _, symbol = STYLES[label]
        figure.add_scatter(
            x=list(values.values()),
            y=list(values),
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": SIZES[label], "line": {"width": 2}},
            name=label,
            hovertemplate="%{x:.5g}<extra>%{y}, " + label + "</extra>",
        )
    figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    return figure


def _curve(label: str, knots: Array, values: Array, line: Any) -> go.Scatter:
    import plotly.graph_objects as go

    colour, dash, symbol = STYLES[label]
    x, y = line(knots, values)
    extra = (len(x) - len(knots)) // 2
    return go.Scatter(
        x=x.tolist(),
        y=y.tolist(),
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": 2.5},
        marker={"symbol": symbol, "size": [0] * extra + [6] * len(knots) + [0] * extra},
        customdata=[None] * extra + list(range(len(knots))) + [None] * extra,
        name=label,
        hovertemplate="(%{x:.4g}, %{y:.4g})<extra>" + label + "</extra>",
    )


def _prolonged(knots: Array, values: Array) -> tuple[Array, Array]:
    reach = BEYOND * float(np.ptp(knots))
    slopes = np.diff(values)[[0, -1]] / np.diff(knots)[[0, -1]]
    x = np.concatenate([[knots[0] - reach], knots, [knots[-1] + reach]])
    y = np.concatenate([[values[0] - reach * slopes[0]], values, [values[-1] + reach * slopes[1]]])
    return x, y


def _figure(font_size: int, x: str, y: str, **more: Any) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    lay_out(
        figure,
        font_size,
        21,
        showlegend=True,
        legend=LEGEND_ABOVE,
        uirevision=more.get("meta"),
        xaxis={**AXIS, "title": {"text": x}},
        yaxis={**AXIS, "title": {"text": y}},
        **more,
    )
    return figure

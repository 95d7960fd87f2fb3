"""Networks fitted to a few points, on a line or in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.figures.palette import BLUE, ORANGE, PURPLE
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

TWO, THREE, DESCENT = "two layers", "three layers", "gradient descent"
STYLES: Final = {
    TWO: (ORANGE, "dash", "diamond"),
    THREE: (BLUE, "solid", "circle"),
    DESCENT: (PURPLE, "dot", "x"),
}
"""Colour, dash and symbol of each network."""


def line_figure(
    points: Array,
    targets: Array,
    grid: Array,
    curves: Mapping[str, Array],
    *,
    font_size: int = 14,
) -> go.Figure:
    """Draw data points and the functions of networks with one input.

    Parameters
    ----------
    points, targets
        Arrays (n,).
    grid
        Where the functions are given, array (G,).
    curves
        Values (G,) by a label of :data:`STYLES`.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for label, values in curves.items():
        colour, dash, _ = STYLES[label]
        figure.add_scatter(
            x=grid,
            y=values,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2.5},
            name=label,
            hovertemplate="%{x:.3g}: %{y:.4g}<extra>" + label + "</extra>",
        )
    figure.add_scatter(
        x=points,
        y=targets,
        mode="markers",
        marker={"symbol": "circle-open", "size": 11, "color": "#444444", "line": {"width": 2.5}},
        name="data",
        hovertemplate="point %{x:.3g}: %{y:.4g}<extra></extra>",
    )
    figure.update_xaxes(**AXIS, title={"text": "input x"})
    figure.update_yaxes(**AXIS, title={"text": "output f(x)"})
    lay_out(figure, font_size, 24, showlegend=True, legend=LEGEND_AT_EDGE, meta="path fit")
    return figure


def plane_figure(
    points: Array, targets: Array, axis: Array, values: Array, label: str, *, font_size: int = 14
) -> go.Figure:
    """Draw one network of two inputs as colours, the data as circles of the same colours.

    Parameters
    ----------
    points, targets
        Arrays (n, 2) and (n,).
    axis
        Grid of both inputs, array (G,).
    values
        Array (G, G), rows along the second input.
    label
        Which network it is.
    """
    import plotly.graph_objects as go

    size = float(max(np.abs(values).max(), np.abs(targets).max()))
    scale = {"colorscale": "RdBu", "zmin": -size, "zmax": size}
    figure = go.Figure(
        go.Heatmap(
            x=axis,
            y=axis,
            z=values,
            **scale,
            colorbar={"title": {"text": "output f(x)"}},
            hovertemplate="(%{x:.3g}, %{y:.3g}): %{z:.4g}<extra>" + label + "</extra>",
        )
    )
    figure.add_scatter(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers+text",
        text=[f"{value:.2g}" for value in targets],
        textposition="top center",
        marker={
            "size": 14,
            "color": targets,
            "colorscale": "RdBu",
            "cmin": -size,
            "cmax": size,
            "line": {"color": "#222222", "width": 2},
        },
        name="data",
        hovertemplate="target %{text}<extra></extra>",
    )
    figure.update_xaxes(**AXIS, title={"text": "input x₁"}, range=[axis[0], axis[-1]])
    figure.update_yaxes(**AXIS, title={"text": "input x₂"}, range=[axis[0], axis[-1]])
    lay_out(figure, font_size, 24, showlegend=False, meta="path fit")
    return figure

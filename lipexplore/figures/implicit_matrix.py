"""The state matrix of an implicit network, the measures of its rows, and the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.figures.palette import BLUE, GREY, ORANGE, VERMILLION
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHARE = 0.98
"""Colours end at this quantile of the weights' sizes, so that a few large ones hide nothing."""


def matrix_figure(
    matrix: Array, weights: Array, rows: Array, plain: Array, *, font_size: int = 14
) -> go.Figure:
    """Draw A as a picture, beside it every row's measure with and without weights, and the weights.

    Parameters
    ----------
    matrix
        A, shape (n, n).
    weights, rows
        eta and the row measures in it, arrays (n,); a certificate needs all measures below 1.
    plain
        The row measures with all weights 1, array (n,).
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=1, cols=3, column_widths=[0.44, 0.34, 0.22], horizontal_spacing=0.06
    )
    states = np.arange(1.0, len(matrix) + 1.0)
    figure.add_trace(_picture(matrix, states), row=1, col=1)
    for name, values, colour, symbol in (
        ("weights 1", plain, ORANGE, "x"),
        ("weights η", rows, BLUE, "circle"),
    ):
        marks = go.Scatter(
            x=values,
            y=states,
            mode="markers",
            name=f"measure, {name}",
            marker={"color": colour, "symbol": symbol, "size": 6},
            hovertemplate=f"row %{{y}}: %{{x:.4g}}<extra>{name}</extra>",
        )
        figure.add_trace(marks, row=1, col=2)
    limit = go.Scatter(
        x=[1.0, 1.0],
        y=[0.5, len(matrix) + 0.5],
        mode="lines",
        name="limit 1",
        line={"color": GREY, "dash": "dash", "width": 2},
        hoverinfo="skip",
    )
    figure.add_trace(limit, row=1, col=2)
    eta = go.Scatter(
        x=weights,
        y=states,
        mode="markers",
        showlegend=False,
        marker={"color": GREY, "symbol": "diamond", "size": 6},
        hovertemplate="state %{y}: η %{x:.4g}<extra></extra>",
    )
    figure.add_trace(eta, row=1, col=3)
    _label(figure, len(matrix))
    ends = sorted({float(weights.min()), float(weights.max())})
    figure.update_xaxes(
        type="log",
        tickvals=ends,
        ticktext=[f"{end:.2g}" for end in ends],
        range=[float(np.log10(ends[0])) - 0.2, float(np.log10(ends[-1])) + 0.2],
        row=1,
        col=3,
    )
    lay_out(figure, font_size, 23, showlegend=True, legend=LEGEND_AT_EDGE)
    return figure


def _picture(matrix: Array, states: Array) -> go.Heatmap:
    import plotly.graph_objects as go

    sizes = np.abs(matrix[matrix != 0.0])
    largest = float(np.quantile(sizes, SHARE)) if sizes.size else 1.0
    return go.Heatmap(
        z=matrix,
        x=states,
        y=states,
        zmin=-largest,
        zmax=largest,
        colorscale=[[0.0, BLUE], [0.5, "#F4F4F4"], [1.0, VERMILLION]],
        showscale=False,
        hovertemplate="from state %{x} to %{y}: %{z:.4g}<extra></extra>",
    )


def _label(figure: go.Figure, count: int) -> None:
    for column, title in ((1, "from state"), (2, "measure"), (3, "η")):
        figure.update_xaxes(**AXIS, title={"text": title}, tickangle=0, nticks=4, row=1, col=column)
        vertical = {"range": [count + 0.5, 0.5], "nticks": 6, "tickformat": "d"}
        figure.update_yaxes(**AXIS, **vertical, showticklabels=column == 1, row=1, col=column)
    figure.update_yaxes(title={"text": "to state"}, row=1, col=1)

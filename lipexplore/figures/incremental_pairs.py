"""Pairs of inputs: the size of each change and the map's response, under the certified line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.layout import LEGEND_ABOVE, lay_out
from lipexplore.figures.palette import BLUE, GREEN
from lipexplore.properties.incremental.pairs import Pairs
from lipexplore.properties.incremental.table import PROPERTIES

if TYPE_CHECKING:
    import plotly.graph_objects as go


def pairs_figure(pairs: Pairs, *, font_size: int = 14) -> go.Figure:
    """Draw one point per pair; none may lie beyond the line response = value x size."""
    import plotly.graph_objects as go

    prop, end = PROPERTIES[pairs.prop], float(pairs.size.max(initial=0.0)) or 1.0
    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            name="sampled pairs",
            x=pairs.size,
            y=pairs.response,
            mode="markers",
            marker={"color": GREEN, "size": 5, "opacity": 0.55},
            hovertemplate="%{x:.4g}, %{y:.4g}<extra>a pair</extra>",
        )
    )
    if np.isfinite(pairs.value):
        word = "at most" if prop.side == "upper" else "at least"
        figure.add_trace(
            go.Scatter(
                name=f"certified: {word} {prop.symbol} times as large",
                x=[0.0, end],
                y=[0.0, pairs.value * end],
                mode="lines",
                line={"color": BLUE, "width": 2.5},
                hovertemplate="%{x:.4g}, %{y:.4g}<extra>certified</extra>",
            )
        )
    axis = {"gridcolor": "rgba(128,128,128,0.25)", "automargin": True}
    lay_out(
        figure,
        font_size,
        25,
        legend=LEGEND_ABOVE,
        xaxis={**axis, "title": {"text": pairs.size_name}, "rangemode": "tozero"},
        yaxis={**axis, "title": {"text": pairs.response_name}},
    )
    return figure

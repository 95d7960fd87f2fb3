"""Path-regularised classifiers of digits: what is left as the weight of the regulariser grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.figures.palette import BLUE, GREEN, ORANGE, VERMILLION

if TYPE_CHECKING:
    import plotly.graph_objects as go


def digits_figure(
    betas: Sequence[float],
    shares: dict[str, Sequence[float]],
    bounds: dict[str, Sequence[float]],
    *,
    font_size: int = 14,
) -> go.Figure:
    """Draw shares (left axis) and Lipschitz bounds (right axis, logarithmic) by beta.

    Parameters
    ----------
    betas
        Weights of the regulariser.
    shares
        Numbers in [0, 1] by label: accuracy, sub-networks left.
    bounds
        Proven bounds by label.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    looks = iter(
        (
            (BLUE, "solid", "circle"),
            (GREEN, "dash", "square"),
            (ORANGE, "dot", "diamond"),
            (VERMILLION, "dashdot", "x"),
        )
    )
    for axis, group, number in (("y", shares, ".1%"), ("y2", bounds, ".4g")):
        for label, values in group.items():
            colour, dash, symbol = next(looks)
            figure.add_scatter(
                x=[f"{beta:g}" for beta in betas],
                y=list(values),
                yaxis=axis,
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"symbol": symbol, "size": 11},
                name=label,
                hovertemplate="β = %{x}: %{y:" + number + "}<extra>" + label + "</extra>",
            )
    figure.update_xaxes(**AXIS, title={"text": "weight β of the path regulariser"}, type="category")
    lay_out(
        figure,
        font_size,
        24,
        showlegend=True,
        legend=LEGEND_AT_EDGE,
        meta="path digits",
        yaxis={**AXIS, "title": {"text": "share"}, "tickformat": ".0%", "range": [0.0, 1.05]},
        yaxis2={
            "title": {"text": "Lipschitz bound, ℓ∞ inputs"},
            "overlaying": "y",
            "side": "right",
            "type": "log",
            "dtick": "D2",
            "showgrid": False,
            "automargin": True,
        },
    )
    return figure

"""Lipschitz bounds of the map from measurements to signals, and what sampling reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lipexplore.figures.palette import BLUE, GREEN, VERMILLION
from lipexplore.figures.unfolded_layout import AXIS, lay_out

if TYPE_CHECKING:
    import plotly.graph_objects as go


def lipschitz_figure(
    bounds: Mapping[str, float], sampled: float, active: float, *, font_size: int = 14
) -> go.Figure:
    """Draw proven l2 bounds as bars, the sampled estimate and the all-active network as lines.

    Parameters
    ----------
    bounds
        By name.
    sampled
        Largest norm of a sampled Jacobian: an estimate from below.
    active
        Norm of the linear network with all units active, which is no bound.
    """
    import plotly.graph_objects as go

    names, values = list(bounds), list(bounds.values())
    figure = go.Figure(
        go.Bar(
            name="proven upper bound",
            showlegend=False,
            y=names,
            x=values,
            orientation="h",
            text=[f"{value:.4g}" for value in values],
            textposition="outside",
            cliponaxis=False,
            marker={"color": BLUE},
            hovertemplate="%{y}: %{x:.6g}<extra></extra>",
        )
    )
    for name, value, colour, dash in (
        (f"sampled: {sampled:.4g}", sampled, GREEN, "dash"),
        (f"all units active, no bound: {active:.4g}", active, VERMILLION, "dot"),
    ):
        figure.add_scatter(
            name=name,
            x=[value, value],
            y=[names[0], names[-1]],
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 3},
            marker={"color": colour, "symbol": "triangle-up" if dash == "dash" else "x"},
            hoverinfo="skip",
        )
    top = max([*values, sampled, active])
    figure.update_xaxes(
        **AXIS, title={"text": "Lipschitz constant, ℓ2 to ℓ2"}, range=[0, 1.2 * top]
    )
    figure.update_yaxes(automargin=True, autorange="reversed")
    lay_out(figure, font_size, 20)
    return figure

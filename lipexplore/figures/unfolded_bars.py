"""Lipschitz bounds of the map from measurements to signals, and what sampling reaches."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from lipexplore.figures.layout import AXIS, LEGEND_ABOVE, lay_out
from lipexplore.figures.palette import BLUE, GREEN, GREY, VERMILLION
from lipexplore.figures.unfolded_layout import STALE

if TYPE_CHECKING:
    import plotly.graph_objects as go


def lipschitz_figure(
    bounds: Mapping[str, float],
    sampled: float | None,
    active: float,
    *,
    stale: Container[str] = (),
    font_size: int = 14,
) -> go.Figure:
    """Draw proven l2 bounds as bars; estimate and all-active network as points, each in its row.

    Parameters
    ----------
    bounds
        By name.
    sampled
        Largest norm of a sampled Jacobian: an estimate from below. None: not known yet.
    active
        Norm of the linear network with all units active, which is no bound.
    stale
        Names of bounds, and "sampled", that belong to the setting before: drawn grey.
    """
    import plotly.graph_objects as go

    names, values = list(bounds), list(bounds.values())
    figure = go.Figure(
        go.Bar(
            name="proven upper bound",
            y=names,
            x=values,
            orientation="h",
            text=[_told(value, name in stale) for name, value in bounds.items()],
            textposition="outside",
            cliponaxis=False,
            marker={"color": [GREY if name in stale else BLUE for name in names]},
            hovertemplate="%{y}: %{x:.6g}<extra></extra>",
        )
    )
    points = [("all active", "all units active: no bound", active, VERMILLION, "x", False)]
    if sampled is not None:
        old = "sampled" in stale
        colour = GREY if old else GREEN
        points.append(("sampled", "sampled: estimate from below", sampled, colour, "diamond", old))
    for row, name, value, colour, symbol, old in points:
        figure.add_scatter(
            name=name,
            x=[value],
            y=[row],
            mode="markers+text",
            text=[f"  {_told(value, old)}"],
            textposition="middle right",
            cliponaxis=False,
            marker={"color": colour, "symbol": symbol, "size": 12},
            hovertemplate="%{y}: %{x:.6g}<extra></extra>",
        )
    top = max([*values, active, sampled or 0.0])
    figure.update_xaxes(
        **AXIS, title={"text": "Lipschitz constant, ℓ2 to ℓ2"}, range=[0, 1.35 * top]
    )
    figure.update_yaxes(automargin=True, autorange="reversed")
    lay_out(figure, font_size, 20, showlegend=True, legend=LEGEND_ABOVE)
    return figure


def _told(value: float, old: bool) -> str:
    return f"{value:.4g} ({STALE})" if old else f"{value:.4g}"

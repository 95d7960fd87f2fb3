"""What the figures of unfolded networks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lipexplore.figures.palette import BLUE, GREY, ORANGE, PURPLE, SKY, VERMILLION

if TYPE_CHECKING:
    import plotly.graph_objects as go

AXIS: Final = {
    "zeroline": False,
    "gridcolor": "rgba(128,128,128,0.25)",
    "automargin": True,
}
LEGEND: Final = {"orientation": "h", "yref": "container", "yanchor": "top", "y": 0.99, "x": 0}
STALE: Final = "old"
"""Said of values that do not belong to the sliders' present values."""

CURVES: Final = (
    (BLUE, "solid", "circle"),
    (ORANGE, "dash", "diamond"),
    (VERMILLION, "dot", "x"),
    (PURPLE, "dashdot", "square"),
    (SKY, "longdash", "triangle-up"),
    (GREY, "solid", "star"),
)
"""Colour, dash and symbol, in order."""


def lay_out(figure: go.Figure, font_size: int, height: float, **more: Any) -> None:
    """Set fonts, margins and a legend above the plot."""
    figure.update_layout(
        font={"size": font_size},
        height=round(height * font_size),
        autosize=True,
        margin={"l": 10, "r": 16, "t": 8, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        showlegend=True,
        legend=LEGEND,
        **more,
    )


def curve(turn: int) -> dict[str, Any]:
    """Return line and marker of the curve number ``turn``."""
    colour, dash, symbol = CURVES[turn % len(CURVES)]
    return {
        "mode": "lines+markers",
        "line": {"color": colour, "dash": dash, "width": 2.5},
        "marker": {"color": colour, "symbol": symbol, "size": 8},
    }

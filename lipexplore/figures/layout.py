"""What the plots of topics and properties have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import plotly.graph_objects as go

AXIS: Final = {
    "zeroline": False,
    "gridcolor": "rgba(128,128,128,0.25)",
    "automargin": True,
}
LEGEND_ABOVE: Final = {
    "orientation": "h",
    "yref": "container",
    "yanchor": "top",
    "y": 0.99,
    "x": 0,
}
LEGEND_AT_EDGE: Final = {**LEGEND_ABOVE, "xref": "container", "xanchor": "left"}
"""Begins left of the axis: for wide legends."""


def lay_out(figure: go.Figure, font_size: int, height: float, **more: Any) -> None:
    """Set fonts, size (``height`` in lines of type), margins and transparent paper."""
    figure.update_layout(
        font={"size": font_size},
        height=round(height * font_size),
        autosize=True,
        margin={"l": 10, "r": 16, "t": 8, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        **more,
    )

"""What the figures of implicit networks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from lipexplore.figures.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

if TYPE_CHECKING:
    import plotly.graph_objects as go

AXIS: Final = {
    "zeroline": False,
    "gridcolor": "rgba(128,128,128,0.25)",
    "automargin": True,
}
BOX_STYLES: Final = {
    "embedded network": (BLUE, "solid"),
    "Lipschitz matrix": (ORANGE, "dash"),
    "unrolled intervals": (PURPLE, "dot"),
    "iterate, not moved outward": (VERMILLION, "dashdot"),
}
CURVE_STYLES: Final = {
    "Picard": (VERMILLION, "dot", "x"),
    "averaged, half the step": (SKY, "dash", "diamond"),
    "averaged, step α*": (BLUE, "solid", "circle"),
    "theory": (GREY, "dashdot", "line-ew"),
}
SAMPLE_COLOUR: Final = GREEN


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
        **more,
    )


LEGEND_ABOVE: Final = {
    "orientation": "h",
    "yref": "container",
    "yanchor": "top",
    "y": 0.99,
    "xref": "container",
    "xanchor": "left",
    "x": 0,
}

"""What the figures of unfolded networks have in common."""

from __future__ import annotations

from typing import Any, Final

from lipexplore.figures.palette import BLUE, GREY, ORANGE, PURPLE, SKY, VERMILLION

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


def curve(turn: int) -> dict[str, Any]:
    """Return line and marker of the curve number ``turn``."""
    colour, dash, symbol = CURVES[turn % len(CURVES)]
    return {
        "mode": "lines+markers",
        "line": {"color": colour, "dash": dash, "width": 2.5},
        "marker": {"color": colour, "symbol": symbol, "size": 8},
    }

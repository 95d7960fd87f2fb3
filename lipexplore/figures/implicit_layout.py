"""Colours and dashes of the figures of implicit networks."""

from __future__ import annotations

from typing import Final

from lipexplore.figures.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

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

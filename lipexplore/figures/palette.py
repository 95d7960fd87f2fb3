"""Colours that everyone can tell apart, and a symbol and a dash beside each.

References
----------
Okabe and Ito, *Color Universal Design*, 2008: the eight colours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lipexplore.bounds import METHODS

ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE, GREY = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#888888",
)
L_COLOUR, P_STAR_COLOUR = GREEN, VERMILLION
PATTERN_COLOUR, CLIQUE_COLOUR = "#6E8FA8", VERMILLION

_UPPER_COLOURS = (ORANGE, SKY, PURPLE, BLUE, GREY)
_UPPER_SYMBOLS = (
    *("square", "diamond", "x", "circle", "star", "hexagon", "pentagon", "bowtie"),
    *("cross", "octagon", "hexagram", "diamond-wide", "diamond-tall", "star-square"),
)
_BOTH_SYMBOLS = ("hourglass", "star-diamond")
_LOWER_SYMBOLS = {
    "L": ("triangle-up", "star-triangle-up", "triangle-ne"),
    "P*": ("triangle-down", "star-triangle-down", "triangle-se"),
}
_DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class Style:
    """How one method is drawn wherever it is drawn."""

    colour: str
    symbol: str
    dash: str


def _styles() -> dict[str, Style]:
    styles = {}
    both = [method for method in METHODS if method.side == "interval"]
    for index, method in enumerate(both):
        styles[method.name] = Style(GREY, _BOTH_SYMBOLS[index % len(_BOTH_SYMBOLS)], "solid")
    upper = [method for method in METHODS if method.side == "upper"]
    for index, method in enumerate(upper):
        turn = index // len(_UPPER_COLOURS)
        styles[method.name] = Style(
            _UPPER_COLOURS[index % len(_UPPER_COLOURS)],
            _UPPER_SYMBOLS[index % len(_UPPER_SYMBOLS)],
            _DASHES[turn % len(_DASHES)],
        )
    for constant, symbols in _LOWER_SYMBOLS.items():
        on_l = constant == "L"
        lower = (item for item in METHODS if item.side == "lower" and item.of == constant)
        for index, method in enumerate(lower):
            styles[method.name] = Style(
                L_COLOUR if on_l else P_STAR_COLOUR,
                symbols[index % len(symbols)],
                "solid" if on_l else "dash",
            )
    return styles


STYLES: Final = _styles()
"""The style of each method, by name: lower bounds share the colour of the constant they bound."""

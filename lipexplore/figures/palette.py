"""Colours that everyone can tell apart, and a symbol and a dash beside each.

References
----------
Okabe and Ito, *Color Universal Design*, 2008: the first colours. Machado, Oliveira, Fernandes, IEEE
TVCG 15(6), 2009: how people who do not see red or green see them; the other colours were searched
to stay apart then too, and to stand out from white and from a dark page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lipexplore.bounds import ALL_NORMS, METHODS

ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE, GREY = (
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
    "#888888",
)
INDIGO, CRIMSON, SAND, PLUM, PERIWINKLE = "#4848F0", "#C01830", "#D8A860", "#904878", "#6078F0"
L_COLOUR, P_STAR_COLOUR = GREEN, VERMILLION
PATTERN_COLOUR, CLIQUE_COLOUR = "#6E8FA8", VERMILLION

_UPPER_COLOURS = (ORANGE, SKY, PURPLE, BLUE, SAND, CRIMSON, INDIGO, PLUM, PERIWINKLE)
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
        styles[method.name] = Style(
            GREY, _BOTH_SYMBOLS[index % len(_BOTH_SYMBOLS)], _DASHES[index % len(_DASHES)]
        )
    upper = [method for method in METHODS if method.side == "upper"]
    # those that are on the screen for every question come first: they share no colour
    for index, method in enumerate(sorted(upper, key=lambda method: method.norms != ALL_NORMS)):
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

"""How the bounds of a convolution move with the size of the image and with the grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lipexplore.figures.convolution import LEGEND, figure_of
from lipexplore.figures.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Line:
    """How a bound is drawn wherever it is drawn."""

    label: str
    colour: str
    symbol: str
    dash: str


LINES: Final[Mapping[str, Line]] = {
    "exact": Line("exact norm (estimate)", GREEN, "circle", "solid"),
    "lipbound-outputs": Line("LipBound, by outputs", ORANGE, "square", "dash"),
    "lipbound-inputs": Line("LipBound, by inputs", ORANGE, "square-open", "dot"),
    "symbol": Line("symbol bound", BLUE, "diamond", "solid"),
    "polyphase-symbol": Line("symbol of the phases", SKY, "diamond-open", "dash"),
    "torus": Line("torus", PURPLE, "x", "solid"),
    "polyphase-torus": Line("torus of the phases", PURPLE, "x-open", "dash"),
    "unfolding": Line("unfolding", GREY, "triangle-up", "dashdot"),
    "matrix": Line("matrix, proven", VERMILLION, "star", "dot"),
}
"""Colour, marker and dash of each bound of ``convolution_norms``, and of the exact norm."""


def growth_figure(
    sizes: Sequence[int],
    norms: Mapping[str, Sequence[float]],
    chosen: int,
    *,
    font_size: int = 14,
    height: int = 320,
) -> go.Figure:
    """Draw every bound against the size n of an n x n image; ``norms`` by the names of ``LINES``.

    Bounds that do not apply are infinite and left out. The vertical line marks the chosen size.
    """
    traces = []
    for name, values in norms.items():
        drawn = [value if math.isfinite(value) else None for value in values]
        if any(value is not None for value in drawn):
            traces.append(_trace(LINES[name], sizes, drawn))
    layout = _layout("image size n (pixels per side)", "l₂ norm", chosen)
    return figure_of(traces, layout, font_size, height, "growth")


def samples_figure(
    samples: Sequence[int],
    raw: Sequence[float],
    certified: Sequence[float],
    chosen: int,
    *,
    font_size: int = 14,
    height: int = 300,
) -> go.Figure:
    """Draw the grid's maximum, which is no bound, and the certified bound against the grid S."""
    traces = [
        _trace(Line("certified: maximum × factor", BLUE, "diamond", "solid"), samples, certified),
        _trace(Line("raw maximum: no bound", VERMILLION, "circle", "dot"), samples, raw),
    ]
    layout = _layout("frequencies S per axis", "sup σ₁(F(w))", chosen)
    layout["xaxis"] |= {"type": "log", "tickvals": _ticks(samples)}
    return figure_of(traces, layout, font_size, height, "samples")


def _trace(line: Line, x: Sequence[int], y: Sequence[float | None]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": line.label,
        "x": list(x),
        "y": list(y),
        "mode": "lines+markers",
        "line": {"color": line.colour, "dash": line.dash, "width": 2},
        "marker": {"symbol": line.symbol, "size": 8, "color": line.colour},
        "hovertemplate": "%{x}: %{y:.6g}",
    }


def _ticks(samples: Sequence[int]) -> list[int]:
    return [s for s in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64) if s <= max(samples)]


def _layout(x: str, y: str, chosen: int) -> dict[str, Any]:
    """Return axes with titles, and a vertical line where the slider stands."""
    axis = {"gridcolor": "rgba(128,128,128,0.25)", "automargin": True, "zeroline": False}
    line = {"color": GREY, "width": 1, "dash": "dot"}
    here = {"type": "line", "xref": "x", "yref": "paper", "x0": chosen, "x1": chosen}
    return {
        "xaxis": {"title": {"text": x}, **axis},
        "yaxis": {"title": {"text": y}, "rangemode": "tozero", **axis},
        "shapes": [{**here, "y0": 0, "y1": 1, "line": line}],
        "legend": LEGEND,
    }

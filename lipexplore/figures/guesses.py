"""Guesses as marks on the plot of the bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lipexplore.figures.palette import PURPLE

if TYPE_CHECKING:
    import plotly.graph_objects as go


def add_guesses(figure: go.Figure, guesses: Sequence[tuple[str, float]], font_size: int) -> None:
    """Draw a dotted line per guess (name, value) on a figure with a logarithmic vertical axis.

    The axis is widened where a guess lies outside.
    """
    for name, value in guesses:
        figure.add_shape(
            type="line",
            xref="paper",
            x0=0,
            x1=1,
            y0=value,
            y1=value,
            line={"color": PURPLE, "dash": "dot", "width": 2},
            name=f"guess of {name}",
        )
        figure.add_annotation(
            xref="paper",
            x=1,
            xanchor="right",
            y=math.log10(value),
            yanchor="bottom",
            text=f"{name}: {value:g} ★",
            showarrow=False,
            font={"size": font_size},
        )
    levels = [math.log10(value) for _, value in guesses]
    axis = figure.layout.yaxis
    if levels and axis.range is not None:
        low, high = axis.range
        axis.range = [min(low, min(levels) - 0.05), max(high, max(levels) + 0.05)]

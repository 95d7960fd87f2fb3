"""Lipschitz bounds of an implicit network as bars over what sampling reaches."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.implicit_layout import SAMPLE_COLOUR
from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.figures.palette import BLUE, PURPLE

if TYPE_CHECKING:
    import plotly.graph_objects as go


def bound_bars(
    uppers: Mapping[str, float], sampled: float, exact: str = "", *, font_size: int = 14
) -> go.Figure:
    """Draw proven upper bounds as bars, the slope at a sampled point as a line.

    Parameters
    ----------
    uppers
        By label; infinite ones are named without a bar.
    sampled
        An estimate from below of the Lipschitz constant.
    exact
        The label, if it is there, of the exact maximum over the slopes (hatched).
    """
    import plotly.graph_objects as go

    names, values = list(uppers), np.array(list(uppers.values()), dtype=np.float64)
    known = np.isfinite(values)
    figure = go.Figure(
        go.Bar(
            name="proven upper bound",
            showlegend=False,
            y=names,
            x=np.where(known, values, np.nan),
            orientation="h",
            text=[f"{v:.4g}" if ok else "none" for v, ok in zip(values, known, strict=True)],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": [PURPLE if name == exact else BLUE for name in names],
                "pattern": {"shape": ["/" if name == exact else "" for name in names]},
            },
            hovertemplate="%{y}: %{x:.6g}<extra></extra>",
        )
    )
    if sampled > 0.0 and names:
        figure.add_trace(
            go.Scatter(
                name=f"slope at a sampled input: {sampled:.4g}",
                x=[sampled, sampled],
                y=[names[0], names[-1]],
                mode="lines",
                line={"color": SAMPLE_COLOUR, "width": 3, "dash": "dash"},
                hoverinfo="skip",
            )
        )
    finite = [float(v) for v in values[known]] + ([sampled] if sampled > 0.0 else [])
    low, high = (min(finite), max(finite)) if finite and min(finite) > 0 else (0.1, 1.0)
    ticks = _ticks(0.5 * low, 3.0 * high)
    figure.update_xaxes(
        **AXIS,
        title={"text": "bound (ℓ∞ to ℓ∞)"},
        type="log",
        range=[float(np.log10(0.5 * low)), float(np.log10(3.0 * high))],
        tickvals=ticks,
        ticktext=[f"{tick:g}" for tick in ticks],
    )
    figure.update_yaxes(automargin=True, autorange="reversed")
    lay_out(figure, font_size, 23, showlegend=True, legend=LEGEND_AT_EDGE)
    return figure


def _ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 of each decade between two numbers, powers of ten alone over many."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high < 200.0 * low else (1,)
    every = max(1, len(decades) // 6)
    marks = [step * 10.0**decade for decade in decades[::every] for step in steps]
    return [mark for mark in marks if low <= mark <= high]

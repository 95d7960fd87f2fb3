"""Gradient descent on the non-convex problem, above the certified optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.figures.palette import GREEN, PURPLE, VERMILLION
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go


def descent_figure(
    steps: Array,
    traces: Array,
    lower: float,
    upper: float,
    *,
    certified: bool = True,
    font_size: int = 14,
) -> go.Figure:
    """Draw the objective of every start against the step, and the optimum as a line.

    Parameters
    ----------
    steps, traces
        Arrays (T,) and (T, starts); may be empty.
    lower, upper
        Proven ends of the optimum; only ``upper`` is drawn if not ``certified``.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    best = int(np.argmin(traces.min(axis=0))) if traces.size else -1
    for start, values in enumerate(traces.T):
        figure.add_scatter(
            x=steps,
            y=values,
            mode="lines",
            line={
                "color": PURPLE,
                "width": 3 if start == best else 1,
                "dash": "solid" if start == best else "dot",
            },
            opacity=1.0 if start == best else 0.5,
            name="best start" if start == best else "other starts",
            legendgroup="best" if start == best else "others",
            showlegend=start == best or start == (1 if best == 0 else 0),
            hovertemplate="step %{x}: %{y:.6g}<extra></extra>",
        )
    end = float(steps[-1]) if len(steps) else 1.0
    ends = [(upper, "upper bound of the optimum (sampled patterns)", VERMILLION, "dash")]
    if certified:
        ends = [(lower, f"certified optimum, gap {upper - lower:.1g}", GREEN, "solid")]
    for level, name, colour, dash in ends:
        figure.add_scatter(
            x=[0.0, end],
            y=[level, level],
            mode="lines",
            line={"color": colour, "dash": dash, "width": 3},
            name=name,
            hovertemplate=f"{level:.8g}<extra>{name}</extra>",
        )
    figure.update_xaxes(**AXIS, title={"text": "step of gradient descent"})
    figure.update_yaxes(
        **AXIS, title={"text": "objective ½|f − y|² + β R"}, range=_range(traces, upper)
    )
    lay_out(figure, font_size, 24, showlegend=True, legend=LEGEND_AT_EDGE, meta="path descent")
    return figure


def _range(traces: Array, level: float) -> list[float]:
    """Return the ends of the axis: the tops of the first steps are cut."""
    top = 2.0 * level
    if traces.size:
        top = max(1.05 * float(traces[-1].max()), 1.3 * level, 1.02 * level + 1e-9)
    return [level - 0.08 * (top - level), top]

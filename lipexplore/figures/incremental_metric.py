"""A planar system, its field or its steps, and the ellipses in which it contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_ABOVE, lay_out
from lipexplore.figures.palette import BLUE, GREY, ORANGE, VERMILLION
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

ARROWS = 15
STEPS, STEP = 400, 0.02
CORNERS = 200
ANGLES = (0.3, 2.4, 4.5)


def metric_figure(
    mapping: Callable[[Array], Array],
    metric: Array,
    center: Array,
    radius: float,
    *,
    flow: bool,
    font_size: int = 14,
) -> go.Figure:
    """Draw the arrows f(x) (of a map: f(x) - x), paths, and balls of |.|_P around the centre.

    Parameters
    ----------
    mapping
        f of two inputs and two outputs, on arrays (count, 2).
    metric
        P, shape (2, 2).
    center, radius
        What part of the plane is drawn; the largest ellipse fits into it.
    flow
        Whether x' = f(x), integrated by the classical Runge-Kutta method, or x+ = f(x).
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_trace(go.Scatter(_field(mapping, center, radius, flow=flow)))
    for number, share in enumerate((0.95, 0.5)):
        ring = _ellipse(metric, center, share * radius)
        figure.add_trace(
            go.Scatter(
                name="balls of |x|_P",
                showlegend=number == 0,
                x=ring[:, 0],
                y=ring[:, 1],
                mode="lines",
                line={"color": BLUE, "width": 2.5, "dash": "dash"},
                hoverinfo="skip",
            )
        )
    starts = center + 0.9 * radius * np.column_stack([np.cos(ANGLES), np.sin(ANGLES)])
    for number, path in enumerate(_paths(mapping, starts, flow=flow)):
        figure.add_trace(
            go.Scatter(
                name="paths" if flow else "orbits",
                showlegend=number == 0,
                x=path[:, 0],
                y=path[:, 1],
                mode="lines" if flow else "lines+markers",
                line={"color": (VERMILLION, ORANGE, VERMILLION)[number], "width": 2},
                hovertemplate="%{x:.3g}, %{y:.3g}<extra></extra>",
            )
        )
    ends = [[float(c - radius), float(c + radius)] for c in center]
    lay_out(
        figure,
        font_size,
        30,
        legend=LEGEND_ABOVE,
        xaxis={**AXIS, "title": {"text": "x₁"}, "range": ends[0], "constrain": "domain"},
        yaxis={**AXIS, "title": {"text": "x₂"}, "range": ends[1], "scaleanchor": "x"},
    )
    return figure


def _field(
    mapping: Callable[[Array], Array], center: Array, radius: float, *, flow: bool
) -> dict[str, object]:
    """Return short strokes along the field as one broken line."""
    side = np.linspace(-0.93, 0.93, ARROWS) * radius
    points = center + np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    arrows = mapping(points) - (0.0 if flow else points)
    length = np.linalg.norm(arrows, axis=1, keepdims=True)
    arrows = arrows / np.maximum(length, 1e-12) * 0.9 * (side[1] - side[0])
    gaps = np.full_like(points, np.nan)
    line = np.stack([points, points + 0.8 * arrows, gaps], axis=1).reshape(-1, 2)
    return {
        "type": "scatter",
        "name": "x' = f(x)" if flow else "f(x) - x",
        "x": line[:, 0],
        "y": line[:, 1],
        "mode": "lines+markers",
        "marker": {"size": np.tile([3, 0, 0], len(points)), "color": GREY},
        "line": {"color": GREY, "width": 1.2},
        "hoverinfo": "skip",
    }


def _ellipse(metric: Array, center: Array, size: float) -> Array:
    """Return the boundary of a ball of |x|_P that fits into a disc."""
    values, vectors = np.linalg.eigh(metric)
    angles = np.linspace(0.0, 2.0 * np.pi, CORNERS)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    axes = size * np.sqrt(values[0] / values)
    return np.asarray(center + (vectors @ (axes[:, None] * circle)).T)


def _paths(mapping: Callable[[Array], Array], starts: Array, *, flow: bool) -> Array:
    """Return the paths of several starts, shape (starts, steps, 2)."""
    found, x = [starts], starts
    for _ in range(STEPS if flow else 12):
        if flow:
            first = mapping(x)
            second = mapping(x + 0.5 * STEP * first)
            third = mapping(x + 0.5 * STEP * second)
            last = mapping(x + STEP * third)
            x = x + STEP / 6.0 * (first + 2.0 * second + 2.0 * third + last)
        else:
            x = mapping(x)
        found.append(x)
    return np.stack(found, axis=1)

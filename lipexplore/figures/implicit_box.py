"""Boxes of two outputs of an implicit network, and sampled outputs inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.implicit_layout import BOX_STYLES, SAMPLE_COLOUR
from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

LARGEST_RATIO = 8.0
"""Boxes this much wider than the samples, and more, are cut by the frame."""


def box_figure(
    boxes: Mapping[str, tuple[Array, Array]],
    samples: Array,
    names: tuple[str, str],
    *,
    font_size: int = 14,
) -> go.Figure:
    """Draw boxes (lower, upper), each (2,), and samples (count, 2) in the plane of two outputs."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_trace(
        go.Scatter(
            name="sampled outputs",
            x=samples[:, 0],
            y=samples[:, 1],
            mode="markers",
            marker={"color": SAMPLE_COLOUR, "size": 4, "symbol": "circle"},
            hovertemplate="%{x:.4g}, %{y:.4g}<extra>sampled</extra>",
        )
    )
    ranges = _ranges(boxes, samples)
    for name, (lower, upper) in boxes.items():
        colour, dash = BOX_STYLES[name]
        figure.add_trace(
            go.Scatter(
                name=name + _cut(lower, upper, ranges),
                x=[lower[0], upper[0], upper[0], lower[0], lower[0]],
                y=[lower[1], lower[1], upper[1], upper[1], lower[1]],
                mode="lines",
                line={"color": colour, "dash": dash, "width": 2.5},
                hovertemplate=f"%{{x:.4g}}, %{{y:.4g}}<extra>{name}</extra>",
            )
        )
    figure.update_xaxes(**AXIS, title={"text": names[0]}, range=ranges[0], nticks=6)
    figure.update_yaxes(**AXIS, title={"text": names[1]}, range=ranges[1], nticks=6)
    lay_out(figure, font_size, 26, showlegend=True, legend=LEGEND_AT_EDGE)
    return figure


def _cut(lower: Array, upper: Array, ranges: list[list[float]]) -> str:
    """Say that a box is not seen whole."""
    low, high = np.transpose(ranges)
    if (lower < low).all() and (upper > high).all():
        return " (larger than the frame)"
    return " (cut by the frame)" if (lower < low).any() or (upper > high).any() else ""


def _ranges(boxes: Mapping[str, tuple[Array, Array]], samples: Array) -> list[list[float]]:
    """Return axis ranges that hold the samples and the boxes that are not too wide."""
    low, high = samples.min(axis=0), samples.max(axis=0)
    middle, half = 0.5 * (low + high), np.maximum(0.5 * (high - low), 1e-9)
    reach = half.copy()
    for lower, upper in boxes.values():
        wide = np.maximum(upper - middle, middle - lower)
        reach = np.maximum(reach, np.minimum(wide, LARGEST_RATIO * half))
    return [[float(m - 1.08 * r), float(m + 1.08 * r)] for m, r in zip(middle, reach, strict=True)]

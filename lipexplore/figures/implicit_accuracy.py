"""Certified accuracy of an implicit classifier against the radius."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.implicit_layout import BOX_STYLES
from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.properties.robustness import accuracy_at
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

POINTS = 60


def accuracy_figure(
    radii: Mapping[str, Array], *, radius: float | None = None, font_size: int = 14
) -> go.Figure:
    """Draw the share of images certified at each radius, one curve per way to certify.

    Parameters
    ----------
    radii
        By name (see :data:`.BOX_STYLES`), the certified radius of every image (0: not even right).
    radius
        Marked by a vertical line.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    end = 1.05 * max((float(r.max(initial=0.0)) for r in radii.values()), default=0.0) or 1.0
    at = np.linspace(0.0, end, POINTS)
    for name, own in radii.items():
        colour, dash = BOX_STYLES[name]
        figure.add_trace(
            go.Scatter(
                name=name,
                x=at,
                y=accuracy_at(own, own > 0.0, at),
                mode="lines",
                line={"color": colour, "dash": dash, "width": 2.5},
                hovertemplate=f"radius %{{x:.3f}}: %{{y:.1%}} certified<extra>{name}</extra>",
            )
        )
    if radius is not None and radius <= end:
        figure.add_vline(x=radius, line={"width": 1.5, "dash": "dot", "color": "#888888"})
    figure.update_xaxes(**AXIS, title={"text": "radius (ℓ∞, pixels from 0 to 1)"}, range=[0.0, end])
    figure.update_yaxes(
        **AXIS, title={"text": "certified accuracy"}, range=[0.0, 1.02], tickformat=".0%"
    )
    lay_out(figure, font_size, 23, showlegend=True, legend=LEGEND_AT_EDGE)
    return figure

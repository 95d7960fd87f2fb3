"""Recovery error after every layer: iterations that need no training, and learned ones."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_ABOVE, lay_out
from lipexplore.figures.unfolded_layout import STALE, curve
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go


def errors_figure(
    errors: Mapping[str, Array], *, stale: Container[str] = (), font_size: int = 14
) -> go.Figure:
    """Draw the relative error of the recovered signals against the layers, on a log axis.

    Parameters
    ----------
    errors
        By name, errors after 1, 2, .. layers (see :func:`.layer_errors`).
    stale
        Names of curves that belong to the setting before: drawn paler.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for turn, (name, values) in enumerate(errors.items()):
        figure.add_scatter(
            name=f"{name} ({STALE})" if name in stale else name,
            opacity=0.4 if name in stale else 1.0,
            x=np.arange(1, len(values) + 1),
            y=values,
            hovertemplate=f"layer %{{x}}: %{{y:.3g}}<extra>{name}</extra>",
            **curve(turn),
        )
    figure.update_xaxes(**AXIS, title={"text": "layer"}, tickformat="d", nticks=8)
    figure.update_yaxes(
        **AXIS,
        title={"text": "mean error / mean size of x"},
        type="log",
        dtick="D1",
        tickformat=".2g",
    )
    lay_out(figure, font_size, 22, showlegend=True, legend=LEGEND_ABOVE)
    return figure

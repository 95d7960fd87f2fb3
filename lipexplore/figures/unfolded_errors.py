"""Recovery error after every layer: iterations that need no training, and learned ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.unfolded_layout import AXIS, curve, lay_out
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go


def errors_figure(errors: Mapping[str, Array], *, font_size: int = 14) -> go.Figure:
    """Draw the relative error of the recovered signals against the layers, on a log axis.

    Parameters
    ----------
    errors
        By name, errors after 1, 2, .. layers (see :func:`.layer_errors`).
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for turn, (name, values) in enumerate(errors.items()):
        figure.add_scatter(
            name=name,
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
    lay_out(figure, font_size, 22)
    return figure

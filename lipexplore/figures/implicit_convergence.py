"""How fast the state of an implicit network is found: plain and averaged iteration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.implicit_layout import CURVE_STYLES
from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

LEAST, MOST = 1e-16, 1e16


def convergence_figure(curves: Mapping[str, Array], *, font_size: int = 14) -> go.Figure:
    """Draw the residual ``|z - phi(A z + B x + b)|_eta`` against the steps, on a log axis.

    Parameters
    ----------
    curves
        By name (see :data:`.CURVE_STYLES`), the residuals after 0, 1, 2, ... steps.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for name, values in curves.items():
        colour, dash, symbol = CURVE_STYLES[name]
        shown = np.where((values >= LEAST) & (values <= MOST), values, np.nan)
        figure.add_trace(
            go.Scatter(
                name=name,
                x=np.arange(len(values)),
                y=shown,
                mode="lines+markers" if name != "theory" else "lines",
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"color": colour, "symbol": symbol, "size": 8, "maxdisplayed": 10},
                hovertemplate=f"step %{{x}}: residual %{{y:.3g}}<extra>{name}</extra>",
            )
        )
    figure.update_xaxes(**AXIS, title={"text": "steps"})
    figure.update_yaxes(
        **AXIS, title={"text": "residual (norm η)"}, type="log", exponentformat="power", nticks=8
    )
    lay_out(figure, font_size, 23, showlegend=True, legend=LEGEND_AT_EDGE)
    return figure

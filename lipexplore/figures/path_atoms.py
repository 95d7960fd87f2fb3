"""The sub-networks that are left: their path norms, and at which points each is active."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.figures.path_fit import STYLES
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

Atoms = tuple[Array, Array, NDArray[np.bool_]]
"""Path norms (K,), signs of the last weight (K,), and whether the output is not 0, (K, n)."""


def atoms_figure(networks: Mapping[str, Atoms], *, font_size: int = 14) -> go.Figure:
    """Draw one bar per sub-network, grouped by network: R is the sum of a network's bars.

    The text says the sign and, for each data point from left to right, whether the sub-network is
    active there (●) or 0 (○).
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for label, (norms, signs, active) in networks.items():
        colour = STYLES[label][0]
        order = np.argsort(-norms)
        figure.add_bar(
            x=norms[order],
            y=[f"{label}, no. {place}" for place in range(1, len(order) + 1)],
            orientation="h",
            name=f"{label}: R = {norms.sum():.4g}",
            text=[_pattern(signs[k], active[k]) for k in order],
            textposition="outside",
            cliponaxis=False,
            marker={"color": colour},
            hovertemplate="%{y}: path norm %{x:.5g}, %{text}<extra></extra>",
        )
    rows = sum(len(norms) for norms, _, _ in networks.values())
    longest = 1.3 * max(float(norms.max()) for norms, _, _ in networks.values())
    title = {"text": "path norm of the sub-network"}
    figure.update_xaxes(**AXIS, title=title, range=[0.0, longest])
    figure.update_yaxes(automargin=True, autorange="reversed")
    height = max(14.0, 9.0 + 2.1 * rows)
    lay_out(figure, font_size, height, showlegend=True, legend=LEGEND_AT_EDGE, meta="path atoms")
    return figure


def _pattern(sign: float, active: NDArray[np.bool_]) -> str:
    return ("+ " if sign > 0 else "− ") + "".join("●" if on else "○" for on in active)

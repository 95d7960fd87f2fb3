"""Families of activations at the same Lipschitz budget: errors on curves, estimated distances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_ABOVE, lay_out
from lipexplore.figures.palette import BLUE, GREEN, ORANGE, VERMILLION

if TYPE_CHECKING:
    import plotly.graph_objects as go

_STYLES = ((BLUE, "circle"), (ORANGE, "diamond"), (GREEN, "square"), (VERMILLION, "x"))


def errors_figure(
    by_target: Mapping[str, Mapping[str, Sequence[float]]],
    labels: Mapping[str, str],
    font_size: int = 14,
) -> go.Figure:
    """Draw the median error of each family on each curve, with the range over first weights.

    ``by_target`` maps curves to families to errors, ``labels`` families to what they are called.
    """
    figure = _figure(font_size, "error (root mean square)", "family errors", log=True)
    for turn, (target, by_family) in enumerate(by_target.items()):
        _add(figure, target, [by_family[name] for name in labels], list(labels.values()), turn)
    return figure


def distances_figure(
    by_task: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str], font_size: int = 14
) -> go.Figure:
    """Draw the estimated share of each Wasserstein distance: 1 is the distance itself."""
    figure = _figure(font_size, "estimate / exact distance", "family distances", log=False)
    for turn, (task, entry) in enumerate(by_task.items()):
        shares = [np.array(entry[name]) / entry["exact"] for name in labels]
        _add(figure, task, shares, list(labels.values()), turn)
    figure.add_hline(y=1.0, line={"color": "#444444", "dash": "dash", "width": 1.5})
    figure.update_yaxes(range=[0.0, 1.08])
    return figure


def _add(figure: Any, name: str, rows: Sequence[Any], families: list[str], turn: int) -> None:
    colour, symbol = _STYLES[turn % len(_STYLES)]
    middle = [float(np.median(row)) for row in rows]
    # side by side: three tasks never lie on top of each other
    place = [index + 0.18 * (turn - 1) for index in range(len(families))]
    figure.add_scatter(
        x=place,
        y=middle,
        error_y={
            "array": [max(row) - m for row, m in zip(rows, middle, strict=True)],
            "arrayminus": [m - min(row) for row, m in zip(rows, middle, strict=True)],
            "thickness": 1.5,
        },
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 11},
        name=name,
        customdata=families,
        hovertemplate="%{y:.4g}<extra>%{customdata}, " + name + "</extra>",
    )
    figure.update_xaxes(tickvals=list(range(len(families))), ticktext=families)


def _figure(font_size: int, title: str, meta: str, *, log: bool) -> go.Figure:
    import plotly.graph_objects as go

    figure = go.Figure()
    lay_out(
        figure,
        font_size,
        23,
        showlegend=True,
        legend=LEGEND_ABOVE,
        uirevision=meta,
        meta=meta,
        xaxis={**AXIS, "title": {"text": "family of activations"}},
        yaxis={**AXIS, "title": {"text": title}, "type": "log" if log else "linear"},
    )
    if log:
        figure.update_yaxes(tickvals=[0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1])
    return figure

"""Samples that the theorem asks for, against depth or another size of the class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lipexplore.figures.layout import AXIS, LEGEND_ABOVE, lay_out
from lipexplore.figures.unfolded_layout import STALE, curve

if TYPE_CHECKING:
    import plotly.graph_objects as go


def scaling_figure(
    sizes: Sequence[int],
    needed: Mapping[str, Sequence[float]],
    title: str,
    gap: float,
    *,
    stale: bool = False,
    font_size: int = 14,
) -> go.Figure:
    """Draw the numbers of samples of each class against ``sizes`` on log axes.

    Parameters
    ----------
    needed
        By class, the samples for every size.
    title
        What the sizes are.
    gap
        The gap that so many samples prove.
    stale
        Whether the numbers belong to the setting before.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for turn, (name, values) in enumerate(needed.items()):
        figure.add_scatter(
            name=f"{name} ({STALE})" if stale else name,
            x=list(sizes),
            y=list(values),
            hovertemplate=f"%{{x}}: %{{y:.3g}}<extra>{name}</extra>",
            **curve(turn),
        )
    figure.update_xaxes(
        **AXIS, title={"text": title}, type="log", tickvals=list(sizes), tickformat="d"
    )
    figure.update_yaxes(
        **AXIS,
        title={"text": f"samples m for a gap ≤ {gap:g}"},
        type="log",
        exponentformat="power",
        nticks=6,
    )
    lay_out(figure, font_size, 23, showlegend=True, legend=LEGEND_ABOVE)
    return figure

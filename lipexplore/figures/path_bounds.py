"""The true slope, Lipschitz bounds from path norms, and R, which is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from lipexplore.figures.layout import AXIS, LEGEND_AT_EDGE, lay_out
from lipexplore.figures.palette import GREEN, VERMILLION
from lipexplore.figures.path_fit import STYLES

if TYPE_CHECKING:
    import plotly.graph_objects as go

SLOPE, R, PATHS, ROOT_R = "largest slope", "R (no bound)", "ℓ₁ path bound", "√m₁ R (bound)"
ROWS: Final = (SLOPE, PATHS, ROOT_R, R)


def bounds_figure(networks: Mapping[str, Mapping[str, float]], *, font_size: int = 14) -> go.Figure:
    """Draw the numbers of :data:`ROWS` for each network, with a line down from its largest slope.

    A proven bound lies right of the line; R may lie on either side.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for turn, (label, numbers) in enumerate(networks.items()):
        colour, dash, symbol = STYLES[label]
        shown = [row for row in ROWS if row in numbers]
        figure.add_scatter(
            x=[numbers[row] for row in shown],
            y=shown,
            mode="markers+text",
            text=[f"{numbers[row]:.4g}" for row in shown],
            textposition="middle right" if turn else "middle left",
            cliponaxis=False,
            marker={
                "color": [
                    VERMILLION if row == R else GREEN if row == SLOPE else colour for row in shown
                ],
                "symbol": symbol,
                "size": 13,
                "line": {"width": 2, "color": colour},
            },
            name=label,
            hovertemplate="%{y}: %{x:.6g}<extra>" + label + "</extra>",
        )
        if SLOPE in numbers:
            figure.add_scatter(
                x=[numbers[SLOPE]] * 2,
                y=[shown[0], shown[-1]],
                mode="lines",
                line={"color": colour, "dash": dash, "width": 1.5},
                showlegend=False,
                hoverinfo="skip",
            )
    figure.update_xaxes(
        **AXIS,
        title={"text": "output units per input unit (ℓ₂ to absolute value)"},
        range=[0.0, 1.3 * max(max(numbers.values()) for numbers in networks.values()) or 1.0],
    )
    figure.update_yaxes(
        automargin=True, categoryorder="array", categoryarray=ROWS[::-1], range=[-0.6, 3.6]
    )
    lay_out(figure, font_size, 24, showlegend=True, legend=LEGEND_AT_EDGE, meta="path bounds")
    return figure

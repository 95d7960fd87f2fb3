"""The bound of the generalization gap against the number of samples, its terms stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.figures.layout import AXIS, LEGEND_ABOVE, lay_out
from lipexplore.figures.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY
from lipexplore.figures.unfolded_layout import STALE
from lipexplore.properties.generalization import GapBound

if TYPE_CHECKING:
    import plotly.graph_objects as go

KINDS = (
    ("confidence", SKY, "/"),
    ("dictionary", BLUE, ""),
    ("G", BLUE, ""),
    ("H", PURPLE, "x"),
    ("Phi", GREEN, "+"),
    ("step", PURPLE, "x"),
    ("threshold", ORANGE, "."),
)
LEAST = 1e-6


def terms_by_kind(bound: GapBound) -> dict[str, float]:
    """Return the joint form's terms, those of all blocks of a kind added up."""
    found: dict[str, float] = {}
    for term in bound.terms:
        kind = term.name.split()[0]
        found[kind] = found.get(kind, 0.0) + term.value
    return found


def gap_figure(
    bounds: Sequence[GapBound],
    measured: Sequence[tuple[int, float]] = (),
    *,
    stale: bool = False,
    font_size: int = 14,
) -> go.Figure:
    """Draw the stacked terms of the joint form and measured gaps on log axes.

    A term is the height of its band as a *difference* of the numbers at its edges; on a log axis
    upper bands look thin.

    Parameters
    ----------
    bounds
        For growing numbers of samples.
    measured
        Numbers of samples and measured gaps, of which those not above 0 are left out.
    stale
        Whether they were measured for the setting before.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    samples = [bound.samples for bound in bounds]
    tables = [terms_by_kind(bound) for bound in bounds]
    gaps = [gap for _, gap in measured if gap > LEAST]
    floor = 0.3 * min([*gaps, *(table["confidence"] for table in tables)])
    total = np.zeros(len(bounds))
    figure.add_scatter(x=samples, y=[floor] * len(samples), mode="lines", line={"width": 0})
    figure.update_traces(showlegend=False, hoverinfo="skip")
    for kind, colour, pattern in KINDS:
        if kind in tables[0]:
            own = np.array([table[kind] for table in tables])
            total = total + own
            figure.add_scatter(
                name=kind,
                x=samples,
                y=total,
                mode="lines",
                line={"color": colour, "width": 1.5},
                fill="tonexty",
                fillpattern={"shape": pattern, "fgcolor": colour, "size": 7, "solidity": 0.35},
                customdata=own,
                hovertemplate=f"m = %{{x}}: %{{customdata:.3g}}<extra>{kind}</extra>",
            )
    figure.add_scatter(
        name="largest loss possible",
        x=[samples[0], samples[-1]],
        y=[bounds[0].trivial] * 2,
        mode="lines",
        line={"color": "#444444", "dash": "dash", "width": 2},
    )
    figure.add_scatter(
        name=f"measured gap ({STALE})" if stale else "measured gap",
        x=[count for count, gap in measured if gap > LEAST],
        y=gaps,
        mode="markers",
        marker={
            "color": GREY if stale else "#C01830",
            "symbol": "star-open" if stale else "star",
            "size": 12,
        },
        hovertemplate="m = %{x}: %{y:.3g}<extra>measured</extra>",
    )
    figure.update_xaxes(**AXIS, title={"text": "training samples m"}, type="log", dtick=1)
    figure.update_yaxes(
        **AXIS,
        title={"text": "generalization gap"},
        type="log",
        dtick=1,
        exponentformat="power",
        range=[np.log10(floor), np.log10(2.0 * total.max())],
    )
    lay_out(figure, font_size, 26, showlegend=True, legend=LEGEND_ABOVE)
    return figure

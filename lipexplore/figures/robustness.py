"""Certified accuracy against radius, one curve per method, under what an attack leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.figures.palette import L_COLOUR, STYLES
from lipexplore.figures.texts import short_label
from lipexplore.norms import Norm
from lipexplore.properties.robustness import accuracy_at
from lipexplore.rounding import Array, text_above, text_below

if TYPE_CHECKING:
    import plotly.graph_objects as go

ROWS = 8


@dataclass(frozen=True, eq=False)
class Robustness:
    """Radii of the images of a test set, under several methods.

    Parameters
    ----------
    norm
        The norm that the radii are measured in.
    correct
        Array (count,): whether the network reads the image rightly.
    certified
        By method, an array (count,) of certified radii.
    attacked
        Array (count,): lengths of successful attacks, infinite where none was found.
    """

    norm: str
    correct: NDArray[np.bool_]
    certified: Mapping[str, Array]
    attacked: Array

    @property
    def farthest(self) -> float:
        """The radius at which the axis ends: where the attack leaves almost nothing."""
        every = np.concatenate([self.attacked, *self.certified.values()])
        finite = every[np.isfinite(every)]
        return float(finite.max(initial=0.0)) or 1.0


def certified_accuracy(
    found: Robustness, *, font_size: int = 14, radius: float | None = None
) -> go.Figure:
    """Draw the share of images that are read rightly and certified, over the radius.

    The true robust accuracy of the network lies between the highest curve and the attack's; the
    space between those two is shaded. ``radius`` marks one radius by a vertical line.
    """
    import plotly.graph_objects as go

    figure, end = go.Figure(), 1.02 * found.farthest
    steps = _steps(found.attacked, found.correct, end)
    figure.add_trace(
        go.Scatter(
            name="attack: not above this",
            x=steps[0],
            y=steps[1],
            mode="lines",
            line={"shape": "vh", "color": L_COLOUR, "width": 3, "dash": "dash"},
            hovertemplate="radius %{x:.4g}: at most %{y:.1%} robust<extra>attack</extra>",
        )
    )
    for method, radii in found.certified.items():
        figure.add_trace(go.Scatter(_curve(method, radii, found.correct, end)))
    if radius is not None:
        figure.add_vline(x=radius, line={"width": 1.5, "dash": "dot", "color": "#888888"})
    _lay_out(figure, found, end, font_size)
    return figure


def _curve(method: str, radii: Array, correct: NDArray[np.bool_], end: float) -> dict[str, Any]:
    style, label = STYLES[method], short_label(method)
    x, y = _steps(radii, correct, end)
    return {
        "name": label,
        "x": x,
        "y": y,
        "mode": "lines+markers",
        "line": {"shape": "vh", "color": style.colour, "width": 2.5, "dash": style.dash},
        "marker": {"symbol": style.symbol, "color": style.colour, "size": 9, "maxdisplayed": 7},
        "hovertemplate": f"radius %{{x:.4g}}: %{{y:.1%}} certified<extra>{label}</extra>",
    }


def _steps(radii: Array, correct: NDArray[np.bool_], end: float) -> tuple[Array, Array]:
    """Return the corners of the decreasing step function of :func:`.accuracy_at`."""
    own = np.unique(radii[correct & np.isfinite(radii)])
    x = np.concatenate([[0.0], own[own <= end], [end]])
    return x, accuracy_at(radii, correct, x)


def _lay_out(figure: go.Figure, found: Robustness, end: float, font_size: int) -> None:
    axis = {"zeroline": False, "gridcolor": "rgba(128,128,128,0.25)", "automargin": True}
    symbol = Norm.parse(found.norm).symbol
    figure.update_layout(
        font={"size": font_size},
        height=27 * font_size,
        autosize=True,
        margin={"l": 10, "r": 16, "t": 8, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        legend={"orientation": "h", "yref": "container", "yanchor": "top", "y": 0.99, "x": 0},
        showlegend=True,
        xaxis={**axis, "title": {"text": f"radius ({symbol} norm)"}, "range": [0.0, end]},
        yaxis={
            **axis,
            "title": {"text": "certified accuracy"},
            "range": [0.0, 1.02],
            "tickformat": ".0%",
        },
    )


def accuracy_html(found: Robustness) -> str:
    """Return the same as a table: some radii, the accuracy under each method and the attack."""
    at = np.linspace(0.0, _useful_end(found), ROWS)
    names = [short_label(method) for method in found.certified]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (*names, "attack"))
    curves = [accuracy_at(radii, found.correct, at) for radii in found.certified.values()]
    columns = np.array([*curves, accuracy_at(found.attacked, found.correct, at)])
    body = "".join(
        f'<tr><th scope="row">{radius:.4g}</th>'
        + "".join(f"<td>{share:.1%}</td>" for share in column)
        + "</tr>"
        for radius, column in zip(at.tolist(), columns.T.tolist(), strict=True)
    )
    return (
        '<div class="lx-scroll"><table class="lx-table"><caption>The same as a table: certified '
        "accuracy, and the most that the attack leaves</caption>"
        f'<thead><tr><th scope="col">radius</th>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _useful_end(found: Robustness) -> float:
    """Return the radius beyond which the attack leaves 5% of the images."""
    own = np.where(found.correct & np.isfinite(found.attacked), found.attacked, 0.0)
    return float(np.quantile(own, 0.95)) or 1.0


def accuracy_sentence(found: Robustness) -> str:
    """Say what the best method certifies, and how close the attack comes."""
    count = len(found.correct)
    right = int(found.correct.sum())
    text = f"{right} of {count} images are read rightly."
    medians = {m: float(np.median(r[found.correct])) for m, r in found.certified.items()}
    if not medians or not right:
        return text
    best = max(medians, key=medians.__getitem__)
    attack = float(np.median(found.attacked[found.correct]))
    text += (
        f" Half of these keep their class within radius {text_below(medians[best], 4)}: proven by "
        f"{short_label(best)}."
    )
    others = [
        f"{text_below(value, 4)} by {short_label(m)}" for m, value in medians.items() if m != best
    ]
    if others:
        text += f" The other bounds prove {', '.join(others)}."
    if np.isfinite(attack):
        text += f" No method can prove more than {text_above(attack, 4)}: the attack ends there."
    return text

"""Which products, units and layers carry the weight of a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lipexplore.certificates.chain import ChainCertificate
from lipexplore.certificates.lmi import LMICertificate
from lipexplore.certificates.sums_of_squares import SumsCertificate
from lipexplore.figures.identity import Identity, product_text
from lipexplore.figures.palette import BLUE, CLIQUE_COLOUR, ORANGE
from lipexplore.networks.slope_system import Integers
from lipexplore.polynomials.polynomial import EMPTY, Index
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_BARS: Final = 15
_TRANSPARENT = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
_AXIS = {"zeroline": False, "gridcolor": "rgba(128,128,128,0.25)", "automargin": True}


@dataclass(frozen=True, eq=False)
class Group:
    """Multipliers that are drawn beside each other: of the inputs, or of one layer's units."""

    name: str
    values: Array


def multiplier_groups(
    certificate: ChainCertificate | LMICertificate, layers: Integers | None = None
) -> list[Group]:
    """Return mu of the inputs, then tau of the units layer by layer.

    Parameters
    ----------
    layers
        For an LMI certificate, the layer of each of its units, counted from 1.
    """
    inputs = "μ, one per input" if len(certificate.inputs) > 1 else "μ of the input"
    groups = [Group(inputs, certificate.inputs)]
    if isinstance(certificate, LMICertificate):
        numbers = np.ones(len(certificate.units), dtype=np.int64) if layers is None else layers
        units = [certificate.units[numbers == layer] for layer in np.unique(numbers)]
    else:
        units = [np.asarray(values) for values in certificate.units]
    groups += [Group(f"τ of layer {layer}", values) for layer, values in enumerate(units, 1)]
    return groups


def multiplier_figure(groups: Sequence[Group], *, font_size: int = 14) -> go.Figure:
    """Draw one bar per input and per unit, a panel per group; units with a fixed slope have 0."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=len(groups), cols=1, vertical_spacing=min(0.12, 0.4 / max(len(groups), 1))
    )
    for row, group in enumerate(groups, 1):
        figure.add_trace(
            go.Bar(
                name=group.name,
                x=np.arange(len(group.values)),
                y=group.values,
                marker={"color": ORANGE if row == 1 else BLUE},
                hovertemplate=f"{group.name}, number %{{x}}: %{{y:.4g}}<extra></extra>",
            ),
            row=row,
            col=1,
        )
        figure.update_yaxes(title={"text": group.name}, **_AXIS, row=row, col=1)
        figure.update_xaxes(**_AXIS, tickformat=",d", row=row, col=1)
    figure.update_layout(
        font={"size": font_size},
        height=max(200, 11 * font_size * len(groups)),
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 8, "b": 10},
        **_TRANSPARENT,
    )
    return figure


def product_figure(
    found: Identity, *, font_size: int = 14, variables: Index | None = None
) -> go.Figure:
    """Draw the means of the heaviest products; those inside ``variables`` in another colour."""
    inside = set() if variables is None else set(variables.tolist())
    products = found.products[:MOST_BARS]
    marked = [bool(inside) and inside.issuperset((*p.ones, *p.zeros)) for p in products]
    return bar_figure(
        [product_text(found.problem, product) for product in products],
        [product.mean for product in products],
        "mean of multiplier × product",
        font_size=font_size,
        marked=marked,
    )


def gram_weights(certificate: SumsCertificate) -> tuple[list[str], list[float]]:
    """Return each Gram matrix's name and trace, and each inequality's multiplier, heaviest first.

    The trace is the value of m^T G m where every monomial of the basis m is 1. All in units of p.
    """
    relaxation = certificate.relaxation
    labels, weights = [], []
    for number, (basis, gram) in enumerate(
        zip(relaxation.bases, certificate.grams, strict=True), 1
    ):
        labels.append(f"squares {number}: {_variables(basis)}")
        weights.append(float(np.trace(gram)) * relaxation.scale)
    for number, weight in enumerate(np.asarray(certificate.multipliers).tolist(), 1):
        labels.append(f"inequality {number}")
        weights.append(float(weight) * relaxation.scale)
    order = np.argsort(-np.array(weights), kind="stable")
    return [labels[place] for place in order], [weights[place] for place in order]


def bar_figure(
    labels: Sequence[str],
    values: Sequence[float],
    title: str,
    *,
    font_size: int = 14,
    marked: Sequence[bool] = (),
) -> go.Figure:
    """Draw up to 15 horizontal bars, the first on top."""
    import plotly.graph_objects as go

    kept = slice(0, MOST_BARS)
    marks = list(marked) or [False] * len(values)
    # invisible characters keep equal labels apart
    names = [f"{label}" + "\u200b" * place for place, label in enumerate(labels[kept])]
    bar: dict[str, Any] = {
        "x": list(values[kept]),
        "y": names,
        "orientation": "h",
        "marker": {"color": [CLIQUE_COLOUR if mark else BLUE for mark in marks[kept]]},
        "hovertemplate": "%{y}: %{x:.5g}<extra></extra>",
    }
    figure = go.Figure(go.Bar(bar))
    figure.update_layout(
        font={"size": font_size},
        height=int((2.0 * len(names) + 5.0) * font_size),
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 8, "b": 10},
        xaxis={**_AXIS, "title": {"text": title}},
        yaxis={**_AXIS, "autorange": "reversed", "showgrid": False},
        **_TRANSPARENT,
    )
    return figure


def leaf_depths(choices: Sequence[NDArray[Any]]) -> Integers:
    """Return how many leaves of a search tree fix 0, 1, 2, ... slopes.

    Parameters
    ----------
    choices
        Per leaf an array of -1, 0 and 1: 0 where a slope is still free.
    """
    depths = [int(np.count_nonzero(choice)) for choice in choices]
    return np.bincount(depths) if depths else np.zeros(0, dtype=np.int64)


def _variables(basis: Index) -> str:
    count = len(np.unique(basis[basis != EMPTY]))
    return f"{len(basis)} monomials in {count} variables"

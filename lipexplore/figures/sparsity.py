"""Where weights and linear programs are not zero, with one clique marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lipexplore.figures.palette import CLIQUE_COLOUR, PATTERN_COLOUR
from lipexplore.networks.feedforward import Network
from lipexplore.polynomials.polynomial import EMPTY, Index
from lipexplore.polynomials.sparsity import Cliques
from lipexplore.relaxations.krivine import KrivineRelaxation

if TYPE_CHECKING:
    import plotly.graph_objects as go

LARGEST_NONZEROS: Final = 400_000
"""Programs with more non-zeros are not built for a picture."""

MOST_ORDERED_CLIQUES = 500
_MOST_ROWS, _MOST_COLUMNS = 240, 480
_MARKED = 100

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pattern:
    """The entries of a matrix that are not zero.

    Parameters
    ----------
    title, row_name, column_name
        What the matrix and its sides are called.
    shape
        Its numbers of rows and columns.
    rows, columns
        One entry per non-zero.
    marked
        For each of them, whether it belongs to the chosen clique.
    """

    title: str
    row_name: str
    column_name: str
    shape: tuple[int, int]
    rows: Index
    columns: Index
    marked: Mask

    def grid(self) -> NDArray[np.uint8]:
        """Return a picture of at most 240 x 480 cells: 0 empty, to 99 density, above 100 marked.

        Entries that share a cell are counted; the density is logarithmic.
        """
        height, width = min(self.shape[0], _MOST_ROWS), min(self.shape[1], _MOST_COLUMNS)
        cells = (self.rows * height // self.shape[0]) * width + (
            self.columns * width // self.shape[1]
        )
        counts = np.bincount(cells, minlength=height * width)
        marked = np.bincount(cells[self.marked], minlength=height * width) > 0
        share = np.log1p(counts) / np.log1p(max(1, counts.max(initial=0)))
        levels = np.where(counts > 0, 1.0 + 98.0 * share + _MARKED * marked, 0.0)
        return np.asarray(levels.round(), dtype=np.uint8).reshape(height, width)


def weight_patterns(network: Network, clique: Index | None = None) -> list[Pattern]:
    """Return one pattern per weight matrix of a scalar network.

    A weight is marked when both its ends are variables of ``clique``: input i is variable i, hidden
    units follow layer by layer; the output belongs to every clique.
    """
    total = sum(network.widths[:-1])
    inside = np.zeros(total, dtype=bool)
    if clique is not None:
        inside[clique] = True
    patterns, start = [], 0
    for layer, weight in enumerate(network.weights, 1):
        n_out, n_in = weight.shape
        before = inside[start : start + n_in]
        start += n_in
        behind = inside[start : start + n_out] if start < total else np.ones(n_out, dtype=bool)
        rows, columns = np.nonzero(weight)
        patterns.append(
            Pattern(
                title=f"W{layer}: {n_out} × {n_in}, {len(rows):,} of {weight.size:,} not zero",
                row_name="output" if layer == len(network.weights) else f"s{layer}",
                column_name="input" if layer == 1 else f"s{layer - 1}",
                shape=(n_out, n_in),
                rows=rows,
                columns=columns,
                marked=behind[rows] & before[columns],
            )
        )
    return patterns


def program_pattern(
    relaxation: KrivineRelaxation, cliques: Cliques, chosen: int | None = None
) -> Pattern:
    """Return the pattern of the program's matrix, products grouped by clique.

    Monomials are sorted by degree, then by the first product that holds them. A product belongs to
    the first clique with all its variables; those inside clique number ``chosen`` are marked.
    """
    matrix = relaxation.matrix.tocoo()
    members = cliques.members if len(cliques.members) <= MOST_ORDERED_CLIQUES else ()
    inside = [_products_inside(relaxation, clique) for clique in members]
    owner = np.full(matrix.shape[1], len(inside))
    for number in range(len(inside) - 1, -1, -1):
        owner[inside[number]] = number
    place = _positions(np.argsort(owner, kind="stable"))
    columns = place[matrix.col]
    first = np.full(matrix.shape[0], matrix.shape[1])
    np.minimum.at(first, matrix.row, columns)
    degrees = (relaxation.monomials != EMPTY).sum(axis=1)
    rows = _positions(np.lexsort((first, degrees)))[matrix.row]
    marked = np.zeros(matrix.shape[1], dtype=bool)
    if chosen is not None:
        marked = _products_inside(relaxation, cliques.members[chosen])
    return Pattern(
        title=(
            f"LP: {matrix.shape[0]:,} monomials × {matrix.shape[1]:,} products, "
            f"{matrix.nnz:,} not zero"
        ),
        row_name="monomials by degree",
        column_name="products by clique" if members else "products",
        shape=matrix.shape,
        rows=rows,
        columns=columns,
        marked=marked[matrix.col],
    )


def pattern_figure(
    patterns: Sequence[Pattern], *, font_size: int = 14, height: int = 200
) -> go.Figure:
    """Draw patterns side by side: grey-blue where not zero, vermillion in the chosen clique."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    widths = [max(pattern.shape[1], 0.45 * patterns[0].shape[1]) for pattern in patterns]
    figure = make_subplots(
        rows=1, cols=len(patterns), column_widths=widths, horizontal_spacing=0.16
    )
    for column, pattern in enumerate(patterns, 1):
        figure.add_trace(go.Heatmap(_heatmap(pattern)), row=1, col=column)
        axis = {"showgrid": False, "zeroline": False, "linecolor": "rgba(128,128,128,0.6)"}
        axis |= {"showline": True, "mirror": True, "automargin": True, "tickformat": ",d"}
        figure.update_xaxes(
            **axis, title={"text": pattern.column_name, "standoff": 4}, row=1, col=column
        )
        figure.update_yaxes(
            **axis,
            title={"text": pattern.row_name, "standoff": 4},
            range=[pattern.shape[0] - 0.5, -0.5],
            **({"tickvals": [0]} if pattern.shape[0] == 1 else {"nticks": 5}),
            row=1,
            col=column,
        )
    figure.update_layout(
        font={"size": font_size},
        height=height,
        autosize=True,
        margin={"l": 10, "r": 10, "t": 8, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
    )
    return figure


def _heatmap(pattern: Pattern) -> dict[str, Any]:
    grid = pattern.grid()
    step_y, step_x = pattern.shape[0] / grid.shape[0], pattern.shape[1] / grid.shape[1]
    limit = 2.0 * _MARKED - 1.0
    empty, border = 0.5 / limit, (_MARKED - 0.5) / limit
    return {
        "name": pattern.title,
        "z": grid,
        "x0": 0.5 * (step_x - 1.0),
        "dx": step_x,
        "y0": 0.5 * (step_y - 1.0),
        "dy": step_y,
        "zmin": 0.0,
        "zmax": limit,
        "showscale": False,
        "hovertemplate": f"{pattern.row_name} %{{y:.0f}}<br>{pattern.column_name} %{{x:.0f}}"
        "<extra></extra>",
        "colorscale": [
            [0.0, "rgba(0,0,0,0)"],
            [empty, "rgba(0,0,0,0)"],
            [empty, _faded(PATTERN_COLOUR)],
            [border, PATTERN_COLOUR],
            [border, _faded(CLIQUE_COLOUR)],
            [1.0, CLIQUE_COLOUR],
        ],
    }


def _faded(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.5)"


def _products_inside(relaxation: KrivineRelaxation, clique: Index) -> Mask:
    """Tell for each product whether all its variables are in the clique."""
    member = np.zeros(relaxation.source.n_variables, dtype=bool)
    member[clique] = True
    parts = [
        np.repeat(member[block].all(axis=1), 2 ** block.shape[1]) for block in relaxation.subsets
    ]
    return np.concatenate([*parts, np.empty(0, dtype=bool)])


def _positions(order: Index) -> Index:
    positions = np.empty_like(order)
    positions[order] = np.arange(len(order))
    return positions

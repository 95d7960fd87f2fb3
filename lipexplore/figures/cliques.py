"""Cliques of variables: the graph that they cover, the tree that joins them, their sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lipexplore.figures.palette import BLUE, CLIQUE_COLOUR, GREEN, ORANGE, PATTERN_COLOUR, PURPLE
from lipexplore.polynomials.polynomial import Index, PolynomialProblem
from lipexplore.polynomials.sparsity import Cliques, correlative_edges
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_EDGES: Final = 6_000
MOST_CLIQUES: Final = 300
GRAPH, TREE, SIZES = "sparsity-graph", "sparsity-tree", "sparsity-sizes"
"""Names of the figures, as clicks carry them."""

_BLOCKS = ((BLUE, "circle"), (ORANGE, "square"), (GREEN, "diamond"), (PURPLE, "triangle-up"))


@dataclass(frozen=True, eq=False)
class Tree:
    """A spanning tree of cliques with the largest intersections, one tree per connected part.

    Parameters
    ----------
    parent
        Array (count,): the clique above each clique, -1 for roots.
    depth
        Array (count,): number of edges up to the root.
    shared
        Array (count,): number of variables shared with the clique above.
    place
        Array (count,): where each clique is drawn from left to right.
    """

    parent: Index
    depth: Index
    shared: Index
    place: Array


def clique_tree(members: Sequence[Index]) -> Tree:
    """Return the spanning tree of largest intersections, rooted at the largest clique.

    It is a junction tree exactly where :attr:`.Cliques.running_intersection` is true.
    """
    count = len(members)
    sets = [frozenset(clique.tolist()) for clique in members]
    shared = np.array([[len(a & b) for b in sets] for a in sets]).reshape(count, count)
    parent, depth = np.full(count, -1), np.zeros(count, dtype=np.int64)
    order: list[int] = []
    reach, link = np.full(count, -1), np.full(count, -1)
    left = set(range(count))
    while left:
        best = max(left, key=lambda c: (reach[c], len(sets[c]), -c))
        left.remove(best)
        order.append(best)
        if reach[best] > 0:
            parent[best], depth[best] = link[best], depth[link[best]] + 1
        closer = shared[best] > reach
        reach, link = np.where(closer, shared[best], reach), np.where(closer, best, link)
    above = np.array([shared[c, p] if p >= 0 else 0 for c, p in enumerate(parent)], dtype=np.int64)
    return Tree(parent, depth, above, _places(parent, order))


def _places(parent: Index, order: Sequence[int]) -> Array:
    """Return places from left to right: leaves one after the other, others above their middle."""
    children: dict[int, list[int]] = {}
    for clique in order:
        children.setdefault(int(parent[clique]), []).append(clique)
    place = np.zeros(len(parent))
    leaves = 0
    stack = [(root, False) for root in reversed(children.get(-1, []))]
    while stack:
        clique, done = stack.pop()
        below = children.get(clique, [])
        if not below:
            place[clique], leaves = leaves, leaves + 1
        elif done:
            place[clique] = np.mean([place[child] for child in below])
        else:
            stack += [(clique, True), *((child, False) for child in reversed(below))]
    return place


def graph_figure(
    problem: PolynomialProblem, chosen: Index | None = None, *, font_size: int = 14
) -> go.Figure | None:
    """Draw variables on a circle, block by block, joined where they meet in a monomial.

    Edges inside ``chosen`` are marked. None above 6,000 edges. ``customdata`` is the variable.
    """
    import plotly.graph_objects as go

    edges = correlative_edges(problem.objective.terms)
    if len(edges) > MOST_EDGES:
        return None
    inside = np.zeros(problem.n_variables, dtype=bool)
    if chosen is not None:
        inside[chosen] = True
    angle = 2.0 * np.pi * np.arange(problem.n_variables) / max(problem.n_variables, 1)
    spots = np.column_stack([np.sin(angle), np.cos(angle)])
    marked = inside[edges].all(axis=1)
    figure = go.Figure()
    for part, colour, width in (
        (edges[~marked], "rgba(128,128,128,0.35)", 0.6),
        (edges[marked], CLIQUE_COLOUR, 1.2),
    ):
        x, y = _segments(spots[part])
        line = {"color": colour, "width": width}
        figure.add_trace(go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip"))
    for number, (name, block) in enumerate(problem.blocks.items()):
        colour, symbol = _BLOCKS[number % len(_BLOCKS)]
        nodes = np.array(block, dtype=np.int64)
        size = np.where(inside[nodes], 11, 7)
        rim = [CLIQUE_COLOUR if one else "rgba(128,128,128,0.6)" for one in inside[nodes]]
        figure.add_trace(
            go.Scatter(
                name=name,
                x=spots[nodes, 0],
                y=spots[nodes, 1],
                mode="markers",
                customdata=nodes,
                text=[problem.variable_name(int(node)) for node in nodes],
                hoverinfo="text",
                marker={
                    "color": colour,
                    "symbol": symbol,
                    "size": size,
                    "line": {"width": np.where(inside[nodes], 2.5, 0.5), "color": rim},
                },
            )
        )
    for trace in figure.data[:2]:
        trace.showlegend = False
    _plain(figure, GRAPH, font_size, 26 * font_size)
    figure.update_yaxes(scaleanchor="x")
    return figure


def tree_figure(
    cliques: Cliques, chosen: int | None = None, *, font_size: int = 14
) -> go.Figure | None:
    """Draw the cliques as a tree, each edge as wide as its ends share variables.

    None above 300 cliques. ``customdata`` is the clique's number from 0.
    """
    import plotly.graph_objects as go

    if len(cliques.members) > MOST_CLIQUES:
        return None
    tree = clique_tree(cliques.members)
    spots = np.column_stack([tree.place, -tree.depth.astype(np.float64)])
    below = np.flatnonzero(tree.parent >= 0)
    x, y = _segments(spots[np.column_stack([tree.parent[below], below])])
    sizes = np.array([len(clique) for clique in cliques.members])
    told = [
        f"clique {number + 1}: {size} variables"
        + (f", {shared} shared with clique {parent + 1}" if parent >= 0 else "")
        for number, (size, shared, parent) in enumerate(
            zip(sizes.tolist(), tree.shared.tolist(), tree.parent.tolist(), strict=True)
        )
    ]
    colours = [CLIQUE_COLOUR if number == chosen else BLUE for number in range(len(sizes))]
    line = {"color": "rgba(128,128,128,0.7)", "width": 1.5}
    figure = go.Figure(go.Scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(
            x=spots[:, 0],
            y=spots[:, 1],
            mode="markers+text" if len(sizes) <= 40 else "markers",
            customdata=np.arange(len(sizes)),
            text=[str(number + 1) for number in range(len(sizes))],
            textposition="bottom center",
            textfont={"size": font_size},
            hovertext=told,
            hoverinfo="text",
            marker={
                "color": colours,
                "symbol": [
                    "diamond" if number == chosen else "circle" for number in range(len(sizes))
                ],
                "size": 8.0 + 12.0 * sizes / max(int(sizes.max(initial=1)), 1),
            },
        )
    )
    _plain(figure, TREE, font_size, 26 * font_size)
    figure.update_layout(showlegend=False)
    return figure


def sizes_figure(cliques: Cliques, chosen: int | None = None, *, font_size: int = 14) -> go.Figure:
    """Draw how many cliques there are of each size; the size of the chosen one is marked."""
    import plotly.graph_objects as go

    counts = Counter(len(clique) for clique in cliques.members)
    own = None if chosen is None else len(cliques.members[chosen])
    sizes = sorted(counts)
    figure = go.Figure(
        go.Bar(
            x=[str(size) for size in sizes],
            y=[counts[size] for size in sizes],
            marker={"color": [CLIQUE_COLOUR if size == own else PATTERN_COLOUR for size in sizes]},
            hovertemplate="%{y} cliques of %{x} variables<extra></extra>",
        )
    )
    _plain(figure, SIZES, font_size, 12 * font_size)
    grid = "rgba(128,128,128,0.25)"
    figure.update_xaxes(visible=True, type="category", title={"text": "variables in a clique"})
    figure.update_yaxes(visible=True, title={"text": "cliques"}, gridcolor=grid)
    return figure


def _segments(ends: NDArray[np.float64]) -> tuple[Array, Array]:
    """Return x and y of line segments (count, 2, 2), broken between them by NaN."""
    broken = np.concatenate([ends, np.full((len(ends), 1, 2), np.nan)], axis=1)
    return broken[:, :, 0].ravel(), broken[:, :, 1].ravel()


def _plain(figure: go.Figure, name: str, font_size: int, height: int) -> None:
    axis: dict[str, Any] = {"visible": False, "automargin": True, "zeroline": False}
    figure.update_layout(
        meta=name,
        font={"size": font_size},
        height=height,
        autosize=True,
        margin={"l": 10, "r": 10, "t": 8, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="closest",
        legend={"orientation": "h", "y": 0, "yanchor": "top", "x": 0},
        xaxis=axis,
        yaxis=axis,
    )

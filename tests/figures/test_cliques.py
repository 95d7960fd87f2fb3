"""Graph, tree and sizes of cliques against networkx and counting by hand."""

from __future__ import annotations

from itertools import combinations

import networkx
import numpy as np
import pytest

from lipexplore.figures.cliques import clique_tree, graph_figure, sizes_figure, tree_figure
from lipexplore.networks.generators import random_banded, random_sparse
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.sparsity import Cliques, clique_family, correlative_edges
from lipexplore.regions import WHOLE_SPACE


def posed(network, norm="linf", family="output"):
    head = network.head(0)
    slopes = slope_ranges(head, WHOLE_SPACE)
    problem = norm_gradient_problem(head, slopes, Norm.parse(norm))
    return problem, clique_family(problem, head, slopes, family)


@pytest.fixture(scope="module")
def banded():
    return posed(random_banded((8, 8, 1), 1, 0))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("family", ["output", "chordal", "layerwise"])
def test_tree_has_the_weight_of_a_largest_spanning_forest(seed, family):
    _, cliques = posed(random_sparse((7, 5, 4, 1), 0.4, seed), family=family)
    tree = clique_tree(cliques.members)
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(cliques.members)))
    for a, b in combinations(range(len(cliques.members)), 2):
        shared = len(np.intersect1d(cliques.members[a], cliques.members[b]))
        if shared:
            graph.add_edge(a, b, weight=shared)
    forest = networkx.maximum_spanning_tree(graph)
    assert tree.shared.sum() == forest.size(weight="weight")
    assert (tree.parent < 0).sum() == networkx.number_connected_components(graph)
    for child, parent in enumerate(tree.parent.tolist()):
        if parent >= 0:
            assert tree.depth[child] == tree.depth[parent] + 1
            assert tree.shared[child] == graph[child][parent]["weight"]
    spots = set(zip(tree.place.tolist(), tree.depth.tolist(), strict=True))
    assert len(spots) == len(cliques.members)  # no two on one spot


def test_edges_are_the_pairs_that_meet():
    problem, _ = posed(random_sparse((5, 4, 3, 1), 0.5, 1))
    wanted = set()
    for row in problem.objective.terms.tolist():
        wanted |= set(combinations([v for v in row if v >= 0], 2))
    assert {tuple(edge) for edge in correlative_edges(problem.objective.terms).tolist()} == wanted


def test_graph_draws_every_edge_once_and_marks_the_clique(banded):
    problem, cliques = banded
    clique = cliques.members[2]
    figure = graph_figure(problem, clique)
    plain, marked = (
        int(np.isnan(np.array(trace.x, dtype=float)).sum()) for trace in figure.data[:2]
    )
    edges = correlative_edges(problem.objective.terms)
    inside = np.isin(edges, clique).all(axis=1)
    assert (plain, marked) == (int((~inside).sum()), int(inside.sum()))
    nodes = [node for trace in figure.data[2:] for node in trace.customdata]
    assert sorted(nodes) == list(range(problem.n_variables))
    assert [trace.name for trace in figure.data[2:]] == list(problem.blocks)


def test_tree_and_sizes_mark_the_chosen_clique(banded):
    _, cliques = banded
    nodes = tree_figure(cliques, 3).data[1]
    assert list(nodes.customdata) == list(range(len(cliques.members)))
    odd = [number for number, symbol in enumerate(nodes.marker.symbol) if symbol == "diamond"]
    assert odd == [3]
    bars = sizes_figure(cliques, 3).data[0]
    assert sum(bars.y) == len(cliques.members)
    counted = [sum(len(c) == int(size) for c in cliques.members) for size in bars.x]
    assert list(bars.y) == counted


def test_large_ones_are_not_drawn():
    many = Cliques("layerwise", tuple(np.array([k, k + 1]) for k in range(301)))
    assert tree_figure(many) is None
    assert sizes_figure(many).data[0].y[0] == 301
    problem, _ = posed(random_sparse((90, 80, 1), 1.0, 0))
    assert graph_figure(problem) is None


def test_one_clique_is_a_tree():
    tree = clique_tree([np.arange(4)])
    assert (tree.parent.tolist(), tree.shared.tolist()) == ([-1], [0])

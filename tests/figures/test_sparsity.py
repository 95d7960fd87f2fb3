"""Patterns of weights and programs: every non-zero is there, the right ones are marked."""

from __future__ import annotations

import time
from itertools import chain

import numpy as np
import pytest

from lipexplore.figures.sparsity import Pattern, pattern_figure, program_pattern, weight_patterns
from lipexplore.networks.gallery import gallery_network
from lipexplore.networks.generators import random_sparse
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.norms import Norm
from lipexplore.polynomials.gradient import norm_gradient_problem
from lipexplore.polynomials.sparsity import clique_family
from lipexplore.regions import WHOLE_SPACE
from lipexplore.relaxations.krivine import krivine_relaxation, product_name


def program(network, degree, family="output"):
    slopes = slope_ranges(network, WHOLE_SPACE)
    problem = norm_gradient_problem(network, slopes, Norm.LINF)
    cliques = clique_family(problem, network, slopes, family)
    return krivine_relaxation(problem, cliques, degree), cliques


@pytest.fixture(scope="module")
def small():
    head = random_sparse((6, 5, 4, 1), 0.4, seed=3).head(0)
    return (head, *program(head, 3))


def test_weights_are_marked_where_both_ends_are_in_the_clique(small):
    head, _, cliques = small
    clique = cliques.members[0]
    patterns = weight_patterns(head, clique)
    starts = np.cumsum([0, *head.widths])
    for layer, (weight, pattern) in enumerate(zip(head.weights, patterns, strict=True)):
        assert pattern.shape == weight.shape
        assert (weight[pattern.rows, pattern.columns] != 0).all()
        assert len(pattern.rows) == np.count_nonzero(weight)
        ends = set(clique.tolist())
        last = layer == head.depth
        for row, column, marked in zip(pattern.rows, pattern.columns, pattern.marked, strict=True):
            behind = last or int(row + starts[layer + 1]) in ends
            assert marked == (behind and int(column + starts[layer]) in ends)


def test_program_marks_the_products_of_the_clique(small):
    _, relaxation, cliques = small
    pattern = program_pattern(relaxation, cliques, 1)
    names = {relaxation.source.variable_name(int(v)) for v in cliques.members[1]}
    inside = [
        set(chain(*product_name(relaxation, column))) <= names
        for column in range(relaxation.matrix.shape[1])
    ]
    assert pattern.shape == relaxation.matrix.shape
    assert len(pattern.rows) == relaxation.matrix.nnz
    assert len(set(pattern.columns[pattern.marked].tolist())) == sum(inside)


def test_program_is_only_permuted(small):
    _, relaxation, cliques = small
    pattern = program_pattern(relaxation, cliques)
    assert not pattern.marked.any()
    for axis, entries in ((0, pattern.rows), (1, pattern.columns)):
        other = relaxation.matrix.tocoo()
        before = np.bincount((other.row, other.col)[axis], minlength=pattern.shape[axis])
        after = np.bincount(entries, minlength=pattern.shape[axis])
        assert sorted(before) == sorted(after)


def test_large_pattern_becomes_a_density_picture():
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(5_000, size=20_000), rng.integers(9_000, size=20_000)
    pattern = Pattern("p", "r", "c", (5_000, 9_000), rows, columns, rows < 100)
    grid = pattern.grid()
    assert grid.shape == (240, 480)
    assert grid.dtype == np.uint8
    assert (grid[:4] >= 100).any()
    assert (grid[6:] < 100).all()


def test_small_pattern_is_drawn_entry_by_entry():
    pattern = Pattern(
        "p", "r", "c", (2, 3), np.array([0, 1]), np.array([2, 0]), np.array([False, True])
    )
    assert pattern.grid().tolist() == [[0, 0, 99], [199, 0, 0]]


def test_figure_has_one_heatmap_per_pattern_and_named_axes(small):
    head, relaxation, cliques = small
    figure = pattern_figure(weight_patterns(head, cliques.members[0]))
    assert [trace.type for trace in figure.data] == ["heatmap"] * len(head.weights)
    assert figure.layout.xaxis.title.text == "input"
    assert figure.layout.yaxis.title.text == "s1"
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    whole = pattern_figure([program_pattern(relaxation, cliques, 0)])
    assert whole.layout.yaxis.title.text == "monomials by degree"


def test_shipped_network_is_drawn_quickly():
    head = gallery_network("digits-64-20-10-relu").head(0)
    start = time.process_time()
    relaxation, cliques = program(head, 2)
    figure = pattern_figure([program_pattern(relaxation, cliques, 3)])
    text = figure.to_json()
    assert time.process_time() - start < 4.0  # 0.15 s on an idle machine
    assert len(text) < 300_000

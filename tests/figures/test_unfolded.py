"""Figures of unfolded networks say what they were given."""

from __future__ import annotations

import numpy as np
import pytest

from lipexplore.figures.unfolded_bars import lipschitz_figure
from lipexplore.figures.unfolded_errors import errors_figure
from lipexplore.figures.unfolded_gap import gap_figure, terms_by_kind
from lipexplore.figures.unfolded_scaling import scaling_figure
from lipexplore.properties.generalization import Block, generalization_gap

BLOCKS = [Block("G 1", 9, 0.5, 3.0), Block("G 2", 9, 0.5, 2.0), Block("threshold", 1, 0.1, 1.0)]


def gaps(samples):
    return [
        generalization_gap(BLOCKS, m, input_radius=1.0, output_radius=1.0, cells=0) for m in samples
    ]


def test_errors_keep_layers_and_names():
    figure = errors_figure({"ISTA": np.array([0.5, 0.4]), "FISTA": np.array([0.5, 0.3])})
    assert [trace.name for trace in figure.data] == ["ISTA", "FISTA"]
    assert list(figure.data[1].x) == [1, 2]
    assert figure.layout.yaxis.type == "log"
    styles = {(t.line.color, t.line.dash, t.marker.symbol) for t in figure.data}
    assert len(styles) == 2


def test_bars_mark_what_is_no_bound():
    figure = lipschitz_figure({"naive": 2.0, "slope LMI": 1.0}, 0.9, 0.8)
    bars, active, sampled = figure.data
    assert list(bars.x) == [2.0, 1.0]
    assert (list(sampled.x), list(active.x)) == ([0.9], [0.8])
    assert "no bound" in active.name
    assert "estimate" in sampled.name
    assert sampled.y != active.y  # a row of its own, however near they are
    assert sampled.marker.symbol != active.marker.symbol
    assert figure.layout.xaxis.range[1] > 2.0


def test_bars_without_an_estimate_and_with_old_values():
    assert len(lipschitz_figure({"naive": 2.0}, None, 0.8).data) == 2
    figure = lipschitz_figure({"naive": 2.0, "LMI": 1.0}, 0.9, 0.8, stale={"LMI", "sampled"})
    bars, active, sampled = figure.data
    assert ["(old)" in text for text in (*bars.text, *active.text, *sampled.text)] == [
        False,
        True,
        False,
        True,
    ]
    assert len(set(bars.marker.color)) == 2


def test_gap_stacks_the_terms_of_all_blocks_of_a_kind():
    bounds = gaps([10, 1000])
    table = terms_by_kind(bounds[0])
    assert set(table) == {"G", "threshold", "confidence"}
    assert sum(table.values()) == pytest.approx(bounds[0].joint)
    figure = gap_figure(bounds, [(10, 0.2), (1000, -0.01)])
    edges = {t.name: list(t.y) for t in figure.data if t.fill == "tonexty"}
    assert list(edges) == ["confidence", "G", "threshold"]
    assert edges["threshold"] == pytest.approx([b.joint for b in bounds])
    measured = next(t for t in figure.data if t.name == "measured gap")
    assert list(measured.x) == [10]  # a negative gap has no place on a log axis
    limit = next(t for t in figure.data if t.name == "largest loss possible")
    assert list(limit.y) == [2.0, 2.0]
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    low, high = figure.layout.yaxis.range
    assert 10**low < 0.2 < max(b.joint for b in bounds) < 10**high


def test_scaling_draws_every_class():
    figure = scaling_figure([1, 2, 4], {"shared": [1, 1, 1], "own": [1, 2, 4]}, "layers L", 0.5)
    assert [list(trace.y) for trace in figure.data] == [[1, 1, 1], [1, 2, 4]]
    assert figure.layout.xaxis.title.text == "layers L"
    assert "0.5" in figure.layout.yaxis.title.text

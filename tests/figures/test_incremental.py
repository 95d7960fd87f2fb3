"""Figures of certified properties hold the numbers that they are given."""

from __future__ import annotations

import numpy as np
import pytest

from lipexplore.figures.incremental_metric import metric_figure
from lipexplore.figures.incremental_pairs import pairs_figure
from lipexplore.figures.incremental_sweep import sweep_figure, sweep_html, sweep_sentence
from lipexplore.properties.incremental.examples import neural_oscillator
from lipexplore.properties.incremental.pairs import sampled_pairs
from lipexplore.properties.incremental.sweep import radius_sweep
from lipexplore.properties.incremental_qc import certify

SYSTEM = neural_oscillator()
POINTS = list(radius_sweep(SYSTEM, "inverse", np.zeros(2), (0.1, 1.0, np.inf), samples=50))


def named(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def test_sweep_holds_certified_and_sampled_numbers():
    traces = named(sweep_figure(POINTS))
    certified = traces["certified lower bound"]
    assert list(certified.x) == [0.1, 1.0]
    assert list(certified.y) == [p.found.value for p in POINTS[:2]]
    sampled = traces["sampled estimate, no bound"]
    assert list(sampled.y) == [p.sampled for p in POINTS[:2]]
    assert sampled.marker.symbol == "triangle-down-open"
    assert set(traces["certified, whole space"].y) == {POINTS[2].found.value}
    assert set(traces["above: invertible"].y) == {0.0}


def test_axis_is_wide_enough_for_numbers_that_hardly_differ():
    low, high = sweep_figure(POINTS[:1]).layout.yaxis.range
    assert low < 0.0 < POINTS[0].found.value < high


def test_words_and_table():
    assert "Proven on the whole space: invertible." in sweep_sentence(POINTS)
    assert sweep_html(POINTS).count("<tr>") == 4
    assert "whole space" in sweep_html(POINTS)


def test_pairs_lie_beyond_the_line():
    found = certify(SYSTEM, "one-sided-upper")
    traces = named(pairs_figure(sampled_pairs(SYSTEM, found, 50)))
    line = next(trace for name, trace in traces.items() if name.startswith("certified"))
    assert line.y[1] / line.x[1] == pytest.approx(found.value)
    assert (traces["sampled pairs"].y <= found.value * traces["sampled pairs"].x + 1e-9).all()


@pytest.mark.parametrize("flow", [True, False])
def test_ellipses_are_balls_of_the_metric(flow):
    metric = np.array([[2.0, 0.5], [0.5, 1.0]])
    figure = metric_figure(SYSTEM, metric, np.array([1.0, 0.0]), 2.0, flow=flow)
    ring = named(figure)["balls of |x|_P"]
    points = np.stack([ring.x, ring.y], axis=1) - [1.0, 0.0]
    lengths = np.einsum("si,ij,sj->s", points, metric, points)
    assert np.ptp(lengths) <= 1e-9 * lengths.max()
    assert np.linalg.norm(points, axis=1).max() <= 2.0
    path = named(figure)["paths" if flow else "orbits"]
    if not flow:
        assert [path.x[1], path.y[1]] == pytest.approx(SYSTEM([path.x[0], path.y[0]]))

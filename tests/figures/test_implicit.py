"""Figures of implicit networks say what they were given."""

from __future__ import annotations

import numpy as np
import pytest

from lipexplore.figures.implicit_accuracy import accuracy_figure
from lipexplore.figures.implicit_bars import bound_bars
from lipexplore.figures.implicit_box import box_figure
from lipexplore.figures.implicit_convergence import convergence_figure
from lipexplore.figures.implicit_layout import BOX_STYLES, CURVE_STYLES
from lipexplore.figures.implicit_matrix import matrix_figure


def test_matrix_with_measures_and_weights():
    matrix = np.array([[-1.0, 0.5], [0.0, 100.0]])
    figure = matrix_figure(matrix, np.array([1.0, 2.0]), np.array([0.0, 0.5]), np.array([1.0, 2.0]))
    picture, plain, weighted, limit, weights = figure.data
    assert np.array(picture.z).tolist() == matrix.tolist()
    assert picture.zmax < 100.0  # one large weight does not hide the others
    assert list(weighted.x) == [0.0, 0.5]
    assert list(plain.x) == [1.0, 2.0]
    assert list(weights.x) == [1.0, 2.0]
    assert list(limit.x) == [1.0, 1.0]
    zero = matrix_figure(np.zeros((1, 1)), np.ones(1), np.zeros(1), np.zeros(1))
    assert zero.data[0].zmax == 1.0


def test_curves_leave_out_what_a_log_axis_cannot_show():
    curves = {name: np.array([1.0, 1e-3, 0.0, np.inf]) for name in CURVE_STYLES}
    figure = convergence_figure(curves)
    assert [trace.name for trace in figure.data] == list(CURVE_STYLES)
    assert np.isnan(figure.data[0].y[2:]).all()
    assert figure.layout.yaxis.type == "log"
    assert len({(t.line.color, t.line.dash) for t in figure.data}) == len(figure.data)


def test_bars_name_what_has_no_bound():
    figure = bound_bars({"paper": 10.0, "LMI": np.inf, "exact": 2.0}, 1.5, "exact")
    bars, line = figure.data
    assert list(bars.text) == ["10", "none", "2"]
    assert list(bars.marker.pattern.shape) == ["", "", "/"]
    assert list(line.x) == [1.5, 1.5]
    low, high = figure.layout.xaxis.range
    assert 10**low < 1.5 < 10.0 < 10**high
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "5", "10", "20"]
    assert bound_bars({}, 0.0).layout.xaxis.range is not None
    wide = bound_bars({"paper": 1e9, "LMI": 1e-3}, 0.0)
    assert 3 <= len(wide.layout.xaxis.tickvals) <= 8


def test_boxes_much_wider_than_the_samples_are_cut_by_the_frame():
    samples = np.array([[0.0, 0.0], [1.0, 1.0]])
    box = {"embedded network": (np.full(2, -1.0), np.full(2, 2.0))}
    figure = box_figure(box, samples, ("output 0", "output 1"))
    assert figure.layout.xaxis.range[0] < -1.0 < 2.0 < figure.layout.xaxis.range[1]
    assert list(figure.data[1].x) == [-1.0, 2.0, 2.0, -1.0, -1.0]
    box["unrolled intervals"] = (np.full(2, -1e9), np.full(2, 1e9))
    figure = box_figure(box, samples, ("output 0", "output 1"))
    assert figure.layout.xaxis.range[1] < 100.0
    assert figure.data[2].name == "unrolled intervals (larger than the frame)"
    assert [t.name for t in figure.data[:2]] == ["sampled outputs", "embedded network"]
    box["unrolled intervals"] = (np.array([-1e9, 0.0]), np.array([1e9, 1.0]))
    figure = box_figure(box, samples, ("output 0", "output 1"))
    assert figure.data[2].name == "unrolled intervals (cut by the frame)"
    assert len({style for style in BOX_STYLES.values()}) == len(BOX_STYLES)


def test_accuracy_counts_images_that_are_not_even_right():
    radii = {"embedded network": np.array([0.0, 0.1, 0.2, 0.2])}
    figure = accuracy_figure(radii, radius=0.1)
    assert figure.data[0].y[0] == pytest.approx(0.75)
    assert figure.data[0].y[-1] == 0.0
    assert len(figure.layout.shapes) == 1
    assert accuracy_figure({}).layout.xaxis.range == (0.0, 1.0)

"""Figures of path regularization say what they were given."""

from __future__ import annotations

import numpy as np

from lipexplore.figures.path_atoms import atoms_figure
from lipexplore.figures.path_bounds import PATHS, ROOT_R, SLOPE, R, bounds_figure
from lipexplore.figures.path_descent import descent_figure
from lipexplore.figures.path_digits import digits_figure
from lipexplore.figures.path_fit import DESCENT, THREE, TWO, line_figure, plane_figure


def test_curves_and_points():
    grid = np.linspace(0.0, 1.0, 3)
    curves = {TWO: grid, THREE: 2.0 * grid, DESCENT: 3.0 * grid}
    figure = line_figure(np.array([0.5]), np.array([1.0]), grid, curves)
    assert [trace.name for trace in figure.data] == [TWO, THREE, DESCENT, "data"]
    assert list(figure.data[1].y) == [0.0, 1.0, 2.0]
    assert len({(t.line.color, t.line.dash) for t in figure.data[:3]}) == 3


def test_plane_has_one_scale_for_function_and_data():
    points, targets = np.array([[0.0, 1.0]]), np.array([-5.0])
    figure = plane_figure(points, targets, np.array([-1.0, 1.0]), np.ones((2, 2)), THREE)
    heat, dots = figure.data
    assert (heat.zmin, heat.zmax) == (dots.marker.cmin, dots.marker.cmax) == (-5.0, 5.0)
    assert dots.text == ("-5",)


def test_bars_are_sorted_and_tell_the_pattern():
    active = np.array([[True, False], [True, True]])
    figure = atoms_figure({TWO: (np.array([1.0, 2.5]), np.array([1.0, -1.0]), active)})
    (bars,) = figure.data
    assert list(bars.x) == [2.5, 1.0]
    assert list(bars.text) == ["− ●●", "+ ●○"]
    assert bars.name == "two layers: R = 3.5"
    assert figure.layout.xaxis.range[1] > 2.5


def test_bounds_say_that_r_is_none():
    numbers = {SLOPE: 2.0, PATHS: 3.0, ROOT_R: 4.0, R: 1.5}
    figure = bounds_figure({TWO: numbers, THREE: {k: v for k, v in numbers.items() if k != SLOPE}})
    dots, line, others = figure.data
    assert dict(zip(dots.y, dots.x, strict=True)) == numbers
    assert "no bound" in R
    assert list(line.x) == [2.0, 2.0]
    assert SLOPE not in others.y


def test_descent_lies_above_the_line():
    steps, traces = np.array([0.0, 10.0]), np.array([[9.0, 5.0], [3.0, 2.0]])
    figure = descent_figure(steps, traces, 1.0, 1.0 + 1e-9)
    names = [trace.name for trace in figure.data]
    assert names == ["other starts", "best start", "certified optimum, gap 1e-09"]
    assert sum(bool(trace.showlegend) for trace in figure.data[:2]) == 2
    low, high = figure.layout.yaxis.range
    assert low < 1.0 < 3.0 < high
    sampled = descent_figure(np.zeros(0), np.zeros((0, 0)), 0.0, 1.0, certified=False)
    assert [trace.name for trace in sampled.data] == [
        "upper bound of the optimum (sampled patterns)"
    ]


def test_digits_have_two_axes():
    figure = digits_figure([0.0, 0.1], {"accuracy": [0.9, 0.8]}, {"path": [100.0, 10.0]})
    share, path = figure.data
    assert (share.yaxis, path.yaxis) == ("y", "y2")
    assert list(path.x) == ["0", "0.1"]
    assert figure.layout.yaxis2.type == "log"

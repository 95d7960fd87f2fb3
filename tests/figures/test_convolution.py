"""Figures of a convolution hold the numbers that they name."""

import math

import numpy as np
import pytest

from lipexplore.bounds.operator_norms.kernels import symbol_bound, symbol_estimate
from lipexplore.figures.convolution import (
    kernel_figure,
    symbol_figure,
    symbol_surface,
    unrolled_figure,
)
from lipexplore.figures.convolution_curves import LINES, growth_figure, samples_figure
from lipexplore.networks.convolution import Convolution
from tests.bounds.convolutions import normal_kernel


@pytest.mark.parametrize("samples", [(5, 4), (4, 5), (1, 2)])
def test_surface_by_the_definition(samples):
    kernel = normal_kernel(2, 3, 3, 2)
    surface = symbol_surface(kernel, samples)
    assert surface.shape == (samples[0] + 1, samples[1] + 1)
    for (j, k), value in np.ndenumerate(surface):
        symbol = sum(
            kernel[:, :, a, b] * np.exp(2j * np.pi * (a * j / samples[0] + b * k / samples[1]))
            for a in range(3)
            for b in range(2)
        )
        assert value == pytest.approx(np.linalg.norm(symbol, 2), rel=1e-12)


def test_symbol_figure_marks_what_lies_above_the_grid():
    kernel = normal_kernel(1, 1, 3, 3)
    raw, certified = symbol_estimate(kernel, (10, 10)), symbol_bound(kernel, (10, 10))
    picture, points, level = symbol_figure(kernel, (10, 10), raw).data
    assert max(points.customdata) == pytest.approx(raw, rel=1e-9)
    assert level.contours.start == level.contours.end == raw
    assert raw < np.max(picture.z) < certified
    assert {trace.type for trace in (picture, points, level)} == {"heatmap", "scatter", "contour"}
    everywhere = np.ones((1, 1, 1, 1))  # the symbol is 1: nothing lies above any grid's maximum
    assert len(symbol_figure(everywhere, (2, 2), 1.0).data) == 2


def test_unrolled_figure_has_the_pattern():
    layer = Convolution(normal_kernel(2, 1, 3, 3), None, (1, 4, 5), 1, 1)
    (trace,) = unrolled_figure(layer).data
    assert (np.array(trace.z) > 0).tolist() == (layer.dense != 0.0).tolist()


def test_kernel_figure_tiles_the_channels():
    kernel = normal_kernel(2, 3, 3, 2)
    picture = np.array(kernel_figure(kernel).data[0].z)
    assert picture.shape == (7, 8)
    assert (picture[4:, 3:5] == kernel[1, 1]).all()
    assert np.isnan(picture[3]).all()
    single = kernel_figure(kernel[:1, :1])
    assert (np.array(single.data[0].z) == kernel[0, 0]).all()
    assert single.layout.xaxis.title.text == "tap column"


def test_growth_leaves_out_what_does_not_apply():
    norms = {"exact": [1.0, math.inf], "torus": [2.0, 3.0], "polyphase-torus": [math.inf] * 2}
    figure = growth_figure([4, 8], norms, 8)
    assert [trace.name for trace in figure.data] == [LINES["exact"].label, "torus"]
    assert list(figure.data[0].y) == [1.0, None]
    assert figure.layout.shapes[0].x0 == 8
    assert len({(line.colour, line.symbol, line.dash) for line in LINES.values()}) == len(LINES)


def test_samples_figure():
    figure = samples_figure([4, 8], [1.0, 2.0], [3.0, 2.5], 8)
    assert [list(trace.y) for trace in figure.data] == [[3.0, 2.5], [1.0, 2.0]]
    assert "no bound" in figure.data[1].name

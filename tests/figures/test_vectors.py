"""What the animation of the vector pass draws: planes, frames, marks; not pixels."""

import math

import numpy as np
import pytest

from lipexplore.errors import InvalidSetting
from lipexplore.exact.vector_state import Vectors
from lipexplore.figures.vectors import collapsing_vectors, distance_from_line, projected

RNG = np.random.default_rng(0)
LINE = RNG.standard_normal(5)
LINE /= np.linalg.norm(LINE)
PARALLEL = Vectors(LINE[:, None, None] * np.array([0.5, -1.0, 1.0]), (1, 2))
"""One input of length 1/2 and two units, all on one line."""


def unit_vectors():
    rows = RNG.standard_normal((5, 1, 3))
    return Vectors(rows / np.linalg.norm(rows, axis=0), (1, 2))


def corner():
    """Three vectors of length 1 along two axes: two of them on the best line."""
    rows = np.zeros((5, 1, 3))
    rows[0, 0, :2], rows[1, 0, 2] = (1.0, -1.0), 1.0
    return Vectors(rows, (1, 2))


def test_parallel_vectors_have_no_distance_and_a_right_angle_has_distance_one():
    assert distance_from_line(PARALLEL) == pytest.approx(0.0, abs=1e-12)
    assert distance_from_line(corner()) == pytest.approx(1.0)


def test_the_last_sweep_lies_along_the_first_axis_and_no_tip_is_longer_than_its_vector():
    planes = projected([unit_vectors(), unit_vectors(), PARALLEL])
    assert np.abs(planes[-1][:, 1]).max() < 1e-12
    assert np.abs(planes[-1][:, 0]) == pytest.approx([0.5, 1.0, 1.0])
    assert all(np.linalg.norm(tips, axis=1).max() <= 1.0 + 1e-12 for tips in planes)


def test_vectors_of_one_plane_keep_their_angles():
    vectors = corner()
    (tips,) = projected([vectors])
    rows = vectors.rows[:, 0].T
    assert tips @ tips.T == pytest.approx(rows @ rows.T, abs=1e-12)


def drawn(bounds=(3.0, 2.0)):
    return collapsing_vectors([unit_vectors(), PARALLEL], [1.0, 1.5], bounds, 1.75)


def test_a_frame_per_sweep_moves_the_vectors_and_both_marks():
    figure = drawn()
    assert [frame.name for frame in figure.frames] == ["0", "1"]
    assert [step.args[0] for step in figure.layout.sliders[0].steps] == [("0",), ("1",)]
    units, inputs, bound, value = figure.frames[1].data
    assert [abs(y) < 1e-12 for y in units.y if y is not None] == [True] * 4
    assert [abs(x) for x in inputs.x if x is not None] == pytest.approx([0.0, 0.5])
    assert (bound.x, bound.y, value.x, value.y) == ((1,), (2.0,), (1,), (1.5,))


def test_the_first_frame_is_what_stands_still_and_styles_match_it():
    figure = drawn()
    for still, moved in zip(figure.data, figure.frames[0].data, strict=False):
        assert (still.x, still.y) == (moved.x, moved.y)
    names = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert names == ["vectors of units", "vectors of inputs", "proven bound", "value of the pass"]


def test_curves_fit_into_the_axis_and_p_star_is_a_dashed_line():
    figure = drawn()
    low, high = figure.layout.yaxis2.range
    assert low == 0.0
    assert high > 3.0
    line = next(shape for shape in figure.layout.shapes if shape.type == "line")
    assert (line.y0, line.y1, line.line.dash) == (1.75, 1.75, "dash")


def test_an_unproven_sweep_leaves_a_hole_in_the_curve():
    figure = drawn(bounds=(math.inf, 2.0))
    assert figure.data[4].y == (None, 2.0)
    assert "Infinity" not in figure.to_json()


def test_plain_json():
    assert "bdata" not in drawn().to_json()


def test_one_value_per_sweep_is_asked_for():
    for sweeps, values in (([], []), ([PARALLEL], [1.0, 2.0])):
        with pytest.raises(InvalidSetting):
            collapsing_vectors(sweeps, values, [1.0] * len(sweeps), 1.0)

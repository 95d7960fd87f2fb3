"""The curves are those of the radii; the table and the sentence tell the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from lipexplore.figures.robustness import (
    Robustness,
    accuracy_html,
    accuracy_sentence,
    certified_accuracy,
)

RIGHT = np.array([True, True, False, True])
FOUND = Robustness(
    "linf",
    RIGHT,
    {"path": np.array([0.1, 0.2, 0.9, 0.4]), "norm-product": np.array([0.05, 0.1, 0.9, 0.2])},
    np.array([0.3, 0.25, 1.0, 0.5]),
)


def share(radii, at):
    """Count by hand: rightly read images that have at least this radius."""
    return sum(bool(r >= at) for r, ok in zip(radii, RIGHT, strict=True) if ok) / len(RIGHT)


def test_curves_are_the_counts():
    figure = certified_accuracy(FOUND, radius=0.15)
    names = [trace.name for trace in figure.data]
    assert names == ["attack: not above this", "path bound", "norm product"]
    for trace, radii in zip(figure.data, [FOUND.attacked, *FOUND.certified.values()], strict=True):
        assert list(trace.y) == [share(radii, x) for x in trace.x]
        assert trace.line.shape == "vh"  # falls after the radius, which is still certified
        assert (np.diff(trace.y) <= 0).all()
    assert figure.layout.shapes[0].x0 == 0.15
    assert len({trace.line.dash for trace in figure.data}) > 1


def test_step_keeps_the_value_up_to_its_radius():
    """Between two corners the curve holds the value of the right one: vertical, then flat."""
    trace = certified_accuracy(FOUND).data[1]
    for left, right, value in zip(trace.x, trace.x[1:], trace.y[1:], strict=False):
        assert share(FOUND.certified["path"], 0.5 * (left + right)) == value


def test_table_and_sentence():
    text = accuracy_html(FOUND)
    assert text.count("<tr>") == 9
    assert "<td>75.0%</td>" in text
    said = accuracy_sentence(FOUND)
    assert "3 of 4 images are read rightly." in said
    assert "within radius 0.2: proven by path bound" in said
    assert "0.1 by norm product" in said
    assert "more than 0.3:" in said


@pytest.mark.parametrize("right", [False, True])
def test_nothing_to_show(right):
    empty = Robustness("l2", np.array([right]), {}, np.array([np.inf]))
    assert len(certified_accuracy(empty).data) == 1
    assert f"{int(right)} of 1" in accuracy_sentence(empty)
    assert "<table" in accuracy_html(empty)

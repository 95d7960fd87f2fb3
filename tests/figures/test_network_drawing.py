"""The drawing of a network: the right lines, the right buttons, nothing too large."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import pytest

from lipexplore.figures.digit_images import examples, png_bytes, strip_html
from lipexplore.figures.network_drawing import (
    MOST_LINES,
    MOST_UNITS,
    columns_of,
    largest_lines,
    network_svg,
)
from lipexplore.networks.feedforward import Network
from lipexplore.networks.generators import random_banded, random_dense

SVG = "{http://www.w3.org/2000/svg}"


def tree(svg):
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '))


def buttons(svg):
    return {part.get("data-choice"): part for part in tree(svg).iter(f"{SVG}g") if part.get("role")}


def lines_of(part):
    return [path.attrib for path in part.iter(f"{SVG}path")]


def test_small_network_shows_every_weight_that_is_not_zero():
    network = Network([[[1.0, -2.0, 0.0], [0.5, 0.0, 0.0]], [[-1.0, 3.0]]])
    parts = buttons(network_svg(network))
    assert sorted(parts) == ["1", "2"]
    assert [len(lines_of(part)) for part in parts.values()] == [3, 2]
    first = lines_of(parts["1"])
    assert float(first[0]["stroke-width"]) > float(first[1]["stroke-width"])
    dashed = ["stroke-dasharray" in line for line in first]
    assert dashed == [True, False, False]
    assert "3 to 2, 3 of 6 weights not zero" in parts["1"].get("aria-label")


def test_every_layer_is_a_button_that_says_whether_it_is_chosen():
    parts = buttons(network_svg(random_dense((4, 3, 3, 2), 0), layers=(2, 3)))
    assert [parts[str(index)].get("aria-pressed") for index in (1, 2, 3)] == [
        "false",
        "true",
        "true",
    ]
    assert all(part.get("tabindex") == "0" for part in parts.values())


def test_wide_layers_are_abbreviated():
    svg = network_svg(random_dense((784, 100, 10), 0))
    assert len(svg) < 40_000
    assert all(len(lines_of(part)) <= MOST_LINES for part in buttons(svg).values())
    column = columns_of((784, 100, 10))[0]
    assert len(column.shown) == MOST_UNITS
    assert column.shown[0] == 0
    assert column.shown[-1] == 783
    assert np.all(np.diff(column.places) > 0)
    assert svg.count("⋮") == 2
    assert len(list(tree(svg).iter(f"{SVG}circle"))) == 2 * MOST_UNITS + 10


def test_lines_are_the_largest_and_keep_their_sign():
    weight = random_dense((12, 15), 3).weights[0]
    left, right = columns_of((12, 15))
    lines = largest_lines(weight, left, right)
    drawn = {(row, column): share for row, column, share in lines}
    assert len(drawn) == MOST_LINES
    least = min(abs(share) for share in drawn.values())
    for row in range(15):
        for column in range(12):
            share = weight[row, column] / np.abs(weight).max()
            if (row, column) in drawn:
                assert drawn[row, column] == pytest.approx(share)
            else:
                assert abs(share) <= least


@pytest.mark.parametrize("layers", [None, (2, 3)])
def test_marked_units_and_outputs(layers):
    network = random_banded((5, 4, 3, 2), 1, 0)
    inputs = 5 if layers is None else 4
    plain = network_svg(network, layers)
    marked = network_svg(network, layers, output=1, minus=0, marked=(0, inputs))
    assert marked.count("<circle") == plain.count("<circle") + 2
    radii = [circle.get("r") for circle in tree(marked).iter(f"{SVG}circle")]
    assert radii.count("5.5") == 2


def test_marked_units_that_are_not_shown_are_counted():
    assert "⋮ 1 marked" in network_svg(random_dense((40, 2), 0), marked=(1, 20))


def test_zero_layer_has_no_lines():
    network = Network([np.zeros((2, 2)), np.ones((1, 2))])
    assert lines_of(buttons(network_svg(network))["1"]) == []


def test_png_holds_the_pixels():
    image = np.linspace(0.0, 1.0, 16)
    content = png_bytes(image)
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (4, 4)
    start = content.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", content[start - 8 : start - 4])
    rows = np.frombuffer(zlib.decompress(content[start : start + length]), np.uint8).reshape(4, 5)
    assert (rows[:, 0] == 0).all()
    np.testing.assert_allclose(rows[:, 1:].ravel(), 255.0 * (1.0 - image), atol=0.5)


def test_strip_has_one_named_button_per_image():
    images, labels = np.random.default_rng(0).uniform(size=(6, 64)), np.array([0, 1, 2, 1, 0, 2])
    html = strip_html(images, labels, [0, 3, 5], chosen=3)
    assert re.findall(r'data-choice="(\d)" aria-pressed="(\w+)"', html) == [
        ("0", "false"),
        ("3", "true"),
        ("5", "false"),
    ]
    assert html.count('alt="test image') == 3


def test_examples_are_one_of_each_label_and_the_misread():
    labels, told = np.array([1, 0, 0, 1, 2]), np.array([1, 1, 0, 1, 0])
    assert examples(labels, told) == [2, 0, 1, 4]

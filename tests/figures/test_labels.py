"""Labels that cover nothing, methods by kind, and the printed figure."""

from __future__ import annotations

import math
import random
import re
from xml.etree import ElementTree

import pytest

from lipexplore.bounds import METHODS, Bound, bound
from lipexplore.errors import InvalidSetting
from lipexplore.figures.kinds import KINDS, kind_of
from lipexplore.figures.labels import Label, places
from lipexplore.figures.palette import STYLES
from lipexplore.figures.print import MARKERS, png_bytes, svg_text
from lipexplore.networks.generators import random_dense
from lipexplore.rounding import text_above

NETWORK = random_dense((5, 4, 3, 2), seed=1)


@pytest.fixture(scope="module")
def bounds():
    names = ("norm-product", "path", "sampled-gradient", "vertex-search", "exact")
    return [
        *(bound(NETWORK, name) for name in names),
        *(bound(NETWORK, "lipopt-lp", degree=degree) for degree in (4, 3)),
    ]


def rectangle(label, place, font):
    """Where a label's letters certainly are: its middle half."""
    width, height = 0.5 * font * len(label.text), 0.5 * font
    x, y = {
        "middle right": (label.x + 7.0, label.y - 0.5 * height),
        "middle left": (label.x - 7.0 - width, label.y - 0.5 * height),
        "top center": (label.x - 0.5 * width, label.y + 9.0),
        "bottom center": (label.x - 0.5 * width, label.y - 9.0 - height),
    }[place]
    return x, y, x + width, y + height


def test_labels_do_not_cover_each_other():
    random.seed(0)
    for count in (1, 5, 40):
        labels = [
            Label(random.uniform(0, 480), random.uniform(0, 300), "12.34") for _ in range(count)
        ]
        chosen = places(labels, 12.0, 480.0)
        boxes = [rectangle(a, b, 12.0) for a, b in zip(labels, chosen, strict=True) if b]
        for index, one in enumerate(boxes):
            assert one[0] >= 0.0
            assert one[2] <= 480.0
            for other in boxes[:index]:
                apart = (
                    one[2] <= other[0] or other[2] <= one[0],
                    one[3] <= other[1] or other[3] <= one[1],
                )
                assert any(apart)
        assert sum(map(bool, chosen)) >= min(count, 10) - (count > 1)


def test_labels_leave_the_edge_and_repeated_points_alone():
    assert places([Label(5.0, 50.0, "1.5")], 12.0, 480.0) == ["middle right"]
    assert places([Label(478.0, 50.0, "1.5")], 12.0, 480.0) == ["middle left"]
    same = [Label(100.0, 100.0, "123")] * 9
    assert places(same, 12.0, 480.0).count("") == 5
    assert places([Label(100.0, 100.0, "")], 12.0, 480.0) == [""]


def test_every_method_is_in_one_kind_of_its_side():
    listed = [name for kind in KINDS for name in kind.methods]
    assert sorted(listed) == sorted(method.name for method in METHODS)
    sides = {"upper": "upper", "both ends": "interval", "lower": "lower"}
    for method in METHODS:
        assert sides[kind_of(method).partition(":")[0]] == method.side


def test_a_method_that_no_kind_names_goes_by_its_side():
    for side in ("upper", "interval", "lower"):
        made = type("Made", (METHODS[0],), {"name": "made", "side": side})
        assert kind_of(made)


def test_symbols_alone_tell_methods_apart():
    symbols = [style.symbol for style in STYLES.values()]
    assert len(set(symbols)) == len(symbols)
    assert set(symbols) <= set(MARKERS)
    assert len(set(map(str, MARKERS.values()))) == len(MARKERS)


def test_svg_is_stable_loads_nothing_and_tells_the_numbers(bounds):
    text = svg_text(bounds)
    assert text == svg_text(bounds)
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    links = re.findall(r'(?:href|src)="([^"]*)"', text)
    assert all(link.startswith("#") for link in links)
    assert "<metadata" not in text
    words = " ".join(" ".join(item.itertext()) for item in root.iter() if item.tag.endswith("text"))
    best = min(item.value for item in bounds)
    assert text_above(best, 4) in words
    assert "L is at least" in words
    assert "run time" in words


@pytest.mark.parametrize("axis", ["bound", "gap", "ratio"])
def test_png_on_each_axis(bounds, axis):
    assert png_bytes(bounds, axis).startswith(b"\x89PNG")


def test_printed_figure_of_nothing_and_of_different_questions(bounds):
    assert "<svg" in svg_text([])
    failed = Bound(math.inf, 0.0, "upper", "P*", "L", "path", False, "failed")
    assert "<svg" in svg_text([failed])
    with pytest.raises(InvalidSetting, match="different questions"):
        svg_text([*bounds, bound(NETWORK, "path", output=1)])

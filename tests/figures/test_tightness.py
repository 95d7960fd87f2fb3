"""What the plot of bound against run time draws: traces, axes, lines; not pixels."""

from __future__ import annotations

import json
import math

import pytest

from lipexplore.bounds import METHODS, Bound, bound
from lipexplore.errors import InvalidSetting
from lipexplore.figures.palette import STYLES
from lipexplore.figures.texts import short_label
from lipexplore.figures.tightness import CONFIG, bound_against_runtime
from lipexplore.networks.generators import random_dense

NETWORK = random_dense((5, 4, 3, 2), seed=1)
PLAIN = ("norm-product", "path", "interval-jacobian", "sampled-gradient", "vertex-search")


@pytest.fixture(scope="module")
def bounds():
    return [
        *(bound(NETWORK, name) for name in PLAIN),
        *(bound(NETWORK, "lipopt-lp", degree=degree) for degree in (4, 3)),
    ]


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_one_trace_per_method_on_log_axes(bounds):
    figure = bound_against_runtime(bounds)
    assert set(traces(figure)) == {short_label(name) for name in (*PLAIN, "lipopt-lp")}
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_degrees_are_joined_in_order(bounds):
    trace = traces(bound_against_runtime(bounds))["LiPopt LP"]
    assert "lines" in trace.mode
    assert [bounds[i].size["degree"] for i in trace.customdata] == [3, 4]
    assert list(trace.y) == [bounds[i].value for i in trace.customdata]
    assert "degree 3" in trace.text[0]


def test_floors_are_a_solid_and_a_dashed_line_with_words(bounds):
    figure = bound_against_runtime(bounds)
    lines = {shape.name: shape for shape in figure.layout.shapes}
    best_l = max(b.lower for b in bounds if b.lower_of == "L")
    solid = next(shape for name, shape in lines.items() if name.startswith("L is at least"))
    assert (solid.line.dash, solid.y0, solid.y1) == ("solid", best_l, best_l)
    dashed = next(shape for name, shape in lines.items() if name.startswith("P* is at least"))
    assert dashed.line.dash == "dash"
    assert solid.line.color != dashed.line.color
    assert {a.text.strip() for a in figure.layout.annotations} == set(lines)


def test_every_number_is_inside_the_axes(bounds):
    figure = bound_against_runtime(bounds)
    for axis, values in (
        (figure.layout.xaxis, [x for trace in figure.data for x in trace.x]),
        (figure.layout.yaxis, [y for trace in figure.data for y in trace.y]),
    ):
        low, high = axis.range
        assert all(low < math.log10(value) < high for value in values)
        assert len(axis.tickvals) >= 1


def test_hover_tells_size_status_residual_and_verification(bounds):
    text = traces(bound_against_runtime(bounds))["LiPopt LP"].hovertext[0]
    for part in ("P* ≤", "verified ✓", "status: optimal", "residual", "rows", "build"):
        assert part in text


def test_selected_point_is_larger(bounds):
    figure = bound_against_runtime(bounds, selected=0)
    sizes = [size for trace in figure.data for size in trace.marker.size]
    assert sorted(sizes)[-1] > sorted(sizes)[-2]


def test_bounds_without_a_number_are_left_out(bounds):
    failed = Bound(math.inf, 0.0, "upper", "P*", "L", "path", False, "failed")
    assert bound_against_runtime([failed]).data == ()


def test_no_bounds_make_empty_axes():
    assert bound_against_runtime([]).data == ()


def test_different_questions_are_refused(bounds):
    with pytest.raises(InvalidSetting):
        bound_against_runtime([*bounds, bound(NETWORK, "path", output=1)])


def test_every_method_has_a_style_and_no_two_share_colour_and_symbol():
    assert set(STYLES) == {method.name for method in METHODS}
    drawn = {(style.colour, style.symbol) for style in STYLES.values()}
    assert len(drawn) == len(METHODS)


def test_no_upload_button_and_plain_json(bounds):
    assert "sendChartToCloud" in CONFIG["modeBarButtonsToRemove"]
    assert CONFIG["displaylogo"] is False
    assert "bdata" not in bound_against_runtime(bounds).to_json()
    json.dumps(CONFIG)

"""What the plot of bound against run time draws: traces, axes, lines; not pixels."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import pytest

from lipexplore.bounds import ALL_NORMS, METHODS, Bound, bound
from lipexplore.errors import InvalidSetting
from lipexplore.figures.kinds import kind_of
from lipexplore.figures.palette import STYLES
from lipexplore.figures.ratios import ratio_by_question
from lipexplore.figures.series import Running, Scale
from lipexplore.figures.texts import short_label
from lipexplore.figures.tightness import CONFIG, bound_against_runtime
from lipexplore.figures.traces import PINNED
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
    for part in ("P* ≤", "verified ✓", "status: optimal", "residual", "rows", "build", "solver: "):
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


def test_methods_that_share_a_colour_differ_in_symbol_and_dash():
    upper = [method for method in METHODS if method.side == "upper"]
    for one, other in combinations(upper, 2):
        first, second = STYLES[one.name], STYLES[other.name]
        if first.colour == second.colour:
            assert first.symbol != second.symbol
            assert first.dash != second.dash
            assert {one.norms, other.norms} != {ALL_NORMS}  # always on the screen together


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", sorted({style.colour for style in STYLES.values()}))
def test_colours_stand_out_from_both_themes(colour):
    # WCAG's ratio: 3 on the dark page; markers on the light page have a dark rim as well
    dark, light = luminance("#111111"), luminance("#ffffff")
    assert (luminance(colour) + 0.05) / (dark + 0.05) >= 3.0
    assert (light + 0.05) / (luminance(colour) + 0.05) >= 2.1


def test_no_upload_button_and_plain_json(bounds):
    assert "sendChartToCloud" in CONFIG["modeBarButtonsToRemove"]
    assert CONFIG["displaylogo"] is False
    assert "bdata" not in bound_against_runtime(bounds).to_json()
    json.dumps(CONFIG)


def test_gap_and_ratio_are_measured_from_the_best_lower_bound_of_l(bounds):
    floor = max(b.lower for b in bounds if b.lower_of == "L")
    gaps, ratios = (traces(bound_against_runtime(bounds, axis=axis)) for axis in ("gap", "ratio"))
    path = bounds[PLAIN.index("path")].value
    assert ratios["path bound"].y == (path / floor,)
    assert gaps["path bound"].y[0] == pytest.approx(100.0 * (path - floor) / floor)
    assert short_label("sampled-gradient") not in gaps
    assert ratios[short_label("sampled-gradient")].y == (1.0,)
    assert gaps["path bound"].text[0].endswith(" %")
    assert ratios["path bound"].text[0].endswith("×")


def test_printed_ratios_are_rounded_up():
    for value, floor in ((1.0, 3.0), (10.0, 3.0), (1.0 + 2**-52, 1.0)):
        scale = Scale("ratio", floor)
        assert Fraction(scale.text(value)[:-1]) >= Fraction(value) / Fraction(floor)
        gap = Scale("gap", floor).text(max(value, floor)).strip("< %")
        assert Fraction(gap) >= 100 * (Fraction(max(value, floor)) / Fraction(floor) - 1)


def test_gap_without_a_lower_bound_says_what_to_run(bounds):
    with pytest.raises(InvalidSetting, match="run sampled gradients"):
        bound_against_runtime(bounds[:2], axis="gap")
    with pytest.raises(InvalidSetting, match="unknown axis"):
        bound_against_runtime(bounds, axis="width")


def test_methods_that_prove_both_ends_reach_down_to_the_lower_one(bounds):
    limited = replace(bounds[0], method="exact", side="interval", value=8.0, lower=2.0, settings={})
    trace = traces(bound_against_runtime([limited]))["exact"]
    assert trace.y == (8.0,)
    assert trace.error_y.arrayminus == (6.0,)
    assert trace.error_y.array == (0.0,)
    assert "both ends" in trace.text[0]
    assert traces(bound_against_runtime(bounds))["path bound"].error_y.arrayminus is None


def test_running_interval_and_pins(bounds):
    running = [Running("exact", "exact", 2.0, 3.0, 9.0)]
    figure = bound_against_runtime(bounds, running=running, pins={"old": bounds[1]})
    (interval,) = (t for t in figure.data if t.name == "exact (running)")
    assert interval.y == (3.0, 9.0)
    assert interval.x == (2.0, 2.0)
    (pin,) = (t for t in figure.data if t.name == PINNED)
    assert pin.y == (bounds[1].value,)
    assert pin.marker.color == "rgba(0,0,0,0)"
    assert "pinned as old" in pin.hovertext[0]
    low, high = figure.layout.yaxis.range
    assert low < math.log10(3.0) < math.log10(9.0) < high
    other = bound(NETWORK, "path", output=1)
    with pytest.raises(InvalidSetting):
        bound_against_runtime(bounds, pins={"of another question": other})


def test_legend_is_grouped_by_kind(bounds):
    for trace in bound_against_runtime(bounds).data:
        method = next(m for m in METHODS if short_label(m.name) == trace.name)
        assert trace.legendgroup == kind_of(method)
        assert trace.legendgrouptitle.text == kind_of(method)


def test_questions_share_an_axis_only_as_ratios(bounds):
    other = [bound(NETWORK, name, output=1) for name in ("path", "sampled-gradient")]
    figure = ratio_by_question({"zero": bounds, "one": other, "no floor": bounds[:1]})
    assert set(traces(figure)) == {"zero", "one"}
    assert traces(figure)["one"].y == (other[0].value / other[1].lower,)
    assert min(traces(figure)["zero"].y) >= 1.0
    assert len({trace.line.dash for trace in figure.data}) == 2
    assert ratio_by_question({}).data == ()

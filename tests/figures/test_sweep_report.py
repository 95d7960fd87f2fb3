"""The report on a sweep: what its charts hold, its page, its figures and its tables."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser

import pandas
import pytest

from lipexplore.experiments.questions import questions
from lipexplore.experiments.report_tables import NOT_VERIFIED
from lipexplore.experiments.sweep import sweep
from lipexplore.figures.charts import Axis
from lipexplore.figures.charts_plotly import plotly_json
from lipexplore.figures.charts_print import drawn, pdf_bytes
from lipexplore.figures.charts_svg import svg_of
from lipexplore.figures.sweep_growth import degree_chart, growth_charts, slug
from lipexplore.figures.sweep_questions import question_chart
from lipexplore.figures.sweep_ratios import ratio_chart, ratios
from lipexplore.figures.sweep_report import write_report
from lipexplore.figures.sweep_tables import failures_table, questions_table, results_table
from lipexplore.networks.generators import random_banded, random_dense
from tests.experiments.store_rows import row

METHODS = (
    *("norm-product", "path", "frobenius"),
    *(("lipopt-lp", {"degree": degree}) for degree in (2, 3)),
    ("sampled-gradient", {"points": 50}),
)
NETWORKS = [
    *(random_dense((3, width, 1), seed) for width in (3, 4) for seed in (0, 1)),
    random_banded((4, 4, 1), 1, 0),
    random_dense((4, 4, 1), 0),
]


@pytest.fixture(scope="module")
def table():
    return sweep(NETWORKS, METHODS, norms=["linf", "l2"])


@pytest.fixture(scope="module")
def found(table):
    return questions(table)


@pytest.fixture(scope="module")
def small(table):
    """Two networks that differ in width, one norm: few figures, of every kind."""
    names = ("dense 3-3-1 seed 0", "dense 4-4-1 seed 0")
    return table[(table.norm == "linf") & table.network.isin(names)]


@pytest.fixture(scope="module")
def report(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(small, folder)
    return folder


def points(chart):
    return [
        (x, y)
        for item in chart.series
        for x, y in zip(item.x, item.y, strict=True)
        if not math.isnan(y)
    ]


def test_each_question_has_its_own_rows_on_its_axis(found, table):
    for question in found:
        chart = question_chart(question)
        mine = table[
            (table.network_hash == question.rows[0]["network_hash"])
            & (table.norm == question.norm)
            & ~table.failed
        ]
        ends = sorted(
            v if math.isfinite(v) else w for v, w in zip(mine.value, mine.lower, strict=True)
        )
        assert sorted(y for _, y in points(chart)) == ends
        best = mine[mine.lower_of == "L"].lower.max()
        assert [level.y for level in chart.levels] == [best]


def test_ratios_are_upper_over_the_question_s_own_lower_bound(found, table):
    finite = table[table.value < math.inf]
    floors = table.groupby(["network_hash", "norm"]).lower.max()
    expected = sorted(
        r.value / floors[r.network_hash, r.norm] for r in finite.itertuples() if not r.failed
    )
    assert sorted(r.value for r in ratios(found)) == pytest.approx(expected, rel=1e-12)
    assert min(r.value for r in ratios(found)) >= 1.0


def test_ratio_chart_has_a_strip_per_method_of_one_norm(found):
    chart = ratio_chart(found, "linf")
    assert [label.rpartition(" (")[0] for label in chart.y.labels] == [
        *("LiPopt LP, degree 3", "LiPopt LP, degree 2", "path bound", "norm product"),
    ]
    assert len(chart.series) == 2 * len(chart.y.labels)
    for place in range(len(chart.y.labels)):
        strip, box = chart.series[place], chart.series[place + len(chart.y.labels)]
        assert all(abs(y - place) < 0.5 for y in strip.y)
        assert min(strip.x) <= min(box.x) <= max(box.x) <= max(strip.x)
        assert all(text.endswith("output 0") for text in strip.hover)
    assert ratio_chart(found, "l1") is None


def test_degree_lines_join_one_question_each(found):
    chart = degree_chart(found, "linf")
    for item in chart.series:
        assert item.joined
        lines = "".join(
            "|" if math.isnan(y) else f"{x:g}" for x, y in zip(item.x, item.y, strict=True)
        )
        assert set(lines.strip("|").split("|")) == {"23"}
    asked = [q for q in found if q.norm == "linf"]
    assert sum(math.isnan(y) for item in chart.series for y in item.y) == len(asked)


def test_growth_follows_width_and_density_of_drawn_networks(found):
    charts = {chart.name: chart for chart in growth_charts(found)}
    assert len(charts) == len(growth_charts(found))
    for chart in charts.values():
        assert len({x for x, _ in points(chart)}) >= 2
        assert "ℓ₂" in chart.title or "ℓ∞" in chart.title
    dense = [q for q in found if q.norm == "linf" and q.widths == (3, 4, 1)]
    product = charts[slug("Tightness against width: dense, 1 hidden, ℓ∞, whole space")].series[0]
    both = sorted(r.value for r in ratios(dense) if r.bound.method == "norm-product")
    square = [q for q in found if q.widths == (4, 4, 1) and q.density == 1.0 and q.norm == "linf"]
    wide = [r.value for r in ratios(square) if r.bound.method == "norm-product"]
    values = sorted([*both, *wide])
    assert product.y[product.x.index(4.0)] == pytest.approx(values[1])


def test_three_renderings_show_the_same_points(found):
    chart = question_chart(found[0])
    plot = json.loads(plotly_json(chart))
    assert sum(len(trace["x"]) for trace in plot["data"]) == len(points(chart))
    svg = svg_of(chart)
    assert svg.count("<use ") == len(points(chart)) + len(chart.series)
    axes = drawn(chart).axes[0]
    lines = [line for line in axes.lines if line.get_transform() == axes.transData]
    assert sum(len(line.get_xdata()) for line in lines) == len(points(chart))
    for item in chart.series:
        assert item.name in {trace["name"] for trace in plot["data"]}
        assert item.name in {text.get_text() for text in axes.texts}
        assert item.name.split(" (")[0] in svg


@pytest.mark.parametrize("values", [[1.0], [1.0, 1.0001], [1e-9, 1e9], [3.0, 700.0]])
def test_axes_hold_what_they_draw_and_have_ticks(values):
    for axis in (Axis("", log=True), Axis("", log=True, durations=True), Axis("")):
        low, high, ticks = axis.scale(values)
        assert all(low < axis.position(value) < high for value in values)
        assert all(low - 1e-9 <= axis.position(tick) <= high + 1e-9 for tick, _ in ticks)
        assert axis.durations or ticks


def test_pdf_has_its_fonts_and_no_date(found):
    charts = [question_chart(found[0])]
    first, second = pdf_bytes(charts), pdf_bytes(charts)
    assert first == second
    assert first.startswith(b"%PDF")
    assert b"/CreationDate" not in first
    assert b"/FontFile2" in first
    assert b"/Type3" not in first


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.addresses, self.scripts, self.open = set(), [], [], []
        self.meta, self.words = {}, ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.ids.add(named.get("id"))
        self.addresses += [v for k, v in attrs if k in ("href", "src", "action", "data", "poster")]
        assert not any(name.startswith("on") for name in named)
        if tag == "meta":
            self.meta[named.get("http-equiv", "")] = named.get("content")
        if tag not in ("meta", "br", "path", "line", "use"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.addresses += [v for k, v in attrs if k == "href"]
        self.ids.add(dict(attrs).get("id"))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.words += data


def test_page_is_one_file_that_asks_no_host(report):
    page = Page((report / "report.html").read_text(encoding="utf-8"))
    assert page.addresses
    assert all(address.startswith("#") for address in page.addresses)
    assert {address[1:] for address in page.addresses} <= page.ids
    policy = page.meta["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "connect-src" not in policy
    assert "'unsafe-eval'" not in policy
    assert "http" not in policy


def test_page_tells_every_bound_rounded_outward(report, small):
    words = Page((report / "report.html").read_text(encoding="utf-8")).words
    upper = [float(text) for text in re.findall(r"P\* ≤ ([\d.]+)", words)]
    for value in small.value[small.value < math.inf]:
        assert any(value <= shown <= value * (1 + 1e-5) for shown in upper)
    lower = [float(text) for text in re.findall(r"L ≥ ([\d.]+)", words)]
    for value in small.lower[small.lower > 0.0]:
        assert any(value * (1 - 1e-5) <= shown <= value for shown in lower)
    assert "L ≤ P*" in words
    assert all(reason in words for reason in small[small.failed].status)


def test_every_figure_and_table_has_its_file(report, small):
    asked = questions(small)
    text = (report / "report.html").read_text(encoding="utf-8")
    figures = set(re.findall(r'<figure id="figure-([^"]+)"', text))
    assert figures == {path.stem for path in (report / "figures").glob("*.pdf")}
    assert {q.name for q in asked} <= figures
    tables = {path.stem for path in (report / "tables").glob("*.tex")}
    assert {"methods", "questions", "failures", "origins", *(q.name for q in asked)} == tables
    assert len(pandas.read_csv(report / "table.csv")) == len(small) == 2 * len(METHODS)


def test_report_is_the_same_for_the_same_rows(report, small, tmp_path):
    write_report(small, tmp_path)
    for path in sorted(report.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(report)).read_bytes(), path


def test_failures_have_their_reason_once(found, table):
    rows = failures_table(found).rows
    assert len(rows) == 1
    assert "linf" in rows[0][2]
    assert int(rows[0][3]) == int(table.failed.sum()) == len(NETWORKS)


def test_not_verified_is_marked_and_not_drawn(tmp_path):
    (question,) = questions(
        pandas.DataFrame([row(1), row(1, run="x", verified=False, method="path")])
    )
    assert [r[3] for r in results_table(question).rows] == ["yes", NOT_VERIFIED]
    assert len(points(question_chart(question))) == 1
    page = write_report(pandas.DataFrame([row(1, verified=False)]), tmp_path)
    assert "NOT VERIFIED: 1 runs" in page.read_text(encoding="utf-8")


def test_a_contradiction_is_told(tmp_path):
    rows = [row(1, value=1.0), row(1, run="x", method="gradient-ascent", value=math.inf, lower=2.0)]
    page = write_report(pandas.DataFrame(rows), tmp_path)
    assert "A lower bound exceeds an upper bound in net 1" in page.read_text(encoding="utf-8")


def test_questions_without_a_lower_bound_have_no_ratio(tmp_path):
    rows = pandas.DataFrame([row(1)])
    (line,) = questions_table(questions(rows)).rows
    assert line[5] == "–"
    page = write_report(rows, tmp_path).read_text(encoding="utf-8")
    assert "add sampled-gradient" in page


def test_many_questions_share_a_pdf_a_page_each(tmp_path, monkeypatch):
    monkeypatch.setattr("lipexplore.figures.sweep_report.SEPARATE", 2)
    rows = [row(1, run=str(i), network_hash=f"{i:064x}") for i in range(3)]
    write_report(pandas.DataFrame(rows), tmp_path)
    pages = (tmp_path / "figures/questions.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", pages)) == 3

"""Reports, tables for other programs, and two runs side by side."""

from __future__ import annotations

import builtins
import csv
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from lipexplore.bounds import Bound, bound
from lipexplore.errors import LipexploreError
from lipexplore.experiments.difference import difference, same_question
from lipexplore.experiments.export import csv_text, latex_text, parquet_bytes
from lipexplore.experiments.report import Section, report_html
from lipexplore.networks.generators import random_dense
from lipexplore.regions import Ball

NETWORK = random_dense((5, 4, 2), seed=1)
FAILED = Bound(math.inf, 0.0, "upper", "P*", "L", "path", False, "failed: <a & b>")


@pytest.fixture(scope="module")
def bounds():
    region = Ball(np.zeros(5), 0.5)
    names = ("norm-product", "path", "interval-jacobian", "sampled-gradient", "vertex-search")
    return [
        *(bound(NETWORK, name, region=region) for name in names),
        bound(NETWORK, "lipopt-lp", region=region, degree=2),
    ]


class Tags(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.text, self._open = [], [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href", "action")]
        if tag not in ("meta", "br", "link"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_report_is_one_small_file_that_loads_nothing(bounds):
    from lipexplore.figures.print import svg_text

    section = Section("the question", "what is proven", bounds, svg_text(bounds), "code <&>")
    text = report_html([section, replace(section, title="another")])
    page = Tags(text)
    assert "script" not in page.tags
    assert page.tags.count("svg") == 2
    assert all(link.startswith("#") for link in page.links)
    assert "default-src 'none'" in text
    assert not re.search(r"url\((?!#)", text)
    assert "@import" not in text
    assert len(text.encode()) < 300_000
    assert not re.search(r"20\d\d-\d\d-\d\d", text), "a date would change the bytes"


def test_report_is_the_same_for_the_same_rows(bounds):
    from lipexplore.figures.print import svg_text

    first, second = (
        report_html([Section("q", "s", bounds, svg_text(bounds), "c")]) for _ in range(2)
    )
    assert first == second


def test_report_tells_each_number_settings_and_what_failed(bounds):
    text = report_html([Section("q <1>", "s", [*bounds, FAILED])])
    words = " ".join(Tags(text).text)
    for item in bounds:
        if math.isfinite(item.value):
            shown = re.findall(rf"{re.escape(item.of)} ≤ ([\d.e+-]+)", words)
            assert any(item.value <= float(number) <= item.value * 1.0001 for number in shown)
        if item.lower > 0.0:
            shown = re.findall(rf"{re.escape(item.lower_of)} ≥ ([\d.e+-]+)", words)
            assert any(item.lower >= float(number) >= item.lower * 0.9999 for number in shown)
    for part in ("q <1>", "failed: <a & b>", "degree 2", NETWORK.content_hash, "linf", "numpy"):
        assert part in words


def test_empty_report_says_so():
    assert "No runs." in report_html([])


def test_csv_holds_every_field_exactly(bounds):
    rows = list(csv.DictReader(io.StringIO(csv_text([*bounds, FAILED]))))
    assert len(rows) == len(bounds) + 1
    for row, item in zip(rows, bounds, strict=False):
        assert float(row["lower"]) == item.lower
        assert row["value"] == "" if math.isinf(item.value) else float(row["value"]) == item.value
        assert json.loads(row["settings"]) == dict(item.settings)
        assert json.loads(row["region"])["radius"] == 0.5
        assert row["network_hash"] == NETWORK.content_hash
    assert rows[-1]["value"] == ""
    assert csv_text([]).strip() == ""


def test_latex_rounds_outward_and_escapes(bounds):
    text = latex_text([*bounds, FAILED])
    lines = [line for line in text.splitlines() if "&" in line][1:]
    assert len(lines) == len(bounds) + 1
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    for line, item in zip(lines, bounds, strict=False):
        assert line.count("&") == 4
        assert line.endswith(r"\\")
        upper, lower = re.search(r"\\le ([\d.]+)", line), re.search(r"\\ge ([\d.]+)", line)
        assert (upper is None) == math.isinf(item.value)
        assert upper is None or float(upper[1]) >= item.value
        assert lower is None or 0.0 < float(lower[1]) <= item.lower
    assert r"\%" not in text


def test_parquet_or_what_to_install(bounds, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.partition(".")[0] == "pyarrow":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(LipexploreError, match="install it"):
        parquet_bytes(bounds)


def test_parquet_is_read_back(bounds):
    pytest.importorskip("pyarrow")
    import pandas

    table = pandas.read_parquet(io.BytesIO(parquet_bytes(bounds)))
    assert table["lower"].tolist() == [item.lower for item in bounds]


def test_difference_names_what_differs_and_gives_ratios(bounds):
    first, second = bounds[0], bounds[-1]
    assert same_question(first, second)
    lines = {line.name: line for line in difference(first, second)}
    assert (lines["method"].first, lines["method"].second) == ("norm-product", "lipopt-lp")
    assert lines["degree"].second == "2"
    assert "norm" not in lines
    assert lines["upper bound"].ratio == second.value / first.value
    assert lines["upper bound"].first.startswith("P* ≤ ")
    assert lines["columns"].second == f"{second.size['columns']:,}"
    assert lines["columns"].ratio is None


def test_equal_runs_differ_in_nothing(bounds):
    lines = difference(bounds[1], bounds[1])
    assert [line.name for line in lines][:2] == ["upper bound", "lower bound"]
    assert {line.ratio for line in lines} <= {1.0, None}


@pytest.mark.parametrize(
    "change",
    [
        {"norm": "l2"},
        {"output": 1},
        {"minus": 1},
        {"layers": (1, 1)},
        {"network_hash": "0" * 64},
        {"region": Ball(np.full(5, 1e-9), 0.5).to_dict()},
    ],
)
def test_bounds_of_different_questions_have_no_ratio(bounds, change):
    other = replace(bounds[0], **change)
    assert not same_question(bounds[0], other)
    lines = {line.name: line for line in difference(bounds[0], other)}
    assert lines["upper bound"].ratio is None
    assert next(iter(change)).replace("_", " ") in lines

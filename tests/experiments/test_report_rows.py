"""Rows by question, as bounds again, and their tables as HTML, LaTeX and Markdown."""

from __future__ import annotations

import json
import math
import re
from itertools import combinations

import pandas
import pytest

from lipexplore.experiments.questions import bound_of, questions
from lipexplore.experiments.report_tables import NOT_VERIFIED, Table, latex_words
from lipexplore.experiments.store_schema import QUESTION
from tests.experiments.store_rows import row


def table(*rows):
    return pandas.DataFrame(rows)


def test_questions_split_the_rows_by_constant():
    rows = [row(number) for number in range(60)]
    found = questions(table(*rows))
    assert sum(len(question.rows) for question in found) == 60
    keys = [
        {tuple(str(r[name]) for name in ("network_hash", "norm")) for r in q.rows} for q in found
    ]
    assert all(len(key) == 1 for key in keys)
    assert all(one.isdisjoint(other) for one, other in combinations(keys, 2))
    assert sum(len(question.failures) for question in found) == sum(r["failed"] for r in rows)


@pytest.mark.parametrize(
    "change",
    [
        {"network_hash": "f" * 64},
        {"region_hash": "f" * 16},
        {"norm": "l1"},
        {"output": 1},
        {"minus": 2},
        {"layers": "[1, 2]"},
        {"output_norm": "linf"},
    ],
)
def test_every_column_of_the_question_counts(change):
    first = row(1, minus=None, layers=None, output_norm=None)
    assert set(change) <= set(QUESTION)
    assert len(questions(table(first, first | change))) == 2
    assert len(questions(table(first, first | {"method": "path", "value": 9.0}))) == 1


def test_a_row_is_the_bound_it_was_made_from():
    from lipexplore.bounds import bound
    from lipexplore.experiments.sweep import sweep
    from lipexplore.networks.generators import random_dense

    network = random_dense((4, 3, 1), seed=1)
    kept = sweep(network, [("lipopt-lp", {"degree": 3})])
    (question,) = questions(kept)
    (again,) = question.bounds
    fresh = bound(network, "lipopt-lp", degree=3)
    for name in ("value", "lower", "of", "lower_of", "method", "verified", "norm", "network_hash"):
        assert getattr(again, name) == getattr(fresh, name)
    assert dict(again.settings) == dict(fresh.settings)
    assert dict(again.size) == dict(fresh.size)
    assert (question.widths, question.density, question.family) == ((4, 3, 1), 1.0, "dense 4-3-1")
    assert question.generated


def test_what_is_not_verified_proves_nothing():
    loose = bound_of(row(1, value=0.5, lower=0.4, verified=False))
    assert (loose.value, loose.lower) == (math.inf, 0.0)
    (question,) = questions(table(row(1), row(1, value=0.5, lower=9.0, verified=False)))
    assert question.ceiling == row(1)["value"]
    assert question.floor == 0.0


def test_missing_numbers_are_not_bounds():
    none = bound_of(row(1, value=None, lower=None, solver_value=None, residual=None))
    assert (none.value, none.lower) == (math.inf, 0.0)
    assert math.isnan(none.residual)


def test_a_method_of_a_later_version_is_told_and_not_drawn():
    (question,) = questions(table(row(1), row(1, method="from-the-future")))
    assert len(question.bounds) == 1
    assert [r["method"] for r in question.failures] == ["from-the-future"]


ODD = Table(
    "odd",
    "100 % of a_b & more: ℓ∞ ≤ 2",
    ("x_1 & y", "number"),
    [["50 % of #1 {a} \\ ~ ^ $", "P* ≤ 1.5"], [("a <b>", "there"), NOT_VERIFIED], ["é", "–"]],
    frozenset({1}),
)


def test_latex_needs_no_package_and_is_balanced():
    text = ODD.latex()
    assert text.isascii()
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(body) == 1 + len(ODD.rows)
    for line in body:
        assert len(re.findall(r"(?<!\\)&", line)) == 1
        bare = re.sub(r"\\[\\{}$%&#_]", "", line)
        assert bare.count("{") == bare.count("}")
        assert bare.count("$") % 2 == 0
        assert not re.search(r"[%#_~]", re.sub(r"\$[^$]*\$", "", bare))
    assert text.count(r"\begin{tabular}{lr}") == text.count(r"\end{tabular}") == 1
    assert text.count(r"\hline") == 3
    commands = set(re.findall(r"\\([a-z]+)", text))
    assert commands <= {
        *("begin", "end", "hline", "le", "ge", "ell", "infty", "times"),
        *("textbackslash", "textasciitilde", "textasciicircum"),
    }


def test_latex_words_are_ascii_whatever_comes():
    assert latex_words("ℓ₂ ≥ µ × 五") == r"$\ell$$_2$ $\ge$ $\mu$ $\times$ ?"


def test_html_escapes_links_and_marks():
    text = ODD.html()
    assert '<a href="#there">a &lt;b&gt;</a>' in text
    assert f'<td class="no">{NOT_VERIFIED}</td>' in text
    assert text.index("<caption>") < text.index("<thead>")
    assert '<td class="n">P* ≤ 1.5</td>' in text


def test_markdown_has_as_many_bars_in_every_line():
    lines = Table("t", "c", ("a", "b"), [["1|2", "3"]], frozenset({1})).markdown().splitlines()
    assert lines == ["| a | b |", "| --- | ---: |", r"| 1\|2 | 3 |"]


def test_settings_of_rows_are_json():
    assert json.loads(row(3)["settings"]) == {"number": 3}

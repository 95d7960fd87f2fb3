"""The tables of a report on a sweep: numbers rounded outward, each with its constant."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from lipexplore.bounds import Bound
from lipexplore.experiments.questions import Question, Row
from lipexplore.experiments.report_tables import NOT_VERIFIED, Table
from lipexplore.figures.comparable import summary
from lipexplore.figures.sweep_ratios import by_variant, variant
from lipexplore.figures.texts import lower_text, seconds_text, size_text, upper_text
from lipexplore.norms import Norm
from lipexplore.rounding import text_above, up

RESULTS = ("method", "upper bound", "lower bound", "verified", "seconds", "size", "status")


def results_table(question: Question) -> Table:
    """Return the finished runs of one question, the tightest upper bound first."""
    rows = [_result(bound) for bound in question.bounds]
    caption = f"Runs of {question.title}, by upper bound"
    return Table(question.name, caption, RESULTS, rows, frozenset({1, 2, 4}))


def questions_table(questions: Sequence[Question]) -> Table:
    """Return one row per question: what is proven about it, by which method."""
    rows: list[list[str | tuple[str, str]]] = []
    for question in questions:
        best = summary(question.bounds)
        ratio = float(up(question.ceiling / question.floor)) if question.floor else math.inf
        rows.append(
            [
                (question.title, question.name),
                upper_text(best.l_upper) if best.l_upper else "–",
                variant(best.l_upper) if best.l_upper else "–",
                lower_text(best.l_lower) if best.l_lower else "–",
                variant(best.l_lower) if best.l_lower else "–",
                f"{text_above(ratio, 4)}" if math.isfinite(ratio) else "–",
                str(len(question.bounds)),
                str(len(question.failures)),
            ]
        )
    head = (
        "question",
        "best upper bound",
        "by",
        "best lower bound of L",
        "by",
        "ratio at most",
        "runs",
        "failed",
    )
    caption = "Every question, by network: the best that is proven about it"
    return Table("questions", caption, head, rows, frozenset({1, 3, 5, 6, 7}))


def methods_table(questions: Sequence[Question]) -> Table:
    """Return one row per norm and method: its ratios to the best lower bounds, and its times."""
    rows = []
    for norm in sorted({question.norm for question in questions}):
        chosen = [question for question in questions if question.norm == norm]
        for name, found in by_variant(chosen).items():
            values = [ratio.value for ratio in found]
            seconds = [ratio.bound.seconds for ratio in found]
            rows.append(
                [
                    Norm.parse(norm).symbol,
                    name,
                    str(len(found)),
                    *(text_above(value, 4) for value in (min(values), median(values), max(values))),
                    seconds_text(median(seconds)),
                    seconds_text(max(seconds)),
                ]
            )
    head = ("norm", "method", "bounds", "least", "median", "largest", "median time", "longest time")
    caption = (
        "Upper bounds over the best lower bound of L of their own question, by norm and method: "
        "1 is tight; methods with other questions behind them are not compared by it"
    )
    return Table("methods", caption, head, rows, frozenset(range(2, 8)))


def failures_table(questions: Sequence[Question]) -> Table:
    """Return the runs without an answer and the reason of each, equal ones counted."""
    counted: Counter[tuple[str, str, str]] = Counter()
    names: dict[tuple[str, str, str], str] = {}
    for question in questions:
        for row in question.failures:
            key = (str(row["label"]), _settings(row), str(row["status"]))
            counted[key] += 1
            names.setdefault(key, question.title)
    rows = [
        [label, settings, reason, str(count), names[label, settings, reason]]
        for (label, settings, reason), count in sorted(counted.items())
    ]
    head = ("method", "settings", "reason", "runs", "one of them")
    return Table("failures", "Runs without an answer, by method", head, rows, frozenset({3}))


def origins_table(rows: Iterable[Row]) -> Table:
    """Return the machines and the package versions that the runs come from."""
    counted = Counter((str(row.get("machine")), str(row["versions"])) for row in rows)
    lines = [
        [str(count), _facts(machine), _facts(versions)]
        for (machine, versions), count in counted.most_common()
    ]
    caption = "Where the runs come from, by number of runs"
    return Table("origins", caption, ("runs", "machine", "versions"), lines, frozenset({0}))


def _result(bound: Bound) -> list[str]:
    return [
        variant(bound),
        upper_text(bound),
        lower_text(bound),
        "yes" if bound.verified else NOT_VERIFIED,
        f"{bound.seconds:.3g}",
        size_text(bound),
        bound.status,
    ]


def _settings(row: Row) -> str:
    settings = json.loads(row["settings"])
    return ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)


def _facts(text: str) -> str:
    try:
        facts = json.loads(text)
    except ValueError:
        return "not recorded"
    return ", ".join(f"{name} {value}" for name, value in facts.items())

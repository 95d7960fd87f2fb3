"""Whether the rows of an experiment have the shape that a paper claims, with the numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from lipexplore.bounds import Bound
from lipexplore.experiments.questions import Question
from lipexplore.rounding import text_above, text_below

Which = tuple[str, int | None]
"""A method and its degree; without a degree the tightest run of the method counts."""

GROWTH = 1.1
"""A median that grows by less than this factor is not called growth."""
SLACK = 1e-5
"""Relative difference up to which two bounds are called equal: less than solvers leave open."""


@dataclass(frozen=True)
class Verdict:
    """Whether the shape is seen (None: not decided) and the numbers that say so."""

    seen: bool | None
    numbers: str

    @property
    def words(self) -> str:
        """The verdict in words."""
        return {True: "shape seen", False: "shape not seen", None: "not decided"}[self.seen]


def never_above(first: Which, second: Which, questions: Sequence[Question]) -> Verdict:
    """Compare two bounds per question: the first is never above the second."""
    return within(first, second, 1.0, questions)


def within(first: Which, second: Which, factor: float, questions: Sequence[Question]) -> Verdict:
    """Compare two bounds per question: the first is at most ``factor`` times the second."""
    ratios = _ratios(first, second, questions)
    if not ratios:
        return _missing(first, second, questions)
    good = sum(ratio <= factor * (1.0 + SLACK) for ratio in ratios)
    failed = _asked(first, second, questions) - len(ratios)
    return Verdict(
        None if failed and good == len(ratios) else good == len(ratios),
        f"{_name(first)} over {_name(second)}: {good} of {len(ratios)} at most {factor:g}, "
        f"median {text_above(median(ratios))}, largest {text_above(max(ratios))}" + _absent(failed),
    )


def where_sparse(
    percent: float,
    verdict: Callable[[Sequence[Question]], Verdict],
    questions: Sequence[Question],
) -> Verdict:
    """Ask only about networks of which at most so many percent of the weights are not zero."""
    return verdict([question for question in questions if 100.0 * question.density <= percent])


def ratio_at_least(
    first: Which, second: Which, factor: float, questions: Sequence[Question]
) -> Verdict:
    """Compare two bounds per question: the first is at least ``factor`` times the second."""
    ratios = _ratios(first, second, questions)
    if not ratios:
        return _missing(first, second, questions)
    good = sum(ratio >= factor for ratio in ratios)
    failed = _asked(first, second, questions) - len(ratios)
    return Verdict(
        None if failed and good == len(ratios) else good == len(ratios),
        f"{_name(first)} over {_name(second)}: {good} of {len(ratios)} at least {factor:g}, "
        f"median {text_below(median(ratios))}, smallest {text_below(min(ratios))}"
        + _absent(failed),
    )


def factor_grows(
    first: Which,
    second: Which,
    x_of: Callable[[Question], float],
    questions: Sequence[Question],
    *,
    ends_above: float = 0.0,
) -> Verdict:
    """Compare medians of the ratio of two bounds at the smallest and at the largest x."""

    def ratio(question: Question) -> float | None:
        one, other = tightest(question, first), tightest(question, second)
        return one.value / other.value if one and other else None

    medians = _medians(questions, x_of, ratio)
    if len(medians) < 2:
        return _missing(first, second, questions)
    low, high = medians[min(medians)], medians[max(medians)]
    return Verdict(
        high >= GROWTH * low and high > ends_above,
        f"{_name(first)} over {_name(second)}, medians: {_listed(medians)}"
        + _absent(_asked(first, second, questions) - len(_ratios(first, second, questions))),
    )


def seconds_follow(
    first: Which,
    second: Which,
    x_of: Callable[[Question], float],
    questions: Sequence[Question],
) -> Verdict:
    """Compare run times from the smallest to the largest x: the first grows, the second less."""
    columns = []
    for which in (first, second):

        def seconds(question: Question, which: Which = which) -> float | None:
            found = tightest(question, which)
            return found.seconds if found else None

        columns.append(_medians(questions, x_of, seconds))
    if min(len(column) for column in columns) < 2:
        return _missing(first, second, questions)
    growth = [column[max(column)] / column[min(column)] for column in columns]
    return Verdict(
        growth[0] >= 2.0 and growth[0] >= 2.0 * growth[1],
        "; ".join(
            f"{_name(which)} takes {factor:.3g} times longer from {min(column):g} to "
            f"{max(column):g} ({column[min(column)]:.2g} s to {column[max(column)]:.2g} s)"
            for which, factor, column in zip((first, second), growth, columns, strict=True)
        ),
    )


def grows(
    which: Which, x_of: Callable[[Question], float], questions: Sequence[Question]
) -> Verdict:
    """Compare medians of a bound along x: none below the one before, the last above the first."""

    def value(question: Question) -> float | None:
        found = tightest(question, which)
        return found.value if found else None

    medians = _medians(questions, x_of, value)
    if len(medians) < 2:
        return _missing(which, which, questions)
    heights = [medians[x] for x in sorted(medians)]
    rising = all(b >= a * (1.0 - SLACK) for a, b in pairwise(heights))
    return Verdict(
        rising and heights[-1] >= GROWTH * heights[0],
        f"{_name(which)}, medians: {_listed(medians)}"
        + _absent(_asked(which, which, questions) - len(_ratios(which, which, questions))),
    )


def tightest(question: Question, which: Which) -> Bound | None:
    """Return the tightest proven upper bound by a method and degree, None without one."""
    method, degree = which
    found = [
        bound
        for bound in question.bounds
        if bound.method == method
        and math.isfinite(bound.value)
        and degree in (None, bound.settings.get("degree"), bound.size.get("degree"))
    ]
    return min(found, key=lambda bound: bound.value, default=None)


def _ratios(first: Which, second: Which, questions: Sequence[Question]) -> list[float]:
    pairs = ((tightest(question, first), tightest(question, second)) for question in questions)
    return [one.value / other.value for one, other in pairs if one and other]


def _medians(
    questions: Sequence[Question],
    x_of: Callable[[Question], float],
    quantity: Callable[[Question], float | None],
) -> Mapping[float, float]:
    columns: dict[float, list[float]] = {}
    for question in questions:
        found = quantity(question)
        if found is not None:
            columns.setdefault(x_of(question), []).append(found)
    return {x: median(columns[x]) for x in sorted(columns)}


def _asked(first: Which, second: Which, questions: Sequence[Question]) -> int:
    """Return the number of questions with runs of both, failures among them."""

    def has(question: Question, which: Which) -> bool:
        runs = ((row["method"], json.loads(row["settings"])) for row in question.rows)
        method, degree = which
        return any(
            name == method and degree in (None, settings.get("degree")) for name, settings in runs
        )

    return sum(has(question, first) and has(question, second) for question in questions)


def _listed(medians: Mapping[float, float]) -> str:
    return ", ".join(f"{height:.4g} at {x:g}" for x, height in medians.items())


def _missing(first: Which, second: Which, questions: Sequence[Question]) -> Verdict:
    names = " and ".join(dict.fromkeys((_name(first), _name(second))))
    return Verdict(None, f"too few of {len(questions)} questions have rows of {names}")


def _absent(count: int) -> str:
    return f"; on {count} other questions a run failed" if count else ""


def _name(which: Which) -> str:
    method, degree = which
    return method if degree is None else f"{method} of degree {degree}"

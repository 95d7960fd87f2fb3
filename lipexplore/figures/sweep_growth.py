"""How tightness and run time go with the degree, the width and the sparsity of networks."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from statistics import median

from lipexplore.bounds import Bound
from lipexplore.experiments.questions import Question
from lipexplore.figures.charts import Axis, Chart, Series
from lipexplore.figures.palette import STYLES, Style
from lipexplore.figures.series import seconds_of
from lipexplore.figures.sweep_ratios import RATIO, Ratio, rank, ratios, variant
from lipexplore.figures.texts import degree_of
from lipexplore.norms import Norm
from lipexplore.rounding import text_above

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#888888")
_SYMBOLS = ("circle", "square", "diamond", "x", "star", "pentagon", "hexagon", "cross")
_DASHES = ("solid", "dash", "dot", "dashdot")


def degree_chart(questions: Sequence[Question], norm: str) -> Chart | None:
    """Draw the ratio over the degree, one line per question; families share colour and symbol."""
    lines: dict[str, list[list[Ratio]]] = {}
    for question in questions:
        if question.norm == norm:
            for name, line in _lines_of(question):
                lines.setdefault(name, []).append(line)
    if not lines:
        return None
    return Chart(
        name=f"degrees-{norm}",
        title=f"Tightness against the degree, input norm {Norm.parse(norm).symbol}",
        note="Each line is one question: the same method and settings at several degrees, over "
        "that question's best lower bound of L.",
        x=Axis("degree"),
        y=RATIO,
        series=[_family(turn, name, found) for turn, (name, found) in enumerate(lines.items())],
    )


def growth_charts(questions: Sequence[Question]) -> list[Chart]:
    """Draw ratio and run time over width and over density, where generated networks vary in it."""
    generated = [question for question in questions if question.generated]
    charts: list[Chart] = []
    for words, group in _by(generated, lambda q: f"{Norm.parse(q.norm).symbol}, {q.region}"):
        for kind, same in _by(group, lambda q: f"{_kind(q)}, {len(q.widths) - 2} hidden"):
            charts += _pair(same, _width, "units of the widest layer", f"{kind}, {words}")
        for widths, same in _by(group, lambda q: "-".join(map(str, q.widths))):
            charts += _pair(same, _density, "share of non-zero weights", f"{widths}, {words}")
    return charts


def curve_chart(
    name: str,
    title: str,
    questions: Sequence[Question],
    x_of: Callable[[Question], float],
    x_title: str,
    *,
    seconds: bool = False,
) -> Chart:
    """Draw one line per method through the medians over the questions with the same x.

    Seconds may be compared between questions, bounds only over their own lower bound.
    """
    points: dict[str, dict[float, list[tuple[float, Bound, str]]]] = {}
    for question in questions:
        for height, bound, text in _heights(question, seconds=seconds):
            column = points.setdefault(variant(bound), {})
            column.setdefault(x_of(question), []).append((height, bound, text))

    def order(method: str) -> tuple[int, int, str]:
        return rank(next(iter(points[method].values()))[0][1])

    return Chart(
        name=name,
        title=title,
        note="Medians over the networks of one x that have the bound. Methods of which some runs "
        "failed have fewer points.",
        x=Axis(x_title),
        y=Axis("run time", log=True, durations=True) if seconds else RATIO,
        series=[_curve(method, points[method]) for method in sorted(points, key=order)],
    )


def _curve(name: str, column: Mapping[float, list[tuple[float, Bound, str]]]) -> Series:
    places = sorted(column)
    style = STYLES[next(iter(column.values()))[0][1].method]
    degree = degree_of(column[places[0]][0][1])
    if degree is not None:
        style = Style(style.colour, _SYMBOLS[degree % len(_SYMBOLS)], _DASHES[degree % 4])
    middles = [median(height for height, _, _ in column[x]) for x in places]
    hover = [
        f"{name}: median {text_above(middle, 4)} of {len(column[x])}<br>{column[x][0][2]}"
        for x, middle in zip(places, middles, strict=True)
    ]
    return Series(name, style, places, middles, hover, joined=True)


def _heights(question: Question, *, seconds: bool) -> Iterator[tuple[float, Bound, str]]:
    if seconds:
        for bound in question.bounds:
            if math.isfinite(bound.value):
                yield seconds_of(bound), bound, question.title
    else:
        for ratio in ratios([question]):
            yield ratio.value, ratio.bound, ratio.hover


def _pair(
    same: Sequence[Question], x_of: Callable[[Question], float], x_title: str, words: str
) -> Iterator[Chart]:
    if len({x_of(question) for question in same}) < 2:
        return
    what = "width" if x_of is _width else "density"
    for seconds, start in ((False, "Tightness"), (True, "Run time")):
        title = f"{start} against {what}: {words}"
        yield curve_chart(slug(title), title, same, x_of, x_title, seconds=seconds)


def slug(title: str) -> str:
    """Return a title as the name of a file.

    >>> slug("Run time against width: dense, ℓ∞")
    'run-time-against-width-dense-linf'
    """
    plain = title.lower().replace("ℓ", "l").replace("∞", "inf").replace("₁", "1").replace("₂", "2")
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-")


def _lines_of(question: Question) -> Iterator[tuple[str, list[Ratio]]]:
    def key(ratio: Ratio) -> str:
        others = {k: v for k, v in ratio.bound.settings.items() if k != "degree"}
        return f"{ratio.bound.method} {sorted(others.items())}"

    having = [ratio for ratio in ratios([question]) if degree_of(ratio.bound) is not None]
    for _, group in groupby(sorted(having, key=key), key=key):
        line = sorted(group, key=lambda ratio: degree_of(ratio.bound) or 0)
        if len({degree_of(ratio.bound) for ratio in line}) > 1:
            family = f"{question.family}: {variant(line[0].bound).rpartition(', degree')[0]}"
            yield family, line


def _family(turn: int, name: str, lines: Sequence[Sequence[Ratio]]) -> Series:
    """Join the points of each question; NaN lies between two questions."""
    x, y, hover = [], [], []
    for line in lines:
        x += [float(degree_of(ratio.bound) or 0) for ratio in line]
        y += [ratio.value for ratio in line]
        hover += [ratio.hover for ratio in line]
        x, y, hover = [*x, x[-1]], [*y, math.nan], [*hover, ""]
    style = Style(_COLOURS[turn % len(_COLOURS)], _SYMBOLS[turn % len(_SYMBOLS)], _DASHES[turn % 4])
    return Series(name, style, x, y, hover, joined=True)


def _by(
    questions: Sequence[Question], key: Callable[[Question], str]
) -> Iterator[tuple[str, list[Question]]]:
    for name, group in groupby(sorted(questions, key=key), key=key):
        yield name, list(group)


def _kind(question: Question) -> str:
    """Return the family without its widths: "band 5"."""
    return " ".join(word for word in question.family.split() if "-" not in word)


def _width(question: Question) -> float:
    return float(max(question.widths[:-1]))


def _density(question: Question) -> float:
    return round(question.density, 2)

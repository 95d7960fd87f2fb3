"""Upper bounds of many questions, each over its own question's best lower bound of L."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median, quantiles
from typing import Final, NamedTuple

from lipexplore.bounds import METHODS, Bound
from lipexplore.experiments.questions import Question
from lipexplore.figures.charts import Axis, Chart, Series
from lipexplore.figures.palette import GREY, STYLES, Style
from lipexplore.figures.series import Scale, seconds_of, series_name
from lipexplore.figures.texts import degree_of, seconds_text
from lipexplore.norms import Norm
from lipexplore.rounding import text_above, up

RATIO: Final = Axis("upper bound / best lower bound of L", log=True)

_ORDER: Final = {method.name: index for index, method in enumerate(METHODS)}
_BOX: Final = Style(GREY, "square", "solid")
_SPREAD = 0.28
_FEWEST = 3


class Ratio(NamedTuple):
    """An upper bound over the best lower bound of L of its question: at least 1."""

    value: float
    bound: Bound
    question: Question

    @property
    def hover(self) -> str:
        """What a point says."""
        number = Scale("ratio", self.question.floor).text(self.bound.value)
        seconds = seconds_text(seconds_of(self.bound))
        return f"{number} in {seconds} by {variant(self.bound)}<br>{self.question.title}"


def variant(bound: Bound) -> str:
    """Return the method with its changed settings and degree."""
    degree = degree_of(bound)
    return series_name(bound) if degree is None else f"{series_name(bound)}, degree {degree}"


def ratios(questions: Sequence[Question]) -> Iterator[Ratio]:
    """Yield the ratio of every finite upper bound of questions with a lower bound of L."""
    for question in questions:
        floor = question.floor
        if floor > 0.0:
            for bound in question.bounds:
                if bound.value < float("inf"):
                    yield Ratio(float(up(bound.value / floor)), bound, question)


def by_variant(questions: Sequence[Question]) -> Mapping[str, list[Ratio]]:
    """Group the ratios by method, settings and degree, in the order of METHODS and degrees."""
    groups: dict[str, list[Ratio]] = {}
    for ratio in ratios(questions):
        groups.setdefault(variant(ratio.bound), []).append(ratio)

    return {name: groups[name] for name in sorted(groups, key=lambda n: rank(groups[n][0].bound))}


def rank(bound: Bound) -> tuple[int, int, str]:
    """Return a key that puts bounds into the order of METHODS and degrees."""
    return _ORDER[bound.method], degree_of(bound) or 0, variant(bound)


def ratio_chart(questions: Sequence[Question], norm: str) -> Chart | None:
    """Draw a strip of points per method for the questions of one norm; None without a ratio.

    The three squares on a strip of three points or more are its quartiles and its median.
    """
    chosen = [question for question in questions if question.norm == norm]
    groups = by_variant(chosen)
    if not groups:
        return None
    names = list(groups)[::-1]
    strips = [_strip(place, groups[name]) for place, name in enumerate(names)]
    boxes = [
        _box(place, [ratio.value for ratio in groups[name]])
        for place, name in enumerate(names)
        if len(groups[name]) >= _FEWEST
    ]
    compared = sum(question.floor > 0.0 for question in chosen)
    return Chart(
        name=f"ratios-{norm}",
        title=f"Tightness of every method, input norm {Norm.parse(norm).symbol}",
        note=f"Each point is one upper bound over the best lower bound of L of its own question "
        f"({compared} of {len(chosen)} questions have one); 1 is tight. Grey squares are quartiles "
        "and median of three or more. Methods that were run on different questions are not "
        "compared by it.",
        x=RATIO,
        y=Axis("", labels=[f"{name} ({len(groups[name])})" for name in names]),
        series=[*strips, *boxes],
    )


def _strip(place: int, found: Sequence[Ratio]) -> Series:
    # the golden ratio spreads any number of points evenly, without chance
    shares = [(index * 0.6180339887) % 1.0 for index in range(len(found))]
    return Series(
        name=variant(found[0].bound),
        style=STYLES[found[0].bound.method],
        x=[ratio.value for ratio in found],
        y=[round(place + _SPREAD * (2.0 * share - 1.0), 3) for share in shares],
        hover=[ratio.hover for ratio in found],
    )


def _box(place: int, values: Sequence[float]) -> Series:
    low, _, high = quantiles(values, n=4, method="inclusive")
    middle = median(values)
    text = ", ".join(
        f"{name} {text_above(value, 4)}"
        for name, value in (("median", middle), ("lower quartile", low), ("upper quartile", high))
    )
    return Series("", _BOX, [low, middle, high], [place] * 3, ["", text, ""], joined=True)

"""Bound against run time for one question of a sweep."""

from __future__ import annotations

import math

from lipexplore.bounds import method_class
from lipexplore.experiments.questions import Question
from lipexplore.figures.charts import Axis, Chart, Level, Series
from lipexplore.figures.palette import L_COLOUR, P_STAR_COLOUR, STYLES
from lipexplore.figures.series import (
    Point,
    Scale,
    drawable,
    end_of,
    floors,
    seconds_of,
    series,
    series_name,
)
from lipexplore.figures.traces import hover_text
from lipexplore.norms import Norm

_BOUND = Scale("bound")


def question_chart(question: Question) -> Chart:
    """Draw each proven bound over its run time, and the best lower ends as lines."""
    symbol = Norm.parse(question.norm).symbol
    points = drawable(question.bounds, _BOUND)
    left_out = len(question.rows) - len(points)
    without = f" Without a proven end, and not drawn: {left_out}." if left_out else ""
    return Chart(
        name=question.name,
        title=f"Bound against run time: {question.title}",
        note=f"Upper ends (≤) and lower ends (≥) that were proven, over their run time.{without}",
        x=Axis("run time", log=True, durations=True),
        y=Axis(f"bound ({symbol} norm)", log=True),
        series=[_series(group) for group in series(points)],
        levels=[
            Level(
                level,
                text,
                L_COLOUR if constant == "L" else P_STAR_COLOUR,
                "solid" if constant == "L" else "dash",
                text_below=constant == "L",
            )
            for constant, level, text in floors(question.bounds, _BOUND)
        ],
    )


def _series(group: list[Point]) -> Series:
    found = [bound for _, bound in group]
    first = found[0]
    upper = math.isfinite(first.value)
    both = upper and method_class(first.method).side == "interval"
    return Series(
        name=f"{series_name(first)} ({'≤' if upper else '≥'})",
        style=STYLES[first.method],
        x=[seconds_of(bound) for bound in found],
        y=[end_of(bound) for bound in found],
        hover=[hover_text(bound) for bound in found],
        joined=upper and len(found) > 1,
        lows=[bound.lower or bound.value for bound in found] if both else (),
    )

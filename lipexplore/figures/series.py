"""What the figures of bound against run time draw, whoever draws it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from lipexplore.bounds import METHODS, Bound, method_class
from lipexplore.errors import InvalidSetting
from lipexplore.figures.comparable import summary
from lipexplore.figures.texts import changed_settings, degree_of, short_label
from lipexplore.rounding import text_above, text_below, up

AxisName = Literal["bound", "gap", "ratio"]
AXES: tuple[AxisName, ...] = ("bound", "gap", "ratio")

SMALLEST_GAP = 1e-3
"""Gaps in percent below this are drawn here: a logarithmic axis has no zero."""
SHORTEST = 1e-5
_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
_ORDER = {method.name: index for index, method in enumerate(METHODS)}

Point = tuple[int, Bound]


@dataclass(frozen=True)
class Running:
    """The proven ends that a run which is not finished has reached."""

    method: str
    label: str
    seconds: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Scale:
    """A vertical axis: the bound itself, or its distance from the best lower bound of L."""

    name: AxisName
    reference: float = 1.0

    def __call__(self, value: float) -> float:
        """Return where ``value`` is drawn."""
        if self.name == "bound":
            return value
        if self.name == "ratio":
            return value / self.reference
        return max(100.0 * (value / self.reference - 1.0), SMALLEST_GAP)

    def shows(self, value: float) -> bool:
        """Tell whether a value has a place on the axis; a gap below the reference has none."""
        return 0.0 < value < math.inf and (self.name != "gap" or value >= self.reference)

    def text(self, value: float) -> str:
        """Return an upper end on this axis as a number rounded up."""
        if self.name == "bound":
            return text_above(value, 4)
        ratio = float(up(value / self.reference))
        if self.name == "ratio":
            return f"{text_above(ratio, 4)}×"
        gap = 100.0 * float(up(ratio - 1.0))
        return f"{text_above(gap, 2)} %" if gap > SMALLEST_GAP else f"< {SMALLEST_GAP} %"

    def title(self, symbol: str) -> str:
        """Return the axis title; ``symbol`` is that of the norm."""
        return {
            "bound": f"bound ({symbol} norm)",
            "gap": "gap to the lower bound of L (%)",
            "ratio": "ratio to the lower bound of L",
        }[self.name]


def scale_of(axis: AxisName, bounds: Sequence[Bound]) -> Scale:
    """Return the axis for bounds of one question.

    Raises
    ------
    InvalidSetting
        If a gap or a ratio is wanted and there is no lower bound of L.
    """
    if axis not in AXES:
        raise InvalidSetting(f"unknown axis {axis!r}: use {', '.join(AXES)}")
    if axis == "bound":
        return Scale(axis)
    lowest = summary(bounds).l_lower
    if lowest is None:
        raise InvalidSetting(
            "there is no lower bound of L to compare with yet: run sampled gradients or gradient "
            "ascent, or choose the axis 'bound'"
        )
    return Scale(axis, lowest.lower)


def drawable(bounds: Sequence[Bound], scale: Scale) -> list[Point]:
    """Return the bounds that have a place on the axis, with their index."""
    return [
        (index, item)
        for index, item in enumerate(bounds)
        if scale.shows(end_of(item)) and (scale.name != "gap" or math.isfinite(item.value))
    ]


def end_of(bound: Bound) -> float:
    """Return the end at which a bound is drawn: the upper one where there is one."""
    return bound.value if math.isfinite(bound.value) else bound.lower


def series(points: Sequence[Point]) -> Iterable[list[Point]]:
    """Group the points of one method and equal settings other than the degree, by degree."""

    def key(point: Point) -> tuple[int, str]:
        others = {k: v for k, v in point[1].settings.items() if k != "degree"}
        return _ORDER[point[1].method], repr(sorted(others.items()))

    for _, group in groupby(sorted(points, key=key), key=key):
        yield sorted(group, key=lambda point: degree_of(point[1]) or 0)


def series_name(bound: Bound) -> str:
    """Return the label, with the settings that are not the method's own."""
    return ", ".join([short_label(bound.method), *changed_settings(bound.method, bound.settings)])


def point_label(bound: Bound, scale: Scale) -> str:
    """Return what stands beside a point: an upper end as a number; lines name the lower ends."""
    if not math.isfinite(bound.value):
        return ""
    degree, value = degree_of(bound), scale.text(bound.value)
    exact = method_class(bound.method).side == "interval" and bound.lower > 0.0
    if degree is not None:
        return f"{value} (degree {degree})"
    return f"{value} (both ends)" if exact else value


def seconds_of(bound: Bound) -> float:
    """Return the run time, at least what the axis shows."""
    return max(bound.seconds, SHORTEST)


def floors(bounds: Sequence[Bound], scale: Scale) -> list[tuple[str, float, str]]:
    """Return the best lower ends as (constant, level, text) where the axis has a place."""
    best = summary(bounds)
    found = [item for item in (best.l_lower, best.p_star_lower) if item is not None]
    return [
        (item.lower_of, scale(item.lower), f"{item.lower_of} is at least {text_below(item.lower)}")
        for item in found
        if scale.name != "gap" or item.lower > scale.reference
    ]


def log_axis(
    values: Sequence[float], below: float, above: float
) -> tuple[list[float], list[float]]:
    """Return a range in powers of ten around the values, and round ticks inside it."""
    low, high = min(values) / below, max(values) * above
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = _STEPS if len(exponents) <= 4 else (1.0,)
    ticks = [step * 10.0**e for e in exponents for step in steps]
    return (
        [math.log10(low), math.log10(high)],
        [float(f"{tick:.3g}") for tick in ticks if low <= tick <= high],
    )


def time_tick(seconds: float) -> str:
    """Return a tick of the time axis."""
    if seconds < 0.999e-3:
        return f"{seconds * 1e6:g} µs"
    return f"{seconds * 1e3:g} ms" if seconds < 0.999 else f"{seconds:,g} s"

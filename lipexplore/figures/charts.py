"""What a chart of a table of sweeps holds, before it becomes plotly, SVG or PDF."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lipexplore.figures.palette import Style
from lipexplore.figures.series import log_axis, time_tick

Ticks = list[tuple[float, str]]

_BELOW, _ABOVE = 1.15, 1.2
_ROUND = (1.0, 2.0, 5.0, 10.0)
_FEWEST = 3


@dataclass(frozen=True)
class Series:
    """Points of one style and one entry of the legend; NaN in ``y`` interrupts a joined line.

    Parameters
    ----------
    hover
        One text per point; lines are separated by ``<br>``.
    joined
        Whether a line joins the points.
    lows
        How far a whisker reaches down from each point, empty for none.
    """

    name: str
    style: Style
    x: Sequence[float]
    y: Sequence[float]
    hover: Sequence[str] = ()
    joined: bool = False
    lows: Sequence[float] = ()


@dataclass(frozen=True)
class Level:
    """A horizontal line across the chart and what it says; texts of L stand below their line."""

    y: float
    text: str
    colour: str
    dash: str
    text_below: bool


@dataclass(frozen=True)
class Axis:
    """An axis; ``labels`` name the places 0, 1, 2, ... of categories, from below or left."""

    title: str
    log: bool = False
    durations: bool = False
    labels: Sequence[str] = ()

    def position(self, value: float) -> float:
        """Return where a value is on the drawn scale: its logarithm on a logarithmic axis."""
        return math.log10(value) if self.log else value

    def scale(self, values: Sequence[float]) -> tuple[float, float, Ticks]:
        """Return the first and last position drawn, and (value, text) of the ticks."""
        if self.labels:
            return -0.6, len(self.labels) - 0.4, list(map(_tick, enumerate(self.labels)))
        if self.log:
            room = (2.0, 4.0) if self.durations else (_BELOW, _ABOVE)
            (low, high), marks = log_axis(values or [1.0, 10.0], *room)
            if self.durations:
                marks = [mark for mark in marks if abs(math.log10(mark) % 1.0) < 1e-9]
                return low, high, [(mark, time_tick(mark)) for mark in marks]
            if len(marks) < _FEWEST:
                ends = 10.0**low, 10.0**high
                return (
                    low,
                    high,
                    [mark for mark in _linear(ends)[2] if ends[0] <= mark[0] <= ends[1]],
                )
            return low, high, [(mark, f"{mark:g}") for mark in marks]
        return _linear(values or [0.0, 1.0])


@dataclass(frozen=True)
class Chart:
    """A chart; ``name`` is that of its files, ``title`` and ``note`` say what it shows."""

    name: str
    title: str
    note: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    levels: Sequence[Level] = field(default=())

    @property
    def scales(self) -> tuple[tuple[float, float, Ticks], tuple[float, float, Ticks]]:
        """The scales of both axes, around all that is drawn."""
        across = [x for item in self.series for x in item.x]
        upward = [*self._heights(), *(level.y for level in self.levels)]
        return self.x.scale(across), self.y.scale(upward)

    def _heights(self) -> Iterator[float]:
        for item in self.series:
            yield from (y for y in item.y if not math.isnan(y))
            yield from item.lows


def _tick(numbered: tuple[int, str]) -> tuple[float, str]:
    return float(numbered[0]), numbered[1]


def _linear(values: Sequence[float]) -> tuple[float, float, Ticks]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.5
    rough = (high - low + 2.0 * room) / 6.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * size for size in _ROUND if power * size >= rough)
    if all(float(value).is_integer() for value in values):
        step = max(step, 1.0)
    first = math.ceil((low - room) / step)
    count = math.floor((high + room) / step) - first + 1
    marks = [(first + index) * step for index in range(count)]
    return low - room, high + room, [(mark, f"{mark:.6g}") for mark in marks]

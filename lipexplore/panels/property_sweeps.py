"""Sweeps over radii for the panel of properties: one step at a time, stopped at any time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lipexplore.errors import Cancelled, LipexploreError
from lipexplore.figures.incremental_metric import metric_figure
from lipexplore.figures.incremental_pairs import pairs_figure
from lipexplore.figures.incremental_sweep import sweep_figure, sweep_html, sweep_sentence
from lipexplore.properties.incremental.maps import IncrementalMap
from lipexplore.properties.incremental.pairs import sampled_pairs
from lipexplore.properties.incremental.sweep import SweepPoint, radius_sweep
from lipexplore.properties.incremental.table import METRICS
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import plotly.graph_objects as go

RADII = 8
SPAN = 100.0
SECONDS_EACH = 30.0
SAMPLES = 500
SETTLED = "Done."


@dataclass(frozen=True, eq=False)
class Asked:
    """One map and property, over balls around a centre (the origin where it is None)."""

    mapping: IncrementalMap
    prop: str
    center: Array | None
    radius: float
    gain: float

    @property
    def place(self) -> Array:
        """The centre."""
        return np.zeros(self.mapping.n_inputs) if self.center is None else self.center

    @property
    def radii(self) -> tuple[float, ...]:
        """Radii in a geometric row, and the whole space."""
        return (*np.geomspace(self.radius / SPAN, self.radius, RADII).tolist(), np.inf)

    @property
    def settings(self) -> dict[str, Any]:
        """What :func:`.certify` is called with."""
        if self.prop != "dissipativity":
            return {}
        count, outputs = self.mapping.n_inputs, self.mapping.n_outputs
        return {"supply": np.diag([self.gain**2] * count + [-1.0] * outputs)}


@dataclass(frozen=True, eq=False)
class Progressing:
    """What has been certified so far; ``more`` says whether there is something left to do."""

    asked: Asked | None = None
    points: tuple[SweepPoint, ...] = ()
    more: bool = False
    problem: str = ""


@dataclass(eq=False)
class Sweeps:
    """Works through the radii of the newest question; an older one is given up at once."""

    _asked: Asked | None = None
    _points: list[SweepPoint] = field(default_factory=list)
    _rest: Iterator[SweepPoint] | None = None
    _turn: int = 0

    def ask(self, asked: Asked | None) -> None:
        """Begin with another question."""
        self._turn += 1
        self._asked, self._points = asked, []
        self._rest = None if asked is None else self._sweep(asked, self._turn)

    def stop(self) -> None:
        """Give up what is left; what was certified stays."""
        self._turn += 1
        self._rest = None

    def step(self) -> Progressing:
        """Certify the next radius. Called in a thread."""
        asked, points, rest, turn = self._asked, self._points, self._rest, self._turn
        if asked is None:
            return Progressing(problem="There is no network to ask about.")
        if rest is None:
            return Progressing(asked, tuple(points))
        try:
            point = next(rest, None)
        except Cancelled:
            return Progressing(asked, tuple(points))
        except LipexploreError as error:
            self._rest = None
            return Progressing(asked, tuple(points), problem=str(error))
        if turn != self._turn:
            return Progressing(asked, tuple(points))
        if point is not None:
            points.append(point)
        return Progressing(asked, tuple(points), more=len(points) < len(asked.radii))

    def _sweep(self, asked: Asked, turn: int) -> Iterator[SweepPoint]:
        def watch(_: Mapping[str, Any]) -> None:
            if turn != self._turn:
                raise Cancelled("another question was asked")

        return radius_sweep(
            asked.mapping,
            asked.prop,
            asked.place,
            asked.radii,
            samples=SAMPLES,
            on_progress=watch,
            time_limit=SECONDS_EACH,
            **asked.settings,
        )


@dataclass(frozen=True, eq=False)
class Shown:
    """Figures and words for what has been certified so far."""

    status: str
    more: bool = False
    problem: str = ""
    figure: go.Figure | None = None
    picture: go.Figure | None = None
    caption: str = ""
    sentence: str = ""
    table: str = ""


def views_of(done: Progressing, font_size: int) -> Shown:
    """Draw what has been certified so far: the sweep, and pairs or the ellipse."""
    asked, points = done.asked, done.points
    if asked is None or not points:
        return Shown(done.problem or "Nothing certified.", problem=done.problem or "Nothing yet.")
    if done.problem:
        status = done.problem
    elif done.more:
        status = f"Certified {len(points)} of {len(asked.radii)} radii …"
    else:
        status = SETTLED if len(points) == len(asked.radii) else "Stopped."
    caption, picture = _picture(asked, points[-1], font_size)
    return Shown(
        status,
        done.more,
        done.problem,
        sweep_figure(points, font_size=font_size),
        picture,
        caption,
        sweep_sentence(points),
        sweep_html(points),
    )


def _picture(asked: Asked, last: SweepPoint, font_size: int) -> tuple[str, go.Figure]:
    """Return the picture of the property itself, with its caption."""
    if asked.prop in METRICS and asked.mapping.n_inputs == 2:
        flow = asked.prop == "flow-contraction"
        metric = last.found.metric
        place, size = asked.place, asked.radius
        figure = metric_figure(asked.mapping, metric, place, size, flow=flow, font_size=font_size)
        return "The norm in which it contracts, and some paths", figure
    pairs = sampled_pairs(asked.mapping, last.found)
    where = "the whole space" if np.isinf(last.radius) else f"the ball of radius {last.radius:.3g}"
    return f"Pairs of inputs in {where}", pairs_figure(pairs, font_size=font_size)

"""Bounds: what the runs of a question have proven: plot, sentence, table, and one run's details."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets

from lipexplore.bounds import Bound
from lipexplore.errors import LipexploreError
from lipexplore.figures.guesses import add_guesses
from lipexplore.figures.ratios import ratio_by_question
from lipexplore.figures.series import Running
from lipexplore.figures.texts import sentence
from lipexplore.figures.tightness import bound_against_runtime
from lipexplore.panels.controls import on_value
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot, zoomed_ranges
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.panels.tables import details_html, row_label, running_html, runs_html

if TYPE_CHECKING:
    import plotly.graph_objects as go

SECONDS_BETWEEN_PLOTS = 0.25
NOBODY = 0
NO_RUN = ("choose a run, or click a point", NOBODY)
ALL_QUESTIONS = "all"
AXES = (
    ("the bound", "bound"),
    ("gap to the lower bound, %", "gap"),
    ("ratio to the lower bound", "ratio"),
    ("ratio, all questions", ALL_QUESTIONS),
)


class ResultsPanel(Panel):
    """Shows the state's rows. The plot is redrawn at most four times per second."""

    name = "bounds"
    title = "Bounds"
    explanation = ""
    beside = ("network", "question", "methods")
    runs = True
    tells_results = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._drawn: tuple[Any, ...] = ()
        self._drawn_at = -SECONDS_BETWEEN_PLOTS
        self._zoom: tuple[Any, dict[str, Any]] = (None, {})
        self._filling = False
        self.axis = ipywidgets.Dropdown(
            options=AXES,
            description="axis",
            tooltip="what the height of a point is",
            layout={"width": "22em", "max_width": "98%"},
        )
        on_value(self.axis, lambda _: self.draw())
        self.plot = Plot()
        self.running = ipywidgets.HTML()
        self.running.add_class("lx-running")
        self.sentence = ipywidgets.HTML()
        self.table = ipywidgets.HTML()
        self.chosen = ipywidgets.Dropdown(
            options=[NO_RUN], description="details of", layout={"width": "28em", "max_width": "98%"}
        )
        on_value(self.chosen, self._choose)
        self.details = ipywidgets.HTML()
        self.children = (
            self.running,
            self.plot.widget,
            self.axis,
            self.sentence,
            self.table,
            self.chosen,
            self.details,
        )
        state.listen(self._hear)

    def show(self, visible: bool) -> None:
        """Draw anew when the panel appears: what was drawn while hidden has no size."""
        super().show(visible)
        if visible:
            self.draw(anew=True)

    def refresh(self) -> None:
        """Show the rows; the plot only when it is due."""
        if not self.visible:
            return
        state = self.state
        self.running.value = running_html(state.rows)
        key = state.question.key if state.question else None
        self.table.value = runs_html(state.rows, key, state.selected)
        self._fill_details()
        if self._due or not state.busy:
            self.draw()

    def tick(self) -> None:
        """Bring elapsed times, and a plot that was held back, up to date."""
        self.running.value = running_html(self.state.rows)
        if self._due or not self.state.busy:
            self.draw()

    def draw(self, anew: bool = False) -> None:
        """Draw the comparable bounds, unless they are on the screen already."""
        state = self.state
        rows = state.rows if self.axis.value == ALL_QUESTIONS else state.comparable_rows
        pins = {pin.name: pin.row.number for pin in state.comparable_pins}
        running = self._running()
        guesses = self._guesses()
        wanted = (
            self._view,
            tuple(row.number for row in rows if row.bound is not None),
            tuple(pins.items()),
            tuple((item.label, item.lower, item.upper) for item in running),
            (state.selected, self.font_size, guesses),
        )
        if (wanted == self._drawn and not anew) or not self.visible:
            return
        self._drawn, self._drawn_at = wanted, time.monotonic()
        bounds = [row.bound for row in state.comparable_rows if row.bound is not None]
        title = state.question.title if state.question else state.problem
        text = sentence(bounds)
        self.sentence.value = f"<p><b>{escape(title)}.</b> {escape(text)}</p>"
        try:
            figure = self._figure(bounds, running)
        except LipexploreError as error:
            self.plot.say(f"{error}.")
            return
        if figure is None:
            self.plot.say("No bounds for this question yet: press Run.")
            return
        if self.axis.value == "bound":
            add_guesses(figure, guesses, self.font_size)
        if self._zoom[0] == self._view:
            figure.update_layout(self._zoom[1])
        self.plot.draw(figure, text)

    def click(self, clicked: dict[str, Any]) -> None:
        """Select the run whose point was clicked."""
        rows, point = self.state.comparable_rows, clicked.get("point")
        mine = clicked.get("plot", "bounds") == "bounds"
        if mine and isinstance(point, int) and 0 <= point < len(rows):
            self.state.select(rows[point].number)

    def zoom(self, zoomed: dict[str, Any]) -> None:
        """Remember to what part of the plot the user has zoomed, so that a redraw keeps it."""
        if zoomed.get("plot") in ("bounds", "ratios"):
            self._zoom = (self._view, zoomed_ranges(zoomed["change"]))

    def python_call(self) -> str:
        """Return the lines that draw the same figure."""
        axis = "" if self.axis.value in ("bound", ALL_QUESTIONS) else f", axis={self.axis.value!r}"
        return (
            "from lipexplore.figures.tightness import bound_against_runtime\n"
            f"bound_against_runtime(bounds{axis})  # bounds: a list of lipexplore.bound(...)"
        )

    @property
    def _view(self) -> tuple[Any, ...]:
        """What must stay the same for a zoom to make sense."""
        return self.state.question.key if self.state.question else None, self.axis.value

    @property
    def _due(self) -> bool:
        return time.monotonic() - self._drawn_at >= SECONDS_BETWEEN_PLOTS

    def _guesses(self) -> tuple[tuple[str, float], ...]:
        key = self.state.question.key if self.state.question else None
        return tuple((guess.who, guess.value) for guess in self.state.predictions.about(key))

    def _running(self) -> list[Running]:
        """Return the intervals that runs of this question have proven so far."""
        key = self.state.question.key if self.state.question else None
        return [
            Running(row.run.method, row.run.label, row.elapsed, *row.interval)
            for row in self.state.rows
            if row.interval is not None and row.question.key == key
        ]

    def _figure(self, bounds: list[Bound], running: list[Running]) -> go.Figure | None:
        if self.axis.value == ALL_QUESTIONS:
            figure = ratio_by_question(self.state.bounds_by_question, font_size=self.font_size)
            return figure if figure.data else None
        pins = {pin.name: pin.row.bound for pin in self.state.comparable_pins}
        if not (bounds or running or pins):
            return None
        numbers = [row.number for row in self.state.comparable_rows]
        selected = self.state.selected
        return bound_against_runtime(
            bounds,
            font_size=self.font_size,
            selected=numbers.index(selected) if selected in numbers else None,
            axis=self.axis.value,
            running=running,
            pins={name: bound for name, bound in pins.items() if bound is not None},
        )

    def _choose(self, number: int | None) -> None:
        if not self._filling:
            self.state.select(number or None)

    def _fill_details(self) -> None:
        state, self._filling = self.state, True
        try:
            options = [NO_RUN, *((row_label(row), row.number) for row in state.rows)]
            if tuple(self.chosen.options) != tuple(options):
                self.chosen.options = options
            row = next((row for row in state.rows if row.number == state.selected), None)
            self.chosen.value = NOBODY if row is None else row.number
        finally:
            self._filling = False
        self.details.value = details_html(row) if row else ""

    def _hear(self, change: Change) -> None:
        if change in ("rows", "selected", "settings", "pins"):
            self.refresh()

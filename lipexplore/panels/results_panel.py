"""What the runs of a question have proven: plot, sentence, table, and one run's details."""

from __future__ import annotations

import time
from html import escape
from typing import Any

import ipywidgets

from lipexplore.figures.texts import sentence
from lipexplore.figures.tightness import bound_against_runtime
from lipexplore.panels.controls import on_value
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.panels.tables import details_html, row_label, running_html, runs_html

SECONDS_BETWEEN_PLOTS = 0.25
NOBODY = 0
NO_RUN = ("choose a run, or click a point", NOBODY)


class ResultsPanel(Panel):
    """Shows the state's rows. The plot is redrawn at most four times per second."""

    name = "bounds"
    title = "Bounds"
    explanation = ""
    beside = ("network", "question", "methods")
    runs = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._drawn: tuple[Any, ...] = ()
        self._drawn_at = -SECONDS_BETWEEN_PLOTS
        self._filling = False
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
        if time.monotonic() - self._drawn_at >= SECONDS_BETWEEN_PLOTS or not state.busy:
            self.draw()

    def tick(self) -> None:
        """Bring elapsed times, and a plot that was held back, up to date."""
        self.running.value = running_html(self.state.rows)
        if time.monotonic() - self._drawn_at >= SECONDS_BETWEEN_PLOTS:
            self.draw()

    def draw(self, anew: bool = False) -> None:
        """Draw the comparable bounds, unless they are on the screen already."""
        rows = self.state.comparable_rows
        key = self.state.question.key if self.state.question else None
        wanted = (key, tuple(row.number for row in rows), self.state.selected, self.font_size)
        if wanted == self._drawn and not anew:
            return
        self._drawn, self._drawn_at = wanted, time.monotonic()
        bounds = [row.bound for row in rows if row.bound is not None]
        numbers = [row.number for row in rows]
        selected = self.state.selected
        title = self.state.question.title if self.state.question else self.state.problem
        text = sentence(bounds)
        self.sentence.value = f"<p><b>{escape(title)}.</b> {escape(text)}</p>"
        if not bounds:
            self.plot.say("No bounds for this question yet: press Run.")
            return
        figure = bound_against_runtime(
            bounds,
            font_size=self.font_size,
            selected=numbers.index(selected) if selected in numbers else None,
        )
        self.plot.draw(figure, text)

    def click(self, clicked: dict[str, Any]) -> None:
        """Select the run whose point was clicked."""
        rows, point = self.state.comparable_rows, clicked.get("point")
        if isinstance(point, int) and 0 <= point < len(rows):
            self.state.select(rows[point].number)

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
        if change in ("rows", "selected", "settings"):
            self.refresh()

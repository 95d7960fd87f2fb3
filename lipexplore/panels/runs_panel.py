"""Kept runs: what sweeps and earlier sessions have stored, beside the question of now."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets

from lipexplore.errors import LipexploreError
from lipexplore.panels.controls import heading, on_value
from lipexplore.panels.latest import Latest
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.runs_rows import (
    FILTERS,
    PAGE,
    Key,
    Request,
    View,
    bound_for,
    keep,
    key_of_row,
    stores,
    view,
)
from lipexplore.panels.runs_views import (
    is_last,
    options_of,
    page_html,
    question_title,
    run_label,
    run_name,
)
from lipexplore.panels.state import Change, WorkbenchState

NOBODY = -1
NO_RUN = ("choose a run, or click a point", NOBODY)
_WIDE = {"width": "34em", "max_width": "98%"}
_WORDS = {"network": "networks", "norm": "norms", "method": "methods"}


class RunsPanel(Panel):
    """Reads and writes stores in a thread: the page answers whatever their size."""

    name = "runs"
    title = "Kept runs"
    explanation = (
        "Sweeps, and Keep below, write finished runs into a folder that later sessions read. Pin "
        "one that answers the question of now and it stays in the plot of Bounds, grey."
    )
    tells_results = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self.shown: View | None = None
        self._first, self._filling, self._note = 0, False, ""
        self._question: Key | None = None
        self._make_controls()
        self.message = ipywidgets.HTML()
        self.plot, self.sentence, self.table = Plot(), ipywidgets.HTML(), ipywidgets.HTML()
        self.children = self._children()
        self._read = Latest(self._view_of_now, self._show_view)
        self._write = Latest(self._keep_now, self._tell_kept)
        state.listen(self._hear)

    @property
    def request(self) -> Request:
        """What the controls ask for."""
        equal = tuple((name, box.value) for name, box in self.filters.items() if box.value)
        asked = self._first, self._question, self.state.question, self.font_size
        return Request(self.folder.value, equal, *asked)

    def refresh(self) -> None:
        """Read the store, if the panel is on the screen; one that is found is taken at first."""
        if not self.visible:
            return
        found = stores()
        self.folder.options = found
        if not self.folder.value and found:
            self.folder.value = found[0]
        elif self.folder.value:
            self._read.request()
        else:
            self._say("No folder of runs here yet: keep this session's runs, or run a sweep.")

    def click(self, clicked: dict[str, Any]) -> None:
        """Choose the run whose point was clicked."""
        point, shown = clicked.get("point"), self.shown
        if clicked.get("plot") == "runs" and shown is not None and isinstance(point, int):
            self.run.value = point if 0 <= point < len(shown.drawn) else NOBODY

    def python_call(self) -> str:
        """Return the lines that read the store with pandas."""
        folder = self.folder.value or "runs"
        equal = "".join(f", {name}={value!r}" for name, value in self.request.equal)
        return (
            "from lipexplore.experiments.store import Store\n"
            f"table = Store({folder!r}, create=False).table({equal[2:]})  # a pandas DataFrame"
        )

    def _make_controls(self) -> None:
        self.folder = ipywidgets.Combobox(
            description="folder", placeholder="runs", continuous_update=False, layout=_WIDE
        )
        self.keep = ipywidgets.Button(
            description="Keep this session's runs",
            tooltip="write the finished runs of this session into the folder",
            layout={"width": "auto"},
        )
        self.filters = {
            name: ipywidgets.Dropdown(
                options=options_of((), _WORDS[name]),
                description=name,
                layout={"width": "18em", "max_width": "98%"},
            )
            for name in FILTERS
        }
        self.question = ipywidgets.Dropdown(description="question", layout=_WIDE)
        self.run = ipywidgets.Dropdown(options=[NO_RUN], description="run", layout=_WIDE)
        self.pin = ipywidgets.Button(
            description="Pin", tooltip="keep the run in the plot of Bounds, grey"
        )
        self.newer = ipywidgets.Button(description="Newer", tooltip="the page before")
        self.older = ipywidgets.Button(description="Older", tooltip="the next page")
        on_value(self.folder, lambda _: self._begin())
        for box in self.filters.values():
            on_value(box, lambda _: self._turn_to(0))
        on_value(self.question, self._ask)
        self.pin.on_click(lambda _: self._pin())
        self.keep.on_click(lambda _: self._start_keeping())
        self.newer.on_click(lambda _: self._turn_to(max(self._first - PAGE, 0)))
        self.older.on_click(lambda _: self._turn_to(self._first + PAGE))

    def _children(self) -> tuple[ipywidgets.Widget, ...]:
        rows = [
            ipywidgets.HBox(row)
            for row in (
                (self.folder, self.keep),
                tuple(self.filters.values()),
                (self.run, self.pin),
                (self.newer, self.older),
            )
        ]
        for row in rows:
            row.layout.flex_flow = "row wrap"
        folder, filters, pins, pages = rows
        shown = (heading("One question"), self.question, self.sentence, self.plot.widget, pins)
        return (folder, self.message, filters, *shown, heading("All kept runs"), self.table, pages)

    def _begin(self) -> None:
        self._question = None
        self._turn_to(0)

    def _turn_to(self, first: int) -> None:
        if not self._filling and self.visible:
            self._first, self._note = first, ""
            self._read.request()

    def _ask(self, question: Key | None) -> None:
        if not self._filling:
            self._question = question
            self._turn_to(self._first)

    def _view_of_now(self) -> View | str:
        try:
            return view(self.request)
        except LipexploreError as error:
            return f"{error}."

    def _show_view(self, found: View | str) -> None:
        if isinstance(found, str):
            self.shown = None
            for part in (self.table, self.sentence):
                part.value = ""
            self.plot.say("No kept runs to draw.")
            self.run.options = [NO_RUN]
            self._say(found)
            return
        self.shown, self._filling = found, True
        try:
            self._fill(found)
        finally:
            self._filling = False
        self._say(self._note if found.total else "No runs are kept here yet.")
        self.table.value = page_html(found)
        self.newer.disabled, self.older.disabled = found.request.first == 0, is_last(found)
        self.sentence.value = f"<p>{escape(found.told)}</p>" if found.question else ""
        if found.figure is None:
            self.plot.say("No kept run of this question has a bound to draw.")
        else:
            self.plot.draw(found.figure, found.told)
        self.show_call()

    def _fill(self, found: View) -> None:
        for name, box in self.filters.items():
            _offer(box, options_of(found.choices[name], _WORDS[name]), box.value)
        entries = [(_titled(row, found), key_of_row(row)) for row in found.questions]
        _offer(self.question, _distinct(entries), found.question)
        runs = [(f"{place + 1}: {run_label(row)}", place) for place, row in enumerate(found.drawn)]
        _offer(self.run, [NO_RUN, *runs], NOBODY)

    def _pin(self) -> None:
        shown, question = self.shown, self.state.question
        if shown is None or self.run.value == NOBODY or question is None:
            self._say("Choose a kept run to pin.")
            return
        if not shown.is_present or shown.request.present is not question:
            self._say("This run answers another question than that of now: it cannot be pinned.")
            return
        row = shown.drawn[self.run.value]
        self.state.pin_bound(bound_for(row, question), f"kept: {run_name(row)}")
        self._say("Pinned: it is grey in the plot of Bounds; Compare lets it go.")

    def _start_keeping(self) -> None:
        if not any(row.bound is not None for row in self.state.rows):
            self._say("No finished runs yet: press Run.")
            return
        self.keep.disabled = True
        self._say("Writing …")
        self._write.request()

    def _keep_now(self) -> str:
        state, folder = self.state, self.folder.value or "runs"
        try:
            new, old = keep(state.rows, state.settings.time_limit, folder)
        except LipexploreError as error:
            return f"{error}."
        there = f", {old} were there already" if old else ""
        return f"Kept {new} new {'run' if new == 1 else 'runs'} in {folder}{there}."

    def _tell_kept(self, told: str) -> None:
        self.keep.disabled = False
        self.refresh()
        self._note = told
        self._say(told)

    def _say(self, text: str) -> None:
        self.message.value = f'<div role="status" aria-live="polite">{escape(text)}</div>'

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self._question = None
            self.refresh()


def _titled(row: Any, found: View) -> str:
    present = found.is_present and key_of_row(row) == found.question
    return f"{'now: ' if present else ''}{question_title(row)}"


def _distinct(entries: list[tuple[str, Key]]) -> list[tuple[str, Key]]:
    """Give titles that repeat a number: regions may differ in their centre alone."""
    seen: dict[str, int] = {}
    for title, _ in entries:
        seen[title] = seen.get(title, 0) + 1
    return [
        (title if seen[title] == 1 else f"{title} ({place})", key)
        for place, (title, key) in enumerate(entries, 1)
    ]


def _offer(box: ipywidgets.Dropdown, options: list[tuple[str, Any]], chosen: Any) -> None:
    """Offer new options, ``chosen`` where it is among them, else the first."""
    if tuple(box.options) != tuple(options):
        box.options = options
    values = [value for _, value in options]
    box.value = chosen if chosen in values else next(iter(values), None)

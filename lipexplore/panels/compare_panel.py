"""Compare: pinned runs, two runs side by side, the state as a string, files to take away."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import ipywidgets

from lipexplore.errors import LipexploreError
from lipexplore.experiments.difference import Line, difference, same_question
from lipexplore.panels.address import is_app, link_to
from lipexplore.panels.controls import heading, on_value
from lipexplore.panels.downloads import downloads, links_html
from lipexplore.panels.history_bar import HistoryBar
from lipexplore.panels.panel import Panel
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.panels.tables import row_label

NOBODY = 0
NO_RUN = ("choose a run", NOBODY)
_WIDE = {"width": "30em", "max_width": "98%"}


class ComparePanel(Panel):
    """Keeps runs under a name, sets two side by side, and hands out what was found."""

    name = "compare"
    title = "Compare"
    explanation = (
        "Keep a run under a name and it stays in the plot, grey, whatever is run later. Two runs "
        "side by side show which settings and which numbers differ."
    )
    beside = ("network", "question", "methods")
    runs = True
    tells_results = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self.history = HistoryBar(state)
        self.first = ipywidgets.Dropdown(options=[NO_RUN], description="run", layout=_WIDE)
        self.second = ipywidgets.Dropdown(options=[NO_RUN], description="against", layout=_WIDE)
        self.pin_name = ipywidgets.Text(
            description="name", placeholder="the method's", layout={"width": "18em"}
        )
        self.pin = ipywidgets.Button(description="Pin", tooltip="keep the first run in the plot")
        self.unpin = ipywidgets.Button(description="Unpin", tooltip="let the first run go")
        self.pins = ipywidgets.HTML()
        self.table = ipywidgets.HTML()
        self.text = ipywidgets.HTML()
        self.given = ipywidgets.Text(
            description="open state", placeholder="network=...", layout=_WIDE
        )
        self.open = ipywidgets.Button(description="Open", tooltip="set everything to this state")
        self.message = ipywidgets.HTML()
        self.prepare = ipywidgets.Button(
            description="Prepare files", tooltip="make the tables, the figure and the report"
        )
        self.files = ipywidgets.HTML()
        self.children = self._children()
        for control in (self.first, self.second):
            on_value(control, lambda _: self._compare())
        self.pin.on_click(lambda _: self._pin())
        self.unpin.on_click(lambda _: state.unpin(self.first.value))
        self.open.on_click(lambda _: self._open())
        self.prepare.on_click(lambda _: self._prepare())
        state.listen(self._hear)

    def refresh(self) -> None:
        """Bring the lists of runs, the table and the state's string up to date."""
        if not self.visible:
            return
        pinned = {pin.row.number: pin for pin in self.state.pins}
        options = [(f"{pin.name} (pinned)", number) for number, pin in pinned.items()]
        options += [
            (row_label(row), row.number)
            for row in self.state.rows
            if row.bound is not None and row.number not in pinned
        ]
        for control in (self.first, self.second):
            _fill(control, [NO_RUN, *options])
        names = ", ".join(f"<b>{escape(pin.name)}</b>" for pin in pinned.values())
        self.pins.value = f"<p>Pinned: {names or 'nothing'}.</p>"
        self._compare()
        self.text.value = state_html(self.state.text)

    def python_call(self) -> str:
        """Return the lines that set two bounds side by side."""
        return (
            "from lipexplore.experiments.difference import difference\n"
            "difference(first, second)  # each what lipexplore.bound(...) returned"
        )

    def _children(self) -> tuple[ipywidgets.Widget, ...]:
        return (
            heading("Two runs"),
            self.first,
            self.second,
            ipywidgets.HBox([self.pin_name, self.pin, self.unpin]),
            self.pins,
            self.table,
            heading("State"),
            ipywidgets.HBox(self.history.children),
            self.text,
            ipywidgets.HBox([self.given, self.open]),
            self.message,
            heading("Files"),
            self.prepare,
            self.files,
        )

    def _pin(self) -> None:
        if self.first.value == NOBODY:
            self._say("Choose a run to pin.")
            return
        self._say("")
        self.state.pin(self.first.value, self.pin_name.value)

    def _open(self) -> None:
        try:
            self.state.restore(self.given.value.strip().strip("'\""))
        except LipexploreError as error:
            self._say(f"{error}.")
        else:
            self._say("This is the state now: press Run.")

    def _prepare(self) -> None:
        if not any(row.bound is not None for row in self.state.rows):
            self.files.value = '<p class="lx-note">No finished runs yet: press Run.</p>'
            return
        self.files.value = '<p class="lx-note">Preparing.</p>'
        self.files.value = links_html(downloads(self.state))

    def _compare(self) -> None:
        rows = [self.state.row(control.value) for control in (self.first, self.second)]
        bounds = [row.bound for row in rows if row is not None and row.bound is not None]
        if len(bounds) < 2:
            self.table.value = '<p class="lx-note">Choose two finished runs.</p>'
            return
        self.table.value = difference_html(
            difference(bounds[0], bounds[1]), same_question(bounds[0], bounds[1])
        )

    def _say(self, text: str) -> None:
        self.message.value = f'<p role="alert">{escape(text)}</p>' if text else ""

    def _hear(self, change: Change) -> None:
        if change in ("rows", "settings"):
            self.files.value = ""
        if change in ("rows", "pins", "settings"):
            self.refresh()


def state_html(state: str) -> str:
    """Return the cell that restores a state and, in the app, a link that opens it."""
    call = f"lipexplore.explore(state={state!r})"
    link = (
        f'<p><a href="{escape(link_to(state))}" target="_blank">A link to this state</a>: it opens '
        "in a page of its own.</p>"
        if is_app()
        else ""
    )
    return (
        f"{link}<p>A cell that restores this state; the text in quotes goes into a chat or below:"
        f'</p><pre tabindex="0" aria-label="cell that restores the state">{escape(call)}</pre>'
    )


def difference_html(lines: Sequence[Line], comparable: bool) -> str:
    """Return the comparison as a table; different questions are told first."""
    note = (
        ""
        if comparable
        else '<p class="lx-refused">These runs answer different questions: their bounds are about '
        "different constants.</p>"
    )
    body = "".join(
        f'<tr><th scope="row" class="lx-text">{escape(line.name)}</th>'
        f'<td class="lx-text">{escape(line.first)}</td><td class="lx-text">{escape(line.second)}'
        f"</td><td>{'' if line.ratio is None else f'× {line.ratio:.4g}'}</td></tr>"
        for line in lines
    )
    return (
        f'{note}<div class="lx-scroll"><table class="lx-table"><thead><tr><th scope="col" '
        'class="lx-text">what differs</th><th scope="col" class="lx-text">run</th>'
        '<th scope="col" class="lx-text">against</th><th scope="col">ratio</th></tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _fill(control: ipywidgets.Dropdown, options: Sequence[tuple[str, int]]) -> None:
    """Offer new options and keep the chosen one where it is still there."""
    if tuple(control.options) != tuple(options):
        chosen = control.value
        control.options = options
        control.value = chosen if chosen in [number for _, number in options] else NOBODY

"""The workbench: choose a question, run methods, see what is proven and what it costs."""

from __future__ import annotations

import asyncio
from functools import cache
from html import escape
from itertools import count
from typing import TYPE_CHECKING, Any

import ipywidgets

from lipexplore.figures.tightness import bound_against_runtime
from lipexplore.jobs.client import Worker
from lipexplore.panels.clicks import PlotClicks
from lipexplore.panels.code import script
from lipexplore.panels.controls import boxed
from lipexplore.panels.methods_panel import MethodsPanel
from lipexplore.panels.question_panel import QuestionPanel
from lipexplore.panels.results_panel import ResultsPanel
from lipexplore.panels.settings import plan
from lipexplore.panels.sparsity_panel import SparsityPanel
from lipexplore.panels.state import QUICK, SECONDS_BETWEEN_POLLS, Change, WorkbenchState
from lipexplore.panels.style import STYLE

if TYPE_CHECKING:
    import pandas

TABS = ("Bounds", "Sparsity", "Code")
FONT_SIZES = (14, 20)
_scopes = count(1)


def explore(networks: Any = None) -> Workbench:
    """Open the workbench, the cheap methods running at once.

    Parameters
    ----------
    networks
        None for the shipped networks alone; else a Network, the path of an .npz file, a list of
        these or a mapping from names: they come first in the list of networks.
    """
    return Workbench(networks)


@cache
def _load_plotly() -> None:
    bound_against_runtime([])


class Workbench(ipywidgets.VBox):  # type: ignore[misc]
    """The widget. ``state`` holds everything that is known; closing the widget ends its worker."""

    def __init__(self, networks: Any = None, worker: Worker | None = None) -> None:
        self.state = WorkbenchState(networks, worker)
        self.scope = f"lx-panel-{next(_scopes)}"
        self.run = ipywidgets.Button(
            description="Run", button_style="primary", tooltip="start the chosen methods"
        )
        self.cancel = ipywidgets.Button(
            description="Cancel", button_style="danger", tooltip="stop everything that runs"
        )
        self.large = ipywidgets.Checkbox(description="large type", indent=False)
        self.status = ipywidgets.HTML()
        self.status.add_class("lx-status")
        self.question = QuestionPanel(self.state)
        self.methods = MethodsPanel(self.state)
        self.results = ResultsPanel(self.state)
        self.sparsity = SparsityPanel(self.state)
        self.code = ipywidgets.HTML()
        self.clicks = PlotClicks(scope=self.scope)
        self.tabs = ipywidgets.Tab(
            children=[
                ipywidgets.VBox(self.results.children),
                ipywidgets.VBox(self.sparsity.children),
                self.code,
            ],
            titles=TABS,
            selected_index=0,
        )
        super().__init__(children=self._page())
        for name in ("lx-panel", self.scope):
            self.add_class(name)
        self._pumping: asyncio.Task[None] | None = None
        self._connect()
        self._open()

    def wait(self, timeout: float = float("inf")) -> None:
        """Block until nothing runs, in scripts and tests; in a notebook await :meth:`finished`."""
        self.state.wait(timeout)
        self._after_runs()

    async def finished(self) -> pandas.DataFrame:
        """Wait without blocking until nothing runs; return :meth:`table`."""
        while self.state.busy:
            await asyncio.sleep(SECONDS_BETWEEN_POLLS)
            self._follow()
        return self.table()

    def table(self) -> pandas.DataFrame:
        """Return the finished runs of the present question, one per row."""
        import pandas

        return pandas.DataFrame(
            [row.bound.to_dict() for row in self.state.comparable_rows if row.bound is not None]
        )

    def close(self) -> None:
        """Take the widget off the page and end its worker process."""
        if self._pumping is not None:
            self._pumping.cancel()
        self.state.close()
        super().close()

    def _page(self) -> list[ipywidgets.Widget]:
        toolbar = ipywidgets.HBox([self.run, self.cancel, self.status, self.large])
        toolbar.add_class("lx-toolbar")
        controls = boxed([*self.question.children, *self.methods.children], "lx-controls")
        results = boxed([self.tabs], "lx-results")
        columns = ipywidgets.HBox([controls, results])
        columns.add_class("lx-columns")
        return [ipywidgets.HTML(STYLE), toolbar, columns, self.clicks]

    def _connect(self) -> None:
        self.run.on_click(lambda _: self._run())
        self.cancel.on_click(lambda _: self._cancel())
        self.large.observe(lambda change: self._enlarge(change["new"]), names="value")
        self.tabs.observe(lambda change: self._turn_to(change["new"]), names="selected_index")
        self.clicks.observe(lambda change: self.results.click(change["new"]), names="clicked")
        self.state.listen(self._hear)

    def _open(self) -> None:
        """Run at once what costs next to nothing, so that a first plot is there before a click."""
        self._show_code()
        self.state.run(longest=QUICK)
        self._tell_status()
        self._follow()

    def _run(self) -> None:
        self._say("Starting.")
        started = self.state.run()
        refused = [cost for cost in self.state.costs if cost.refused]
        if not started and not self.state.busy:
            why = self.state.problem or "choose a method that is not refused"
            self._say(f"Nothing to run: {why}.".replace("..", "."))
        elif refused:
            self._tell_status(f"; {len(refused)} refused, see Cost before Run")
        self._follow()

    def _cancel(self) -> None:
        if self.state.busy:
            self._say("Cancelling.")
            self.state.cancel()
        else:
            self._say("Nothing is running.")

    def _follow(self) -> None:
        """Pump on the event loop of whoever called, if there is one and it is not done already."""
        if self.state.busy and (self._pumping is None or self._pumping.done()):
            try:
                self._pumping = asyncio.get_running_loop().create_task(self._pump())
            except RuntimeError:
                return

    async def _pump(self) -> None:
        await asyncio.to_thread(_load_plotly)  # while the worker starts
        while self.state.busy:
            self.state.pump()
            self.results.tick()
            await asyncio.sleep(SECONDS_BETWEEN_POLLS)
        self._after_runs()

    def _after_runs(self) -> None:
        self.results.refresh()

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self._show_code()
        elif change == "rows":
            self._tell_status()

    def _tell_status(self, extra: str = "") -> None:
        rows = self.state.rows
        running = [row for row in rows if row.open]
        counts = [
            f"{sum(row.state == state for row in rows)} {state}"
            for state in ("done", "failed", "cancelled")
            if any(row.state == state for row in rows)
        ]
        done = ", ".join(counts)
        if running:
            first = next((row for row in running if row.state == "running"), running[0])
            begun = f"Running {first.run.label}; {len(running)} to go"
            self._say(f"{begun}{f' ({done})' if done else ''}{extra}.")
        else:
            failed = next((row for row in reversed(rows) if row.state == "failed"), None)
            why = f": {failed.message}" if failed else ""
            self._say(f"Ready. {done}{why}{extra}." if done else "Ready.")

    def _say(self, text: str) -> None:
        self.status.value = f'<div role="status" aria-live="polite">{escape(text)}</div>'

    def _show_code(self) -> None:
        question, settings = self.state.question, self.state.settings
        text = self.state.problem
        if question is not None:
            text = script(question, plan(settings), settings.time_limit)
        self.code.value = (
            "<p>The same question in Python:</p>"
            f'<pre tabindex="0" aria-label="Python code">{escape(text)}</pre>'
        )

    def _enlarge(self, large: bool) -> None:
        (self.add_class if large else self.remove_class)("lx-large")
        self.results.font_size = self.sparsity.font_size = FONT_SIZES[large]
        self.results.draw()
        self.sparsity.refresh()

    def _turn_to(self, tab: int | None) -> None:
        self.sparsity.show(tab == TABS.index("Sparsity"))
        if tab == TABS.index("Bounds"):
            self.results.draw(anew=True)

"""The workbench: choose a question, run methods, see what is proven and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from lipexplore.errors import LipexploreError
from lipexplore.jobs.client import Worker
from lipexplore.panels import PANELS
from lipexplore.panels.address import state_in_address
from lipexplore.panels.alone import Page
from lipexplore.panels.controls import boxed
from lipexplore.panels.history_bar import HistoryBar
from lipexplore.panels.panel import FONT_SIZES, Panel
from lipexplore.panels.state import QUICK, WorkbenchState
from lipexplore.panels.timings import cache_file
from lipexplore.panels.topics import Topics

if TYPE_CHECKING:
    import pandas


def explore(networks: Any = None, state: str | None = None) -> Workbench:
    """Open the workbench, the cheap methods running at once.

    Parameters
    ----------
    networks
        None for the shipped networks alone; else a Network, the path of an .npz file, a list of
        these or a mapping from names: they come first in the list of networks.
    state
        A string that the Compare tab gave, to begin where it was copied. In a page of Voila the
        address may carry one: ``?state=...``.
    """
    start = state_in_address() if state is None else state
    return Workbench(networks, state=start, timings_file=cache_file())


class Workbench(Page):
    """All panels of PANELS over one state.

    ``state`` holds everything that is known, ``panels`` the panels by name. Closing the widget ends
    its worker.
    """

    def __init__(
        self,
        networks: Any = None,
        worker: Worker | None = None,
        state: str | None = None,
        timings_file: Path | None = None,
    ) -> None:
        made = WorkbenchState(networks, worker, timings_file)
        problem = _restored(made, state)
        super().__init__(made, _panels(made))
        self.history = HistoryBar(made)
        self.run, self.cancel, self.status = self.bar.children
        self.large = ipywidgets.Checkbox(description="large type", indent=False)
        self.large.observe(lambda change: self._enlarge(change["new"]), names="value")
        tabs = self._at("tab")
        self.tabs = ipywidgets.Tab(
            children=[panel.widget for panel in tabs],
            titles=[panel.title for panel in tabs],
            selected_index=0,
        )
        self.tabs.observe(lambda change: self._turn_to(change["new"]), names="selected_index")
        self._page()
        for panel in self._at("strip"):
            panel.fold()
        for panel in (*self._at("side"), *self._at("strip")):
            panel.show(True)
        self._turn_to(0)
        self.bar.start(QUICK)
        if problem:
            self.bar.say(problem)

    async def finished(self) -> pandas.DataFrame:
        """Wait without blocking until nothing runs; return :meth:`table`."""
        await self.bar.finished()
        return self.table()

    def table(self) -> pandas.DataFrame:
        """Return the finished runs of the present question, one per row."""
        import pandas

        return pandas.DataFrame(
            [row.bound.to_dict() for row in self.state.comparable_rows if row.bound is not None]
        )

    def turn_to(self, name: str) -> None:
        """Show the tab of the panel called ``name``, or the tab of topics with this one chosen."""
        topics = self.panels.get(Topics.name)
        if isinstance(topics, Topics) and name in topics.names:
            topics.topic.value, name = name, Topics.name
        self.tabs.selected_index = self._at("tab").index(self.panels[name])

    def _at(self, place: str) -> list[Panel]:
        return [panel for panel in self.panels.values() if panel.place == place]

    def _page(self) -> None:
        toolbar = ipywidgets.HBox([*self.bar.children, *self.history.children, self.large])
        toolbar.add_class("lx-toolbar")
        controls = boxed([panel.widget for panel in self._at("side")], "lx-controls")
        strips = [panel.widget for panel in self._at("strip")]
        results = boxed([*strips, self.tabs], "lx-results")
        columns = ipywidgets.HBox([controls, results])
        columns.add_class("lx-columns")
        self.lay_out(toolbar, columns)

    def _enlarge(self, large: bool) -> None:
        (self.add_class if large else self.remove_class)("lx-large")
        for panel in self.panels.values():
            panel.enlarge(FONT_SIZES[large])

    def _turn_to(self, tab: int | None) -> None:
        for index, panel in enumerate(self._at("tab")):
            if panel.visible != (index == tab):
                panel.show(index == tab)


def _panels(state: WorkbenchState) -> dict[str, Panel]:
    """Return the panels by name, with one that shows the topics where there are some."""
    panels: dict[str, Panel] = {kind.name: kind(state) for kind in PANELS if kind.place != "topic"}
    topics = [kind for kind in PANELS if kind.place == "topic"]
    return panels | ({Topics.name: Topics(state, topics)} if topics else {})


def _restored(state: WorkbenchState, text: str | None) -> str:
    """Set a state to what a string says; return why not, in a sentence, if it cannot be."""
    if text is None:
        return ""
    try:
        state.restore(text)
    except LipexploreError as error:
        return f"{error}."
    state.set_costs(state.count_costs())
    return ""

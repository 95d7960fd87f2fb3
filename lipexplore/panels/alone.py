"""One panel by itself in a notebook cell, with the controls that it needs."""

from __future__ import annotations

from itertools import count
from typing import Any

import ipywidgets

from lipexplore.jobs.client import Worker
from lipexplore.panels.clicks import PlotClicks
from lipexplore.panels.controls import boxed
from lipexplore.panels.panel import Panel
from lipexplore.panels.run_bar import RunBar
from lipexplore.panels.state import QUICK, WorkbenchState
from lipexplore.panels.style import STYLE

_scopes = count(1)


class Page(ipywidgets.VBox):  # type: ignore[misc]
    """A page of panels over one state. Closing it ends its worker.

    Parameters
    ----------
    panels
        The panels on it, by name.
    """

    def __init__(self, state: WorkbenchState, panels: dict[str, Panel]) -> None:
        self.state = state
        self.panels = panels
        self.scope = f"lx-panel-{next(_scopes)}"
        self.bar = RunBar(state, self._tick)
        self.clicks = PlotClicks(scope=self.scope)
        self.clicks.observe(lambda change: self._click(change["new"]), names="clicked")
        self.clicks.observe(lambda change: self._zoom(change["new"]), names="zoomed")
        super().__init__()
        for name in ("lx-panel", self.scope):
            self.add_class(name)

    def lay_out(self, *rows: ipywidgets.Widget) -> None:
        """Put rows of widgets under each other, with the style sheet and what hears clicks."""
        self.children = [ipywidgets.HTML(STYLE), *rows, self.clicks]

    def wait(self, timeout: float = float("inf")) -> None:
        """Block until nothing runs, in scripts and tests; in a notebook await :meth:`finished`."""
        self.state.wait(timeout)
        self._tick()

    def close(self) -> None:
        """Take the widget off the page and end its worker process."""
        self.bar.close()
        for panel in self.panels.values():
            panel.close()
        self.state.close()
        super().close()

    def _tick(self) -> None:
        for panel in self.panels.values():
            if panel.visible:
                panel.tick()

    def _click(self, clicked: dict[str, Any]) -> None:
        for panel in self.panels.values():
            if panel.visible:
                panel.click(clicked)

    def _zoom(self, zoomed: dict[str, Any]) -> None:
        for panel in self.panels.values():
            if panel.visible:
                panel.zoom(zoomed)


class Alone(Page):
    """One panel with the side panels that it needs.

    Parameters
    ----------
    kind
        The panel's class.
    others
        All panels by name, from which its side panels are taken.
    networks
        As for :func:`lipexplore.explore`.
    worker
        The process of its runs; its own where left out.
    settings
        Values of the state, by name.
    """

    def __init__(
        self,
        kind: type[Panel],
        others: dict[str, type[Panel]],
        networks: Any = None,
        worker: Worker | None = None,
        **settings: Any,
    ) -> None:
        state = WorkbenchState(networks, worker)
        state.change(**settings)
        state.set_costs(state.count_costs())
        beside = {name: others[name](state) for name in kind.beside if name in others}
        self.panel = kind(state)
        super().__init__(state, {**beside, kind.name: self.panel})
        bar = ipywidgets.HBox(self.bar.children if kind.runs else ())
        bar.add_class("lx-toolbar")
        columns = ipywidgets.HBox([boxed([self.panel.widget], "lx-results")])
        if beside:
            controls = boxed([panel.widget for panel in beside.values()], "lx-controls")
            columns.children = (controls, *columns.children)
        columns.add_class("lx-columns")
        self.lay_out(bar, columns)
        for panel in self.panels.values():
            panel.show(True)
        if kind.runs:
            self.bar.start(QUICK)

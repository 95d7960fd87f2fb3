"""One tab for the panels about other kinds of networks: a chooser, and the chosen panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets

from lipexplore.panels.controls import on_value, show
from lipexplore.panels.panel import Panel
from lipexplore.panels.state import WorkbenchState


class Topics(Panel):
    """Shows one topic panel at a time; each is constructed when it is shown first.

    Parameters
    ----------
    kinds
        The panels to choose from, at least one.
    """

    name = "topics"
    title = "Topics"
    explanation = ""

    def __init__(self, state: WorkbenchState, kinds: Sequence[type[Panel]]) -> None:
        super().__init__(state)
        self._kinds = {kind.name: kind for kind in kinds}
        self.made: dict[str, Panel] = {}
        """The panels that have been constructed, by name."""
        self.topic = ipywidgets.Dropdown(
            options=[(kind.title, kind.name) for kind in kinds],
            description="topic",
            tooltip="what the panel below is about",
            layout={"width": "28em", "max_width": "98%"},
        )
        self._place = ipywidgets.VBox()
        self.children = (self.topic, self._place)
        on_value(self.topic, lambda _: self.refresh())

    @property
    def names(self) -> tuple[str, ...]:
        """The panels to choose from."""
        return tuple(self._kinds)

    def refresh(self) -> None:
        """Show the chosen panel and hide the others, if the tab is on the screen."""
        if not self.visible:
            return
        chosen = self._chosen()
        for panel in self.made.values():
            if panel.visible and panel is not chosen:
                panel.show(False)
        self._place.children = tuple(panel.widget for panel in self.made.values())
        for panel in self.made.values():
            show(panel.widget, panel is chosen)
        if not chosen.visible:
            chosen.show(True)

    def show(self, visible: bool) -> None:
        """Show the chosen panel, or hide it with the tab."""
        super().show(visible)
        if not visible:
            for panel in self._shown():
                panel.show(False)

    def enlarge(self, font_size: int) -> None:
        """Let all panels draw with another font size."""
        self.font_size = font_size
        for panel in self.made.values():
            panel.enlarge(font_size)

    def tick(self) -> None:
        """Let the chosen panel bring elapsed times up to date."""
        for panel in self._shown():
            panel.tick()

    def click(self, clicked: dict[str, Any]) -> None:
        """Let the chosen panel take a click."""
        for panel in self._shown():
            panel.click(clicked)

    def zoom(self, zoomed: dict[str, Any]) -> None:
        """Let the chosen panel take new axis ranges."""
        for panel in self._shown():
            panel.zoom(zoomed)

    def close(self) -> None:
        """Close all panels."""
        for panel in self.made.values():
            panel.close()

    def _shown(self) -> list[Panel]:
        return [panel for panel in self.made.values() if panel.visible]

    def _chosen(self) -> Panel:
        name = self.topic.value
        if name not in self.made:
            self.made[name] = self._kinds[name](self.state)
            self.made[name].font_size = self.font_size
        return self.made[name]

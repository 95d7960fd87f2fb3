"""Undo and redo buttons."""

from __future__ import annotations

import ipywidgets

from lipexplore.panels.state import Change, WorkbenchState


class HistoryBar:
    """Two buttons that step through the settings; greyed where there is no step."""

    def __init__(self, state: WorkbenchState) -> None:
        self._state = state
        self.undo = ipywidgets.Button(
            description="Undo", tooltip="go back to the settings before the last change"
        )
        self.redo = ipywidgets.Button(
            description="Redo", tooltip="change again what was undone last"
        )
        self.undo.on_click(lambda _: state.undo())
        self.redo.on_click(lambda _: state.redo())
        self.children = (self.undo, self.redo)
        state.listen(self._hear)
        self._hear("settings")

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self.undo.disabled = not self._state.history.can_undo
            self.redo.disabled = not self._state.history.can_redo

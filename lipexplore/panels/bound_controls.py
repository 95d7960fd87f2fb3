"""Controls that are tied to settings of the state, whoever changes them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import ipywidgets

from lipexplore.panels.controls import FULL, on_value
from lipexplore.panels.panel import Panel
from lipexplore.panels.slider import Slider
from lipexplore.panels.state import Change, WorkbenchState

NOTHING = -1
"""What a control shows where the setting is None."""


class SettingsPanel(Panel):
    """A panel of controls that write settings and show them."""

    place = "side"
    beside = ()

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._filling = False

    def refresh(self) -> None:
        """Show the state's settings in the controls, if the panel is on the screen."""
        if not self.visible:
            return
        self._filling = True
        try:
            self.fill()
        finally:
            self._filling = False

    @abstractmethod
    def fill(self) -> None:
        """Set controls from the state; nothing is written back meanwhile."""

    def bind(
        self, setting: str, kind: type[ipywidgets.Widget], label: str, **details: Any
    ) -> ipywidgets.Widget:
        """Return a control whose value is a setting; sliders of step 1 write whole numbers."""
        control = kind(description=label, layout={"width": FULL}, **details)
        whole = kind is Slider and details.get("step") == 1.0
        on_value(control, lambda value: self.set(setting, int(value) if whole else value))
        return control

    def set(self, setting: str, value: Any) -> None:
        """Change a setting, unless the controls are being filled."""
        if not self._filling:
            self.state.change(**{setting: None if value == NOTHING else value})

    def hear(self, change: Change) -> None:
        """Show new settings: for ``state.listen``."""
        if change == "settings":
            self.refresh()


def side_by_side(*controls: ipywidgets.Widget) -> ipywidgets.HBox:
    """Return controls in one row of equal parts."""
    for control in controls:
        control.layout.width = f"{100 // len(controls)}%"
    return ipywidgets.HBox(controls)

"""Code: the Python that asks what the panel asks."""

from __future__ import annotations

from html import escape

import ipywidgets

from lipexplore.panels.panel import Panel
from lipexplore.panels.script import script
from lipexplore.panels.settings import plan
from lipexplore.panels.state import Change, WorkbenchState


class CodePanel(Panel):
    """The exact script for the shown state, always in step with it."""

    name = "code"
    title = "Code"
    explanation = ""
    beside = ("network", "question", "methods")

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self.text = ipywidgets.HTML()
        self.children = (self.text,)
        state.listen(self._hear)
        self.refresh()

    def refresh(self) -> None:
        """Write the script of the present settings."""
        question, settings = self.state.question, self.state.settings
        text = self.state.problem
        if question is not None:
            text = script(question, plan(settings), settings.time_limit)
        self.text.value = (
            "<p>The same question in Python:</p>"
            f'<pre tabindex="0" aria-label="Python code">{escape(text)}</pre>'
        )

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self.refresh()

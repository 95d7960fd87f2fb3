"""A plain plotly figure in an Output widget: no FigureWidget, no script of its own."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets

from lipexplore.figures.tightness import CONFIG

if TYPE_CHECKING:
    import plotly.graph_objects as go

_AXES = ("xaxis", "yaxis")
MIME = "application/vnd.plotly.v1+json"


class Plot:
    """Shows one figure; ``text`` is what a front end without plotly shows instead."""

    def __init__(self) -> None:
        self.widget = ipywidgets.Output()
        self.widget.add_class("lx-plot")

    def draw(self, figure: go.Figure, text: str) -> None:
        """Replace the figure. May be called from any thread."""
        content: dict[str, Any] = json.loads(figure.to_json())
        content["config"] = CONFIG
        data = {MIME: content, "text/plain": text}
        self.widget.layout.min_height = f"{int(figure.layout.height or 0) + 4}px"
        self.widget.outputs = ({"output_type": "display_data", "metadata": {}, "data": data},)

    def say(self, text: str) -> None:
        """Show a sentence where the figure would be."""
        data = {"text/html": f'<p class="lx-note">{escape(text)}</p>', "text/plain": text}
        self.widget.layout.min_height = "0"
        self.widget.outputs = ({"output_type": "display_data", "metadata": {}, "data": data},)


def zoomed_ranges(change: dict[str, Any]) -> dict[str, Any]:
    """Return layout updates from what plotly says of a zoom; nothing where it was undone.

    >>> zoomed_ranges({"xaxis.range[0]": -2, "xaxis.range[1]": 0.5, "yaxis.autorange": True})
    {'xaxis': {'range': [-2.0, 0.5]}}
    """
    found = {}
    for axis in _AXES:
        ends = [change.get(f"{axis}.range[{end}]") for end in (0, 1)]
        if all(isinstance(end, int | float) for end in ends):
            found[axis] = {"range": [float(end) for end in ends if end is not None]}
    return found

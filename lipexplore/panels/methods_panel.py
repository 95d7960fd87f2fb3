"""Methods, degrees and their settings, and what the chosen runs will cost."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from html import escape
from typing import Any

import ipywidgets

from lipexplore.bounds import METHODS, BoundMethod, method_class
from lipexplore.figures.kinds import KINDS
from lipexplore.figures.texts import bytes_text, seconds_text
from lipexplore.panels.controls import FULL, boxed, field_controls, fill_fields, heading, on_value
from lipexplore.panels.costs import Cost
from lipexplore.panels.latest import Latest
from lipexplore.panels.panel import Panel
from lipexplore.panels.settings import DEGREES
from lipexplore.panels.state import Change, WorkbenchState

LONGEST_LIMIT = 86_400.0
SHOWN_FIRST = "lipopt-lp"
"""The method whose own settings are at hand when the panel opens."""
SECONDS_BEFORE_COUNTING = 0.15
"""Costs are counted once the controls rest: live values come first."""


class MethodsPanel(Panel):
    """Controls of the runs, made from METHODS and their fields; counts costs as they change."""

    name = "methods"
    title = "Methods"
    explanation = ""
    place = "side"
    runs = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._filling = False
        self.methods = {
            method.name: ipywidgets.Checkbox(
                value=method.name in state.settings.methods,
                description=method.label,
                tooltip=method.explanation,
                indent=False,
            )
            for method in METHODS
        }
        self.degrees = {
            degree: ipywidgets.Checkbox(
                value=degree in state.settings.degrees, description=str(degree), indent=False
            )
            for degree in DEGREES
        }
        for control in (*self.methods.values(), *self.degrees.values()):
            on_value(control, lambda _: self._set_runs())
        self._fields: dict[str, dict[str, ipywidgets.Widget]] = {}
        self.settings_of = ipywidgets.Dropdown(
            options=[(method.label, method.name) for method in METHODS if _has_fields(method)],
            value=SHOWN_FIRST,
            description="settings of",
            layout={"width": FULL},
        )
        on_value(self.settings_of, lambda _: self._show_fields())
        self.own = ipywidgets.VBox()
        self.time_limit = ipywidgets.BoundedFloatText(
            value=0.0,
            min=0.0,
            max=LONGEST_LIMIT,
            description="time limit (s)",
            tooltip="seconds after which a run returns the best it has; 0 for no limit",
            layout={"width": FULL},
        )
        on_value(self.time_limit, self._set_time_limit)
        self.costs = ipywidgets.HTML()
        self.children = self._children()
        self._counting = Latest(state.count_costs, state.set_costs, SECONDS_BEFORE_COUNTING)
        state.listen(self._hear)

    def _children(self) -> tuple[ipywidgets.Widget, ...]:
        degrees = ipywidgets.HBox([ipywidgets.HTML("degrees "), *self.degrees.values()])
        degrees.add_class("lx-degrees")
        self._show_fields()
        return (
            heading("Methods"),
            *self._groups(),
            degrees,
            self.time_limit,
            self.settings_of,
            self.own,
            heading("Cost before Run"),
            self.costs,
        )

    def fields(self, method: str) -> dict[str, ipywidgets.Widget]:
        """Return the controls of one method's own settings, made when they are first wanted."""
        if method not in self._fields:
            made = field_controls(method_class(method), partial(self._set_field, method))
            self._fields[method] = made
            self._fill(method)
        return self._fields[method]

    def _show_fields(self) -> None:
        self.own.children = tuple(self.fields(self.settings_of.value).values())

    def _fill(self, method: str) -> None:
        values = self.state.settings.parameters.get(method, {})
        before, self._filling = self._filling, True
        try:
            fill_fields(self._fields[method], method_class(method), values)
        finally:
            self._filling = before

    def _groups(self) -> list[ipywidgets.Widget]:
        """Return the methods' boxes under the title of their kind."""
        groups: list[ipywidgets.Widget] = []
        for kind in KINDS:
            title = ipywidgets.HTML(f'<p class="lx-note lx-kind">{escape(kind.title)}</p>')
            boxes = boxed([self.methods[name] for name in kind.methods], "lx-methods")
            groups += [title, boxes]
        return groups

    def refresh(self) -> None:
        """Show the state's settings in the controls, and the costs of the planned runs."""
        settings, self._filling = self.state.settings, True
        try:
            for name, box in self.methods.items():
                box.value = name in settings.methods
            for degree, box in self.degrees.items():
                box.value = degree in settings.degrees
            for method in self._fields:
                self._fill(method)
            self.time_limit.value = settings.time_limit or 0.0
        finally:
            self._filling = False
        self.costs.value = costs_html(self.state.costs)

    def _set_field(self, method: str, name: str, value: Any) -> None:
        if not self._filling:
            self.state.change_parameter(method, name, value)

    def _set_time_limit(self, seconds: float) -> None:
        if not self._filling:
            self.state.change(time_limit=seconds or None)

    def _set_runs(self) -> None:
        if self._filling:
            return
        self.state.change(
            methods=tuple(name for name, box in self.methods.items() if box.value),
            degrees=tuple(degree for degree, box in self.degrees.items() if box.value),
        )

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self.refresh()
            self._counting.request()
        elif change == "rows" and not self.state.busy:
            self._counting.request()
        elif change == "costs":
            self.costs.value = costs_html(self.state.costs)


def costs_html(costs: tuple[Cost, ...]) -> str:
    """Return sizes, memory and expected seconds as a table; refused runs in red, with why."""
    if not costs:
        return '<p class="lx-note">Choose a method, and a degree where it needs one.</p>'
    rows = "".join(_cost_row(cost) for cost in costs)
    return (
        '<div class="lx-scroll"><table class="lx-table"><thead><tr>'
        '<th scope="col" class="lx-text">run</th><th scope="col">memory</th>'
        f'<th scope="col">about</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _cost_row(cost: Cost) -> str:
    name = f'<th scope="row" class="lx-text">{escape(cost.run.label)}'
    if cost.refused:
        reason = f'<span class="lx-refused">refused: {escape(cost.refused)}</span>'
        return f'<tr>{name}<br>{reason}</th><td></td><td class="lx-refused">refused</td></tr>'
    size = ", ".join(f"{count:,} {key}" for key, count in cost.size.items()) or cost.note
    note = (
        f'<br><span class="lx-note" style="font-weight:400">{escape(size)}</span>' if size else ""
    )
    memory = bytes_text(cost.memory_bytes) if cost.memory_bytes else ""
    seconds = "?" if cost.seconds is None else seconds_text(cost.seconds)
    if cost.runs:
        seconds += (
            f'<br><span class="lx-note">from {cost.runs} run{"s" * (cost.runs > 1)} here</span>'
        )
    return f"<tr>{name}{note}</th><td>{memory}</td><td>{seconds}</td></tr>"


def _has_fields(method: type[BoundMethod]) -> bool:
    return any(item.name != "degree" for item in fields(method))

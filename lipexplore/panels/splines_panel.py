"""Learnable splines: edit a unit of a 1-Lipschitz network, fit points, compare families."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets
import numpy as np

from lipexplore.errors import LipexploreError
from lipexplore.figures.spline_families import distances_figure, errors_figure
from lipexplore.figures.splines import (
    FREE,
    LIMITED,
    SHAPE,
    bounds_figure,
    fit_figure,
    shape_figure,
    slope_figure,
)
from lipexplore.panels.controls import on_value, show
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.slider import Slider
from lipexplore.panels.spline_views import (
    EditView,
    Unit,
    edit_bounds,
    edit_view,
    fit_points,
    fit_text,
    fits,
    network_of,
    spline_networks,
    splines_of,
    stored_values,
)
from lipexplore.panels.state import WorkbenchState
from lipexplore.relaxations.spline_programs import SplineFit
from lipexplore.rounding import Array
from lipexplore.training.lipschitz_experiments import results
from lipexplore.training.lipschitz_families import FAMILIES
from lipexplore.training.splines import project_slopes

EDIT, FIT, COMPARE = "edit a unit", "fit points", "compare families"
NUMBER = {"width": "11em"}


class SplinesPanel(Panel):
    """Three views, of which the chosen one is computed, in a thread."""

    name = "splines"
    title = "Learnable splines"
    explanation = (
        "An activation may be learned, too: a linear spline whose slopes stay in [-1, 1] keeps a "
        "network with weights of norm 1 1-Lipschitz. Move a knot of one unit: which bounds move, "
        "and what does the projection of training (SplineProj) make of it?"
    )
    place = "topic"
    beside = ()

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._filling = False
        self._edits: dict[Unit, Array] = {}
        self.view = ipywidgets.ToggleButtons(options=[EDIT, FIT, COMPARE], value=EDIT)
        self.view.style.button_width = "auto"
        self.status, self.table = ipywidgets.HTML(), ipywidgets.HTML()
        self._make_edit_controls()
        self.smoothing = Slider(
            description="λ",
            tooltip="weight of the total variation of the slopes in the fit",
            min=1e-4,
            max=1.0,
            value=1e-2,
            log=True,
        )
        self.budget = ipywidgets.Dropdown(
            options=[("weights of l2 norm 1", "l2"), ("weights of l∞ norm 1", "linf")],
            description="budget",
        )
        self.shape, self.slopes, self.bounds = Plot(), Plot(), Plot()
        self.fit, self.errors, self.distances = Plot(), Plot(), Plot()
        self._parts = {
            EDIT: self._edit_part(),
            FIT: ipywidgets.VBox([self.smoothing, self.fit.widget]),
            COMPARE: ipywidgets.VBox([self.budget, _row(self.errors, self.distances)]),
        }
        self.children = (self.view, *self._parts.values(), self.status)
        self._edited = self.latest(self._edit_of_now, self._draw_edit)
        self._bounded = self.latest(self._bounds_of_now, self._draw_bounds)
        self._fitted = self.latest(self._fit_of_now, self._draw_fit)
        on_value(self.view, lambda _: self._turn())
        for choice in (self.network, self.layer, self.unit):
            on_value(choice, lambda _: self._change_unit())
        on_value(self.knot, lambda _: self._fill_level())
        on_value(self.level, lambda value: self._move(value))
        for control in (self.norm, self.smoothing, self.budget):
            on_value(control, lambda _: self.refresh())
        self._change_unit()
        self._turn()

    @property
    def chosen(self) -> Unit:
        """The unit that the controls choose."""
        return Unit(self.network.value, self.layer.value - 1, self.unit.value - 1)

    def refresh(self) -> None:
        """Compute and draw the chosen view, if the panel is on the screen."""
        if not self.visible or self._filling:
            return
        if self.view.value == COMPARE:
            self._draw_families()
        elif self.view.value == FIT:
            self._fitted.request()
        else:
            self._edited.request()
            self._bounded.request()

    def click(self, clicked: dict[str, Any]) -> None:
        """Choose the clicked knot."""
        point = clicked.get("point")
        if clicked.get("plot") == SHAPE and isinstance(point, int):
            self.knot.value = point + 1

    def python_call(self) -> str:
        """Return the bounds of the stored network, or the fit."""
        if self.view.value == FIT:
            return f"fit(x, y, np.linspace(-1, 1, 11), {self.smoothing.value:g}).lipschitz"
        if self.view.value == COMPARE:
            return f'results()["curves"]["{self.budget.value}"]'
        return (
            f'network = lipexplore.load_network("{self.network.value}")\n'
            f'lipexplore.bound(network, "norm-product", "{self.norm.value}")'
        )

    def _make_edit_controls(self) -> None:
        names = spline_networks()
        self.network = ipywidgets.Dropdown(
            options=names,
            value=next((n for n in names if n.startswith("spline-sine-l2-learned")), names[0]),
            description="network",
            layout={"width": "24em"},
        )
        self.layer, self.unit, self.knot = (
            ipywidgets.BoundedIntText(value=1, min=1, max=1, description=text, layout=NUMBER)
            for text in ("layer", "unit", "knot")
        )
        self.norm = ipywidgets.Dropdown(
            options=[("l2", "l2"), ("l∞", "linf")], description="norm", layout=NUMBER
        )
        self.level = Slider(
            description="value",
            tooltip="the spline's value at the chosen knot",
            min=-2.0,
            max=2.0,
            step=0.01,
        )
        self.project = ipywidgets.Button(description="Keep SplineProj")
        self.reset = ipywidgets.Button(description="Undo all edits")
        self.project.on_click(lambda _: self._keep_projection())
        self.reset.on_click(lambda _: self._forget())

    def _edit_part(self) -> ipywidgets.VBox:
        numbers = ipywidgets.HBox([self.network, self.layer, self.unit, self.knot, self.norm])
        buttons = ipywidgets.HBox([self.level, self.project, self.reset])
        self.level.layout = ipywidgets.Layout(width="26em")
        for box in (numbers, buttons):
            box.layout.flex_flow = "row wrap"
        plots = _row(self.shape, self.slopes)
        return ipywidgets.VBox([numbers, buttons, plots, self.table, self.bounds.widget])

    def _turn(self) -> None:
        for name, part in self._parts.items():
            show(part, name == self.view.value)
        self.refresh()
        if self.visible:
            self.show_call()

    def _change_unit(self) -> None:
        """Keep the numbers within the network, show the coefficient of the chosen knot."""

        def fill() -> None:
            self.layer.max = network_of(self.network.value).depth
            splines = splines_of(self.network.value, self.layer.value - 1)
            self.unit.max = len(splines.values)
            self.knot.max = int((~np.isnan(splines.knots[self.unit.value - 1])).sum())
            self._show_level(self._values()[self.knot.value - 1])

        self._quietly(fill)

    def _fill_level(self) -> None:
        self._quietly(lambda: self._show_level(self._values()[self.knot.value - 1]))

    def _show_level(self, level: float) -> None:
        self.level.value = float(level)

    def _quietly(self, fill: Callable[[], None]) -> None:
        """Fill controls without a computation for each, then compute once."""
        if self._filling:
            return
        self._filling = True
        try:
            fill()
        finally:
            self._filling = False
        self.refresh()

    def _values(self) -> Array:
        return self._edits.get(self.chosen, stored_values(self.chosen)[1])

    def _move(self, level: float) -> None:
        if not self._filling:
            values = self._values().copy()
            values[self.knot.value - 1] = level
            self._edits[self.chosen] = values
            self.refresh()

    def _keep_projection(self) -> None:
        knots, _ = stored_values(self.chosen)
        spacing = float(knots[1] - knots[0])
        self._edits[self.chosen] = project_slopes(self._values(), spacing)
        self._fill_level()

    def _forget(self) -> None:
        self._edits.clear()
        self._fill_level()

    def _edit_of_now(self) -> EditView | str:
        try:
            return edit_view(self._values(), self.chosen)
        except LipexploreError as problem:
            return f"{problem}."

    def _draw_edit(self, found: EditView | str) -> None:
        if isinstance(found, str):
            self._say(found)
            return
        knot, size = min(self.knot.value, len(found.knots)) - 1, self.font_size
        self.shape.draw(shape_figure(found.knots, found.curves, knot, size), "spline")
        self.slopes.draw(slope_figure(found.knots, found.curves, size), "slopes")
        self.table.value = found.text
        self.show_call()

    def _bounds_of_now(self) -> dict[str, Any] | str:
        try:
            return edit_bounds(dict(self._edits), self.network.value, self.norm.value)
        except LipexploreError as problem:
            return f"{problem}."

    def _draw_bounds(self, found: dict[str, Any] | str) -> None:
        if isinstance(found, str):
            self._say(found)
            return
        self.bounds.draw(bounds_figure(found, self.font_size), "bounds")
        self._say("" if len(found) > 1 else "Move a knot: its value is the slider above.")

    def _fit_of_now(self) -> tuple[SplineFit, SplineFit] | str:
        try:
            return fits(self.smoothing.value)
        except LipexploreError as problem:
            return f"{problem}."

    def _draw_fit(self, found: tuple[SplineFit, SplineFit] | str) -> None:
        if isinstance(found, str):
            self._say(found)
            return
        knots, x, y = fit_points()
        curves = {LIMITED: found[0].values, FREE: found[1].values}
        self.fit.draw(fit_figure(x, y, knots, curves, self.font_size), "fit")
        self._say(fit_text(found))
        self.show_call()

    def _draw_families(self) -> None:
        table, labels = results(), {family.name: family.label for family in FAMILIES}
        size = self.font_size
        curves = table["curves"][self.budget.value]
        self.errors.draw(errors_figure(curves, labels, size), "errors")
        self.distances.draw(distances_figure(table["distances"], labels, size), "distances")
        self._say(
            "Left: 1-10-10-10-1 networks on three curves, the same schedule for all families "
            "(median and range of five). Right: how much of the l2 Wasserstein distance of two "
            "sets a 1-Lipschitz network finds (weights of l2 norm 1); none can exceed 1."
        )
        self.show_call()

    def _say(self, text: str) -> None:
        self.status.value = f'<div role="status" aria-live="polite">{escape(text)}</div>'


def _row(*plots: Plot) -> ipywidgets.HBox:
    for plot in plots:
        plot.widget.layout.flex = "1 1 24em"
        plot.widget.layout.min_width = "0"
    row = ipywidgets.HBox([plot.widget for plot in plots])
    row.layout.flex_flow = "row wrap"
    return row

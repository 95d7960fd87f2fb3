"""Path regularization: certified optima of small problems, their networks, gradient descent."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets

from lipexplore.errors import LipexploreError
from lipexplore.figures.path_atoms import atoms_figure
from lipexplore.figures.path_bounds import bounds_figure
from lipexplore.figures.path_descent import descent_figure
from lipexplore.figures.path_digits import digits_figure
from lipexplore.figures.path_fit import DESCENT, THREE, line_figure, plane_figure
from lipexplore.panels.controls import heading, on_value, show
from lipexplore.panels.latest import Latest
from lipexplore.panels.panel import Panel
from lipexplore.panels.path_views import (
    CASES,
    LAYERS,
    PLANE,
    Request,
    View,
    atoms_of,
    data_of,
    digits_sweep,
    numbers_of,
    run_descent,
    sentence,
    view,
)
from lipexplore.panels.plot import Plot
from lipexplore.panels.slider import Slider
from lipexplore.panels.state import WorkbenchState
from lipexplore.properties.path_regularization import Descent
from lipexplore.rounding import Array

POINTS, DIGITS = "few points", "digits"


class PathPanel(Panel):
    """Optima, gradient descent and digits, each computed in a thread of its own."""

    name = "path_regularization"
    title = "Path regularization"
    explanation = (
        "Training a sum of ReLU networks with the path regulariser R has a convex form: few "
        "sub-networks survive, and a dual variable proves how far any network is from the optimum. "
        "Raise β: which sub-networks go, and where does gradient descent get stuck? Is R a "
        "Lipschitz bound?"
    )
    place = "topic"
    beside = ()

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._view: View | None = None
        self._descents: dict[Request, Descent] = {}
        self._descends = False
        self._make_controls()
        self.text, self.status = ipywidgets.HTML(), ipywidgets.HTML()
        self.fit, self.atoms, self.bounds = Plot(), Plot(), Plot()
        self.descent, self.digits = Plot(), Plot()
        controls = ipywidgets.HBox([self.case, self.layers, self.beta, self.run])
        controls.layout.flex_flow = "row wrap"
        pairs = (
            ("The optimal functions", self.fit),
            ("Objective", self.descent),
            ("Sub-networks that are left", self.atoms),
            ("Slope and path norms", self.bounds),
        )
        grid = ipywidgets.HBox([_titled(title, plot) for title, plot in pairs])
        grid.layout.flex_flow = "row wrap"
        self._parts = {
            POINTS: ipywidgets.VBox([controls, self.text, grid]),
            DIGITS: _titled("Classifiers of digits trained with β R", self.digits),
        }
        self.children = (self.topic, *self._parts.values(), self.status)
        self._solved = self.latest(self._view_of_now, self._draw)
        self._descended = Latest(self._descent_of_now, self._keep_descent)
        self._swept = self.latest(digits_sweep, self._draw_digits)
        on_value(self.topic, lambda _: self._turn())
        for control in (self.case, self.beta, self.layers):
            on_value(control, lambda _: self.refresh())
        self.run.on_click(lambda _: self._start_descent())
        self._turn()

    @property
    def request(self) -> Request:
        """What the controls ask for."""
        return Request(self.case.value, self.beta.value, self.layers.value)

    def refresh(self) -> None:
        """Compute and draw, if the panel is on the screen."""
        if not self.visible:
            return
        if self.topic.value == DIGITS:
            self._say("Computing Lipschitz bounds …")
            self._swept.request()
        else:
            self._solved.request()

    def python_call(self) -> str:
        """Return the optimum that is shown."""
        if self.topic.value == DIGITS:
            return 'network = gallery_model("parallel-digits-beta1e-2")\npath_norms(network)'
        return (
            f"problem = PathProblem(points, targets, {self.beta.value:g}, "
            f"layers={LAYERS[self.layers.value]})\noptimum(problem).lower"
        )

    def _make_controls(self) -> None:
        self.topic = ipywidgets.ToggleButtons(options=[POINTS, DIGITS], value=POINTS)
        self.case = ipywidgets.Dropdown(
            options=CASES, description="data", layout={"width": "22em", "max_width": "98%"}
        )
        self.layers = ipywidgets.Dropdown(
            options=list(LAYERS),
            value=THREE,
            description="descend on",
            tooltip="depth of gradient descent, and of the picture in the plane",
            layout={"width": "18em"},
        )
        self.beta = Slider(
            description="β",
            tooltip="weight of the path regulariser R",
            min=0.003,
            max=3.0,
            value=0.1,
            log=True,
        )
        self.beta.layout = ipywidgets.Layout(width="26em")
        self.run = ipywidgets.Button(
            description="Gradient descent",
            tooltip="twelve random starts with twelve sub-networks",
            layout={"width": "auto"},
        )

    def _turn(self) -> None:
        for name, part in self._parts.items():
            show(part, name == self.topic.value)
        self._say("")
        self.refresh()
        if self.visible:
            self.show_call()

    def _view_of_now(self) -> View | str:
        try:
            return view(self.request)
        except LipexploreError as problem:
            return f"{problem}."

    def _draw(self, found: View | str) -> None:
        if isinstance(found, str):
            self._say(found)
            return
        self._view, size, told = found, self.font_size, sentence(found)
        self.text.value = f'<p role="status" aria-live="polite">{escape(told)}</p>'
        atoms = {label: atoms_of(item) for label, item in found.optima.items()}
        atoms = {label: item for label, item in atoms.items() if item[0].any()}
        if atoms:
            self.atoms.draw(atoms_figure(atoms, font_size=size), told)
        else:
            known = all(item.complete for item in found.optima.values())
            best = "is optimal" if known else "is the best that the drawn patterns allow"
            self.atoms.say(f"No sub-network is left: f = 0 {best}.")
        numbers = {label: numbers_of(item.network) for label, item in found.optima.items()}
        self.bounds.draw(bounds_figure(numbers, font_size=size), str(numbers))
        self._draw_descent()
        self.show_call()

    def _draw_descent(self) -> None:
        """Draw the functions and the objective, with the descent of this request if it was run."""
        if self._view is None or self.topic.value != POINTS:
            return
        shown, size, request = self._view, self.font_size, self._view.request
        known = self._descents.get(request)
        points, targets = data_of(request.case)
        if request.case == PLANE:
            values = shown.curves[request.layers]
            figure = plane_figure(
                points, targets, shown.grid, values, request.layers, font_size=size
            )
        else:
            curves: dict[str, Array] = dict(shown.curves)
            if known:
                curves[DESCENT] = known.network(shown.grid[:, None])[:, 0]
            figure = line_figure(points[:, 0], targets, shown.grid, curves, font_size=size)
        self.fit.draw(figure, f"functions fitted to {len(points)} points")
        best = shown.optima[request.layers]
        if known is None:
            self._say("Gradient descent runs …" if self._descends else "")
            self.descent.say(f"Press Gradient descent: the optimum is {best.value:.7g}.")
            return
        above = f", {known.value - best.lower:.3g} above the proven lower end" if best.lower else ""
        self._say(f"Best of gradient descent: {known.value:.7g}{above}.")
        figure = descent_figure(
            known.steps,
            known.traces,
            best.lower,
            best.upper,
            certified=best.complete,
            font_size=size,
        )
        self.descent.draw(figure, f"best of gradient descent: {known.value:.7g}")

    def _start_descent(self) -> None:
        if self.visible:
            self._descends = True
            self._say("Gradient descent runs …")
            self._descended.request()

    def _descent_of_now(self) -> tuple[Request, Descent]:
        request = self.request
        known = self._descents.get(request)
        return request, known or run_descent(request)

    def _keep_descent(self, found: tuple[Request, Descent]) -> None:
        request, descent = found
        self._descents, self._descends = {request: descent}, False
        if self.visible:
            self._draw_descent()

    def _draw_digits(self, found: tuple[Any, Any, Any]) -> None:
        betas, shares, bounds = found
        if not betas:
            self.digits.say("No trained network is shipped with this installation.")
            return
        self.digits.draw(
            digits_figure(betas, shares, bounds, font_size=self.font_size), "classifiers of digits"
        )
        self._say(
            "Sums of 24 sub-networks 64-3-1-10, one training each. Bounds are proven, for all "
            "inputs: the largest of the ten outputs."
        )
        self.show_call()

    def _say(self, text: str) -> None:
        self.status.value = f'<div role="status" aria-live="polite">{escape(text)}</div>'


def _titled(title: str, plot: Plot) -> ipywidgets.VBox:
    box = ipywidgets.VBox([heading(title), plot.widget])
    box.layout.flex = "1 1 26em"
    box.layout.min_width = "0"
    return box

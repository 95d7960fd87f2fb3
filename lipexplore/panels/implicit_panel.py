"""Implicit networks: their certificate, iteration, Lipschitz bounds, boxes, certified accuracy."""

from __future__ import annotations

from html import escape

import ipywidgets

from lipexplore.figures.implicit_accuracy import accuracy_figure
from lipexplore.figures.implicit_bars import bound_bars
from lipexplore.figures.implicit_box import box_figure
from lipexplore.figures.implicit_convergence import convergence_figure
from lipexplore.figures.implicit_matrix import matrix_figure
from lipexplore.panels.controls import heading, on_value, show
from lipexplore.panels.implicit_code import python_of
from lipexplore.panels.implicit_view import (
    IMAGES,
    LABELS,
    Request,
    Slow,
    View,
    choices,
    network_of,
    own_measure,
    slow,
    slow_key,
    view,
)
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.slider import Slider
from lipexplore.panels.state import WorkbenchState
from lipexplore.rounding import text_above, text_below

LOWEST_GAMMA, HIGHEST_GAMMA = -4.0, 1.2
MOST_KEPT = 32


class ImplicitPanel(Panel):
    """Draws at once what is quick; programs and certified radii follow from a thread."""

    name = "implicit"
    title = "Implicit networks"
    explanation = (
        "An implicit network's state solves z = φ(A z + B x + b) instead of passing through "
        "layers. If a weighted matrix measure of A is below 1, there is one state for every input "
        "and an averaged iteration finds it. The slider γ moves that measure: what happens to the "
        "iteration, to the Lipschitz bounds and to the box of reachable outputs?"
    )
    place = "topic"
    beside = ()

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._filling = False
        self._slow: dict[object, Slow] = {}
        self._view: View | None = None
        self._make_controls()
        self.text = ipywidgets.HTML()
        self.status = ipywidgets.HTML()
        self.matrix, self.convergence = Plot(), Plot()
        self.bars, self.box, self.accuracy = Plot(), Plot(), Plot()
        sliders = ipywidgets.HBox([self.gamma, self.radius, self.steps])
        sliders.layout.flex_flow = "row wrap"
        numbers = ipywidgets.HBox([self.network, self.sample, self.first, self.second])
        numbers.layout.flex_flow = "row wrap"
        pairs = (
            ("The matrix A and its certificate", self.matrix),
            ("Finding the state", self.convergence),
            ("Bounds of the first output", self.bars),
            ("Reachable outputs", self.box),
        )
        grid = ipywidgets.HBox([_titled(name, plot) for name, plot in pairs])
        grid.layout.flex_flow = "row wrap"
        self._accuracy_part = ipywidgets.VBox([heading("Certified accuracy"), self.accuracy.widget])
        self.children = (
            numbers,
            sliders,
            self.text,
            grid,
            self.status,
            self._accuracy_part,
        )
        self._quick_work = self.latest(lambda: view(self.request), self._draw)
        self._slow_work = self.latest(self._compute_slow, self._draw_slow)
        on_value(self.network, lambda _: self._change_network())
        for control in (self.gamma, self.radius, self.steps, self.sample, self.first, self.second):
            on_value(control, lambda _: self.refresh())
        self._change_network()

    @property
    def request(self) -> Request:
        """What the controls ask for."""
        own = round(own_measure(self.network.value), 2)
        gamma = None if round(self.gamma.value, 2) == own else self.gamma.value
        outputs = network_of(self.network.value).n_outputs - 1
        return Request(
            self.network.value,
            gamma,
            self.radius.value,
            int(self.steps.value),
            self.sample.value,
            (min(self.first.value, outputs), min(self.second.value, outputs)),
        )

    def refresh(self) -> None:
        """Compute and draw, if the panel is on the screen."""
        if self.visible and not self._filling:
            self._quick_work.request()

    def python_call(self) -> str:
        """Return the certificate and the box of the network that is chosen."""
        return python_of(self.request)

    def _make_controls(self) -> None:
        names = choices()
        self.network = ipywidgets.Dropdown(
            options=names,
            value=names[0],
            description="network",
            layout={"width": "26em", "max_width": "98%"},
        )
        self.gamma = Slider(
            description="measure γ",
            tooltip="moves the diagonal of A until its matrix measure, in the weights, is γ",
            min=LOWEST_GAMMA,
            max=HIGHEST_GAMMA,
            step=0.02,
            value=0.4,
        )
        self.radius = Slider(
            description="radius",
            tooltip="half the width of the box of inputs",
            min=0.001,
            max=1.0,
            value=0.05,
            log=True,
        )
        self.steps = Slider(
            description="steps",
            tooltip="after which the raw iterate of the embedded network is drawn",
            min=0.0,
            max=60.0,
            value=6.0,
        )
        for slider in (self.gamma, self.radius, self.steps):
            slider.layout = ipywidgets.Layout(flex="1 1 16em")
        self.sample, self.first, self.second = (
            ipywidgets.BoundedIntText(
                value=value, min=0, max=most, description=text, layout={"width": "11em"}
            )
            for text, value, most in (("input no.", 0, 359), ("output", 0, 0), ("and output", 0, 0))
        )

    def _change_network(self) -> None:
        """Fit the controls to the chosen network, then draw once."""
        self._filling = True
        try:
            outputs = network_of(self.network.value).n_outputs
            for control, value in ((self.first, 0), (self.second, min(1, outputs - 1))):
                control.max = outputs - 1
                control.value = value
            self.gamma.value = round(own_measure(self.network.value), 2)
        finally:
            self._filling = False
        self.refresh()

    def _compute_slow(self) -> Slow:
        request = self.request
        key = slow_key(request)
        if key not in self._slow:
            while len(self._slow) >= MOST_KEPT:
                self._slow.pop(next(iter(self._slow)))
            self._slow[key] = slow(request)
        return self._slow[key]

    def _draw(self, shown: View) -> None:
        self._view, size = shown, self.font_size
        self.text.value = f'<p role="status" aria-live="polite">{escape(sentence(shown))}</p>'
        self.matrix.draw(
            matrix_figure(shown.network.A, shown.weights, shown.rows, shown.plain, font_size=size),
            "the matrix A and its row measures",
        )
        self.convergence.draw(
            convergence_figure(shown.curves, font_size=size), "residuals of the iterations"
        )
        known = self._slow.get(slow_key(shown.request))
        if shown.problem:
            for plot in (self.bars, self.box):
                plot.say("Nothing is proven without a certificate.")
            show(self._accuracy_part, False)
            self.status.value = ""
            return
        outputs = tuple(f"output {k}" for k in shown.request.outputs)
        self.box.draw(
            box_figure(shown.boxes, shown.samples, (outputs[0], outputs[1]), font_size=size),
            sentence(shown),
        )
        self._draw_bars(known)
        if known is None:
            self.status.value = "<p>Solving the slope LMI …</p>"
            self.accuracy.say("Certifying images …")
            show(self._accuracy_part, shown.network.n_inputs == 64)
            self._slow_work.request()
        else:
            self._draw_slow(known)
        self.show_call()

    def _draw_bars(self, known: Slow | None) -> None:
        if self._view is not None:
            bounds = {**self._view.bounds, **(known.bounds if known else {})}
            figure = bound_bars(
                bounds, self._view.sampled, LABELS["patterns"], font_size=self.font_size
            )
            told = ", ".join(f"{name} {value:.4g}" for name, value in bounds.items())
            self.bars.draw(figure, told)

    def _draw_slow(self, known: Slow) -> None:
        if self._view is None or known.key != slow_key(self._view.request) or self._view.problem:
            return
        self.status.value = ""
        self._draw_bars(known)
        show(self._accuracy_part, bool(known.radii))
        if known.radii:
            figure = accuracy_figure(
                known.radii, radius=self._view.request.radius, font_size=self.font_size
            )
            self.accuracy.draw(figure, f"certified accuracy of {IMAGES} test images")


def sentence(shown: View) -> str:
    """Say what the certificate and the boxes show."""
    if shown.problem:
        return f"{shown.problem[0].upper()}{shown.problem[1:]}."
    widths = {
        name: text_above(float((high - low).max()), 4) for name, (low, high) in shown.boxes.items()
    }
    samples = shown.samples
    share = float((samples.max(axis=0) - samples.min(axis=0)).max())
    return (
        f"One state for every input is proven: the matrix measure is {shown.rows.max():.4g} < 1. "
        f"An averaged step brings the state nearer by the factor {shown.factor:.4g} at least. "
        f"Width of the box by the embedded network: {widths['embedded network']}; by the Lipschitz "
        f"matrix: {widths['Lipschitz matrix']}; by intervals through the unrolled iteration: "
        f"{widths['unrolled intervals']}. Samples spread over {text_below(share, 4)}."
    )


def _titled(name: str, plot: Plot) -> ipywidgets.VBox:
    return ipywidgets.VBox([heading(name), plot.widget], layout={"flex": "1 1 26em"})

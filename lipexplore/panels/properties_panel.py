"""Properties: one number of a map against the radius of a ball, certified and sampled."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets

from lipexplore.networks.feedforward import Network
from lipexplore.panels.controls import heading, on_value
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.property_sweeps import Asked, Shown, Sweeps, views_of
from lipexplore.panels.slider import Slider
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.properties.incremental.examples import EXAMPLES
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.regions import Ball, Box

OWN = "the network chosen here"
WIDE = {"width": "30em", "max_width": "98%"}


class PropertiesPanel(Panel):
    """Certifies one property over growing balls, one radius after the other, in a thread."""

    name = "properties"
    title = "Properties"
    explanation = (
        "One matrix inequality over the slopes certifies more than a Lipschitz constant: how fast "
        "a system contracts, whether a map is monotone or invertible. The line is proven for all "
        "pairs of inputs in the ball; the markers are sampled and prove nothing: the truth lies "
        "between them. Lengths are ℓ₂ here, whatever the input norm of the question."
    )
    beside = ("network", "question")
    tells_results = True

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._sweeps = Sweeps()
        self.source = ipywidgets.Dropdown(
            options=[OWN, *EXAMPLES],
            description="map",
            tooltip="whose property: the chosen network, or a small system made for this",
            layout=WIDE,
        )
        self.prop = ipywidgets.Dropdown(
            options=[(prop.label, name) for name, prop in PROPERTIES.items()],
            description="property",
            tooltip="what shall be certified",
            layout=WIDE,
        )
        self.radius = Slider(
            description="largest radius",
            tooltip="of the balls, in units of the input",
            min=1e-3,
            max=1e3,
            slider_min=0.01,
            slider_max=100.0,
            log=True,
            value=3.0,
        )
        self.gain = Slider(
            description="gain γ",
            tooltip="the supply is Q = diag(γ² I, -I): dissipative if |df| is at most γ |dx|",
            min=1e-3,
            max=1e3,
            slider_min=0.1,
            slider_max=10.0,
            log=True,
            value=2.0,
        )
        self.cancel = ipywidgets.Button(
            description="Cancel",
            tooltip="stop here; what is proven stays",
            disabled=True,
            layout={"width": "auto", "margin": "2px 2px 2px 1em"},
        )
        self.status = ipywidgets.HTML()
        self.sentence, self.table = ipywidgets.HTML(), ipywidgets.HTML()
        self.plot, self.picture = Plot(), Plot()
        self.caption = heading("Pairs of inputs")
        self.children = (
            ipywidgets.HBox([self.source, self.prop], layout={"flex_flow": "row wrap"}),
            ipywidgets.HBox(
                [self.radius, self.gain, self.cancel], layout={"flex_flow": "row wrap"}
            ),
            self.status,
            self.plot.widget,
            self.sentence,
            self.caption,
            self.picture.widget,
            self.table,
        )
        self._work = self.latest(self._step, self._draw)
        self.cancel.on_click(lambda _: self._stop())
        for control in (self.source, self.prop, self.radius, self.gain):
            on_value(control, lambda _: self.refresh())
        state.listen(self._hear)

    @property
    def asked(self) -> Asked | None:
        """What the controls ask for; None where there is no network."""
        if self.source.value != OWN:
            mapping: Any = EXAMPLES[self.source.value]()
            return Asked(mapping, self.prop.value, None, self.radius.value, self.gain.value)
        question = self.state.question
        if question is None:
            return None
        network: Network = question.part
        center = None
        if isinstance(question.region, Ball | Box) and question.layers is None:
            lower, upper = question.region.box()
            center = 0.5 * lower + 0.5 * upper
        return Asked(network, self.prop.value, center, self.radius.value, self.gain.value)

    def refresh(self) -> None:
        """Begin anew what the controls ask for, if the panel is on the screen."""
        if self.visible:
            self.gain.layout.display = "" if self.prop.value == "dissipativity" else "none"
            self._sweeps.ask(self.asked)
            self.status.value = _status("Working …")
            self._work.request()

    def close(self) -> None:
        """Stop the thread at its next step."""
        self._sweeps.stop()

    def python_call(self) -> str:
        """Return the property over the largest ball."""
        question, prop = self.state.question, self.prop.value
        if self.source.value != OWN:
            mapping, center = f"EXAMPLES[{self.source.value!r}]()", "[0.0] * mapping.n_inputs"
        elif question is not None:
            mapping, center = question.network_code, "[0.0] * mapping.n_inputs"
            if isinstance(question.region, Ball | Box):
                lower, upper = question.region.box()
                center = str((0.5 * lower + 0.5 * upper).tolist())
            if question.layers is not None:
                mapping += f".slice{question.layers}"
                center = "[0.0] * mapping.n_inputs"
        else:
            return ""
        form = ""
        if prop == "dissipativity":
            form = (
                f", supply=np.diag([{self.gain.value}**2] * mapping.n_inputs"
                " + [-1.0] * mapping.n_outputs)"
            )
        return (
            f"mapping = {mapping}\n"
            f"region = lipexplore.Ball({center}, {self.radius.value}, 'l2')\n"
            f"certify(mapping, {prop!r}, region{form})"
        )

    def _hear(self, change: Change) -> None:
        if change == "settings" and self.source.value == OWN:
            self.refresh()

    def _stop(self) -> None:
        self._sweeps.stop()
        self.cancel.disabled = True

    def _step(self) -> Shown:
        """Certify the next radius, in a thread."""
        return views_of(self._sweeps.step(), self.font_size)

    def _draw(self, shown: Shown) -> None:
        self.cancel.disabled = not shown.more
        self.status.value = _status(shown.status)
        if shown.figure is None or shown.picture is None:
            if shown.problem:
                self.plot.say(shown.problem)
                self.picture.say("Nothing to draw.")
                self.sentence.value = self.table.value = ""
        else:
            self.plot.draw(shown.figure, shown.sentence)
            self.caption.value = f"<h3>{escape(shown.caption)}</h3>"
            self.picture.draw(shown.picture, shown.caption)
            self.sentence.value = f"<p>{escape(shown.sentence)}</p>"
            self.table.value = shown.table
        self.show_call()
        if shown.more:
            self._work.request()


def _status(text: str) -> str:
    return f'<div role="status" aria-live="polite"><p>{escape(text)}</p></div>'

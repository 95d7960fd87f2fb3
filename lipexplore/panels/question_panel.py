"""Network and question: which constant is asked for."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets
import numpy as np

from lipexplore.errors import LipexploreError
from lipexplore.networks.slope_ranges import layer_slice, slope_ranges
from lipexplore.norms import Norm
from lipexplore.panels.controls import FULL, heading, on_value, show
from lipexplore.panels.panel import Panel
from lipexplore.panels.settings import AROUND_DIGIT, EVERYWHERE, RANDOM, REGIONS
from lipexplore.panels.state import Change, WorkbenchState
from lipexplore.rounding import Array
from lipexplore.training.images import digits_for

NORMS = [(f"{norm.symbol}  ({norm.value})", norm.value) for norm in reversed(Norm)]
NOTHING = -1


class QuestionPanel(Panel):
    """Controls of the network, the output, the norm and the region; writes into the state."""

    name = "question"
    title = "Question"
    explanation = ""
    place = "side"
    beside = ()

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self._filling = False
        self.network = self._bind("network", ipywidgets.Dropdown, "network")
        self.random = self._random_controls()
        self.facts = ipywidgets.HTML()
        self.layers = self._bind("layers", ipywidgets.Dropdown, "layers")
        self.output = self._bind("output", ipywidgets.Dropdown, "output")
        self.minus = self._bind("minus", ipywidgets.Dropdown, "minus")
        self.minus.style.description_width = "3.5em"
        self.norm = self._bind("norm", ipywidgets.Dropdown, "input norm", options=NORMS)
        self.region = self._bind("region", ipywidgets.Dropdown, "region", options=REGIONS)
        self.digit = self._bind(
            "digit", ipywidgets.BoundedIntText, "test image", min=0, max=359, step=1
        )
        self.radius = self._bind(
            "radius", ipywidgets.BoundedFloatText, "radius", min=1e-6, max=1e6, step=0.01
        )
        self.ball = self._bind("ball", ipywidgets.Dropdown, "ball norm", options=NORMS)
        self.picture = ipywidgets.HTML()
        self.problem = ipywidgets.HTML()
        self.children = (
            heading("Network"),
            self.network,
            *self.random.values(),
            self.facts,
            self.layers,
            heading("Question"),
            _pair(self.output, self.minus),
            self.norm,
            self.region,
            self.digit,
            self.radius,
            self.ball,
            self.picture,
            self.problem,
        )
        state.listen(self._hear)
        self.refresh()

    def refresh(self) -> None:
        """Show the state's settings in the controls."""
        settings, self._filling = self.state.settings, True
        try:
            self.network.options = self.state.catalogue.names
            for name, control in self.random.items():
                show(control, name in _random_fields(settings.network))
                control.value = getattr(settings, name)
            self._fill_outputs()
            for name in ("network", "norm", "region", "digit", "radius", "ball"):
                getattr(self, name).value = getattr(settings, name)
        finally:
            self._filling = False
        for control in (self.radius, self.ball):
            show(control, settings.region != EVERYWHERE)
        show(self.digit, settings.region == AROUND_DIGIT)
        self._tell_facts()

    def _hear(self, change: Change) -> None:
        if change == "settings":
            self.refresh()

    def _bind(self, setting: str, kind: Any, label: str, **details: Any) -> ipywidgets.Widget:
        control = kind(description=label, layout={"width": FULL}, **details)
        on_value(control, lambda value: self._set(setting, value))
        return control

    def _set(self, setting: str, value: Any) -> None:
        if not self._filling:
            self.state.change(**{setting: None if value == NOTHING else value})

    def _random_controls(self) -> dict[str, ipywidgets.Widget]:
        number, fraction = ipywidgets.BoundedIntText, ipywidgets.BoundedFloatText
        return {
            "widths": self._bind("widths", ipywidgets.Text, "layer sizes", continuous_update=False),
            "bandwidth": self._bind("bandwidth", number, "bandwidth", min=0, max=10_000),
            "density": self._bind("density", fraction, "density", min=0.01, max=1.0, step=0.05),
            "seed": self._bind("seed", number, "seed", min=0, max=10**9),
        }

    def _fill_outputs(self) -> None:
        settings, question = self.state.settings, self.state.question
        if question is None:
            return
        count = len(question.network.weights)
        self.layers.options = _layer_options(count)
        self.layers.value = settings.layers or (1, count)
        outputs = list(range(question.part.n_outputs))
        self.output.options, self.output.value = outputs, settings.output
        self.minus.options = [("nothing", NOTHING), *((str(index), index) for index in outputs)]
        self.minus.value = NOTHING if settings.minus is None else settings.minus

    def _tell_facts(self) -> None:
        question = self.state.question
        self.problem.value = (
            f'<p role="alert" class="lx-refused">{escape(self.state.problem)}</p>'
            if self.state.problem
            else ""
        )
        self.picture.value = ""
        if question is None:
            return
        network = question.network
        shape = "-".join(map(str, network.widths))
        kinds = ", ".join(sorted({act.name for act in network.activations})) or "linear"
        self.facts.value = (
            f'<p class="lx-note">{shape}, {escape(kinds)}, '
            f"{1.0 - network.density:.0%} of the weights are zero</p>"
        )
        if self.state.settings.region != EVERYWHERE:
            self.picture.value = self._region_html()

    def _region_html(self) -> str:
        question, settings = self.state.question, self.state.settings
        if question is None:
            return ""
        part, region = layer_slice(question.network, question.region, question.layers)
        units = sum(part.widths[1:-1])
        text = (
            f"{slope_ranges(part, region).undecided} of {units} hidden units are undecided: "
            "their slope is not fixed in this region."
        )
        if settings.region != AROUND_DIGIT:
            return f"<p>{text}</p>"
        try:
            images, labels = digits_for(question.network)
        except LipexploreError as error:
            return f"<p>{escape(str(error))}</p>"
        image, label = images[settings.digit], int(labels[settings.digit])
        told = int(np.argmax(question.network(image)))
        about = f"<p>Handwritten {label}, read as {told}. {text}</p>"
        return f'<div class="lx-digit">{digit_svg(image, label)}{about}</div>'


def digit_svg(image: Array, label: int, size: int = 72) -> str:
    """Return a grey image (side^2,) as inline SVG."""
    side = round(len(image) ** 0.5)
    cells = "".join(
        f'<rect x="{index % side}" y="{index // side}" width="1.02" height="1.02" '
        f'fill="rgb({level},{level},{level})"/>'
        for index, level in enumerate(np.round(255 * (1.0 - image)).astype(int).tolist())
    )
    return (
        f'<svg role="img" aria-label="handwritten digit {label}" width="{size}" height="{size}" '
        f'viewBox="0 0 {side} {side}" shape-rendering="crispEdges">{cells}</svg>'
    )


def _layer_options(count: int) -> list[tuple[str, tuple[int, int]]]:
    """Return all slices of a network, the whole of it first."""
    whole = (f"all ({count})", (1, count))
    parts = [(first, last) for first in range(1, count + 1) for last in range(first, count + 1)]
    texts = [(f"{a} to {b}" if a < b else f"only {a}", (a, b)) for a, b in parts]
    return [whole, *(item for item in texts if item[1] != (1, count))]


def _random_fields(network: str) -> tuple[str, ...]:
    if network not in RANDOM:
        return ()
    extra = {"random banded": ("bandwidth",), "random sparse": ("density",)}
    return ("widths", *extra.get(network, ()), "seed")


def _pair(left: ipywidgets.Widget, right: ipywidgets.Widget) -> ipywidgets.HBox:
    for control in (left, right):
        control.layout.width = "50%"
    return ipywidgets.HBox([left, right])

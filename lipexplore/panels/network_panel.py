"""Network: which one, how much of it is pruned, which layers and which output are asked about."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets

from lipexplore.errors import LipexploreError
from lipexplore.figures.network_drawing import network_svg
from lipexplore.networks.activations import ACTIVATION_NAMES
from lipexplore.panels.bound_controls import NOTHING, SettingsPanel, side_by_side
from lipexplore.panels.choices import Choices
from lipexplore.panels.controls import FULL, heading, on_value, show
from lipexplore.panels.settings import RANDOM
from lipexplore.panels.slider import Slider
from lipexplore.panels.sources import (
    accuracy_text,
    network_of_upload,
    parse_widths,
    resized_widths,
    toggled_layers,
)
from lipexplore.panels.state import Change, WorkbenchState

WIDEST, DEEPEST, WIDEST_BAND = 100, 8, 30


class NetworkPanel(SettingsPanel):
    """Chooses the network and draws it; layers are picked in the drawing."""

    name = "network"
    title = "Network"
    explanation = ""

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self.network = self.bind("network", ipywidgets.Dropdown, "network")
        self.network.add_class("lx-unlabelled")  # the heading says it, and names are long
        self.upload = ipywidgets.FileUpload(
            description="Open a file (.npz, .onnx)",
            accept=".npz,.onnx",
            tooltip="a network saved by numpy.savez: weight_1, bias_1, ..., activation",
            layout={"width": FULL},
        )
        on_value(self.upload, self._open)
        self.refused = ipywidgets.HTML()
        self.random = self._random_controls()
        self.kept = self.bind(
            "kept", Slider, "weights kept", min=0.01, max=1.0, step=0.01,
            tooltip="share of each layer's weights that are kept, the largest ones",
        )  # fmt: skip
        self.facts = ipywidgets.HTML()
        self.drawing = Choices()
        self.drawing.observe(lambda change: self._pick(change["new"]), names="chosen")
        self.layers = self.bind("layers", ipywidgets.Dropdown, "layers")
        self.output = self.bind("output", ipywidgets.Dropdown, "output")
        self.minus = self.bind("minus", ipywidgets.Dropdown, "minus")
        self.minus.style.description_width = "3.5em"
        self.children = (
            heading("Network"),
            self.network,
            self.upload,
            self.refused,
            *self.random.values(),
            self.kept,
            self.facts,
            self.drawing,
            self.layers,
            side_by_side(self.output, self.minus),
        )
        state.listen(self.hear)

    def fill(self) -> None:
        """Set the controls and draw the network."""
        settings = self.state.settings
        options = self.state.catalogue.titles
        if self.network.options != options:
            self.network.options = options
        for name in ("network", "kept"):
            getattr(self, name).value = getattr(settings, name)
        self.network.tooltip = self.network.label
        self._fill_random()
        self._fill_outputs()
        self._tell()

    def hear(self, change: Change) -> None:
        """Show new settings, and what other panels mark."""
        super().hear(change)
        if change == "marked" and self.visible:
            self._tell()

    def python_call(self) -> str:
        """Return the lines that make the network."""
        question = self.state.question
        if question is None:
            return ""
        name = question.network_code.partition("(")[0]
        source = (
            f"from lipexplore.networks.generators import {name}"
            if name.startswith("random_")
            else "import lipexplore"
        )
        return f"{source}\nnetwork = {question.network_code}"

    def _random_controls(self) -> dict[str, ipywidgets.Widget]:
        width = Slider(description="width", min=1.0, max=WIDEST, step=1.0, layout={"width": FULL})
        depth = Slider(
            description="hidden layers", min=0.0, max=DEEPEST, step=1.0, layout={"width": FULL}
        )
        on_value(width, lambda value: self._resize(width=int(value)))
        on_value(depth, lambda value: self._resize(depth=int(value)))
        return {
            "widths": self.bind("widths", ipywidgets.Text, "layer sizes", continuous_update=False),
            "width": width,
            "depth": depth,
            "bandwidth": self.bind("bandwidth", Slider, "bandwidth", max=WIDEST_BAND, step=1.0),
            "density": self.bind("density", Slider, "density", min=0.01, max=1.0, step=0.01),
            "activation": self.bind(
                "activation", ipywidgets.Dropdown, "activation", options=ACTIVATION_NAMES
            ),
            "seed": self.bind("seed", ipywidgets.BoundedIntText, "seed", min=0, max=10**9),
        }

    def _fill_random(self) -> None:
        settings = self.state.settings
        shown = _random_fields(settings.network)
        for name, control in self.random.items():
            show(control, name in shown)
        for name in ("widths", "bandwidth", "density", "activation", "seed"):
            self.random[name].value = getattr(settings, name)
        try:
            hidden = parse_widths(settings.widths)[1:-1]
        except LipexploreError:
            return
        self.random["depth"].value = len(hidden)
        if hidden:
            self.random["width"].value = max(hidden)

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

    def _tell(self) -> None:
        question = self.state.question
        if question is None:
            return
        network = question.network
        shape = "-".join(map(str, network.widths))
        kinds = ", ".join(sorted({act.name for act in network.activations})) or "linear"
        facts = [shape, kinds, f"{1.0 - network.density:.0%} of the weights are zero"]
        if self.state.settings.network not in RANDOM:
            facts.append(accuracy_text(network))
        text = ", ".join(fact for fact in facts if fact)
        self.facts.value = f'<p class="lx-note">{escape(text)}</p>'
        self.drawing.html = network_svg(
            network, question.layers, question.output, question.minus, self.state.marked
        )

    def _resize(self, width: int | None = None, depth: int | None = None) -> None:
        if not self._filling:
            self.set("widths", resized_widths(self.state.settings.widths, width, depth))

    def _pick(self, chosen: dict[str, Any]) -> None:
        question = self.state.question
        if question is not None and isinstance(chosen.get("choice"), int):
            count = len(question.network.weights)
            layers = toggled_layers(question.layers or (1, count), chosen["choice"], count)
            if layers != (question.layers or (1, count)):
                self.state.change(layers=layers, output=0, minus=None)

    def _open(self, files: Any) -> None:
        if not files:
            return
        try:
            network = network_of_upload(files[0]["name"], bytes(files[0]["content"]))
        except LipexploreError as error:
            text = f"{files[0]['name']}: {error}"
            self.refused.value = f'<p role="alert" class="lx-refused">{escape(text)}</p>'
        else:
            self.refused.value = ""
            self.state.change(network=self.state.catalogue.add(network))
        self.upload.value = ()


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
    return ("widths", "width", "depth", *extra.get(network, ()), "activation", "seed")

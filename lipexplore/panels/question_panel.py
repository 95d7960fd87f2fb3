"""Question: in which norm, and where, the constant is asked for."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray

from lipexplore.bounds import METHODS
from lipexplore.bounds.method import SlopeMethod
from lipexplore.errors import LipexploreError
from lipexplore.figures.digit_images import examples, image_html, strip_html
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import PROPAGATIONS, layer_slice, slope_ranges
from lipexplore.norms import Norm
from lipexplore.panels.bound_controls import SettingsPanel
from lipexplore.panels.choices import Choices
from lipexplore.panels.controls import FULL, heading, on_value, show
from lipexplore.panels.settings import AROUND_DIGIT, EVERYWHERE, REGIONS, Question
from lipexplore.panels.slider import Slider
from lipexplore.panels.sources import digits_of_size
from lipexplore.panels.state import WorkbenchState
from lipexplore.rounding import Array

NORMS = [(f"{norm.symbol}  ({norm.value})", norm.value) for norm in reversed(Norm)]
LAST_IMAGE = 359
PICTURE = 64
SMALLEST_RADIUS, LARGEST_RADIUS = 1e-6, 1e6
SLIDER_FROM, SLIDER_TO = 1e-3, 10.0
SLOPE_METHODS = tuple(method.name for method in METHODS if issubclass(method, SlopeMethod))


class QuestionPanel(SettingsPanel):
    """Chooses norm and region; counts the units whose slope the region leaves open."""

    name = "question"
    title = "Question"
    explanation = ""

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self.norm = self.bind("norm", ipywidgets.Dropdown, "input norm", options=NORMS)
        self.region = self.bind("region", ipywidgets.Dropdown, "region", options=REGIONS)
        self.strip = Choices()
        self.strip.observe(lambda change: self._pick(change["new"]), names="chosen")
        self.digit = self.bind(
            "digit", ipywidgets.BoundedIntText, "test image", min=0, max=LAST_IMAGE, step=1
        )
        self.radius = self.bind(
            "radius", Slider, "radius", min=SMALLEST_RADIUS, max=LARGEST_RADIUS, log=True,
            slider_min=SLIDER_FROM, slider_max=SLIDER_TO,
        )  # fmt: skip
        self.ball = self.bind("ball", ipywidgets.Dropdown, "ball norm", options=NORMS)
        self.slopes = ipywidgets.Dropdown(
            description="slopes by",
            options=PROPAGATIONS,
            tooltip="how the slopes of the units in the region are enclosed, for every method",
            layout={"width": FULL},
        )
        on_value(self.slopes, self._set_slopes)
        self.picture = ipywidgets.HTML()
        self.problem = ipywidgets.HTML()
        self.children = (
            heading("Question"),
            self.norm,
            self.region,
            self.strip,
            self.digit,
            self.radius,
            self.ball,
            self.slopes,
            self.picture,
            self.problem,
        )
        state.listen(self.hear)

    def fill(self) -> None:
        """Set the controls and tell what the region leaves undecided."""
        settings = self.state.settings
        for name in ("norm", "region", "digit", "radius", "ball"):
            getattr(self, name).value = getattr(settings, name)
        self.slopes.value = self._chosen_slopes()
        bounded, around_digit = settings.region != EVERYWHERE, settings.region == AROUND_DIGIT
        for control in (self.radius, self.ball, self.slopes):
            show(control, bounded)
        for control in (self.strip, self.digit):
            show(control, around_digit)
        self.problem.value = (
            f'<p role="alert" class="lx-refused">{escape(self.state.problem)}</p>'
            if self.state.problem
            else ""
        )
        question = self.state.question
        if question is None or not bounded:
            self.picture.value = ""
            return
        digit = self._show_digits(question.network) if around_digit else ""
        text = escape(undecided_text(question, self.slopes.value))
        self.picture.value = (
            f'<div class="lx-digit">{digit}</div><p role="status" aria-live="polite">{text}</p>'
        )

    def python_call(self) -> str:
        """Return the line that makes the region, where it is not the whole space."""
        question = self.state.question
        if question is None or self.state.settings.region == EVERYWHERE:
            return ""
        imports = "import lipexplore"
        if "digits_for" in question.region_code:
            imports += "; from lipexplore.training import digits_for"
        return f"{imports}\nregion = {question.region_code}"

    def _chosen_slopes(self) -> str:
        parameters = self.state.settings.parameters
        chosen = {parameters.get(name, {}).get("slopes", PROPAGATIONS[0]) for name in SLOPE_METHODS}
        return chosen.pop() if len(chosen) == 1 else PROPAGATIONS[0]

    def _set_slopes(self, slopes: str) -> None:
        if self._filling:
            return
        parameters = dict(self.state.settings.parameters)
        for name in SLOPE_METHODS:
            others = {k: v for k, v in parameters.pop(name, {}).items() if k != "slopes"}
            chosen = {} if slopes == PROPAGATIONS[0] else {"slopes": slopes}
            if others or chosen:
                parameters[name] = {**others, **chosen}
        self.state.change(parameters=parameters)

    def _show_digits(self, network: Network) -> str:
        """Draw the strip; return the chosen image and how the network reads it as HTML."""
        images, labels = digits_of_size(network.n_inputs)
        number, told = self.state.settings.digit, readings(network)
        shown = examples(labels, told)
        if number not in shown:
            shown = [number, *shown]
        self.strip.html = strip_html(images, labels, shown, number)
        words = f"Handwritten {labels[number]}, read as {told[number]}."
        return f"{image_html(images[number], words, PICTURE)}<p>{words}</p>"

    def _pick(self, chosen: dict[str, Any]) -> None:
        if isinstance(chosen.get("choice"), int) and 0 <= chosen["choice"] <= LAST_IMAGE:
            self.state.change(digit=chosen["choice"])


def readings(network: Network) -> NDArray[np.intp]:
    """Return the largest output at each test digit."""
    return np.asarray(network(digits_of_size(network.n_inputs)[0]).argmax(axis=1))


def undecided_text(question: Question, slopes: str = PROPAGATIONS[0]) -> str:
    """Say how many hidden units have more than one slope in the region."""
    try:
        part, region = layer_slice(question.network, question.region, question.layers)
        undecided = slope_ranges(part, region, slopes).undecided
    except LipexploreError as error:
        return str(error)
    units = sum(part.widths[1:-1])
    return (
        f"{undecided} of {units} hidden units are undecided: their slope is not fixed in this "
        "region."
    )


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

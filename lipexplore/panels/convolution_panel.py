"""Convolutions: the kernel, its matrix, its symbol, and which norm bound holds when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import ipywidgets

from lipexplore.bounds.operator_norms.convolutions import ConvolutionNorm, convolution_norms
from lipexplore.errors import LipexploreError
from lipexplore.figures.convolution import (
    MOST_ENTRIES,
    count_entries,
    kernel_figure,
    symbol_figure,
    unrolled_figure,
)
from lipexplore.figures.convolution_curves import growth_figure, samples_figure
from lipexplore.networks.convolution import Convolution
from lipexplore.networks.gallery import gallery_names, gallery_network
from lipexplore.panels.controls import heading
from lipexplore.panels.convolution_controls import ConvolutionControls
from lipexplore.panels.convolution_views import (
    Curves,
    against_samples,
    growth,
    norms_html,
    padding_html,
    safe_network_html,
    symbol_html,
)
from lipexplore.panels.panel import Panel
from lipexplore.panels.plot import Plot
from lipexplore.panels.state import Change, WorkbenchState

if TYPE_CHECKING:
    import plotly.graph_objects as go

NOT_CHOSEN = "Choose a layer of a network above to bound that network."


@dataclass(frozen=True, eq=False)
class Shown:
    """What is drawn at once: words and figures of one layer."""

    problem: str = ""
    warning: str = ""
    table: str = ""
    kernel: go.Figure | None = None
    matrix: go.Figure | None = None
    symbol: go.Figure | None = None
    symbol_text: str = ""


class ConvolutionPanel(Panel):
    """Draws one convolution; the curves follow after the rest."""

    name = "convolution"
    title = "Convolutions"
    explanation = (
        "A convolution is a large sparse matrix of few numbers. Its norm grows with the image "
        "towards the supremum of the symbol F(w), a small matrix per frequency; a maximum over "
        "a grid becomes a bound only with a factor. LipBound adds up one maximum per channel: "
        "quick, but loose for many channels. Move a tap, change the padding."
    )
    place = "topic"
    beside = ()

    def __init__(self, state: WorkbenchState) -> None:
        super().__init__(state)
        self.controls = ConvolutionControls(self.refresh)
        self.warning, self.table = ipywidgets.HTML(), ipywidgets.HTML()
        self.kernel, self.matrix, self.symbol = Plot(), Plot(), Plot()
        self.growth, self.samples = Plot(), Plot()
        self.symbol_text = ipywidgets.HTML()
        self.kernel.widget.layout = ipywidgets.Layout(flex="1 1 14em", min_width="0")
        self.compare = ipywidgets.Button(
            description="Bound the network",
            tooltip="LiPopt against the norm product, 10 s at most",
            layout={"width": "14em"},
        )
        self.network = ipywidgets.HTML(NOT_CHOSEN)
        self.compare.on_click(lambda _: self._bound_network())
        self.children = (
            self.controls.choice,
            _beside(self.controls.shape, self.kernel.widget),
            self.warning,
            _beside(
                _titled("Symbol: σ₁ at every frequency", self.symbol_text, self.symbol.widget),
                _titled("Unrolled matrix", self.matrix.widget),
            ),
            self.table,
            _beside(
                _titled("Raw against certified, by the grid S", self.samples.widget),
                _titled("Norms against the size of the image", self.growth.widget),
            ),
            heading("The whole network, unrolled"),
            self.compare,
            self.network,
        )
        self._drawing = self.latest(self._shown_of_now, self._draw)
        self._curves = self.latest(self._curves_of_now, self._draw_curves)
        self._bounding = self.latest(self._network_of_now, self._tell_network)
        state.listen(self._hear)

    def show(self, visible: bool) -> None:
        """Draw, with the layers of the present networks to choose from."""
        if visible and not self.visible:
            self._offer()
        super().show(visible)

    def refresh(self) -> None:
        """Draw anew, if the panel is on the screen."""
        if self.visible:
            self.network.value = NOT_CHOSEN if self.controls.network is None else ""
            self.compare.disabled = self.controls.network is None
            self._drawing.request()
            self._curves.request()

    def python_call(self) -> str:
        """Return the bounds of the chosen layer."""
        try:
            call = self.controls.python()
        except LipexploreError:
            return ""
        return (
            "from lipexplore.bounds.operator_norms.convolutions import convolution_norms\n"
            f"layer = {call}  # kernel: shape {self.controls.kernel.shape}\n"
            f"convolution_norms(layer, {self.controls.grid})"
        )

    def _hear(self, change: Change) -> None:
        if change == "settings" and self.visible:
            self._offer()

    def _offer(self) -> None:
        names = (name for name in gallery_names() if name.startswith("digits-conv-"))
        networks = {name: gallery_network(name) for name in names}
        if self.state.question is not None:
            own = self.state.question.network
            networks = {own.name: own, **networks}
        self.controls.offer(networks)

    def _shown_of_now(self) -> Shown:
        try:
            layer = self.controls.layer()
            norms = convolution_norms(layer, self.controls.grid)
        except LipexploreError as error:
            return Shown(problem=f"{error}.")
        size = self.font_size
        small = count_entries(layer) <= MOST_ENTRIES
        return Shown(
            "",
            padding_html(layer, norms),
            norms_html(layer, norms),
            kernel_figure(layer.kernel, font_size=size, height=170),
            unrolled_figure(layer, font_size=size, height=265) if small else None,
            self._symbol_of(layer, norms),
            symbol_html(norms, self.controls.grid),
        )

    def _symbol_of(self, layer: Convolution, norms: tuple[ConvolutionNorm, ...]) -> go.Figure:
        found = next(item for item in norms if item.name == "symbol")
        raw = (found.estimate or 0.0) / found.factor
        kernel = layer.kernel[: len(layer.kernel) // layer.groups]
        return symbol_figure(kernel, self.controls.grid, raw, font_size=self.font_size)

    def _draw(self, shown: Shown) -> None:
        self.warning.value, self.table.value = shown.warning, shown.table
        self.symbol_text.value = shown.symbol_text
        plots = (self.kernel, self.matrix, self.symbol)
        figures = (shown.kernel, shown.matrix, shown.symbol)
        for plot, figure, name in zip(plots, figures, ("kernel", "matrix", "symbol"), strict=True):
            if figure is not None:
                plot.draw(figure, name)
            else:
                plot.say(shown.problem or f"Not drawn: more than {MOST_ENTRIES:,} entries.")
        self.show_call()

    def _curves_of_now(self) -> Curves:
        sizes = self.controls.sizes()
        layers = [self.controls.layer(size) for size in sizes]
        if not layers:
            return Curves()
        kernel = layers[0].kernel[: len(layers[0].kernel) // layers[0].groups]
        return Curves(sizes, growth(layers, self.controls.grid), *against_samples(kernel))

    def _draw_curves(self, curves: Curves) -> None:
        if not curves.sizes:
            for plot in (self.growth, self.samples):
                plot.say("No image size fits.")
            return
        size, chosen = self.font_size, int(self.controls.size.value)
        figure = growth_figure(curves.sizes, curves.norms, chosen, font_size=size)
        self.growth.draw(figure, "norms against the image size")
        grid = (curves.samples, curves.raw, curves.certified, self.controls.grid[0])
        self.samples.draw(samples_figure(*grid, font_size=size), "raw and certified, by grid")

    def _bound_network(self) -> None:
        if self.controls.network is not None:
            self.network.value = "<p>Bounding...</p>"
            self._bounding.request()

    def _network_of_now(self) -> str:
        network = self.controls.network
        return NOT_CHOSEN if network is None else safe_network_html(network)

    def _tell_network(self, text: str) -> None:
        self.network.value = text


def _titled(name: str, *widgets: ipywidgets.Widget) -> ipywidgets.VBox:
    layout = {"flex": "1 1 20em", "min_width": "0"}
    return ipywidgets.VBox([heading(name), *widgets], layout=layout)


def _beside(*widgets: ipywidgets.Widget) -> ipywidgets.HBox:
    return ipywidgets.HBox(widgets, layout={"flex_flow": "row wrap"})

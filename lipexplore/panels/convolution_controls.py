"""The kernel editor and the choice of a convolution layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import ipywidgets
import numpy as np

from lipexplore.errors import LipexploreError
from lipexplore.networks.convolution import Convolution
from lipexplore.networks.feedforward import Network
from lipexplore.networks.unrolling import PADDING_MODES
from lipexplore.panels.controls import on_value
from lipexplore.panels.slider import Slider
from lipexplore.rounding import Array

KERNELS: Final[Mapping[str, Array]] = {
    "diagonal derivative": np.outer([1.0, 0.0, -1.0], [1.0, 0.0, -1.0]),
    "second difference": np.outer([-1.0, 2.0, -1.0], [-1.0, 2.0, -1.0]) / 4.0,
    "box": np.ones((3, 3)),
    "shift from the corner": np.outer([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
    "Sobel": np.outer([1.0, 2.0, 1.0], [1.0, 0.0, -1.0]),
}
EDITOR: Final = ("kernel editor", 0)
"""What stands for the editor among pairs of a network's name and a layer."""
CHANNELS: Final = (1, 2, 4, 8)
LARGEST_SIZE: Final = 32

Source = tuple[str, int]

WIDE: Final = {"flex": "1 1 15em"}


class ConvolutionControls:
    """Widgets that make one convolution layer; ``changed`` is called once per change.

    Parameters
    ----------
    changed
        Called when the layer or the grid is another one.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed, self._filling = changed, False
        self._networks: dict[str, Network] = {}
        self.source = ipywidgets.Dropdown(
            options=[(EDITOR[0], EDITOR)],
            description="layer",
            layout={"flex": "1 1 22em", "max_width": "98%"},
        )
        self.preset = ipywidgets.Dropdown(
            options=list(KERNELS),
            description="kernel",
            tooltip="fills the sliders",
            layout={"width": "18em", "max_width": "98%"},
        )
        self.taps = [
            Slider(
                description=f"{row + 1}, {column + 1}",
                tooltip=f"weight of tap row {row + 1}, column {column + 1}",
                min=-4.0,
                max=4.0,
                step=0.25,
                slider_min=-2.0,
                slider_max=2.0,
                layout={"flex": "1 1 30%", "min_width": "11.5em"},
            )
            for row in range(3)
            for column in range(3)
        ]
        self.channels = ipywidgets.Dropdown(
            options=CHANNELS,
            description="channels",
            tooltip="in and out; further kernels are random, the sliders' one joins channel 1 to 1",
            layout={"width": "11em"},
        )
        self.mode = ipywidgets.Dropdown(
            options=PADDING_MODES, description="pad mode", layout={"width": "12.5em"}
        )
        self.padding = _number("padding", 1, 0, 4)
        self.stride = _number("stride", 1, 1, 4)
        self.dilation = _number("dilation", 1, 1, 3)
        self.size = Slider(layout=WIDE, description="image size", value=16, min=1, max=LARGEST_SIZE)
        self.samples = Slider(
            description="grid S",
            layout=WIDE,
            tooltip="frequencies per axis, for LipBound and the symbol bound",
            value=10,
            min=1,
            max=64,
        )
        self._editor = ipywidgets.VBox(
            [_row(list(self.taps[start : start + 3])) for start in (0, 3, 6)]
        )
        self._editor.add_class("lx-taps")
        self._fill(KERNELS["diagonal derivative"])
        numbers = (self.padding, self.stride, self.dilation)
        self.choice = _row([self.source, self.preset, self.channels])
        rows = [self._editor, _row([self.mode, *numbers]), _row([self.size, self.samples])]
        self.shape = ipywidgets.VBox(rows, layout={"flex": "1 1 36em", "min_width": "0"})
        on_value(self.source, lambda _: self._choose())
        on_value(self.preset, lambda name: self._choose_kernel(KERNELS[name]))
        moving = (*self.taps, self.channels, self.mode, *numbers, self.size, self.samples)
        for control in moving:
            on_value(control, lambda _: self._tell())

    def offer(self, networks: Mapping[str, Network]) -> None:
        """Offer the convolutions of some networks beside the editor; keep the choice."""
        self._networks = dict(networks)
        options: list[tuple[str, Source]] = [(EDITOR[0], EDITOR)]
        for name, network in networks.items():
            for index, layer in enumerate(network.layers):
                if isinstance(layer, Convolution):
                    shapes = (layer.input_shape, layer.output_shape)
                    sizes = " to ".join("×".join(map(str, shape)) for shape in shapes)
                    options.append((f"{name}, layer {index + 1}: {sizes}", (name, index)))
        if tuple(options) != tuple(self.source.options):
            chosen = self.source.value
            self._filling = True
            self.source.options = options
            self.source.value = chosen if chosen in [value for _, value in options] else EDITOR
            self._filling = False
            self._choose()

    @property
    def network(self) -> Network | None:
        """The network whose layer is chosen, None for the editor."""
        return self._networks.get(self.source.value[0])

    @property
    def grid(self) -> tuple[int, int]:
        """S per axis."""
        return int(self.samples.value), int(self.samples.value)

    @property
    def kernel(self) -> Array:
        """The kernel of the layer, shape (c_out, c_in / groups, kh, kw)."""
        given = self._given()
        if given is not None:
            return given.kernel
        count = self.channels.value
        kernel = np.random.default_rng(0).standard_normal((count, count, 3, 3))
        kernel[0, 0] = np.array([tap.value for tap in self.taps]).reshape(3, 3)
        return kernel

    def layer(self, size: int | None = None) -> Convolution:
        """Return the layer on an image of the chosen size, or of another one.

        Raises
        ------
        LipexploreError
            If the taps do not fit into the padded image.
        """
        given, kernel = self._given(), self.kernel
        groups = 1 if given is None else given.groups
        side = int(self.size.value) if size is None else size
        shape = (groups * kernel.shape[1], side, side)
        numbers = (self.stride.value, self.padding.value, self.dilation.value)
        return Convolution(kernel, None, shape, *numbers, groups, self.mode.value)

    def sizes(self) -> list[int]:
        """Return image sizes up to the largest for which the layer exists, the chosen one too."""
        wanted = {2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, LARGEST_SIZE, int(self.size.value)}
        return [size for size in sorted(wanted) if self._exists(size)]

    def python(self) -> str:
        """Return the call that makes the layer, ``kernel`` being its kernel."""
        numbers = (self.stride.value, self.padding.value, self.dilation.value)
        layer = self.layer()
        return (
            f"Convolution(kernel, None, {layer.input_shape}, {', '.join(map(str, numbers))}, "
            f'{layer.groups}, "{layer.padding_mode}")'
        )

    def _exists(self, size: int) -> bool:
        try:
            self.layer(size)
        except LipexploreError:
            return False
        return True

    def _given(self) -> Convolution | None:
        network = self.network
        if network is None:
            return None
        layer = network.layers[self.source.value[1]]
        return layer if isinstance(layer, Convolution) else None

    def _choose(self) -> None:
        """Set the geometry to that of the chosen layer; the editor is for its own kernel."""
        given = self._given()
        own = given is None
        for control in (self.preset, self.channels, self._editor):
            control.layout.display = None if own else "none"
        if given is not None:
            self._filling = True
            self.mode.value = given.padding_mode
            self.padding.value = given.padding[0][0]
            self.stride.value, self.dilation.value = given.stride[0], given.dilation[0]
            self.size.value = given.input_shape[1]
            self._filling = False
        self._tell()

    def _choose_kernel(self, taps: Array) -> None:
        self._fill(taps)
        self._tell()

    def _fill(self, taps: Array) -> None:
        self._filling = True
        for slider, value in zip(self.taps, taps.ravel().tolist(), strict=True):
            slider.value = value
        self._filling = False

    def _tell(self) -> None:
        if not self._filling:
            self._changed()


def _number(name: str, value: int, least: int, most: int) -> ipywidgets.BoundedIntText:
    return ipywidgets.BoundedIntText(
        value=value, min=least, max=most, description=name, layout={"width": "9em"}
    )


def _row(children: list[Any]) -> ipywidgets.HBox:
    return ipywidgets.HBox(children, layout={"flex_flow": "row wrap"})

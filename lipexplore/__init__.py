"""Certified upper bounds on the Lipschitz constants of neural networks, interactively."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Ball, Box

if TYPE_CHECKING:
    from lipexplore.bounds import METHODS, Bound, bound, estimate
    from lipexplore.bounds.margins import margins
    from lipexplore.experiments.sweep import sweep
    from lipexplore.networks.feedforward import Network
    from lipexplore.networks.files import save_network
    from lipexplore.networks.gallery import open_network as load_network
    from lipexplore.networks.imports.onnx_files import import_onnx
    from lipexplore.networks.imports.torch_files import import_torch
    from lipexplore.panels.workbench import explore

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "WHOLE_SPACE",
    "Ball",
    "Bound",
    "Box",
    "Network",
    "Norm",
    "bound",
    "estimate",
    "explore",
    "import_onnx",
    "import_torch",
    "load_network",
    "margins",
    "save_network",
    "sweep",
]

_HOMES = {
    "METHODS": ("lipexplore.bounds", "METHODS"),
    "Bound": ("lipexplore.bounds", "Bound"),
    "bound": ("lipexplore.bounds", "bound"),
    "estimate": ("lipexplore.bounds", "estimate"),
    "Network": ("lipexplore.networks.feedforward", "Network"),
    "explore": ("lipexplore.panels.workbench", "explore"),
    "import_onnx": ("lipexplore.networks.imports.onnx_files", "import_onnx"),
    "import_torch": ("lipexplore.networks.imports.torch_files", "import_torch"),
    "load_network": ("lipexplore.networks.gallery", "open_network"),
    "margins": ("lipexplore.bounds.margins", "margins"),
    "save_network": ("lipexplore.networks.files", "save_network"),
    "sweep": ("lipexplore.experiments.sweep", "sweep"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays light."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    module, attribute = _HOMES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value

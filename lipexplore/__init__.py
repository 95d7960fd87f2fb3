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
    from lipexplore.networks.gallery import open_model as load_model
    from lipexplore.networks.gallery import open_network as load_network
    from lipexplore.networks.implicit import ImplicitNetwork
    from lipexplore.networks.imports.onnx_files import import_onnx
    from lipexplore.networks.imports.torch_files import import_torch
    from lipexplore.networks.layers import AveragePool, Convolution, Dense, Scaling
    from lipexplore.networks.parallel import ParallelNetwork
    from lipexplore.networks.splines import Splines
    from lipexplore.networks.unfolded import UnfoldedNetwork
    from lipexplore.panels.workbench import explore

__version__ = "0.1.0"

__all__ = [
    "METHODS",
    "WHOLE_SPACE",
    "AveragePool",
    "Ball",
    "Bound",
    "Box",
    "Convolution",
    "Dense",
    "ImplicitNetwork",
    "Network",
    "Norm",
    "ParallelNetwork",
    "Scaling",
    "Splines",
    "UnfoldedNetwork",
    "bound",
    "estimate",
    "explore",
    "import_onnx",
    "import_torch",
    "load_model",
    "load_network",
    "margins",
    "save_network",
    "sweep",
]

_HOMES = {
    "METHODS": ("lipexplore.bounds", "METHODS"),
    "AveragePool": ("lipexplore.networks.layers", "AveragePool"),
    "Bound": ("lipexplore.bounds", "Bound"),
    "bound": ("lipexplore.bounds", "bound"),
    "estimate": ("lipexplore.bounds", "estimate"),
    "Convolution": ("lipexplore.networks.layers", "Convolution"),
    "Dense": ("lipexplore.networks.layers", "Dense"),
    "ImplicitNetwork": ("lipexplore.networks.implicit", "ImplicitNetwork"),
    "Network": ("lipexplore.networks.feedforward", "Network"),
    "ParallelNetwork": ("lipexplore.networks.parallel", "ParallelNetwork"),
    "Scaling": ("lipexplore.networks.layers", "Scaling"),
    "Splines": ("lipexplore.networks.splines", "Splines"),
    "UnfoldedNetwork": ("lipexplore.networks.unfolded", "UnfoldedNetwork"),
    "explore": ("lipexplore.panels.workbench", "explore"),
    "import_onnx": ("lipexplore.networks.imports.onnx_files", "import_onnx"),
    "import_torch": ("lipexplore.networks.imports.torch_files", "import_torch"),
    "load_model": ("lipexplore.networks.gallery", "open_model"),
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

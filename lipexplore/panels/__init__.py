"""The widgets: a state without widgets, controls made from the methods' fields, panels.

A new panel is one file in this folder and one line in PANELS; ``lipexplore.panels.<name>(network)``
then shows it alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from lipexplore.panels.alone import Alone
from lipexplore.panels.certificate_panel import CertificatePanel
from lipexplore.panels.code_panel import CodePanel
from lipexplore.panels.compare_panel import ComparePanel
from lipexplore.panels.convolution_panel import ConvolutionPanel
from lipexplore.panels.implicit_panel import ImplicitPanel
from lipexplore.panels.live_panel import LivePanel
from lipexplore.panels.methods_panel import MethodsPanel
from lipexplore.panels.network_panel import NetworkPanel
from lipexplore.panels.panel import Panel
from lipexplore.panels.path_panel import PathPanel
from lipexplore.panels.predict_panel import PredictPanel
from lipexplore.panels.properties_panel import PropertiesPanel
from lipexplore.panels.question_panel import QuestionPanel
from lipexplore.panels.results_panel import ResultsPanel
from lipexplore.panels.robustness_panel import RobustnessPanel
from lipexplore.panels.runs_panel import RunsPanel
from lipexplore.panels.sparsity_panel import SparsityPanel
from lipexplore.panels.splines_panel import SplinesPanel
from lipexplore.panels.unfolded_panel import UnfoldedPanel

__all__ = ["PANELS", "Alone", "Panel"]

PANELS: Final[tuple[type[Panel], ...]] = (
    NetworkPanel,
    QuestionPanel,
    MethodsPanel,
    LivePanel,
    ResultsPanel,
    SparsityPanel,
    CertificatePanel,
    RobustnessPanel,
    PropertiesPanel,
    PredictPanel,
    ComparePanel,
    RunsPanel,
    CodePanel,
    ImplicitPanel,
    ConvolutionPanel,
    SplinesPanel,
    UnfoldedPanel,
    PathPanel,
)
"""All panels in the order in which they are shown."""


def __getattr__(name: str) -> Any:
    """Return a function that shows the panel called ``name`` alone.

    It takes the network (as :func:`lipexplore.explore` does) and settings by name, for instance
    ``lipexplore.panels.sparsity(network, norm="l2", degrees=(2,))``.
    """
    panels = {panel.name: panel for panel in PANELS}
    if name not in panels:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return partial(Alone, panels[name], panels)


def __dir__() -> list[str]:
    return [*__all__, *(panel.name for panel in PANELS)]

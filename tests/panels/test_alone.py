"""Panels by themselves, and what every panel of PANELS keeps to."""

from __future__ import annotations

import ipywidgets
import pytest

import lipexplore.panels
from lipexplore.networks.generators import random_dense
from lipexplore.panels import PANELS
from lipexplore.panels.panel import Panel
from lipexplore.panels.state import WorkbenchState
from tests.panels.fakes import FakeWorker

NETWORK = random_dense((4, 3, 2), seed=0)
kinds = pytest.mark.parametrize("kind", PANELS, ids=lambda kind: kind.name)


def everything(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


def test_names_are_unique_and_no_module_hides_one():
    names = [kind.name for kind in PANELS]
    assert len(set(names)) == len(names)
    for name in names:
        assert callable(getattr(lipexplore.panels, name)), f"a module hides panels.{name}"
        assert name in dir(lipexplore.panels)
    with pytest.raises(AttributeError, match="nothing_like_this"):
        lipexplore.panels.nothing_like_this  # noqa: B018


@kinds
def test_every_panel_is_complete(kind):
    assert issubclass(kind, Panel)
    assert kind.title
    assert isinstance(kind.explanation, str)
    assert kind.place in ("side", "strip", "tab", "topic")


@kinds
def test_every_panel_stands_alone(kind):
    page = getattr(lipexplore.panels, kind.name)(NETWORK, worker=FakeWorker(), norm="l2")
    try:
        assert page.state.question.network is NETWORK
        assert page.state.settings.norm == "l2"
        assert page.panel.visible
        assert page.panel.widget in list(everything(page))
        buttons = {w.description for w in everything(page) if isinstance(w, ipywidgets.Button)}
        assert ({"Run", "Cancel"} <= buttons) == kind.runs
    finally:
        page.close()


@kinds
def test_hidden_panels_draw_nothing(kind):
    state = WorkbenchState(NETWORK, FakeWorker())
    panel = kind(state)
    state.change(output=1)
    plots = [w for w in everything(panel.widget) if isinstance(w, ipywidgets.Output)]
    assert all(plot.outputs == () for plot in plots)
    assert not panel.visible


def test_python_call_is_shown_and_kept_in_step():
    class Example(Panel):
        name, title, explanation = "example", "Example", "Says <what> it shows."

        def __init__(self, state):
            super().__init__(state)
            self.children = ()
            self.refreshed = 0

        def refresh(self):
            self.refreshed += 1

        def python_call(self):
            return f"question(norm={self.state.settings.norm!r})"

    state = WorkbenchState(NETWORK, FakeWorker())
    panel = Example(state)
    assert "Says &lt;what&gt; it shows." in panel.widget.children[0].value
    assert panel.call.value == ""
    panel.show(True)
    assert "norm=&#x27;linf&#x27;" in panel.call.value
    state.change(norm="l1")
    assert "norm=&#x27;l1&#x27;" in panel.call.value
    panel.show(False)
    state.change(norm="l2")
    assert "l2" not in panel.call.value
    assert panel.refreshed == 1
    panel.enlarge(20)
    assert (panel.font_size, panel.refreshed) == (20, 1)


def test_bounds_alone_run_at_once():
    page = lipexplore.panels.bounds(NETWORK, methods=("path", "sampled-gradient"))
    page.wait(300)
    try:
        assert [row.state for row in page.state.rows] == ["done", "done"]
        assert page.panel.plot.widget.outputs
    finally:
        page.close()

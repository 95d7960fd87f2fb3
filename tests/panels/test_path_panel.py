"""The panel of path regularization: what it says is what the functions compute."""

from __future__ import annotations

import asyncio
import base64
import time

import numpy as np
import pytest

import lipexplore.panels
from lipexplore.panels.path_panel import DIGITS, POINTS, PathPanel
from lipexplore.panels.path_views import (
    CASES,
    PLANE,
    REFERENCE,
    Request,
    data_of,
    known_blocks,
    numbers_of,
    problem_of,
    sentence,
    view,
)
from lipexplore.panels.plot import MIME
from lipexplore.panels.state import WorkbenchState
from lipexplore.properties.path_regularization import optimum
from tests.panels.fakes import FakeWorker

TWO, THREE = "two layers", "three layers"


def drawn(plot):
    return plot.widget.outputs[0]["data"]


def numbers(values):
    """Return a list or plotly's base64 array as it was."""
    if not isinstance(values, dict):
        return list(values)
    return np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"]).tolist()


def traces(plot):
    """Return the traces by name, with x and y as lists."""
    return {
        trace["name"]: trace | {axis: numbers(trace[axis]) for axis in ("x", "y")}
        for trace in drawn(plot)[MIME]["data"]
        if "name" in trace
    }


@pytest.fixture
def panel(monkeypatch):
    monkeypatch.setattr("lipexplore.panels.path_views.STEPS", 150)
    made = PathPanel(WorkbenchState(None, FakeWorker()))
    made.show(True)
    return made


def test_it_is_a_topic_of_the_workbench():
    assert PathPanel in lipexplore.panels.PANELS
    assert PathPanel.place == "topic"
    assert PathPanel.beside == ()


def test_hidden_panel_computes_nothing(monkeypatch):
    def fail(_):
        raise AssertionError

    monkeypatch.setattr("lipexplore.panels.path_panel.view", fail)
    made = PathPanel(WorkbenchState(None, FakeWorker()))
    made.beta.value = 0.5
    made.run.click()
    assert made.fit.widget.outputs == ()


def test_shown_optimum_is_the_certified_one(panel):
    found = optimum(problem_of(panel.request, THREE))
    assert "between 1.2248869 and 1.224887 " in panel.text.value
    curve = traces(panel.fit)[THREE]
    values = found.network(np.array(curve["x"])[:, None])[:, 0]
    assert np.array(curve["y"]) == pytest.approx(values, abs=1e-6)
    bars = traces(panel.atoms)
    assert "three layers: R = 6.94" in bars
    assert len(bars["three layers: R = 6.94"]["x"]) == 4
    dots = traces(panel.bounds)[THREE]
    rows = dict(zip(dots["y"], dots["x"], strict=True))
    assert rows["largest slope"] == pytest.approx(4.445505, abs=1e-4)
    assert rows["largest slope"] <= rows["ℓ₁ path bound"] <= rows["√m₁ R (bound)"]


@pytest.mark.parametrize("case", CASES)
def test_every_case_is_drawn(panel, case):
    panel.case.value = case
    panel.beta.value = 0.5
    for plot in (panel.fit, panel.atoms, panel.bounds):
        assert MIME in drawn(plot)
    assert ("upper bound of the optimum only" in panel.text.value) == (case == PLANE)


def test_no_sub_network_is_said_in_a_sentence(panel):
    panel.case.value = PLANE
    panel.beta.value = 3.0
    shown = view(panel.request)
    assert not any(found.path_norm for found in shown.optima.values())
    assert sentence(shown).count(", 0 sub-networks left.") == 2
    assert "best that the drawn patterns allow" in drawn(panel.atoms)["text/plain"]


def test_descent_is_drawn_above_the_optimum_and_goes_with_its_request(panel):
    assert "Press Gradient descent" in drawn(panel.descent)["text/plain"]
    panel.run.click()
    lines = traces(panel.descent)
    level = next(t["y"][0] for name, t in lines.items() if name.startswith("certified"))
    assert min(lines["best start"]["y"]) >= level * (1.0 - 1e-12)
    assert "above the proven lower end" in panel.status.value
    assert "gradient descent" in traces(panel.fit)
    panel.beta.value = 0.2
    assert "Press Gradient descent" in drawn(panel.descent)["text/plain"]
    assert "gradient descent" not in traces(panel.fit)
    panel.case.value = PLANE
    panel.run.click()
    assert "upper bound of the optimum (sampled patterns)" in traces(panel.descent)


def test_slopes_are_given_on_the_line_only():
    found = view(Request(PLANE, 0.3, THREE)).optima
    assert "largest slope" not in numbers_of(found[TWO].network)
    assert not known_blocks(PLANE, THREE).complete
    assert known_blocks(PLANE, TWO).complete
    assert data_of(PLANE)[0].shape == (6, 2)


def test_digits_show_what_the_files_are(panel):
    panel.topic.value = DIGITS
    found = traces(panel.digits)
    assert found["test images right"]["x"] == ["0", "0.001", "0.01", "0.03", "0.1"]
    paths = np.array(found["path bound"]["y"])
    assert (np.diff(paths) < 0.0).all()
    assert (np.array(found["Shor's relaxation"]["y"]) < paths).all()
    assert "path_norms" in panel.call.value
    panel.topic.value = POINTS
    assert "optimum(problem)" in panel.call.value


@pytest.mark.parametrize("case", CASES)
def test_start_from_another_beta_finds_the_same_optimum(case):
    view(Request(case, 0.3, THREE))
    for label, found in view(Request(case, 0.02, THREE)).optima.items():
        fresh = optimum(found.problem, known_blocks(case, label))
        assert found.value == pytest.approx(fresh.value, rel=1e-9)
        if found.complete:
            assert 0.0 <= found.gap < 1e-9


def test_controls_never_wait(panel):
    """On an event loop a move only asks; the newest request is the one that is drawn."""
    view(Request(REFERENCE, 0.1, THREE))

    async def moved():
        start = time.thread_time()
        for beta in (0.5, 0.4, 0.3):
            panel.beta.value = beta
        panel.run.click()
        blocked = time.thread_time() - start
        await panel._solved._task
        await panel._descended._task
        return blocked

    assert asyncio.run(moved()) < 0.25
    assert panel._view.request == panel.request
    assert "Best of gradient descent" in panel.status.value

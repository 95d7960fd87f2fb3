"""The panel of implicit networks: what it says is what the functions compute; quick sliders."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from lipexplore.networks.contraction import matrix_measure
from lipexplore.panels import implicit_view
from lipexplore.panels.implicit_code import python_of
from lipexplore.panels.implicit_panel import ImplicitPanel, sentence
from lipexplore.panels.implicit_view import (
    LABELS,
    Request,
    base_weights,
    choices,
    network_of,
    own_measure,
    rescaled,
    slow,
    view,
)
from lipexplore.panels.plot import MIME
from lipexplore.panels.state import WorkbenchState
from lipexplore.properties.implicit.bounds import implicit_bound
from lipexplore.properties.reachability import reachable_box
from tests.panels.fakes import FakeWorker

SMALL = "random, 6 states"
ONE = "one state, Picard cycles"


def data_of(plot):
    return plot.widget.outputs[0]["data"]


@pytest.fixture
def panel():
    made = ImplicitPanel(WorkbenchState(None, FakeWorker()))
    made.show(True)
    return made


def test_hidden_panel_draws_nothing():
    made = ImplicitPanel(WorkbenchState(None, FakeWorker()))
    made.gamma.value = 0.1
    assert made.matrix.widget.outputs == ()


def test_everything_is_drawn_for_every_small_network(panel):
    for name in [n for n in choices() if not n.startswith("implicit-")]:
        panel.network.value = name
        for plot in (panel.matrix, panel.convergence, panel.bars, panel.box):
            assert MIME in data_of(plot), name
        assert "One state for every input is proven" in panel.text.value
    assert "reachable_box" in panel.call.value


def test_bars_are_the_bounds(panel):
    (bars, line) = data_of(panel.bars)[MIME]["data"]
    network = network_of(SMALL).head(0)
    found = dict(zip(bars["y"], np.array(bars["text"], dtype=float), strict=True))
    for method in ("closed-form", "slope-lmi", "patterns"):
        assert found[LABELS[method]] == pytest.approx(implicit_bound(network, method).value, 1e-3)
    assert line["x"][0] <= found[LABELS["patterns"]] * (1 + 1e-3)
    assert float(found[LABELS["paper"]]) >= found[LABELS["closed-form"]]


def test_embedded_box_is_the_reachable_one(panel):
    request = panel.request
    shown = view(request)
    network = rescaled(request)
    x, _ = implicit_view.inputs_of(request, network)
    lower, upper = reachable_box(network, x, request.radius)
    found = shown.boxes["embedded network"]
    assert np.array(found) == pytest.approx(np.array([lower[[0, 1]], upper[[0, 1]]]), abs=1e-9)
    assert (shown.samples >= found[0] - 1e-9).all()
    assert (shown.samples <= found[1] + 1e-9).all()


@pytest.mark.parametrize("name", choices())
@pytest.mark.parametrize("gamma", [None, -0.5])
def test_printed_lines_run_as_they_stand(name, gamma):
    request = Request(name, gamma, 0.05, 6, 2, (0, 1))
    *lines, last = python_of(request).splitlines()
    names: dict = {}
    exec("\n".join(lines), names)
    lower, upper = eval(last, names)
    expected = view(request).boxes["embedded network"]
    assert np.array(expected) == pytest.approx(np.array([lower[[0, 1]], upper[[0, 1]]]), abs=1e-9)


def test_gamma_moves_the_measure_and_tells_where_nothing_is_proven(panel):
    panel.gamma.value = -1.0
    network = rescaled(panel.request)
    assert matrix_measure(network.A, base_weights(SMALL)) == pytest.approx(-1.0, abs=1e-9)
    assert "the matrix measure is -1 " in panel.text.value
    panel.gamma.value = 1.1
    assert "No certificate" in panel.text.value
    assert "Nothing is proven" in data_of(panel.bars)["text/plain"]
    assert MIME in data_of(panel.convergence)
    panel.gamma.value = 0.3
    assert MIME in data_of(panel.bars)


def test_picard_cycles_and_the_average_converges():
    curves = view(Request(ONE, None, 0.05, 3, 1, (0, 1))).curves
    network = network_of(ONE)
    x = np.random.default_rng(1).standard_normal(1)
    assert network.B @ x + network.b > 0
    assert curves["Picard"][-1] > 0.1
    assert curves["averaged, step α*"][2] < 1e-12
    theory = curves["theory"]
    assert (curves["averaged, step α*"] <= theory * (1 + 1e-9) + 1e-12).all()


def test_raw_iterate_is_labelled_and_misses_at_step_0():
    shown = view(Request(SMALL, None, 0.05, 0, 0, (0, 1)))
    raw = shown.boxes["iterate, not moved outward"]
    inside = (shown.samples >= raw[0]).all() and (shown.samples <= raw[1]).all()
    assert not inside
    later = view(Request(SMALL, None, 0.05, 60, 0, (0, 1)))
    close = later.boxes["iterate, not moved outward"]
    assert np.array(close) == pytest.approx(np.array(later.boxes["embedded network"]), abs=1e-6)


def test_digits_networks_show_certified_accuracy():
    shipped = [name for name in choices() if name.startswith("implicit-")]
    if not shipped:
        pytest.skip("no implicit network is shipped")
    network = network_of(shipped[0])
    radii = implicit_view.accuracy_radii(network)
    assert set(radii) == {"embedded network", "Lipschitz matrix"}
    # the embedded box is never wider, but bisection stops one cell early
    cell = implicit_view.LARGEST_RADIUS / 2**implicit_view.BISECTIONS
    assert (radii["embedded network"] >= radii["Lipschitz matrix"] - cell - 1e-9).all()


def test_slow_answers_are_kept_and_stale_ones_are_dropped(panel, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "lipexplore.panels.implicit_panel.slow", lambda r: calls.append(r) or slow(r)
    )
    panel.gamma.value = 0.0
    panel.radius.value = 0.1
    panel.steps.value = 9
    assert len(calls) == 1  # radius and steps do not change the bounds
    panel.gamma.value = -0.5
    panel.gamma.value = 0.0
    assert len(calls) == 2


def test_a_slider_answers_quickly_and_never_blocks(panel):
    """Measured in CPU time of the quick part; programs follow from a thread."""
    panel.network.value = "random, 30 states"
    seconds = []
    for gamma in (0.1, 0.2, 0.3, 0.4):
        start = time.process_time()
        view(Request("random, 30 states", gamma, 0.05, 6, 0, (0, 1)))
        seconds.append(time.process_time() - start)
    assert min(seconds) < 0.5  # 0.02 measured, 0.15 asked; a busy machine is slow

    async def moved():
        start = time.thread_time()
        panel.gamma.value = 0.25
        blocked = time.thread_time() - start
        await panel._quick_work._task
        if panel._slow_work._task is not None:
            await panel._slow_work._task
        return blocked

    assert asyncio.run(moved()) < 0.25
    assert MIME in data_of(panel.bars)


def test_controls_follow_the_network(panel):
    panel.network.value = ONE
    assert panel.second.max == 1
    assert panel.gamma.value == pytest.approx(round(own_measure(ONE), 2))
    assert panel.request.gamma is None
    panel.first.value, panel.second.value = 1, 0
    assert panel.request.outputs == (1, 0)
    assert "of A" not in sentence(view(panel.request))

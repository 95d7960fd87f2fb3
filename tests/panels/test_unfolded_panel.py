"""The panel of unfolded networks: what it says is what the functions compute."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest

from lipexplore.panels import PANELS, unfolded_panel, unfolded_slow, unfolded_view
from lipexplore.panels.plot import MIME
from lipexplore.panels.state import WorkbenchState
from lipexplore.panels.unfolded_panel import UnfoldedPanel
from lipexplore.panels.unfolded_slow import DEPTHS, samples_at, slow
from lipexplore.panels.unfolded_view import (
    DICTIONARY,
    MATRICES,
    Request,
    ista_of,
    start_of,
    view,
)
from lipexplore.properties.generalization import input_lipschitz
from lipexplore.properties.incremental_qc import lipschitz
from lipexplore.training.unfolded_training import Plan, fresh_samples
from tests.panels.fakes import FakeWorker

SMALL = Request(MATRICES, 3, 6, 2, 2, 1.0, 0.05)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Train for a moment only."""
    monkeypatch.setattr(unfolded_slow, "TRAINED", (30, 200))
    plans = dict.fromkeys(unfolded_view.KINDS, Plan(steps=8, batch=50))
    monkeypatch.setattr(unfolded_slow, "PLANS", plans)


@pytest.fixture
def panel():
    made = UnfoldedPanel(WorkbenchState(None, FakeWorker()))
    made.layers.value, made.measurements.value = 3, 6
    made.show(True)
    return made


def figure_of(plot):
    return plot.widget.outputs[0]["data"][MIME]


def test_it_is_a_topic_and_draws_nothing_while_hidden():
    assert UnfoldedPanel in PANELS
    made = UnfoldedPanel(WorkbenchState(None, FakeWorker()))
    made.layers.value = 2
    assert (made.place, made.beside) == ("topic", ())
    assert made.errors.widget.outputs == ()


def test_groups_share_neighbouring_layers():
    patterns = {g: Request(MATRICES, 5, 6, 2, g, 1.0, 0.1).pattern for g in (1, 2, 5, 9)}
    assert patterns == {
        1: (0, 0, 0, 0, 0),
        2: (0, 0, 0, 1, 1),
        5: (0, 1, 2, 3, 4),
        9: (0, 1, 2, 3, 4),
    }
    for kind in (MATRICES, DICTIONARY):
        for groups in (1, 2, 3):
            request = Request(kind, 3, 6, 2, groups, 1.0, 0.05)
            _, ista, _ = ista_of(request)
            y = fresh_samples(unfolded_view.problem_of(6, 2))[0][:50]
            start = start_of(request).network(1.0)
            assert len(start.G) == groups
            assert np.allclose(start(y), ista(y), atol=1e-6)  # training begins at ISTA


def test_view_and_slow_are_what_the_functions_give():
    found, later = view(SMALL), slow(SMALL)
    _, ista, _ = ista_of(SMALL)
    assert found.naive == input_lipschitz(ista)
    assert later.bounds["slope LMI"] == lipschitz(ista.unclipped).value
    assert later.sampled <= later.bounds["slope LMI"] <= found.naive
    joint = [gap.joint for gap in found.gaps]
    assert joint == sorted(joint, reverse=True)
    assert found.gaps[0].vacuous
    assert not found.gaps[-1].vacuous
    assert [run.samples for run in later.learned] == [30, 200]


def test_everything_is_drawn(panel):
    names = [trace["name"] for trace in figure_of(panel.errors)["data"]]
    assert names == ["ISTA", "FISTA", "learned, m = 30", "learned, m = 200"]
    assert len(figure_of(panel.bars)["data"][0]["y"]) == 3
    assert "measured gap" in [trace.get("name") for trace in figure_of(panel.gap)["data"]]
    assert "derived anew" in panel.text.value
    assert "K / √m" in panel.text.value
    assert "m = 30" in panel.status.value
    assert "gaps[0].terms" in panel.call.value


def test_sliders_move_the_numbers(panel):
    before = panel.text.value
    panel.groups.value = 3
    assert panel.request.groups == 3
    assert panel.text.value != before
    panel.layers.value = 2
    assert panel.request.groups == 2  # never more groups than layers
    panel.kind.value = DICTIONARY
    assert "dictionary" in panel.text.value
    panel.step.value = 2.5
    assert len(figure_of(panel.errors)["data"][0]["x"]) == 2


def test_quick_values_do_not_wait_for_training(monkeypatch):
    quick_shown, waited = threading.Event(), []

    def sluggish(request, wanted):
        waited.append(quick_shown.wait(120))
        return slow(request, wanted)

    monkeypatch.setattr(unfolded_panel, "slow", sluggish)

    async def run():
        made = UnfoldedPanel(WorkbenchState(None, FakeWorker()))
        made.layers.value, made.measurements.value = 2, 4
        made.show(True)
        while not made.errors.widget.outputs:
            await asyncio.sleep(0.01)
        first = made.status.value
        quick_shown.set()
        while "m = 30" not in made.status.value:
            await asyncio.sleep(0.02)
        return first

    assert "training" in asyncio.run(run())
    assert waited
    assert all(waited)


def test_samples_by_depth_are_the_least():
    found = slow(SMALL).needed
    shared, own = found["all layers share"], found["every layer its own"]
    assert shared[0] == own[0]  # one layer is both
    assert all(few < many for few, many in zip(shared[1:], own[1:], strict=True))
    request = Request(MATRICES, DEPTHS[1], 6, 2, 1, 1.0, 0.05)
    gap_of = unfolded_slow.joint_gap(start_of(request).family, unfolded_view.data_size(request), 1)
    least = int(shared[1])
    assert gap_of(least).joint <= unfolded_slow.WANTED < gap_of(least - 1).joint


def test_no_number_where_no_samples_do(monkeypatch):
    monkeypatch.setattr(unfolded_slow, "WANTED", 0.0)
    assert np.isnan(samples_at(SMALL, 2, 1))


def test_slow_work_stops_when_sliders_moved_on():
    asked = []

    def wanted():
        asked.append(True)
        return len(asked) < 2

    assert slow(SMALL, wanted) is None
    assert len(asked) == 2


def test_old_values_stay_marked_until_new_ones_come(panel, monkeypatch):
    monkeypatch.setattr(panel._slow_work, "request", lambda: None)
    panel.weight.value = 0.2
    names = [trace["name"] for trace in figure_of(panel.errors)["data"]]
    assert names[:2] == ["ISTA", "FISTA"]
    assert all("(old)" in name for name in names[2:])
    bars = figure_of(panel.bars)["data"][0]
    marked = dict(zip(bars["y"], bars["text"], strict=True))
    assert "(old)" in marked["slope LMI"]
    assert "(old)" not in marked["naive (formula)"]
    assert "slope LMI" not in panel.bars.widget.outputs[0]["data"]["text/plain"]
    assert all("(old)" in t["name"] for t in figure_of(panel.scaling)["data"])
    panel._draw_slow(panel._compute_slow())
    for plot in (panel.errors, panel.bars, panel.gap, panel.scaling):
        assert "(old)" not in str(figure_of(plot))


def test_samples_by_depth_are_not_old_when_only_the_depth_changes(panel, monkeypatch):
    monkeypatch.setattr(panel._slow_work, "request", lambda: None)
    before = figure_of(panel.scaling)
    panel.layers.value, panel.groups.value = 5, 2
    assert figure_of(panel.scaling) == before
    assert "(old)" in str(figure_of(panel.bars))
    panel.enlarge(20)
    assert figure_of(panel.scaling) != before


def test_m_counts_samples(panel):
    assert "With m = 10,000 training samples of 6 measurements each" in panel.text.value

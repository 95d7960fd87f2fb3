"""The panel of unfolded networks: what it says is what the functions compute."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from lipexplore.panels import PANELS, unfolded_panel, unfolded_view
from lipexplore.panels.plot import MIME
from lipexplore.panels.state import WorkbenchState
from lipexplore.panels.unfolded_panel import UnfoldedPanel
from lipexplore.panels.unfolded_view import (
    DICTIONARY,
    MATRICES,
    Request,
    ista_of,
    slow,
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
    monkeypatch.setattr(unfolded_view, "TRAINED", (30, 200))
    plans = dict.fromkeys(unfolded_view.KINDS, Plan(steps=8, batch=50))
    monkeypatch.setattr(unfolded_view, "PLANS", plans)


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
    assert found.bounds["naive (formula)"] == input_lipschitz(ista)
    assert later.bounds["slope LMI"] == lipschitz(ista.unclipped).value
    assert found.sampled <= later.bounds["slope LMI"] <= found.bounds["naive (formula)"]
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
    def sluggish(request):
        time.sleep(0.5)
        return slow(request)

    monkeypatch.setattr(unfolded_panel, "slow", sluggish)

    async def run():
        made = UnfoldedPanel(WorkbenchState(None, FakeWorker()))
        made.layers.value, made.measurements.value = 2, 4
        start = time.perf_counter()
        made.show(True)
        held_up = time.perf_counter() - start
        while not made.errors.widget.outputs:
            await asyncio.sleep(0.01)
        first = made.status.value
        while "m = 30" not in made.status.value:
            await asyncio.sleep(0.02)
        return held_up, first

    held_up, first = asyncio.run(run())
    assert held_up < 0.2
    assert "training" in first

"""Radii on the screen are those of the functions; questions without digits are told."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import lipexplore
from lipexplore.figures.texts import short_label
from lipexplore.jobs.client import Worker
from lipexplore.networks.gallery import gallery_network
from lipexplore.panels.plot import MIME
from lipexplore.panels.robustness_panel import RobustnessPanel
from lipexplore.panels.settings import AROUND_DIGIT
from lipexplore.panels.state import WorkbenchState
from lipexplore.properties.attack import attack
from lipexplore.properties.local_radius import local_radius
from lipexplore.properties.robustness import certified_radii
from lipexplore.regions import Ball
from lipexplore.rounding import text_above, text_below
from lipexplore.training.images import digits_for
from tests.panels.fakes import FakeWorker, PromptWorker

NAME = "digits-16-12-8-10-relu"
NETWORK = gallery_network(NAME)
COUNT = 60
IMAGES, LABELS = (array[:COUNT] for array in digits_for(NETWORK))
USUAL = ("norm-product", "path", "shor")


def curves(panel):
    traces = panel.plot.widget.outputs[0]["data"][MIME]["data"]
    return {trace["name"]: trace for trace in traces}


def opened(worker, **settings):
    state = WorkbenchState(worker=worker)
    state.change(**{"network": NAME, "norm": "l2", **settings})
    return RobustnessPanel(state)


def shown(panel):
    panel.show(True)
    panel.wait(300)
    return panel


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    for module in ("radii", "robustness_panel"):
        monkeypatch.setattr(f"lipexplore.panels.{module}.IMAGES", COUNT)


@pytest.fixture
def panel():
    """A panel whose worker answers at once, in this process."""
    return opened(PromptWorker())


def test_nothing_is_computed_while_hidden(panel):
    panel.state.change(norm="linf")
    assert panel.plot.widget.outputs == ()
    assert not panel._book.busy


def test_curves_and_digit_are_those_of_the_functions(panel):
    panel.image.value = 7
    shown(panel)
    assert set(curves(panel)) == {
        "attack: not above this",
        *(short_label(name) for name in USUAL),
    }
    attacks = attack(NETWORK, IMAGES, "l2")
    for name in USUAL:
        table = lipexplore.margins(NETWORK, name, "l2")
        found = certified_radii(NETWORK, IMAGES, table)
        assert f"<td>{text_below(found.radius[7], 5)}</td>" in panel.digit.value
        correct = found.classes == LABELS
        trace = curves(panel)[short_label(name)]
        assert trace["line"]["shape"] == "vh"
        assert f"{correct.sum()} of {COUNT} images" in panel.sentence.value
    assert f"<td>{text_above(attacks.radius[7], 5)}</td>" in panel.digit.value
    assert f"a handwritten {LABELS[7]}, read as {found.classes[7]}" in panel.digit.value
    assert panel.digit.value.count("<svg") == 2
    assert "Bounding" not in panel.status.value
    assert panel.stop.layout.display == "none"


def test_the_best_method_is_named(panel):
    assert f"proven by {short_label('shor')}" in shown(panel).sentence.value


def test_methods_that_do_not_answer_cannot_be_ticked(panel):
    shown(panel)
    assert not panel.methods["seqlip"].disabled
    panel.state.change(norm="linf")
    panel.wait(300)
    assert panel.methods["seqlip"].disabled
    assert "does not answer" in panel.methods["seqlip"].tooltip
    assert "certified" in panel.table.value


def test_computed_methods_are_kept(panel):
    shown(panel)
    asked = len(panel._book._worker.jobs)
    panel.methods["path"].value = False
    panel.image.value = 3
    assert short_label("path") not in curves(panel)
    panel.methods["path"].value = True
    panel.wait(300)
    assert short_label("path") in curves(panel)
    assert len(panel._book._worker.jobs) == asked == 1 + len(USUAL)


def test_a_ball_around_the_digit_adds_its_own_radii():
    panel = shown(opened(PromptWorker(), region=AROUND_DIGIT, digit=4, radius=0.3, ball="l2"))
    ball = Ball(IMAGES[4], 0.3, "l2")
    for name in USUAL:
        found = local_radius(NETWORK, name, "l2", ball)
        cell = f"{short_label(name)}, in the ball</th><td>{text_below(found.radius, 5)}</td>"
        assert cell in panel.digit.value
    assert f"no radius above {text_below(0.3, 5)}" in panel.digit.value
    panel.image.value = 5  # another digit than the centre
    panel.wait(300)
    assert "in the ball" not in panel.digit.value


def test_other_networks_are_told(panel):
    shown(panel)
    panel.state.change(network="random dense")
    assert "choose one of the digits networks" in panel.status.value
    assert panel.digit.value == ""


def test_python_call_runs(panel):
    shown(panel)
    code = panel.python_call()
    names = {"lipexplore": lipexplore, "certified_radii": certified_radii, "digits_for": digits_for}
    *lines, last = code.splitlines()
    exec("\n".join(lines), names)
    radii = eval(last, names)
    assert radii.shape == (360,)
    assert (radii > 0).all()


def test_progress_is_told_and_stop_waits_for_go_on():
    panel = opened(FakeWorker())
    panel.show(True)
    worker = panel._book._worker
    (attacking,) = worker.jobs
    assert "Attacking the test images" in panel.status.value
    worker.answer(attacking)
    panel._take()
    first = max(worker.jobs)
    worker.happen("progress", first, {"done": 5, "total": 55})
    panel._take()
    assert "5 of 55" in panel.status.value
    assert 'value="5"' in panel.status.value
    panel.stop.click()
    assert worker.cancelled == [first]
    assert "Stopped" in panel.status.value
    panel._take()
    assert max(worker.jobs) == first
    panel.stop.click()
    assert max(worker.jobs) > first
    panel.close()
    assert worker.closed


def test_a_change_cancels_what_is_no_longer_asked_for():
    panel = opened(FakeWorker())
    panel.show(True)
    worker = panel._book._worker
    (attacking,) = worker.jobs
    panel.state.change(norm="linf")
    assert worker.cancelled == [attacking]
    assert [job.norm for job in worker.jobs.values()] == ["l2", "linf"]


def test_a_hidden_panel_finishes_what_runs_and_begins_nothing():
    panel = opened(FakeWorker())
    panel.show(True)
    worker = panel._book._worker
    (attacking,) = worker.jobs
    panel.show(False)
    assert worker.cancelled == []
    worker.answer(attacking)
    panel._take()
    assert len(worker.jobs) == 1
    panel.show(True)
    assert len(worker.jobs) == 2


def test_a_worker_that_dies_costs_one_method():
    panel = opened(FakeWorker())
    panel.show(True)
    worker = panel._book._worker
    worker.answer(max(worker.jobs))
    panel._take()
    worker.happen("died", max(worker.jobs), "the worker process was killed")
    panel._take()
    assert f"{short_label('norm-product')}: the worker process was killed" in panel.status.value
    worker.answer(max(worker.jobs))
    panel._take()
    assert short_label("path") in curves(panel)


def test_with_a_real_worker_methods_appear_one_after_the_other_and_the_loop_answers():
    seen, ticks = [], []

    async def use(panel):
        panel.show(True)
        for _ in range(9000):
            before = asyncio.get_running_loop().time()
            await asyncio.sleep(0.02)
            ticks.append(asyncio.get_running_loop().time() - before)
            if panel.plot.widget.outputs and MIME in panel.plot.widget.outputs[0]["data"]:
                seen.append(len(curves(panel)))
            if seen and seen[-1] == 4:
                return

    with Worker() as worker:
        panel = opened(worker)
        asyncio.run(use(panel))
        panel.close()
    assert seen[-1] == 4
    assert np.all(np.diff(seen) >= 0)
    assert sorted(ticks)[len(ticks) // 2] < 0.5

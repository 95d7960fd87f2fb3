"""Radii on the screen are those of the functions; questions without digits are told."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import lipexplore
from lipexplore.figures.texts import short_label
from lipexplore.networks.gallery import gallery_network
from lipexplore.panels.plot import MIME
from lipexplore.panels.robustness_panel import RobustnessPanel
from lipexplore.properties.attack import attack
from lipexplore.properties.robustness import certified_radii
from lipexplore.rounding import text_above, text_below
from lipexplore.training.images import digits_for

NETWORK = gallery_network("digits-16-12-8-10-relu")


def curves(panel):
    traces = panel.plot.widget.outputs[0]["data"][MIME]["data"]
    return {trace["name"]: trace for trace in traces}


IMAGES, LABELS = (array[:60] for array in digits_for(NETWORK))


@pytest.fixture
def panel(state, monkeypatch):
    """A panel that takes sixty of the images."""
    monkeypatch.setattr("lipexplore.panels.radii.digits_for", lambda _: (IMAGES, LABELS))
    state.change(network="digits-16-12-8-10-relu", norm="l2")
    return RobustnessPanel(state)


def test_nothing_is_computed_while_hidden(panel):
    assert panel.plot.widget.outputs == ()
    panel.state.change(norm="linf")
    assert panel.plot.widget.outputs == ()


def test_curves_and_digit_are_those_of_the_functions(panel):
    panel.image.value = 7
    panel.show(True)
    assert set(curves(panel)) == {
        "attack: not above this",
        *(short_label(name) for name in ("norm-product", "path", "shor")),
    }
    attacks = attack(NETWORK, IMAGES, "l2")
    for name in ("norm-product", "path", "shor"):
        table = lipexplore.margins(NETWORK, name, "l2")
        found = certified_radii(NETWORK, IMAGES, table)
        assert f"<td>{text_below(found.radius[7], 5)}</td>" in panel.digit.value
        correct = found.classes == LABELS
        trace = curves(panel)[short_label(name)]
        assert trace["line"]["shape"] == "vh"
        assert f"{correct.sum()} of 60 images" in panel.sentence.value
    assert f"<td>{text_above(attacks.radius[7], 5)}</td>" in panel.digit.value
    assert f"a handwritten {LABELS[7]}, read as {found.classes[7]}" in panel.digit.value
    assert panel.digit.value.count("<svg") == 2
    assert "Bounding" not in panel.status.value


def test_the_best_method_is_named(panel):
    panel.show(True)
    assert f"proven by {short_label('shor')}" in panel.sentence.value


def test_methods_that_do_not_answer_cannot_be_ticked(panel):
    panel.show(True)
    assert not panel.methods["seqlip"].disabled
    panel.state.change(norm="linf")
    assert panel.methods["seqlip"].disabled
    assert "does not answer" in panel.methods["seqlip"].tooltip
    assert "certified" in panel.table.value


def test_computed_methods_are_kept(panel, monkeypatch):
    panel.show(True)
    monkeypatch.setattr("lipexplore.panels.radii.margins", None)  # calling it would raise
    panel.methods["path"].value = False
    panel.image.value = 3
    assert short_label("path") not in curves(panel)
    panel.methods["path"].value = True
    assert short_label("path") in curves(panel)


def test_other_networks_are_told(panel):
    panel.show(True)
    panel.state.change(network="random dense")
    assert "choose one of the digits networks" in panel.status.value
    assert panel.digit.value == ""


def test_python_call_runs(panel):
    panel.show(True)
    code = panel.python_call()
    names = {"lipexplore": lipexplore, "certified_radii": certified_radii, "digits_for": digits_for}
    *lines, last = code.splitlines()
    exec("\n".join(lines), names)
    radii = eval(last, names)
    assert radii.shape == (360,)
    assert (radii > 0).all()


def test_in_an_event_loop_methods_appear_one_after_the_other(panel):
    seen = []

    async def use():
        panel.show(True)
        for _ in range(400):
            await asyncio.sleep(0.02)
            if panel.plot.widget.outputs:
                seen.append(len(curves(panel)))
            if seen and seen[-1] == 4:
                return

    asyncio.run(use())
    assert seen[-1] == 4
    assert np.all(np.diff(seen) >= 0)


def test_a_change_overtakes_a_slow_method(panel):
    async def use():
        for name, box in panel.methods.items():
            box.value = name == "exact"
        panel.show(True)
        await asyncio.sleep(0.3)
        for name, box in panel.methods.items():
            box.value = name == "path"
        panel.state.change(norm="linf")
        for _ in range(500):
            await asyncio.sleep(0.02)
            if panel.plot.widget.outputs and short_label("path") in curves(panel):
                return True
        return False

    assert asyncio.run(use())
    assert "ℓ∞" in panel.digit.value

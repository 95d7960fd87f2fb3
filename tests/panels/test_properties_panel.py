"""The panel shows what the functions certify, one radius after the other, and can be stopped."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

import lipexplore
from lipexplore.panels import property_sweeps
from lipexplore.panels.plot import MIME
from lipexplore.panels.properties_panel import OWN, PropertiesPanel
from lipexplore.properties.incremental.examples import EXAMPLES
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.properties.incremental_qc import certify
from lipexplore.rounding import text_above, text_below

OSCILLATOR = next(iter(EXAMPLES))


@pytest.fixture
def panel(state, monkeypatch):
    """A panel with two radii and few samples."""
    monkeypatch.setattr(property_sweeps, "RADII", 2)
    monkeypatch.setattr(property_sweeps, "SAMPLES", 50)
    made = PropertiesPanel(state)
    made.source.value = OSCILLATOR
    return made


def figure(plot):
    return plot.widget.outputs[0]["data"][MIME]


def test_nothing_is_computed_while_hidden(panel):
    panel.prop.value = "inverse"
    assert panel.plot.widget.outputs == ()


@pytest.mark.parametrize("name", PROPERTIES)
def test_numbers_are_those_of_the_functions(panel, name):
    panel.prop.value = name
    panel.show(True)
    mapping = EXAMPLES[OSCILLATOR]()
    form = {"supply": np.diag([4.0, 4.0, -1.0, -1.0])} if name == "dissipativity" else {}
    text = text_above if PROPERTIES[name].side == "upper" else text_below
    for region in (lipexplore.WHOLE_SPACE, lipexplore.Ball([0.0, 0.0], 3.0, "l2")):
        value = certify(mapping, name, region, **form).value
        assert f"<td>{text(value, 6)}</td>" in panel.table.value
    assert panel.table.value.count("<tr>") == 4
    names = [trace.get("name") for trace in figure(panel.plot)["data"]]
    assert f"certified {PROPERTIES[name].side} bound" in names
    assert "sampled estimate, no bound" in names
    drawn = {trace.get("name") for trace in figure(panel.picture)["data"]}
    assert drawn & {"sampled pairs", "balls of |x|_P"}
    assert ("balls of |x|_P" in drawn) == name.endswith("contraction")
    assert "Done" in panel.status.value
    assert panel.gain.layout.display == ("" if name == "dissipativity" else "none")


def test_the_network_chosen_beside_it(panel):
    panel.source.value = OWN
    panel.show(True)
    network = panel.state.question.network
    value = certify(network, "lipschitz").value
    assert f"<td>{text_above(value, 6)}</td>" in panel.table.value
    panel.prop.value = "inverse"
    assert "as many outputs as inputs" in panel.status.value
    assert "as many outputs as inputs" in panel.plot.widget.outputs[0]["data"]["text/plain"]


def test_python_call_runs(panel):
    panel.show(True)
    for source, prop in ((OSCILLATOR, "dissipativity"), (OWN, "lipschitz")):
        panel.source.value, panel.prop.value = source, prop
        names = {"lipexplore": lipexplore, "EXAMPLES": EXAMPLES, "certify": certify, "np": np}
        *lines, last = panel.python_call().splitlines()
        exec("\n".join(lines), names)
        assert eval(last, names).verified


def test_radii_appear_one_after_the_other_and_can_be_stopped(panel):
    counts = []

    def count(change):
        rows = change["new"].count("<tr>") - 1
        if rows > 0 and (not counts or rows != counts[-1]):
            counts.append(rows)
            if rows == 1:
                panel.cancel.click()

    panel.table.observe(count, "value")

    async def use():
        panel.show(True)
        for _ in range(12_000):
            await asyncio.sleep(0.01)
            if "Stopped" in panel.status.value:
                return

    asyncio.run(use())
    assert counts[0] == 1
    assert "Stopped" in panel.status.value
    assert panel.cancel.disabled
    assert panel.table.value.count("<tr>") - 1 < 3


def test_a_newer_question_gives_the_older_one_up():
    sweeps = property_sweeps.Sweeps()
    asked = property_sweeps.Asked(EXAMPLES[OSCILLATOR](), "lipschitz", None, 1.0, 2.0)
    sweeps.ask(asked)
    old = sweeps._rest
    sweeps.ask(asked)
    with pytest.raises(lipexplore.errors.Cancelled):
        next(old)
    assert len(sweeps.step().points) == 1

"""The panel shows the certificate of the selected run, whichever kind it is."""

from __future__ import annotations

import asyncio
import gc
import math

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import bound
from lipexplore.jobs import arrays
from lipexplore.jobs.arrays import Kept, keep
from lipexplore.jobs.protocol import bound_from_message, bound_to_message
from lipexplore.networks.generators import random_dense
from lipexplore.panels.certificate_panel import CertificatePanel, summary_html
from lipexplore.panels.plot import MIME
from lipexplore.panels.state import WorkbenchState
from lipexplore.panels.witness_views import pattern_html
from lipexplore.rounding import text_above, text_below
from tests.panels.fakes import FakeWorker

NETWORK = random_dense((4, 4, 3, 1), 1)


def figure_of(panel):
    return panel.plot.widget.outputs[0]["data"][MIME]


def run(panel, *methods, **settings):
    state = panel.state
    state.change(methods=methods, **settings)
    before = set(state.worker.jobs)
    state.run()
    for number in set(state.worker.jobs) - before:
        state.worker.answer(number)
    state.pump()
    return state.rows[-1]


@pytest.fixture
def panel():
    made = CertificatePanel(WorkbenchState(NETWORK, FakeWorker()))
    made.show(True)
    return made


def test_nothing_is_worked_out_without_a_run(panel):
    assert "press Run" in panel.text.value
    assert panel.plot.widget.layout.display == "none"


def test_lp_shows_its_identity_and_heaviest_products(panel):
    row = run(panel, "lipopt-lp", degrees=(3,))
    assert "<i>λ</i> − <i>p</i>(<i>x</i>)" in panel.text.value
    assert text_above(row.bound.value, 9) in panel.text.value
    assert f"{row.bound.solver_value:.9g}" in panel.text.value
    bars = figure_of(panel)["data"][0]
    assert bars["type"] == "bar"
    assert "products carry weight" in panel.caption.value


@pytest.mark.parametrize(("method", "norm"), [("shor", "linf"), ("slope-lmi", "l2")])
def test_sdp_shows_a_bar_per_unit(panel, method, norm):
    row = run(panel, method, norm=norm)
    sizes = [
        len(bar["x"]) if isinstance(bar["x"], list) else None for bar in figure_of(panel)["data"]
    ]
    assert len(sizes) == 3
    names = [bar["name"] for bar in figure_of(panel)["data"]]
    assert names[1:] == ["τ of layer 1", "τ of layer 2"]
    assert text_above(row.bound.value) in panel.text.value


def test_lasserre_shows_gram_matrices(panel):
    run(panel, "lipopt-lasserre")
    assert "positive semidefinite" in panel.text.value
    assert figure_of(panel)["data"][0]["type"] == "bar"


def test_l1_shows_the_largest_of_several_programs(panel):
    row = run(panel, "lipopt-lp", norm="l1")
    assert "programs were proven" in panel.text.value
    assert text_above(row.bound.value, 9) in panel.text.value


def test_exact_shows_tree_and_witness(panel):
    state = panel.state
    state.change_parameter("exact", "strategy", "branch")
    row = run(panel, "exact")
    assert f"{row.bound.size['nodes']:,} nodes were bounded" in panel.text.value
    assert text_below(row.bound.lower) in panel.witness.value


def test_witness_of_a_digits_network_is_drawn_beside_a_real_digit():
    panel = CertificatePanel(WorkbenchState(worker=FakeWorker()))
    panel.show(True)
    row = run(panel, "sampled-gradient", network="digits-16-12-8-10-relu")
    panel.state.select(row.number)
    assert panel.witness.value.count("<svg") == 2
    assert "nearest test image" in panel.witness.value
    assert "its witness alone" in panel.text.value
    assert text_below(row.bound.lower) in panel.witness.value


def test_pattern_has_a_square_per_unit():
    found = bound(NETWORK, "vertex-search")
    text = pattern_html((np.array([0.0, 1.0, 1.0]), np.array([1.0])), found)
    assert "□■■" in text
    assert "2 of 3 units" in text


def test_formulas_leave_no_multipliers(panel):
    run(panel, "path")
    assert "a formula of the weights" in panel.text.value


def test_best_run_is_shown_until_one_is_selected(panel):
    run(panel, "norm-product", "lipopt-lp", degrees=(3,))
    rows = {row.run.method: row for row in panel.state.rows}
    assert panel.chosen.value == rows["lipopt-lp"].number
    panel.chosen.value = rows["norm-product"].number
    assert panel.state.selected == rows["norm-product"].number
    assert "a formula of the weights" in panel.text.value


def run_kept(panel, tmp_path, method, **settings):
    """Finish a run as a worker does: its arrays in a file."""
    state = panel.state
    state.change(methods=(method,), **settings)
    state.run()
    number, job = list(state.worker.jobs.items())[-1]
    found, path = job.run(), tmp_path / f"{number}.pickle"
    written = keep((found.certificate, found.witness), path)
    bare = bound_from_message(bound_to_message(found))
    state.worker.happen("started", number)
    state.worker.happen("result", number, bare, arrays=Kept(written and path))
    state.pump()
    return state.rows[-1]


def test_arrays_come_from_the_workers_file_and_go_with_the_run(panel, tmp_path):
    row = run_kept(panel, tmp_path, "lipopt-lp", degrees=(3,))
    assert "<i>λ</i> − <i>p</i>(<i>x</i>)" in panel.text.value
    assert text_above(row.bound.value, 9) in panel.text.value
    path = row.arrays.path
    assert path.exists()
    again = run_kept(panel, tmp_path, "lipopt-lp", degrees=(3,))  # takes the place of the first
    panel.refresh()
    del row
    gc.collect()
    assert not path.exists()
    assert again.arrays.path.exists()


def test_arrays_that_are_too_large_or_gone_are_told(panel, tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "LARGEST", 100)
    row = run_kept(panel, tmp_path, "lipopt-lp", degrees=(3,))
    assert row.arrays.path is None
    assert list(tmp_path.iterdir()) == []
    assert "MB and were not kept: save them by" in panel.text.value
    assert text_above(row.bound.value, 9) in panel.text.value
    monkeypatch.undo()
    row = run_kept(panel, tmp_path, "lipopt-lp", degrees=(3,))
    row.arrays.path.unlink()
    panel._book = type(panel._book)()
    panel.refresh()
    assert "is gone: run the method again" in panel.text.value


def test_works_on_the_event_loop(panel, tmp_path):
    async def use():
        run_kept(panel, tmp_path, "lipopt-lp", degrees=(3,))
        for _ in range(6000):
            await asyncio.sleep(0.02)
            if "<i>λ</i>" in panel.text.value:
                return True
        return False

    assert asyncio.run(use())


def test_python_call_returns_the_certificate(panel):
    run(panel, "shor")
    code = panel.python_call()
    assert code.endswith(".certificate")
    names = {"networks": {NETWORK.name: NETWORK}}
    *lines, last = code.splitlines()
    exec("\n".join(lines), names)
    certificate = eval(last, names)
    assert certificate[0].value == lipexplore.bound(NETWORK, "shor").certificate[0].value


def test_summary_says_when_nothing_is_proven():
    found = bound(NETWORK, "path")
    broken = type(found)(math.inf, 0.0, "upper", "P*", "L", "path", verified=False, status="failed")
    text = summary_html(broken)
    assert "<td>nothing</td>" in text
    assert "<td>no</td>" in text

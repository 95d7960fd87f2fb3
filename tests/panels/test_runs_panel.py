"""Kept runs in the workbench: read in pages, drawn, pinned and written."""

from __future__ import annotations

import asyncio
import sqlite3
import time

import pytest

import lipexplore
from lipexplore.experiments.store import FILE, Store
from lipexplore.experiments.store_schema import COLUMNS
from lipexplore.experiments.sweep import sweep
from lipexplore.networks.generators import random_dense
from lipexplore.panels import runs_rows
from lipexplore.panels.plot import MIME
from lipexplore.panels.runs_panel import RunsPanel
from lipexplore.panels.runs_rows import PAGE, Request, key_of, key_of_row, stores, view
from lipexplore.panels.state import WorkbenchState
from lipexplore.regions import Ball
from tests.experiments.store_rows import row
from tests.panels.fakes import FakeWorker, PromptWorker

NETWORK = random_dense((4, 3, 2), seed=0)
METHODS = ("path", "norm-product", "sampled-gradient")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.delenv("LIPEXPLORE_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fill(folder, numbers):
    with Store(folder) as store:
        store._open.execute("PRAGMA synchronous = OFF")
        for number in numbers:
            store.add(row(number))


def opened(**settings):
    """Return a shown panel of a workbench with three methods answered."""
    state = WorkbenchState(NETWORK, PromptWorker())
    state.change(methods=METHODS, **settings)
    state.run()
    state.pump()
    panel = RunsPanel(state)
    panel.show(True)
    return panel


def drawn(panel):
    return panel.plot.widget.outputs[0]["data"]


def test_without_a_store_it_says_what_to_do():
    panel = opened()
    assert "No folder of runs here yet" in panel.message.value
    panel.pin.click()
    assert "Choose a kept run" in panel.message.value
    panel.folder.value = "nowhere"
    assert "nowhere: no runs are kept here" in panel.message.value
    assert panel.shown is None


def test_hidden_panel_reads_nothing(monkeypatch):
    def fail(_):
        raise AssertionError

    monkeypatch.setattr("lipexplore.panels.runs_panel.view", fail)
    fill("runs", range(3))
    panel = RunsPanel(WorkbenchState(NETWORK, FakeWorker()))
    panel.state.change(norm="l1")
    panel.folder.value = "runs"
    assert panel.table.value == ""


@pytest.mark.parametrize("damage", [b"no store at all" * 99, b""])
def test_what_is_no_store_is_told_in_a_sentence(here, damage):
    (here / "runs").mkdir()
    (here / "runs" / FILE).write_bytes(damage)
    panel = opened()
    assert panel.folder.value == "runs"
    assert "runs" in panel.message.value
    assert "no " in panel.message.value
    assert MIME not in drawn(panel)


def test_stores_are_found():
    assert stores() == ()
    fill("runs/second", [1])
    fill("runs/first", [1])
    assert stores() == ("runs/first", "runs/second")
    fill("runs", [1])
    assert stores() == ("runs", "runs/first", "runs/second")
    panel = opened()
    assert tuple(panel.folder.options) == stores()
    assert panel.folder.value == "runs"


def test_pages_and_filters():
    fill("runs", range(2 * PAGE + 20))
    panel = opened()
    assert panel.table.value.count("<tr>") == PAGE + 1
    assert "Runs 1 to 50 of 120; the newest first" in panel.table.value
    assert panel.newer.disabled
    panel.older.click()
    panel.older.click()
    assert "Runs 101 to 120 of 120" in panel.table.value
    assert panel.older.disabled
    panel.newer.click()
    assert "Runs 51 to 100 of 120" in panel.table.value
    panel.filters["network"].value = "net 2"
    assert "Runs 1 to 24 of 24 that match, 120 in all" in panel.table.value
    panel.filters["norm"].value = "l2"
    panel.filters["method"].value = "path"
    matching = [n for n in range(120) if n % 5 == 2 and n % 10 >= 5 and n % 3 == 0]
    assert f"of {len(matching)} that match" in panel.table.value
    assert all(entry[0].startswith("net 2") for entry in panel.question.options)
    assert "table(network=&#x27;net 2&#x27;, norm=&#x27;l2&#x27;" in panel.call.value
    panel.filters["norm"].value = "linf"
    panel.filters["network"].value = "net 4"  # whose runs of this norm are others
    assert panel.filters["network"].value == "net 4"


def test_failures_are_in_the_table_and_not_in_the_plot():
    fill("runs", [0, 5, 10])
    panel = opened()
    assert "failed: done" in panel.table.value
    assert len(panel.shown.page) == 3
    panel.question.value = next(key for _, key in panel.question.options if "linf" in key)
    assert [int(found["run"], 16) for found in panel.shown.drawn] == [10]


def test_session_is_kept_once_and_a_sweep_knows_its_runs():
    panel = opened()
    panel.keep.click()
    assert "Kept 3 new runs in runs." in panel.message.value
    assert not panel.keep.disabled
    assert panel.folder.value == "runs"
    assert panel.shown.is_present
    panel.keep.click()
    assert "Kept 0 new runs in runs, 3 were there already." in panel.message.value
    with Store("runs") as store:
        keys = store.finished()
        machines = set(store.table()["machine"])
    assert len(machines) == 1
    assert "processors" in machines.pop()
    table = sweep(NETWORK, METHODS, store="runs")
    with Store("runs") as store:
        assert store.finished() == keys == set(table["run"])


def test_without_finished_runs_nothing_is_written(here):
    panel = RunsPanel(WorkbenchState(NETWORK, FakeWorker()))
    panel.show(True)
    panel.keep.click()
    assert "press Run" in panel.message.value
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    "settings",
    [{}, {"minus": 1}, {"layers": (1, 1)}, {"norm": "l2", "region": "ball around 0"}],
    ids=str,
)
def test_kept_run_answers_its_question_and_is_pinned(settings):
    first = opened(**settings)
    first.keep.click()
    found = {row.run.method: row.bound for row in first.state.rows}
    second = opened(**settings)
    second.state.rows = ()
    assert second.shown.is_present
    assert second.question.label.startswith("now: ")
    assert len(second.shown.drawn) == 3
    for place, kept in enumerate(second.shown.drawn):
        assert (kept["value"], kept["lower"]) == (
            found[kept["method"]].value,
            found[kept["method"]].lower,
        )
        second.run.value = place
        second.pin.click()
        assert "Pinned" in second.message.value
    second.pin.click()  # again: no second one
    pins = second.state.comparable_pins
    assert {pin.row.bound.value for pin in pins} == {bound.value for bound in found.values()}
    assert len(pins) == 3
    second.state.change(norm="l1")
    assert second.state.comparable_pins == ()
    assert not second.shown.is_present
    second.run.value = 0
    second.pin.click()
    assert "another question" in second.message.value


def test_pins_of_other_questions_stay():
    panel = opened()
    panel.keep.click()
    panel.run.value = 0
    panel.pin.click()
    panel.state.change(norm="l2")
    panel.state.run()
    panel.state.pump()
    panel.keep.click()
    panel.run.value = 0
    panel.pin.click()
    assert len(panel.state.pins) == 2


def test_questions_that_differ_in_the_centre_alone_are_two():
    for center in (0.0, 1.0):
        sweep(NETWORK, ["path"], regions=[Ball([center] * 4, 0.5)], store="runs")
    panel = opened()
    titles = [title for title, _ in panel.question.options]
    assert len(set(titles)) == len(titles) == 2


def test_point_of_the_plot_is_chosen():
    panel = opened()
    panel.keep.click()
    figure = drawn(panel)[MIME]
    assert figure["layout"]["meta"] == "runs"
    panel.click({"plot": "bounds", "point": 1})
    assert panel.run.value == -1
    panel.click({"plot": "runs", "point": 1})
    assert panel.run.value == 1


def test_rows_of_another_version_are_shown_but_not_drawn():
    with Store("runs") as store:
        store.add(row(1, method="a method of tomorrow", settings="no JSON"))
        store.add({"run": "bare"})
        store.add(row(6, method="path", of=None, size="["))
    panel = opened()
    assert "a method of tomorrow" in panel.table.value
    for _, key in panel.question.options:
        panel.question.value = key
        assert panel.shown.question == key


def test_names_are_escaped():
    with Store("runs") as store:
        store.add(row(1, network="<script>", status="<b>", region_label="<i>"))
    panel = opened()
    assert "<script>" not in panel.table.value + panel.sentence.value
    assert "<b>" not in panel.table.value
    assert "<i>" not in panel.table.value


def test_app_opens_no_folder_elsewhere(here, monkeypatch):
    fill("elsewhere", [1])
    monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5")
    monkeypatch.setenv("LIPEXPLORE_RUNS", str(here / "inside"))
    fill("inside/one", [1])
    panel = opened()
    assert panel.folder.value == "inside/one"
    assert panel.shown.total == 1
    for outside in ("elsewhere", str(here / "elsewhere"), "inside/../elsewhere"):
        panel.folder.value = outside
        assert "in the app runs are kept in the folder inside" in panel.message.value
        panel.keep.click()
        assert "in the app" in panel.message.value
    with Store("elsewhere") as store:
        assert len(store) == 1


def test_key_of_a_question_is_that_of_its_rows():
    state = WorkbenchState(NETWORK, FakeWorker())
    (kept,) = sweep(NETWORK, ["path"], store="runs").to_dict("records")
    with Store("runs") as store:
        assert key_of_row(store.page(0, 1)[0]) == key_of(state.question)
    answer = lipexplore.bound(NETWORK, "path")
    shown = view(Request("runs", present=state.question))
    assert (
        runs_rows.bound_for(shown.drawn[0], state.question).value == answer.value == kept["value"]
    )


def test_page_is_never_held_up(monkeypatch):
    """On an event loop a click only asks; reading takes place in a thread."""
    fill("runs", range(PAGE + 1))
    slow = runs_rows.view

    def slowly(request):
        time.sleep(0.2)
        return slow(request)

    monkeypatch.setattr("lipexplore.panels.runs_panel.view", slowly)

    async def clicked():
        panel = opened()
        panel.older.click()
        assert panel.table.value == ""
        await panel._read._task
        return panel

    async def kept():
        panel = opened()
        panel.keep.click()
        for tasks in (panel._write, panel._read):
            await tasks._task
        return panel

    assert "Runs 51 to 51 of 51" in asyncio.run(clicked()).table.value
    assert "Kept 3 new runs" in asyncio.run(kept()).message.value


@pytest.mark.slow
def test_a_large_store_opens_at_once():
    """100,000 runs: the figure asked for is 2 s; what is counted is this process's own work."""
    fill("runs", range(1000))
    count = 100_000
    others = ", ".join(f'"{name}"' for name in COLUMNS if name != "run")
    connection = sqlite3.connect(f"runs/{FILE}")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(
        "WITH RECURSIVE copies(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copies WHERE n < 99) "
        f"INSERT INTO runs (run, {others}) SELECT run || n, {others} FROM runs, copies"
    )
    connection.commit()
    connection.close()
    state = WorkbenchState(NETWORK, FakeWorker())
    start = time.process_time()
    panel = RunsPanel(state)
    panel.show(True)
    seconds = time.process_time() - start
    assert panel.shown.total == count
    assert "Runs 1 to 50 of 100,000" in panel.table.value
    assert len(panel.question.options) == 10
    assert seconds < 10.0

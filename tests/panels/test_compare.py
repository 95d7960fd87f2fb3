"""The Compare tab, undo in the toolbar and the axes of the plot, by clicks and values."""

from __future__ import annotations

import base64
import json
import re
from html import unescape

import pytest

from lipexplore.networks.generators import random_dense
from lipexplore.panels.plot import MIME
from lipexplore.panels.workbench import Workbench
from tests.panels.fakes import FakeWorker

METHODS = ("path", "interval-jacobian", "sampled-gradient")


@pytest.fixture
def bench():
    """A workbench on a small network with three methods answered, Compare shown."""
    made = Workbench(random_dense((5, 4, 2), seed=3), worker=FakeWorker())
    made.state.worker.cancel()
    made.state.pump()
    made.state.rows = ()
    made.state.change(methods=METHODS)
    run(made)
    made.turn_to("compare")
    yield made
    made.close()


def run(bench):
    worker = bench.state.worker
    worker.jobs.clear()
    worker.poll()
    bench.run.click()
    for number in list(worker.jobs):
        worker.answer(number)
    bench.wait(5)


def numbers(bench):
    return {row.run.method: row.number for row in bench.state.comparable_rows}


def figure_of(bench):
    return bench.panels["bounds"].plot.widget.outputs[0]["data"][MIME]


def names_of(bench):
    return [trace["name"] for trace in figure_of(bench)["data"]]


def test_two_runs_side_by_side(bench):
    compare, found = bench.panels["compare"], numbers(bench)
    assert "Choose two finished runs" in compare.table.value
    compare.first.value, compare.second.value = found["path"], found["interval-jacobian"]
    rows = {row.number: row.bound for row in bench.state.rows}
    ratio = rows[found["interval-jacobian"]].value / rows[found["path"]].value
    text = compare.table.value
    assert f"× {ratio:.4g}" in text
    assert "interval-jacobian" in text
    assert "different questions" not in text


def test_runs_of_different_questions_are_marked(bench):
    old = numbers(bench)["path"]
    bench.panels["network"].output.value = 1
    run(bench)
    compare = bench.panels["compare"]
    compare.first.value, compare.second.value = old, numbers(bench)["path"]
    assert "These runs answer different questions" in compare.table.value


def test_pinned_run_stays_in_the_plot_until_it_is_let_go(bench):
    compare, number = bench.panels["compare"], numbers(bench)["path"]
    compare.pin.click()
    assert "Choose a run to pin" in compare.message.value
    compare.first.value, compare.pin_name.value = number, "before <pruning>"
    compare.pin.click()
    assert "before &lt;pruning&gt;" in compare.pins.value
    run(bench)
    assert number not in numbers(bench).values()
    assert compare.first.value == number
    bench.turn_to("bounds")
    pinned = next(trace for trace in figure_of(bench)["data"] if trace["name"] == "pinned")
    assert "before <pruning>" in str(pinned)
    bench.panels["network"].output.value = 1
    run(bench)
    assert "pinned" not in names_of(bench)
    compare.unpin.click()
    assert bench.state.pins == ()


def test_undo_and_redo_buttons_step_through_every_control(bench):
    methods = bench.panels["methods"]
    bench.panels["network"].output.value = 1
    methods.methods["norm-product"].value = True
    methods.fields("exact")["target"].value = "L"
    methods.time_limit.value = 7.0
    bench.history.undo.click()
    assert methods.time_limit.value == 0.0
    bench.history.undo.click()
    assert methods.fields("exact")["target"].value == "P*"
    bench.history.undo.click()
    assert not methods.methods["norm-product"].value
    bench.panels["compare"].history.undo.click()
    assert bench.panels["network"].output.value == 0
    for _ in range(4):
        bench.history.redo.click()
    assert (bench.panels["network"].output.value, methods.time_limit.value) == (1, 7.0)
    assert methods.fields("exact")["target"].value == "L"
    assert bench.history.redo.disabled
    assert not bench.history.undo.disabled


def test_state_is_copied_and_opened(bench):
    compare = bench.panels["compare"]
    bench.panels["question"].norm.value = "l1"
    call = re.search(r"<pre[^>]*>(.*)</pre>", compare.text.value)[1]
    text = unescape(call).removeprefix("lipexplore.explore(state=").removesuffix(")")
    bench.panels["question"].norm.value = "l2"
    compare.given.value = text
    compare.open.click()
    assert bench.panels["question"].norm.value == "l1"
    assert "press Run" in compare.message.value
    compare.given.value = "network=nowhere"
    compare.open.click()
    assert 'role="alert"' in compare.message.value
    assert "no network &#x27;nowhere&#x27; here" in compare.message.value


def test_workbench_begins_where_the_state_was_copied():
    network = random_dense((5, 4, 2), seed=3)
    first = Workbench(network, worker=FakeWorker())
    first.state.change(norm="l1", output=1, methods=("path",))
    second = Workbench(network, worker=FakeWorker(), state=first.state.text)
    assert second.state.settings == first.state.settings
    assert second.panels["network"].output.value == 1
    assert [job.method for job in second.state.worker.jobs.values()] == ["path"]
    third = Workbench(network, worker=FakeWorker(), state="nonsense")
    assert "this is no state" in third.status.value
    for made in (first, second, third):
        made.close()


def contents(bench):
    links = re.findall(
        r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"',
        bench.panels["compare"].files.value,
    )
    return {name: base64.b64decode(data) for name, data in links}


def test_files_hold_what_is_shown(bench):
    compare = bench.panels["compare"]
    compare.prepare.click()
    files = contents(bench)
    assert {"bounds.csv", "bounds.tex", "figure.svg", "figure.png", "report.html"} <= set(files)
    assert "bounds.parquet" in compare.files.value
    assert files["bounds.csv"].count(b"\n") == 1 + len(METHODS)
    for row in bench.state.comparable_rows:
        assert repr(row.bound.value).encode() in files["bounds.csv"] or row.bound.lower > 0.0
    assert len(files["report.html"]) < 300_000
    assert b"lipexplore.bound(network" in files["report.html"]
    bench.panels["network"].output.value = 1
    assert compare.files.value == "", "files of other settings are stale"
    run(bench)
    compare.prepare.click()
    assert contents(bench)["report.html"].count(b"<h2>") == 2
    assert contents(bench)["figure.html"].count(b"<h2>") == 1


def test_files_without_runs_say_so():
    made = Workbench(worker=FakeWorker())
    made.turn_to("compare")
    made.panels["compare"].prepare.click()
    assert "No finished runs yet" in made.panels["compare"].files.value
    made.close()


def test_axes_of_the_plot(bench):
    bounds = bench.panels["bounds"]
    bench.turn_to("bounds")
    height = {}
    for axis in ("bound", "gap", "ratio"):
        bounds.axis.value = axis
        path = next(t for t in figure_of(bench)["data"] if t["name"] == "path bound")
        height[axis] = path["y"][0]
    rows = {row.run.method: row.bound for row in bench.state.comparable_rows}
    value, floor = rows["path"].value, rows["sampled-gradient"].lower
    assert height == {
        "bound": value,
        "gap": pytest.approx(100.0 * (value / floor - 1.0)),
        "ratio": value / floor,
    }
    bench.panels["network"].output.value = 1
    run(bench)
    bounds.axis.value = "all"
    assert len(names_of(bench)) == 2
    assert bounds.python_call().count("\n") == 1


def test_gap_without_a_lower_bound_is_a_sentence(bench):
    bench.state.change(methods=("path",), output=1)
    run(bench)
    bench.turn_to("bounds")
    bench.panels["bounds"].axis.value = "gap"
    assert "run sampled gradients" in str(bench.panels["bounds"].plot.widget.outputs)


def test_interval_of_a_run_that_is_under_way_is_drawn(bench):
    bench.state.change(methods=("exact",))
    worker = bench.state.worker
    worker.jobs.clear()
    bench.turn_to("bounds")
    bench.run.click()
    (number,) = worker.jobs
    worker.happen("started", number)
    worker.happen("progress", number, {"done": 3, "open": 2, "lower": 1.0, "upper": 4.0})
    bench.state.pump()
    bench.panels["bounds"].draw()
    running = next(t for t in figure_of(bench)["data"] if t["name"].endswith("(running)"))
    assert running["y"] == [1.0, 4.0]
    worker.happen("progress", number, {"done": 9, "open": 2, "lower": 2.0, "upper": 3.0})
    bench.state.pump()
    bench.panels["bounds"].draw()
    running = next(t for t in figure_of(bench)["data"] if t["name"].endswith("(running)"))
    assert running["y"] == [2.0, 3.0]
    bench.cancel.click()
    bench.panels["bounds"].draw()
    assert not any(name.endswith("(running)") for name in names_of(bench))


@pytest.mark.parametrize(
    ("method", "progress", "interval"),
    [
        ("exact", {"lower": 1.0, "upper": 2.0}, (1.0, 2.0)),
        ("activation-patterns", {"lower": 1.0, "upper": 2.0}, (1.0, 2.0)),
        ("shor", {"lower": 1.0, "upper": 2.0}, None),
        ("exact", {"lower": 0.0, "upper": 2.0}, None),
        ("exact", {"lower": 2.0, "upper": 1.0}, None),
        ("exact", {"lower": 1.0, "upper": float("inf")}, None),
        ("exact", {"lower": float("nan"), "upper": 1.0}, None),
        ("exact", {"iteration": 3}, None),
    ],
)
def test_only_proven_ends_are_an_interval(bench, method, progress, interval):
    from lipexplore.panels.rows import Row
    from lipexplore.panels.settings import PlannedRun

    row = Row(1, bench.state.question, PlannedRun(method, {}), "running", progress=progress)
    assert row.interval == interval


def test_zoom_is_kept_when_the_plot_is_drawn_again(bench):
    bench.turn_to("bounds")
    change = {f"{axis}axis.range[{end}]": end - 0.5 for axis in "xy" for end in (0, 1)}
    bench.clicks.zoomed = {"plot": "bounds", "change": change, "count": 1}
    run(bench)
    assert figure_of(bench)["layout"]["xaxis"]["range"] == [-0.5, 0.5]
    bench.panels["bounds"].axis.value = "ratio"
    assert figure_of(bench)["layout"]["xaxis"]["range"] != [-0.5, 0.5]
    bench.clicks.zoomed = {"plot": "bounds", "change": {"xaxis.autorange": True}, "count": 2}
    bench.clicks.zoomed = {"plot": "weights", "change": change, "count": 3}
    bench.panels["bounds"].axis.value = "bound"
    assert figure_of(bench)["layout"]["xaxis"]["range"] != [-0.5, 0.5]
    assert json.dumps(figure_of(bench))


def test_costs_say_how_many_runs_they_rest_on(bench):
    assert "from 1 run here" in bench.panels["methods"].costs.value
    run(bench)
    assert "from 2 runs here" in bench.panels["methods"].costs.value


def test_methods_are_listed_by_kind(bench):
    from lipexplore.figures.kinds import KINDS

    text = " ".join(str(getattr(item, "value", "")) for item in bench.panels["methods"].children)
    places = [text.index(kind.title) for kind in KINDS]
    assert places == sorted(places)

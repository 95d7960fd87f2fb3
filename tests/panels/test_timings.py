"""Expected seconds follow the runs that were made, and garbage on the disk is no news."""

from __future__ import annotations

import json

import pytest

from lipexplore.panels.costs import cost_of
from lipexplore.panels.settings import plan
from lipexplore.panels.timings import LARGEST, MOST_RUNS, SMALLEST, Timings


def test_median_of_the_ratios_corrects_the_estimate():
    timings = Timings()
    assert timings.expected("path", 2.0) == 2.0
    for measured in (3.0, 3.0, 3000.0):
        timings.note("path", 1.0, measured)
    assert timings.expected("path", 2.0) == 6.0, "one run that was held up does not count"
    assert timings.runs("path") == 3
    assert timings.expected("exact", 2.0) == 2.0


def test_what_cannot_be_a_ratio_is_left_out_and_the_rest_is_bounded():
    timings = Timings()
    for counted, measured in ((0.0, 1.0), (1.0, 0.0), (float("nan"), 1.0), (1.0, float("inf"))):
        timings.note("path", counted, measured)
    assert timings.runs("path") == 0
    timings.note("path", 1e-12, 1e3)
    assert timings.expected("path", 1.0) == LARGEST
    for _ in range(2 * MOST_RUNS):
        timings.note("path", 1.0, 1e-9)
    assert timings.expected("path", 1.0) == SMALLEST
    assert timings.runs("path") == MOST_RUNS


def test_kept_between_sessions(tmp_path):
    file = tmp_path / "new" / "timings.json"
    Timings(file).note("path", 1.0, 4.0)
    assert Timings(file).expected("path", 1.0) == 4.0
    assert [path.name for path in file.parent.iterdir()] == ["timings.json"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"[1, 2]",
        b'{"format": 2, "ratios": {"path": [9]}}',
        b'{"format": 1, "ratios": [9]}',
        b'{"format": 1, "ratios": {"path": 9, "exact": ["9", null, true, NaN, -1, 1e99]}}',
    ],
)
def test_garbage_is_ignored_and_replaced(tmp_path, content):
    file = tmp_path / "timings.json"
    file.write_bytes(content)
    timings = Timings(file)
    assert timings.expected("path", 1.0) == timings.expected("exact", 1.0) == 1.0
    timings.note("path", 1.0, 2.0)
    assert json.loads(file.read_text())["ratios"] == {"path": [2.0]}


def test_folder_that_cannot_be_written_is_no_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    timings = Timings(blocked / "timings.json")
    timings.note("path", 1.0, 2.0)
    assert timings.expected("path", 1.0) == 2.0


def test_finished_runs_correct_the_cost_of_the_next(state, fake):
    state.set_costs(state.count_costs())
    counted = {cost.run.method: cost.counted_seconds for cost in state.costs}
    state.run()
    for number in list(fake.jobs):
        fake.answer(number)
    state.pump()
    measured = {row.run.method: row.bound.seconds for row in state.rows}
    for cost in state.count_costs():
        name = cost.run.method
        ratio = min(max(measured[name] / counted[name], SMALLEST), LARGEST)
        assert cost.runs == 1
        assert cost.seconds == pytest.approx(counted[name] * ratio)
        assert cost.counted_seconds == counted[name]


def test_runs_that_a_limit_ended_teach_nothing(state, fake):
    state.change(methods=("sampled-gradient",), time_limit=1e-9)
    state.set_costs(state.count_costs())
    state.run()
    fake.answer(next(iter(fake.jobs)))
    state.pump()
    assert "limit" in state.rows[0].message
    (cost,) = state.count_costs()
    assert cost.runs == 0


def test_cost_without_timings_is_the_counted_one(state):
    (run, *_) = plan(state.settings)
    cost = cost_of(state.question, run)
    assert cost.seconds == cost.counted_seconds
    assert cost.runs == 0

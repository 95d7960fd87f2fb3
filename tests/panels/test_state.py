"""The state without widgets and without a worker process."""

from __future__ import annotations

import math

import pytest

from lipexplore.networks.feedforward import Network
from lipexplore.panels.state import WorkbenchState
from tests.panels.fakes import FakeWorker


def test_runs_go_through_the_worker_one_job_each(state, fake):
    assert state.run() == 2
    assert [job.method for job in fake.jobs.values()] == ["norm-product", "path"]
    assert state.busy
    for number in list(fake.jobs):
        fake.answer(number)
    assert state.pump()
    assert not state.busy
    assert [row.state for row in state.comparable_rows] == ["done", "done"]
    assert state.comparable_rows[0].bound.value > state.comparable_rows[1].bound.value


def test_rows_are_replaced_never_changed(state, fake):
    state.run()
    before = state.rows
    fake.happen("started", 100)
    state.pump()
    assert before[0].state == "waiting"
    assert state.rows[0].state == "running"
    assert state.rows[1] is before[1]


def test_events_of_unknown_and_finished_runs_are_dropped(state, fake):
    state.run()
    fake.happen("started", 7)
    assert not state.pump()
    fake.happen("cancelled", 100)
    assert state.pump()
    fake.answer(100)
    assert not state.pump()
    assert state.rows[0].state == "cancelled"


def test_a_repeated_run_takes_the_place_of_the_older(state, fake):
    state.run()
    for number in list(fake.jobs):
        fake.answer(number)
    state.pump()
    state.run()
    assert len(state.rows) == 2
    fake.happen("started", 100)
    assert not state.pump(), "the first job's row is gone"


def test_a_run_that_is_still_open_is_not_started_twice(state, fake):
    assert state.run() == 2
    assert state.run() == 0
    assert len(fake.jobs) == 2


def test_dead_worker_costs_one_run(state, fake):
    state.run()
    fake.happen("started", 100)
    fake.happen("died", 100, "the worker process ended with code -9: choose a lower degree")
    fake.answer(101)
    state.pump()
    assert [row.state for row in state.rows] == ["failed", "done"]
    assert "code -9" in state.rows[0].message


def test_cancel_is_shown_when_it_returns(state, fake):
    state.run()
    state.cancel()
    assert {row.state for row in state.rows} == {"cancelled"}
    assert fake.cancelled == [None]


def test_progress_becomes_a_share_of_the_gap(state, fake):
    state.run()
    fake.happen("started", 100)
    for primal, dual in ((0.0, 1.0), (1.0, 1.0 + 1e-9**0.5)):
        fake.happen("progress", 100, {"iteration": 1, "primal": primal, "dual": dual})
        state.pump()
    row = state.rows[0]
    assert row.first_gap == 1.0
    assert row.share == pytest.approx(0.5, abs=0.01)
    fake.happen("progress", 100, {"iteration": 2, "primal": None, "dual": None})
    state.pump()
    assert state.rows[0].share is None


def test_sampled_progress_counts(state, fake):
    state.run()
    fake.happen("started", 100)
    fake.happen("progress", 100, {"done": 10, "total": 40, "lower": 1.0})
    state.pump()
    assert state.rows[0].share == 0.25


def test_only_rows_of_the_question_are_comparable(state, fake):
    state.run()
    for number in list(fake.jobs):
        fake.answer(number)
    state.pump()
    state.change(output=1)
    assert state.comparable_rows == ()
    assert len(state.rows) == 2
    state.change(output=0)
    assert len(state.comparable_rows) == 2


def test_new_network_resets_layers_and_outputs(state):
    state.change(output=4, minus=5, layers=(1, 2))
    state.change(network="digits-16-12-8-10-relu")
    settings = state.settings
    assert (settings.output, settings.minus, settings.layers) == (0, None, None)


def test_impossible_settings_make_a_problem_not_an_error(state, fake):
    state.change(output=99)
    assert state.question is None
    assert "no output 99" in state.problem
    assert state.run() == 0
    assert state.count_costs() == ()
    assert fake.jobs == {}


def test_costs_count_the_program_and_refuse_with_a_reason(state):
    state.change(methods=("lipopt-lp",), degrees=(1, 2, 4))
    state.set_costs(state.count_costs())
    low, fits, large = state.costs
    assert "use degree 2 or higher" in low.refused
    assert fits.refused == ""
    assert fits.size["columns"] == 12_180
    assert 0.0 < fits.expected < 5.0
    assert fits.memory_bytes > 1e6
    assert "of memory, above the limit of" in large.refused
    assert f"{large.size['columns']:,} columns" in large.refused


def test_refused_runs_are_not_started(state, fake):
    state.change(methods=("lipopt-lp",), degrees=(1, 2))
    state.set_costs(state.count_costs())
    assert state.run() == 1
    assert [job.settings["degree"] for job in fake.jobs.values()] == [2]


def test_own_memory_limit_and_bad_settings_are_refused_before_the_run(state):
    state.change(methods=("lipopt-lp",), degrees=(2,))
    state.change_parameter("lipopt-lp", "memory_limit", 1e-3)
    assert "above the limit of 1 MB" in state.count_costs()[0].refused
    state.change_parameter("lipopt-lp", "memory_limit", "much")
    assert "must be a number" in state.count_costs()[0].refused


def test_large_polynomials_are_not_expanded_to_be_counted(fake):
    wide = Network([[[0.5] * 60] * 60] * 3 + [[[1.0] * 60]])
    state = WorkbenchState(wide, worker=fake)
    state.change(methods=("lipopt-lp",), degrees=(4,))
    (cost,) = state.count_costs()
    assert "not counted" in cost.note or cost.refused


def test_longest_leaves_slow_runs_out_and_quick_upper_bounds_come_first(state, fake):
    state.change(methods=("lipopt-lp", "path", "vertex-search"), degrees=(2, 3))
    state.set_costs(state.count_costs())
    state.run(longest=1.0)
    jobs = [(job.method, job.settings.get("degree")) for job in fake.jobs.values()]
    assert jobs == [("path", None), ("lipopt-lp", 2), ("vertex-search", None)]
    assert math.inf > state.costs[-1].expected


def test_time_limit_and_settings_reach_the_job(state, fake):
    state.change(methods=("lipopt-lp",), time_limit=3.0)
    state.change_parameter("lipopt-lp", "solver", "cvxopt")
    state.run()
    (job,) = fake.jobs.values()
    assert job.time_limit == 3.0
    assert job.settings == {"degree": 2, "solver": "cvxopt"}


def test_listeners_hear_what_changed(state):
    heard = []
    state.listen(heard.append)
    state.change(output=1)
    state.change(output=1)
    state.set_costs(())
    state.run()
    state.select(1)
    assert heard == ["settings", "costs", "rows", "selected"]


def test_two_states_share_nothing():
    first, second = (WorkbenchState(worker=FakeWorker()) for _ in range(2))
    first.change(output=2)
    first.run()
    assert second.settings.output == 0
    assert second.rows == ()

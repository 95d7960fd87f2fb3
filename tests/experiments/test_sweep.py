"""The grid as a table."""

import math
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lipexplore
from lipexplore import bounds
from lipexplore.bounds import bound, method_class
from lipexplore.bounds.lipopt_lp import LipoptLP
from lipexplore.errors import InvalidSetting, StoreUnavailable, WorkerDied
from lipexplore.experiments import executors
from lipexplore.experiments.cases import KEY, Case
from lipexplore.experiments.store import Store
from lipexplore.experiments.sweep import run_cases, sweep
from lipexplore.jobs.client import Worker
from lipexplore.jobs.protocol import NETWORKS_KEPT
from lipexplore.networks.feedforward import Network
from lipexplore.networks.generators import random_dense
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Ball, Box
from tests.jobs.running import long

NETWORKS = [random_dense((3, 4, 2), 1), random_dense((3, 3, 3, 2), 2, "tanh")]
BALL = Ball(np.array([0.1, -0.2, 0.3]), 0.25, Norm.L2)
WRONG_BALL = Ball(np.zeros(5), 1.0)
DISCONNECTED = Network([np.zeros((2, 3)), np.ones((2, 2))], name="disconnected")
METHODS = ["path", ("lipopt-lp", {"degree": 3}), ("vertex-search", {"starts": 5})]
TIMES = ["build_seconds", "solve_seconds", "verify_seconds", "seconds"]


def without_times(table):
    return table.drop(columns=TIMES)


def test_rows_are_the_answers_of_bound_in_the_order_of_the_grid():
    methods = [("path", {}), ("vertex-search", {"starts": 5, "seed": 1})]
    table = sweep(NETWORKS, methods, ("l1", Norm.L2), (WHOLE_SPACE, BALL), outputs=(1, 0))
    grid = list(product(NETWORKS, (WHOLE_SPACE, BALL), ("l1", "l2"), (1, 0), methods))
    assert len(table) == len(grid)
    for row, (network, region, norm, output, (name, settings)) in zip(
        table.itertuples(), grid, strict=True
    ):
        direct = bound(network, name, norm, region, output, **settings)
        assert (row.network_hash, row.norm, row.output, row.method) == (
            network.content_hash,
            norm,
            output,
            name,
        )
        assert (row.value, row.lower, row.verified, row.of, row.lower_of, row.side) == (
            direct.value,
            direct.lower,
            direct.verified,
            direct.of,
            direct.lower_of,
            direct.side,
        )


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ((NETWORKS[0], ["path"], ("l2",)), "does not answer for the l2 norm"),
        ((NETWORKS[0], [("lipopt-lp", {"degree": 1})]), "degree 1 is too low"),
        ((NETWORKS[0], [("lipopt-lp", {"memory_limit": 1e-9})]), "above the limit"),
        ((NETWORKS[0], ["sampled-gradient"], ("l2",), (WRONG_BALL,)), "5 coordinates"),
        ((DISCONNECTED, ["norm-product"]), "no path"),
    ],
    ids=["norm", "degree", "memory", "region", "path"],
)
def test_a_failure_is_a_row_with_what_is_true_anyway(monkeypatch, question, reason):
    monkeypatch.setattr(bounds.path.Path, "norms", (Norm.L1, Norm.LINF))
    row = sweep(*question).iloc[0]
    assert reason in row.status
    assert (row.value, row.lower, row.verified) == (math.inf, 0.0, False)
    assert row.network_hash == question[0].content_hash
    assert row.side == ("lower" if row.method == "sampled-gradient" else "upper")


def test_a_failure_does_not_stop_the_others_and_memory_errors_are_failures(monkeypatch):
    def starve(*_, **__):
        raise MemoryError

    monkeypatch.setattr(bounds.path.Path, "__call__", starve)
    table = sweep([DISCONNECTED, NETWORKS[0]], ["path", "norm-product"])
    assert table.verified.tolist() == [False, False, False, True]
    assert "no path" in table.status[1]
    assert "out of memory" in table.status[2]


def test_a_mistake_in_a_method_is_raised(monkeypatch, changed_worker):
    def wrong(*_, **__):
        raise KeyError("mistake")

    monkeypatch.setattr(bounds.path.Path, "__call__", wrong)
    with pytest.raises(KeyError, match="mistake"):
        sweep(NETWORKS, ["path"])
    worker = changed_worker("job.run = lambda self, tick: {}['mistake']")
    with pytest.raises(RuntimeError, match="mistake"):
        sweep(NETWORKS, ["path"], executor=worker)
    assert not worker.busy


def test_each_row_is_told_when_it_is_there():
    told = []
    table = sweep(NETWORKS, METHODS, on_row=told.append)
    pd.testing.assert_frame_equal(pd.DataFrame(told), table)


def test_what_on_row_raises_ends_the_sweep_and_what_still_runs():
    def stop(row):
        raise KeyboardInterrupt

    with Worker() as first, Worker() as second:
        with pytest.raises(KeyboardInterrupt):
            sweep(
                long().network,
                ["path", ("lipopt-lp", {"degree": 3})],
                executor=[first, second],
                on_row=stop,
            )
        assert not first.busy
        assert not second.busy
        assert len(sweep(NETWORKS, ["path"], executor=first)) == len(NETWORKS)


def test_workers_give_the_same_table_as_this_process():
    question = ([*NETWORKS, DISCONNECTED], METHODS, ("linf", "l2"), (WHOLE_SPACE, WRONG_BALL, BALL))
    here, told = sweep(*question, outputs=(0, 1)), []
    with Worker() as first, Worker() as second:
        one = sweep(*question, outputs=(0, 1), executor=first, on_row=told.append)
        two = sweep(*question, outputs=(0, 1), executor=[first, second])
    pd.testing.assert_frame_equal(without_times(one), without_times(here))
    pd.testing.assert_frame_equal(without_times(two), without_times(here))
    pd.testing.assert_frame_equal(pd.DataFrame(told), one)


def test_a_number_of_workers_is_started_and_ended():
    table = sweep(NETWORKS, ["path", "norm-product"], executor=2, time_limit=10.0)
    assert table.verified.all()
    assert sweep([], ["path"], executor=2).empty


def test_a_method_that_ignores_its_limit_is_killed(monkeypatch, changed_worker):
    monkeypatch.setattr(executors, "GRACE_SECONDS", 1.0)
    worker = changed_worker(
        "import time\n"
        "run = job.run\n"
        "def slow(self, tick):\n"
        "    if self.method == 'path': time.sleep(60)\n"
        "    return run(self, tick)\n"
        "job.run = slow"
    )
    table = sweep(NETWORKS[0], ["path", "norm-product"], time_limit=3.0, executor=worker)
    assert table.verified.tolist() == [False, True]
    assert table.status[0].startswith("killed after ")
    assert "the limit is 3 s" in table.status[0]
    assert 4.75 <= table.seconds[0] < 50.0


def test_a_worker_that_dies_is_a_row(changed_worker):
    worker = changed_worker(
        "import os\n"
        "run = job.run\n"
        "job.run = lambda self, tick: os._exit(7) if self.method == 'path' else run(self, tick)"
    )
    table = sweep(NETWORKS[0], ["path", "norm-product"], executor=worker)
    assert table.verified.tolist() == [False, True]
    assert table.failed.tolist() == [True, False]
    assert "ended with code 7" in table.status[0]
    assert table.status[0].endswith("(tried twice)")


def test_a_run_whose_worker_is_killed_is_run_once_more(changed_worker, tmp_path):
    worker = changed_worker(
        "import os, pathlib, signal\n"
        f"mark = pathlib.Path({str(tmp_path / 'killed')!r})\n"
        "run = job.run\n"
        "def once(self, tick):\n"
        "    if self.method == 'path' and not mark.exists():\n"
        "        mark.touch()\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return run(self, tick)\n"
        "job.run = once"
    )
    table = sweep(NETWORKS[0], ["norm-product", "path", "lipopt-lp"], executor=worker)
    assert (tmp_path / "killed").exists()
    assert table.verified.all()
    assert not table.failed.any()


def test_jobs_of_a_worker_that_cannot_be_started_go_to_others_or_stay_undone(changed_worker):
    with Worker() as other:
        sweep(NETWORKS[0], ["path"], executor=other)
        broken = changed_worker("raise SystemExit('no luck')")
        table = sweep(NETWORKS, ["path", "norm-product"], executor=[broken, other])
    assert table.verified.all()
    rows = []
    with pytest.raises(WorkerDied, match=r"ended with code 1 .*no luck.*lipexplore doctor"):
        sweep(NETWORKS, ["path", "norm-product"], executor=broken, on_row=rows.append)
    assert rows == []


def test_a_worker_with_jobs_of_its_own_is_refused():
    with Worker() as worker:
        worker.submit(long())
        with pytest.raises(InvalidSetting, match="idle"):
            sweep(NETWORKS, ["path"], executor=worker)


@pytest.mark.parametrize(
    ("methods", "norms", "reason"),
    [
        (["path", "guess"], ["l1"], "unknown method"),
        ([("path", {"degree": 2})], ["l1"], "no setting 'degree'"),
        (["path"], ["l1", "l7"], "unknown norm"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_runs(methods, norms, reason):
    told = []
    with pytest.raises(InvalidSetting, match=reason):
        sweep(NETWORKS, methods, norms, on_row=told.append)
    assert told == []


def test_outputs_and_limits_are_checked_before_anything_runs():
    table = sweep(NETWORKS[0], ["path"], outputs=np.arange(2))
    assert table.output.tolist() == [0, 1]
    assert table.verified.all()
    for wrong in ({"outputs": [True]}, {"outputs": ["each"]}, {"time_limit": math.nan}):
        with pytest.raises(InvalidSetting):
            sweep(NETWORKS[0], ["path"], **wrong)


def test_rows_that_another_program_removed_are_missed_in_one_sentence(tmp_path):
    def forget(row):
        with Store(tmp_path) as other:
            other.forget_failures()

    with pytest.raises(StoreUnavailable, match="1 of the runs are no longer kept"):
        sweep(DISCONNECTED, ["path"], store=tmp_path, on_row=forget)


def test_equal_keys_mean_equal_questions():
    spelled = ["lipopt-lp", ("lipopt-lp", {"degree": None}), LipoptLP()]
    table = sweep(NETWORKS[0], spelled)
    assert len(table.groupby(list(KEY))) == 1
    other = Ball(BALL.center + 1e-15, BALL.radius, BALL.norm)
    box = Box(np.zeros(3), np.ones(3))
    wide = sweep(
        NETWORKS, ["path", *spelled[:1]], ("l1", "linf"), (BALL, other, box), outputs=(0, "all")
    )
    assert len(wide.groupby(list(KEY))) == len(wide) == 48
    again = sweep(NETWORKS, ["path"], ("l1",), (Ball(BALL.center, 0.25, "l2"),))
    merged = wide.merge(again, on=list(KEY))
    assert (merged.value_x == merged.value_y).all()
    assert len(merged) == 2


def test_a_store_keeps_rows_and_finished_runs_are_not_run_again(tmp_path, monkeypatch):
    question = (NETWORKS, METHODS, ("linf", "l2"), (WHOLE_SPACE, WRONG_BALL))
    told, again = [], []
    first = sweep(*question, store=tmp_path, on_row=told.append)
    assert first.failed.sum() == len(told) - (~first.failed).sum() > 0
    plain = sweep(*question)
    for name in ("run", "network", "norm", "output", "settings", "value", "lower", "status"):
        assert first[name].tolist() == plain[name].tolist()
    assert {*plain.columns} < {*first.columns}
    wider = sweep(
        NETWORKS, ["frobenius", *METHODS], *question[2:], store=tmp_path, on_row=again.append
    )
    assert {row["method"] for row in again} == {"frobenius"}
    assert len(again) == len(wider) - len(first)
    kept = wider[wider.method != "frobenius"].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, first, check_dtype=False)
    assert wider.method[:2].tolist() == ["frobenius", "path"]

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(bounds.path.Path, "__call__", never)
    with Store(tmp_path) as store:
        assert len(sweep(NETWORKS, ["path"], store=store)) == 2
        assert len(store) == len(wider)


def test_a_mistake_is_a_row_of_a_store(tmp_path, monkeypatch, changed_worker):
    def wrong(*_, **__):
        raise KeyError("oops")

    monkeypatch.setattr(bounds.path.Path, "__call__", wrong)
    here = sweep(NETWORKS, ["path", "norm-product"], store=tmp_path / "here")
    worker = changed_worker(
        "run = job.run\n"
        "job.run = lambda self, tick: {}['oops'] if self.method == 'path' else run(self, tick)"
    )
    there = sweep(NETWORKS, ["path", "norm-product"], store=tmp_path / "there", executor=worker)
    for table in (here, there):
        assert table.failed.tolist() == [True, False] * 2
        assert table.status[0] == "a mistake in lipexplore: KeyError: 'oops'"


def test_many_jobs_about_several_networks_are_each_answered_once():
    """More networks than a worker keeps, jobs in an order that comes back to each of them."""
    networks = [random_dense((3, 4, 2), seed) for seed in range(NETWORKS_KEPT + 2)]
    cases = [
        Case(network, WHOLE_SPACE, Norm.LINF, output, method_class(name)())
        for name in ("path", "norm-product")
        for output in (0, 1)
        for network in networks
    ]
    started = []
    with Worker() as first, Worker() as second:
        rows = dict(run_cases(cases, [first, second], on_start=started.append))
        assert not first.busy
        assert not second.busy
    assert sorted(rows) == sorted(started) == list(range(len(cases)))
    for place, case in enumerate(cases):
        assert rows[place]["value"] == case.job().run().value


@pytest.mark.timeout(300)
def test_an_idle_worker_takes_what_waits_behind_a_long_run(changed_worker):
    job = "import time; run = job.run\n"
    job += "job.run = lambda self, t: (self.method == 'path' and time.sleep(900)) or run(self, t)"
    busy, free = changed_worker(job), changed_worker(job)
    told = []

    def stop(row):
        told.append(row["method"])
        if len(told) == 3:
            raise KeyboardInterrupt

    methods = ["path", "norm-product", "frobenius", "vertex-search"]
    with pytest.raises(KeyboardInterrupt):
        sweep(NETWORKS[0], methods, ("l2",), executor=[busy, free], on_row=stop)
    assert sorted(told) == sorted(methods[1:])


def test_pandas_is_imported_by_the_first_sweep_only():
    home = str(Path(lipexplore.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {home!r}); from lipexplore import sweep; "
    code += "sys.exit(bool({'pandas', 'picos'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

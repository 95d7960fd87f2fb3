"""A sweep on Dask workers: answers, cancelling, and workers that are killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

pytest.importorskip("distributed")

import dask
import psutil

from lipexplore.bounds import Bound
from lipexplore.errors import InvalidSetting, SolverUnavailable
from lipexplore.experiments import distributed
from lipexplore.experiments.executors import Failure, run_here
from lipexplore.experiments.sweep import sweep
from lipexplore.jobs.client import Job
from lipexplore.networks.feedforward import Network
from lipexplore.networks.generators import random_dense
from tests.jobs.running import quick, seconds_until_gone

PATIENCE = 180.0
"""Seconds that nothing here takes, unless it hangs."""

PRELOAD = """
import sys
from lipexplore.jobs import process

process.COMMAND = (sys.executable, "-P", "-c", '''
import os, time
from lipexplore.jobs.protocol import Job
run = Job.run
def waiting(job, *more):
    if job.network.name == "waits":
        open({gate!r} + str(os.getpid()), "w").close()
        while not os.path.exists({gate!r}):
            time.sleep(0.01)
    return run(job, *more)
Job.run = waiting
from lipexplore.jobs.worker import main
main()
''')
"""


class Cluster:
    """Two Dask workers, whose children wait with networks of a certain name for ``gate``."""

    def __init__(self, run, gate):
        self.run, self.gate, self.client = run, gate, run.keywords["client"]
        self.address = self.client.scheduler.address
        self.seen = set()

    def pids(self):
        """Return the process of each Dask worker by its address."""
        found = self.client.run(os.getpid, on_error="ignore")
        self.seen |= set(found.values())
        return found

    def children(self, pid):
        """Return the processes that solve for a Dask worker."""
        found = [child.pid for child in psutil.Process(pid).children()]
        self.seen |= set(found)
        return found

    def waiting(self):
        """Return the children that are in the middle of a job that waits."""
        names = self.gate.parent.glob(f"{self.gate.name}?*")
        return [int(path.name.removeprefix(self.gate.name)) for path in names]

    def forgive(self, failures):
        """Set how many lost workers the scheduler forgives a task."""
        self.client.run_on_scheduler(set_failures, failures=failures)

    def started(self, times=1):
        """Return the keys that are executed, once those have been announced so often in all."""
        return eventually(lambda: self._started(times))

    def _started(self, times):
        workers = self.client.run(executing, on_error="ignore")
        keys = {key: address for address, keys in workers.items() for key in keys}
        notes = sum(len(self.client.get_events(name)) for name in {key[0] for key in keys})
        return keys if keys and notes >= times else None

    def kill(self, key):
        """Kill the Dask worker that executes a job; return its children."""
        pid = self.pids()[self.started()[key]]
        children = eventually(lambda: self.children(pid))
        os.kill(pid, signal.SIGKILL)
        return children


def executing(dask_worker):
    return [key for key, task in dask_worker.state.tasks.items() if task.state == "executing"]


def tasks(dask_worker):
    return list(dask_worker.state.tasks)


def set_failures(dask_scheduler, failures):
    dask_scheduler.allowed_failures = failures


def eventually(find):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = find()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"nothing came within {PATIENCE} s")


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    gate, preload = folder / "gate", folder / "preload.py"
    preload.write_text(PRELOAD.format(gate=str(gate)))
    with (
        dask.config.set({"distributed.worker.preload": [str(preload)]}),
        distributed.cluster_executor("local:2") as run,
    ):
        cluster = Cluster(run, gate)
        yield cluster
        for pid in cluster.pids().values():
            cluster.children(pid)
    for pid in cluster.seen:
        seconds_until_gone(pid, PATIENCE)


@pytest.fixture
def cluster(both):
    for path in both.gate.parent.glob(f"{both.gate.name}*"):
        path.unlink()
    eventually(lambda: len(both.pids()) == 2)
    return both


@pytest.fixture
def sweeping(cluster):
    """Start a sweep in a thread; the list that it fills, and the thread."""
    threads = []

    def start(jobs):
        outcomes = {}
        thread = threading.Thread(target=lambda: outcomes.update(cluster.run(jobs)), daemon=True)
        thread.start()
        threads.append(thread)
        return outcomes, thread

    yield start
    cluster.gate.touch()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def waits(seed=0):
    """A job that waits for the gate, then takes a few milliseconds."""
    weights = [[[1.0, -1.0], [2.0, 1.0 + seed]], [[1.0, 1.0]]]
    return Job(Network(weights, name="waits"), "lipopt-lp")


def test_answers_are_those_of_this_process(cluster):
    jobs = [quick(), quick(norm="l2"), quick(norm="nonsense"), waits(), quick(output=7)]
    cluster.gate.touch()
    starts = []
    found = dict(cluster.run(jobs, on_start=starts.append))
    expected = dict(run_here(jobs))
    assert sorted(found) == sorted(starts) == list(range(5))
    for place, answer in expected.items():
        assert type(found[place]) is type(answer)
        if isinstance(answer, Failure):
            assert found[place].reason == answer.reason
        else:
            assert found[place].value == answer.value
            assert found[place].network_hash == answer.network_hash
            assert found[place].region == answer.region


def test_no_jobs_no_answers(cluster):
    assert list(cluster.run([])) == []


def test_closing_kills_what_runs_and_drops_what_waits(cluster):
    """A child in the middle of a solve does not hear: it has to be gone."""
    with closing(cluster.run([quick(), *[waits() for _ in range(6)]])) as run:
        assert next(run)[0] == 0
        solving = eventually(lambda: len(pids := cluster.waiting()) == 2 and pids)
    for pid in solving:
        seconds_until_gone(pid, PATIENCE)
    eventually(lambda: not any(cluster.client.run(tasks).values()))
    assert isinstance(dict(cluster.run([quick()]))[0], Bound)


def test_the_child_of_a_client_that_is_killed_is_killed(cluster):
    code = f"""if True:
        from lipexplore.experiments.distributed import cluster_executor
        from tests.experiments.test_distributed import waits
        with cluster_executor({cluster.address!r}) as run:
            list(run([waits()]))
    """
    with subprocess.Popen([sys.executable, "-c", code]) as program:
        (child,) = eventually(cluster.waiting)
        (key,) = cluster.started()
        program.kill()
    seconds_until_gone(child, PATIENCE)
    eventually(lambda: not any(key in keys for keys in cluster.client.run(tasks).values()))


def test_a_run_whose_worker_is_killed_is_run_once_more(cluster, sweeping):
    outcomes, thread = sweeping([waits()])
    (key,) = cluster.started()
    children = cluster.kill(key)
    cluster.started(times=2)
    cluster.gate.touch()
    thread.join(PATIENCE)
    assert isinstance(outcomes[0], Bound)
    for pid in children:
        seconds_until_gone(pid, PATIENCE)


@pytest.mark.parametrize("forgiven", [0, 3])
def test_a_run_that_loses_two_workers_is_a_failure(cluster, sweeping, forgiven):
    cluster.forgive(forgiven)
    outcomes, thread = sweeping([waits(), *[quick() for _ in range(8)]])
    eventually(lambda: len(outcomes) == 8)
    (first,) = cluster.started(times=9)
    cluster.kill(first)
    (second,) = cluster.started(times=10)
    cluster.kill(second)
    thread.join(PATIENCE)
    assert outcomes[0].reason.startswith("its worker was lost twice")
    assert outcomes[0].seconds > 0.0
    assert all(isinstance(outcomes[place], Bound) for place in range(1, 9))


def test_a_worker_without_a_nanny_may_be_lost(cluster, sweeping):
    command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.address]
    options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--name", "alone"]
    with subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL) as alone:
        eventually(lambda: alone.pid in cluster.pids().values())
        outcomes, thread = sweeping([waits(seed) for seed in range(3)])
        keys = eventually(lambda: len(keys := cluster.started(times=3)) == 3 and keys)
        (key,) = (key for key, at in keys.items() if cluster.pids()[at] == alone.pid)
        cluster.kill(key)
    cluster.gate.touch()
    thread.join(PATIENCE)
    assert sorted(outcomes) == [0, 1, 2]
    assert all(isinstance(answer, Bound) for answer in outcomes.values())


def test_a_sweep_is_kept_and_not_repeated(cluster, tmp_path):
    networks = [random_dense((4, 3, 1), seed) for seed in range(5)]
    methods = ["path", "norm-product", "lipopt-lp", "interval-jacobian"]
    new = []
    grid = {"executor": cluster.address, "store": tmp_path / "runs"}
    table = sweep(networks[:3], methods, **grid, on_row=new.append)
    assert len(table) == len(new) == 12
    table = sweep(networks, methods, **grid, on_row=new.append)
    assert len(table) == len(new) == 20
    assert not table.failed.any()
    assert list(table.value) == list(sweep(networks, methods).value)


def test_a_worker_with_another_version_is_refused(cluster, monkeypatch):
    monkeypatch.setattr(distributed, "__version__", "9.9")
    with pytest.raises(
        InvalidSetting, match=r"a worker has lipexplore .*, the sweep 9\.9: install"
    ):
        list(cluster.run([quick()]))


def test_a_worker_with_another_version_that_joins_later_answers_nothing(cluster, monkeypatch):
    monkeypatch.setattr(distributed, "__version__", "9.9")
    monkeypatch.setattr(distributed, "_check_versions", lambda client: None)
    assert "the sweep 9.9" in dict(cluster.run([quick()]))[0].reason


def test_a_setting_that_cannot_travel_is_refused(cluster):
    with pytest.raises(InvalidSetting, match="cannot be sent"):
        list(cluster.run([quick(settings={"degree": object()})]))


def test_an_address_without_a_scheduler_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "SECONDS_TO_CONNECT", 0.5)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        where = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        sentence = "no Dask scheduler answers at"
        with pytest.raises(InvalidSetting, match=sentence), distributed.cluster_executor(where):
            pass


@pytest.mark.parametrize("where", ["nowhere", "local:", "local:0", "local:two", "gopher://a:1"])
def test_what_is_no_address_is_refused(where, monkeypatch):
    monkeypatch.setattr(distributed, "SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(InvalidSetting, match="local:4"), distributed.cluster_executor(where):
        pass


def test_dask_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(SolverUnavailable, match=r'pip install "lipexplore\[cluster\]"'),
        distributed.cluster_executor("local:1"),
    ):
        pass

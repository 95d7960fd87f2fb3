"""Cancelling, dying and being left alone."""

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import lipexplore
from lipexplore.errors import WorkerDied
from lipexplore.jobs import process
from lipexplore.jobs.client import Worker
from tests.jobs.running import LAST, PATIENCE, answer, long, quick, seconds_until_gone, until

HOME = str(Path(lipexplore.__file__).parents[1])


def test_cancel_kills_a_long_solve_at_once_and_the_next_job_works(worker):
    number = worker.submit(long())
    until(worker, "progress", number)
    pid = worker.pid
    start = time.perf_counter()
    worker.cancel()
    assert time.perf_counter() - start < 2.0
    assert [e.kind for e in worker.poll() if e.job == number][-1] == "cancelled"
    assert not worker.busy
    assert seconds_until_gone(pid) < 10.0
    following = worker.submit(quick())
    events = until(worker, "result", following)
    assert {e.job for e in events} <= {None, following}
    assert worker.pid != pid


def test_wait_gives_up_after_its_time_and_cancel_of_a_waiting_job_leaves_the_others(worker):
    running, dropped, kept = (worker.submit(job) for job in (long(), quick(), quick()))
    until(worker, "started", running)
    start = time.perf_counter()
    assert all(e.kind not in LAST for e in worker.wait(0.1))
    assert 0.1 <= time.perf_counter() - start < 10.0
    assert worker.queued == 2
    worker.cancel(dropped)
    assert [(e.kind, e.job) for e in worker.poll() if e.kind in LAST] == [("cancelled", dropped)]
    assert (worker.busy, worker.queued) == (True, 1)
    worker.cancel(running)
    events = until(worker, "result", kept)
    assert ("cancelled", running) in [(e.kind, e.job) for e in events]


def test_cancel_without_a_job_is_harmless(worker):
    answer(worker, quick())
    pid = worker.pid
    worker.cancel()
    worker.cancel(10**9)
    assert worker.poll() == []
    assert worker.pid == pid


def test_a_worker_killed_from_outside_is_told_and_waiting_jobs_run(worker):
    running, waiting = worker.submit(long()), worker.submit(quick())
    until(worker, "started", running)
    os.kill(worker.pid, signal.SIGKILL)
    event = until(worker, "died", running)[-1]
    assert "code -9 (killed, or the machine ran out of memory)" in event.data
    assert "\n" not in event.data
    assert until(worker, "result", waiting)[-1].data.verified


def test_a_worker_killed_while_idle_is_replaced_without_a_word(worker):
    answer(worker, quick())
    os.kill(worker.pid, signal.SIGKILL)
    number = worker.submit(quick())
    assert {e.kind for e in until(worker, "result", number)} <= {
        "ready",
        "started",
        "progress",
        "result",
    }


def test_interrupting_the_process_group_does_not_stop_a_solve(worker):
    number = worker.submit(quick())
    until(worker, "result", number)
    pid, number = worker.pid, worker.submit(long())
    until(worker, "progress", number)
    os.kill(pid, signal.SIGINT)
    until(worker, "progress", number)
    assert worker.pid == pid
    assert os.getpgid(pid) == os.getpgid(0)


def test_a_worker_that_cannot_start_says_so_for_every_job(monkeypatch):
    script = "import sys; sys.exit('no module\\nnamed picos')"
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", script))
    with Worker() as worker:
        numbers = [worker.submit(quick()) for _ in range(2)]
        events = worker.wait(PATIENCE)
        assert [e.job for e in events if e.job in numbers] == numbers
        assert {e.kind for e in events} == {"died"}
        assert "ended with code 1 (named picos): check the installation" in events[-1].data
        monkeypatch.undo()
        assert answer(worker, quick()).verified


def test_a_program_that_is_no_file_is_told_as_well(monkeypatch):
    monkeypatch.setattr(process, "COMMAND", ("/nonexistent/python",))
    with Worker() as worker:
        assert "did not start" in until(worker, "died", worker.submit(quick()))[-1].data


PARENT = f"""
import sys, time
sys.path.insert(0, {HOME!r})
from lipexplore.jobs.client import Job, Worker
from lipexplore.networks.generators import random_dense
worker, state, ending = Worker(), *sys.argv[1:]
if state == "started":
    worker.submit(Job(random_dense((40, 40, 1), 0), "lipopt-lp", settings={{"degree": 3}}))
end = time.monotonic() + {PATIENCE}
while not any(event.kind == state for event in worker.poll()) and time.monotonic() < end:
    time.sleep(0.01)
print(worker.pid, worker._supervisor._folder, flush=True)
if ending == "killed":
    time.sleep(60)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "ending"), [("ready", "killed"), ("started", "killed"), ("started", "done")]
)
def test_no_worker_outlives_its_program(state, ending, tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('found in the current directory')")
    with subprocess.Popen(
        [sys.executable, "-P", "-W", "error", "-c", PARENT, state, ending],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as parent:
        pid, folder = parent.stdout.readline().split()
        assert Path(folder.decode()).is_dir()
        if ending == "killed":
            parent.kill()
        _, complaints = parent.communicate(timeout=PATIENCE)
    assert seconds_until_gone(int(pid)) < 20.0
    assert not Path(folder.decode()).exists()
    assert complaints == b""


def test_an_interrupt_while_it_starts_is_survived_and_it_ends_with_its_object():
    worker = Worker()
    number = worker.submit(quick())
    while worker.pid is None:
        time.sleep(0.001)
    os.kill(worker.pid, signal.SIGINT)
    until(worker, "result", number)
    pid = worker.pid
    del worker
    gc.collect()
    assert seconds_until_gone(pid) < 10.0


def test_close_cancels_and_ends_for_good():
    worker = Worker()
    number = worker.submit(long())
    worker.close()
    worker.close()
    assert [(e.kind, e.job) for e in worker.poll() if e.job] == [("cancelled", number)]
    assert not worker.busy
    with pytest.raises(WorkerDied, match="closed"):
        worker.submit(quick())


def test_every_job_ends_exactly_once_whoever_submits_and_cancels(worker):
    numbers, kills = [], iter(range(2))

    def work(seed):
        rng = random.Random(seed)
        for _ in range(15):
            numbers.append(worker.submit(quick()))
            if rng.random() < 0.4:
                waiting = max(numbers)
                worker.cancel(waiting if next(kills, None) is None else None)
            time.sleep(rng.random() * 0.02)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    last = [e.job for e in worker.wait(3.0 * PATIENCE) if e.kind in LAST]
    assert sorted(last) == sorted(numbers)
    assert answer(worker, quick()).verified

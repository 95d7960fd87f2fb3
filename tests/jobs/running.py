"""Jobs and waiting, for the tests of workers."""

import os
import sys
import time
from contextlib import ExitStack, contextmanager

from lipexplore.jobs import process
from lipexplore.jobs.client import Job, Worker
from lipexplore.networks.generators import random_dense

LAST = ("result", "error", "cancelled", "died")

PATIENCE = 120.0
"""Seconds to wait for what must come: machines that run tests may be busy."""


def quick(**changes):
    """A job of a few milliseconds."""
    return Job(random_dense((4, 3, 1), 0), "lipopt-lp", **changes)


def long():
    """A job of many seconds."""
    return Job(random_dense((40, 40, 1), 0), "lipopt-lp", settings={"degree": 3})


@contextmanager
def changed_workers(monkeypatch):
    """Yield a function that starts a worker whose program first runs some code."""
    with ExitStack() as stack:

        def start(code):
            script = f"from lipexplore.jobs.protocol import Job as job\n{code}\n"
            script += "from lipexplore.jobs.worker import main\nmain()"
            monkeypatch.setattr(process, "COMMAND", (sys.executable, "-P", "-c", script))
            return stack.enter_context(Worker())

        yield start


def until(worker, kind, job, patience=PATIENCE):
    """Return the events up to the first of this kind and job."""
    events, end = [], time.monotonic() + patience
    while time.monotonic() < end:
        for event in worker.poll():
            events.append(event)
            if (event.kind, event.job) == (kind, job):
                return events
        time.sleep(0.001)
    raise AssertionError(f"no {kind} of job {job} within {patience} s: {events}")


def answer(worker, job):
    return until(worker, "result", worker.submit(job))[-1].data


def seconds_until_gone(pid, patience=PATIENCE):
    start = time.perf_counter()
    while time.perf_counter() < start + patience:
        if not _lives(pid):
            return time.perf_counter() - start
        time.sleep(0.001)
    raise AssertionError(f"process {pid} lives after {patience} s")


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid):
    """Tell whether an orphan is dead and merely not collected (Linux only)."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 (a path object would read slower)
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False

"""What a Dask worker runs for a sweep: one job, in a child process that can be killed.

Dask cannot stop a running task. A watcher asks the Dask worker's own record of the task, at no
message to anybody, and kills the child when nobody waits for the answer any more: the run was
cancelled, its client is gone, or the Dask worker is closing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lipexplore import __version__
from lipexplore.bounds import Bound
from lipexplore.experiments.executors import Failure, run_in_workers
from lipexplore.jobs.client import Job, Worker
from lipexplore.jobs.protocol import bound_from_message, bound_to_message, encode

if TYPE_CHECKING:
    from distributed import Worker as DaskWorker

SECONDS_BETWEEN_LOOKS = 0.05
ENDED = ("closing", "closed", "failed")

_idle: WeakKeyDictionary[DaskWorker, list[Worker]] = WeakKeyDictionary()
_lock = threading.Lock()


def solve(
    place: int, question: bytes, networks: Mapping[str, str], topic: str, version: str
) -> bytes:
    """Answer a job that lacks its network; say on ``topic`` that its ``place`` has begun."""
    from distributed import Reschedule, get_worker

    if version != __version__:
        return answer_to_line(Failure(other_version(__version__, version), 0.0))
    here = get_worker()
    here.log_event(topic, place)
    message = json.loads(question)
    job = Job.from_message({**message, "network": networks[message["network"]]})
    with _child(here) as child, _watched(here, child) as ended:
        ((_, answer),) = run_in_workers([job], [child])
    if ended.is_set() or not _wanted(here, here.get_current_task()):
        raise Reschedule  # also where it is wanted again by now
    return answer_to_line(answer)


def answer_to_line(answer: Bound | Failure) -> bytes:
    """Return the answer as JSON: no class of this package travels."""
    if isinstance(answer, Bound):
        return encode({"bound": bound_to_message(answer)})
    return encode(
        {
            "failure": answer.reason,
            "seconds": answer.seconds,
            "mistake": answer.mistake is not None,
        }
    )


def answer_from_line(line: bytes) -> Bound | Failure:
    """Return what :func:`answer_to_line` described."""
    message: dict[str, Any] = json.loads(line)
    if "bound" in message:
        return bound_from_message(message["bound"])
    reason = message["failure"]
    return Failure(reason, message["seconds"], RuntimeError(reason) if message["mistake"] else None)


def other_version(there: object, here: str) -> str:
    """Return what to say of a worker with another lipexplore."""
    return f"a worker has lipexplore {there}, the sweep {here}: install the same version on both"


@contextmanager
def _child(here: DaskWorker) -> Iterator[Worker]:
    """Lend one of the Dask worker's warm children; there are as many as tasks at a time."""
    with _lock:
        idle = _idle.setdefault(here, [])
        child = idle.pop() if idle else Worker()
    yield child
    with _lock:
        idle.append(child)


@contextmanager
def _watched(here: DaskWorker, child: Worker) -> Iterator[threading.Event]:
    """Kill what the child runs once this task is not wanted, and set the event then."""
    over, ended = threading.Event(), threading.Event()
    key = here.get_current_task()

    def watch() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            if not _wanted(here, key):
                ended.set()
                child.cancel()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield ended
    finally:
        over.set()
        watcher.join()


def _wanted(here: DaskWorker, key: Any) -> bool:
    task = here.state.tasks.get(key)
    return task is not None and task.state != "cancelled" and here.status.name not in ENDED

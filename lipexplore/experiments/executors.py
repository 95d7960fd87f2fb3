"""Where the jobs of a sweep run: in this process, or in worker processes with a hard limit."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from lipexplore.bounds import Bound
from lipexplore.errors import InvalidSetting
from lipexplore.jobs.client import Event, Job, Worker
from lipexplore.jobs.protocol import FAILURES, one_sentence

SECONDS_BETWEEN_POLLS = 0.002
GRACE_FACTOR, GRACE_SECONDS = 0.25, 2.0


@dataclass(frozen=True)
class Failure:
    """Why a job has no answer, and how long it took to find out (seconds)."""

    reason: str
    seconds: float


Outcomes = Generator[tuple[int, Bound | Failure], None, None]


def run_here(jobs: Sequence[Job]) -> Outcomes:
    """Yield the place and the answer of each job, in order."""
    for place, job in enumerate(jobs):
        start = time.perf_counter()
        answer: Bound | Failure
        try:
            answer = job.run()
        except FAILURES as error:
            answer = Failure(one_sentence(error), time.perf_counter() - start)
        yield place, answer


def run_in_workers(jobs: Sequence[Job], workers: Sequence[Worker]) -> Outcomes:
    """Yield the place and the answer of each job as they come.

    A worker that exceeds :func:`hard_limit` is killed. Closing the generator cancels what runs.

    Raises
    ------
    InvalidSetting
        If there is no worker, or one is at work already.
    RuntimeError
        If a method has a mistake; in this process its own exception would be raised.
    """
    if not workers or any(worker.busy for worker in workers):
        raise InvalidSetting("a sweep needs idle workers: wait for their jobs or make new ones")
    lanes = [_Lane(worker) for worker in workers]
    todo = iter(enumerate(jobs))
    try:
        while lanes:
            for lane in list(lanes):
                if lane.place is not None:
                    answer = lane.answer()
                    if answer is None:
                        continue
                    yield lane.place, answer
                following = next(todo, None)
                if following is None:
                    lanes.remove(lane)
                else:
                    lane.start(*following)
            time.sleep(SECONDS_BETWEEN_POLLS)
    finally:
        for lane in lanes:
            lane.worker.cancel()


def hard_limit(time_limit: float | None) -> float:
    """Return the seconds after which a worker is killed: methods get a grace to finish in."""
    if time_limit is None:
        return float("inf")
    return time_limit * (1.0 + GRACE_FACTOR) + GRACE_SECONDS


class _Lane:
    """One worker and the job that it has."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.place: int | None = None
        self._limit: float | None = None
        self._number = 0
        self._started: float | None = None
        worker.poll()

    def start(self, place: int, job: Job) -> None:
        self.place, self._limit, self._started = place, job.time_limit, None
        self._number = self.worker.submit(job)

    def answer(self) -> Bound | Failure | None:
        for event in self.worker.poll():
            if event.job != self._number:
                continue
            if event.kind == "started":
                self._started = time.perf_counter()
            elif event.kind != "progress":
                return _outcome(event)
        if self._started is None:
            return None
        seconds = time.perf_counter() - self._started
        if seconds < hard_limit(self._limit):
            return None
        self.worker.cancel(self._number)
        return Failure(f"killed after {seconds:.3g} s: the limit is {self._limit:g} s", seconds)


def _outcome(event: Event) -> Bound | Failure:
    if event.kind == "result":
        found: Bound = event.data
        return found
    if not event.expected:
        raise RuntimeError(f"a worker met a mistake in lipexplore: {event.data}")
    return Failure(event.data or event.kind, event.seconds)

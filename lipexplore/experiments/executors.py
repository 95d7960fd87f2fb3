"""Where the jobs of a sweep run: in this process, or in worker processes with a hard limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from lipexplore.bounds import Bound
from lipexplore.errors import InvalidSetting, WorkerDied
from lipexplore.jobs.client import Event, Job, Worker
from lipexplore.jobs.protocol import FAILURES, one_sentence

JOBS_PER_WORKER = 4
"""One runs and the others lie ready: workers go on while rows are written."""

LONGEST_SLEEP = 0.05
"""Seconds between two looks at the limits."""

GRACE_FACTOR, GRACE_SECONDS = 0.25, 2.0


@dataclass(frozen=True)
class Failure:
    """Why a job has no answer, and how long it took to find out (seconds).

    ``mistake`` is the exception where the reason is a mistake in lipexplore.
    """

    reason: str
    seconds: float
    mistake: Exception | None = None


Outcomes = Generator[tuple[int, Bound | Failure], None, None]
OnStart = Callable[[int], None]
"""Called with the place of a job when it starts."""


def run_here(jobs: Sequence[Job], on_start: OnStart | None = None) -> Outcomes:
    """Yield the place and the answer of each job, in order."""
    for place, job in enumerate(jobs):
        if on_start is not None:
            on_start(place)
        start = time.perf_counter()
        answer: Bound | Failure
        try:
            answer = job.run()
        except FAILURES as error:
            answer = Failure(one_sentence(error), time.perf_counter() - start)
        except Exception as error:  # noqa: BLE001 (the sweep decides whether to go on)
            answer = _mistake(one_sentence(error), time.perf_counter() - start, error)
        yield place, answer


def run_in_workers(
    jobs: Sequence[Job], workers: Sequence[Worker], on_start: OnStart | None = None
) -> Outcomes:
    """Yield the place and the answer of each job as they come.

    A worker that exceeds :func:`hard_limit` is killed. A job whose worker died is run once more.
    A worker that cannot be started any more hands its jobs to the others. Closing the generator
    cancels what runs.

    Raises
    ------
    InvalidSetting
        If there is no worker, or one is at work already.
    WorkerDied
        If no worker can be started: the jobs are not to blame.
    """
    if not workers or any(worker.busy for worker in workers):
        raise InvalidSetting("a sweep needs idle workers: wait for their jobs or make new ones")
    bell = threading.Event()
    lanes = [_Lane(worker, bell) for worker in workers]
    todo: Iterator[_Sent] = (_Sent(place, job) for place, job in enumerate(jobs))
    able = lanes
    try:
        _fill(able, todo)
        while any(lane.sent for lane in able):
            bell.wait(LONGEST_SLEEP)
            bell.clear()
            answers = [answer for lane in able for answer in lane.answers(on_start)]
            for lane in [lane for lane in able if lane.broken]:
                able = [other for other in able if other is not lane]
                todo = chain(lane.sent.values(), todo)
            _fill(able, todo)
            yield from answers
            if not able:
                raise WorkerDied(next(lane.broken for lane in lanes if lane.broken))
    finally:
        for lane in lanes:
            lane.leave()


def hard_limit(time_limit: float | None) -> float:
    """Return the seconds after which a worker is killed: methods get a grace to finish in."""
    if time_limit is None:
        return float("inf")
    return time_limit * (1.0 + GRACE_FACTOR) + GRACE_SECONDS


@dataclass
class _Sent:
    """A job that a worker has: ``started`` when it said so, ``attempt`` from 1."""

    place: int
    job: Job
    attempt: int = 1
    started: float | None = None


class _Lane:
    """One worker and the jobs that it has, by their numbers there, the oldest first.

    ``broken`` says why it cannot be started, if it cannot.
    """

    def __init__(self, worker: Worker, bell: threading.Event) -> None:
        self.worker = worker
        self.sent: dict[int, _Sent] = {}
        self.broken = ""
        worker.poll()
        worker.ring(bell)

    def submit(self, sent: _Sent) -> None:
        sent.started = None
        self.sent[self.worker.submit(sent.job)] = sent

    def answers(self, on_start: OnStart | None) -> Iterator[tuple[int, Bound | Failure]]:
        for event in self.worker.poll():
            if event.job not in self.sent or event.kind == "progress":
                continue
            if event.kind == "died" and self.sent[event.job].started is None:
                self.broken = str(event.data)
                continue
            if event.kind == "started":
                self.sent[event.job].started = time.perf_counter()
                if on_start is not None:
                    on_start(self.sent[event.job].place)
                continue
            sent = self.sent.pop(event.job)
            if event.kind == "died" and sent.attempt == 1:
                sent.attempt = 2
                self.submit(sent)
            else:
                yield sent.place, _outcome(event, sent)
        yield from self._overdue()

    def _overdue(self) -> Iterator[tuple[int, Failure]]:
        for number, sent in list(self.sent.items()):
            seconds = 0.0 if sent.started is None else time.perf_counter() - sent.started
            if seconds >= hard_limit(sent.job.time_limit):
                self.worker.cancel(number)
                del self.sent[number]
                reason = f"killed after {seconds:.3g} s: the limit is {sent.job.time_limit:g} s"
                yield sent.place, Failure(reason, seconds)

    def give(self) -> _Sent | None:
        """Take back the job that waits, if one does and has not started meanwhile."""
        number = next(reversed(self.sent), None)
        if number is None or len(self.sent) == 1 or not self.worker.withdraw(number):
            return None
        return self.sent.pop(number)

    def leave(self) -> None:
        self.worker.ring(None)
        self.worker.cancel()


def _fill(lanes: Sequence[_Lane], todo: Iterator[_Sent]) -> None:
    """Give every worker a job before any gets the next; at the end idle ones take from others."""
    for count in range(JOBS_PER_WORKER):
        for lane in lanes:
            if len(lane.sent) > count:
                continue
            following = next(todo, None)
            if following is not None:
                lane.submit(following)
            elif not lane.sent:
                taken = next(filter(None, (other.give() for other in lanes)), None)
                if taken is not None:
                    lane.submit(taken)


def _outcome(event: Event, sent: _Sent) -> Bound | Failure:
    if event.kind == "result":
        found: Bound = event.data
        return found
    if not event.expected:
        error = RuntimeError(f"a worker met a mistake in lipexplore: {event.data}")
        return _mistake(event.data, event.seconds, error)
    reason = event.data or event.kind
    return Failure(f"{reason} (tried twice)" if sent.attempt > 1 else reason, event.seconds)


def _mistake(sentence: str, seconds: float, error: Exception) -> Failure:
    return Failure(f"a mistake in lipexplore: {sentence}", seconds, error)

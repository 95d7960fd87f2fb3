"""A worker that does nothing by itself: tests say what happens in it."""

from __future__ import annotations

from collections import deque

from lipexplore.jobs.client import Event


class FakeWorker:
    """Records jobs; :meth:`happen` queues an event, :meth:`answer` really computes a job."""

    def __init__(self):
        self.jobs = {}
        self.cancelled = []
        self.interrupted = []
        self.closed = False
        self._events = deque()

    def submit(self, job):
        number = 100 + len(self.jobs)
        self.jobs[number] = job
        return number

    def poll(self):
        events = list(self._events)
        self._events.clear()
        return events

    def cancel(self, job=None):
        self.cancelled.append(job)
        for number in self.jobs:
            self.happen("cancelled", number)

    def another(self):
        return FakeWorker()

    def interrupt(self, survey):
        self.interrupted.append(survey)

    def close(self):
        self.closed = True

    def happen(self, kind, job, data=None, **more):
        self._events.append(Event(kind, job, data, 0.0, **more))

    def answer(self, job):
        self.happen("started", job)
        self.happen("result", job, self.jobs[job].run())


class PromptWorker(FakeWorker):
    """Answers everything as soon as it is asked."""

    def submit(self, job):
        number = super().submit(job)
        self.answer(number)
        return number

    def another(self):
        return PromptWorker()

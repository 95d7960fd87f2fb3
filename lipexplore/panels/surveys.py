"""The quick methods' answers to a question that keeps changing, without widgets."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lipexplore.bounds import METHODS, Bound
from lipexplore.errors import LipexploreError
from lipexplore.jobs.client import Event, Survey, Worker
from lipexplore.jobs.protocol import bound_from_message
from lipexplore.panels.settings import Question, job_of

SECONDS_BETWEEN_POLLS = 0.01
ORDER = {method.name: place for place, method in enumerate(METHODS)}


@dataclass(frozen=True, eq=False)
class Answer:
    """What one method said last.

    Parameters
    ----------
    bound
        None where the method waits for Run or failed; ``why`` says which.
    seconds
        What it took, or what it is expected to take.
    fresh
        Whether this answers the newest question.
    """

    method: str
    bound: Bound | None
    why: str
    seconds: float
    fresh: bool = True


class Live:
    """Has the newest question surveyed; at most one survey is on its way.

    A newer question interrupts the survey of an older one. Answers of the older one stay, marked as
    not fresh, until their method answers anew.

    Parameters
    ----------
    worker
        Runs the surveys, and nothing else; closed with this.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.answers: tuple[Answer, ...] = ()
        self.problem = ""
        self._question: Question | None = None
        self._next: Survey | None = None
        self._job: int | None = None

    @property
    def busy(self) -> bool:
        """Whether answers to the newest question may still come."""
        return self._job is not None or self._next is not None

    def ask(
        self, question: Question | None, settings: Mapping[str, Mapping[str, Any]] | None = None
    ) -> None:
        """Survey a question with these settings by method; None for no question."""
        comparable = _shape(question) == _shape(self._question)
        self.answers = tuple(replace(a, fresh=False) for a in self.answers) if comparable else ()
        self._question, self.problem = question, ""
        self._next = None if question is None else Survey(job_of(question), settings or {})
        if self._job is None:
            self._submit()
        else:
            self._worker.interrupt(self._job)

    def pump(self) -> bool:
        """Take in what happened in the worker; return whether there is something new to show."""
        changed = [self._take(event) for event in self._worker.poll()]
        return any(changed)

    def wait(self, timeout: float) -> None:
        """Pump until all answers are there, in scripts and tests."""
        end = time.monotonic() + timeout
        while self.busy and time.monotonic() < end:
            self.pump()
            time.sleep(0.1 * SECONDS_BETWEEN_POLLS)

    def close(self) -> None:
        """End the worker process."""
        self._worker.close()

    def _submit(self) -> None:
        survey, self._next = self._next, None
        if survey is None:
            return
        try:
            self._job = self._worker.submit(survey)
        except LipexploreError as error:
            self.problem = str(error)

    def _take(self, event: Event) -> bool:
        if event.kind == "died" and event.job is None:
            self.problem, self._job = str(event.data), None
            return True
        if event.job is None or event.job != self._job:
            return False
        match event.kind:
            case "progress":
                self._replace(_answer(event.data, fresh=self._next is None))
            case "finished" | "cancelled" | "error" | "died":
                self._end(event)
            case _:
                return False
        return True

    def _end(self, event: Event) -> None:
        self._job = None
        if self._next is not None:
            self._submit()
            return
        self.answers = tuple(answer for answer in self.answers if answer.fresh)
        if event.kind in ("error", "died"):
            self.problem = str(event.data)

    def _replace(self, new: Answer) -> None:
        others = (answer for answer in self.answers if answer.method != new.method)
        self.answers = tuple(sorted((*others, new), key=lambda answer: ORDER[answer.method]))


def _answer(data: Mapping[str, Any], fresh: bool) -> Answer:
    found = None if data["bound"] is None else bound_from_message(data["bound"])
    return Answer(data["method"], found, data["why"], data["seconds"], fresh)


def _shape(question: Question | None) -> object:
    """Return what two questions must share for their answers to stand on one axis in passing."""
    if question is None:
        return None
    asked = question.norm, question.output, question.minus, question.layers
    return question.network.widths, *asked

"""Radii of the test images under several methods: a worker computes them, once each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lipexplore.bounds import METHODS, BoundMethod
from lipexplore.errors import LipexploreError
from lipexplore.jobs.client import Event, RadiiJob, Worker
from lipexplore.jobs.radii import ATTACK
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.properties.attack import Attacks
from lipexplore.properties.local_radius import LocalRadius
from lipexplore.properties.robustness import CertifiedRadii
from lipexplore.regions import Ball

Found = CertifiedRadii | LocalRadius | Attacks
IMAGES = 360
"""So many images of the test set are certified and attacked."""


@dataclass(frozen=True, eq=False)
class Wanted:
    """Radii under one method, or the attack's; ``ball`` asks for the one around its centre."""

    network: Network
    norm: str
    method: str = ATTACK
    seconds: float | None = None
    ball: Ball | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for what has the same answer."""
        ball = None if self.ball is None else repr(self.ball.to_dict())
        return self.network.content_hash, self.norm, self.method, self.seconds, ball


@dataclass(frozen=True, eq=False)
class Answer:
    """What a worker found; ``problem`` says why it found nothing."""

    found: Found | None = None
    problem: str = ""


class RadiusBook:
    """Has radii computed in the order in which they are wanted, and keeps them.

    Parameters
    ----------
    another
        Starts the worker, when it is needed first.
    """

    def __init__(self, another: Callable[[], Worker]) -> None:
        self._another = another
        self._worker: Worker | None = None
        self._wanted: tuple[Wanted, ...] = ()
        self._job: int | None = None
        self._answers: dict[tuple[Any, ...], Answer] = {}
        self.current: Wanted | None = None
        self.progress: Mapping[str, Any] = {}

    @property
    def busy(self) -> bool:
        """Whether something is being computed."""
        return self._job is not None

    @property
    def known(self) -> int:
        """Number of answers so far."""
        return len(self._answers)

    def answer(self, item: Wanted) -> Answer | None:
        """Return what is known already."""
        return self._answers.get(item.key)

    def want(self, items: Sequence[Wanted]) -> None:
        """Compute these, and nothing else any more."""
        self._wanted = tuple(items)
        if self.current is not None and self.current.key not in {item.key for item in items}:
            self._cancel()
        self._next()

    def hold(self) -> None:
        """Begin nothing new; what is being computed is finished."""
        self._wanted = ()

    def stop(self) -> None:
        """Compute nothing any more."""
        self.want(())

    def pump(self) -> bool:
        """Take in what happened in the worker; return whether there is something new."""
        events = [] if self._worker is None else self._worker.poll()
        changed = [self._take(event) for event in events]
        return any(changed)

    def close(self) -> None:
        """End the worker process."""
        if self._worker is not None:
            self._worker.close()

    def _next(self) -> None:
        missing = next((item for item in self._wanted if self.answer(item) is None), None)
        if missing is None or self.busy:
            return
        if self._worker is None:
            self._worker = self._another()
        job = RadiiJob(
            missing.network, missing.method, missing.norm, IMAGES, missing.ball, missing.seconds
        )
        try:
            self._job, self.current, self.progress = self._worker.submit(job), missing, {}
        except LipexploreError as error:
            self._answers[missing.key] = Answer(problem=str(error))

    def _cancel(self) -> None:
        job, self._job, self.current = self._job, None, None
        if self._worker is not None:
            self._worker.cancel(job)

    def _take(self, event: Event) -> bool:
        if event.job is None or event.job != self._job or self.current is None:
            return False
        match event.kind:
            case "progress":
                self.progress = event.data
                return True
            case "result":
                answer = _answer(event)
            case "error" | "died":
                answer = Answer(problem=str(event.data))
            case _:
                return False
        self._answers[self.current.key] = answer
        self._job, self.current = None, None
        self._next()
        return True


def _answer(event: Event) -> Answer:
    if event.arrays is None:
        return Answer(event.data)
    try:
        return Answer(event.arrays.read())
    except LipexploreError as error:
        return Answer(problem=str(error))


def choices() -> tuple[type[BoundMethod], ...]:
    """Return the methods that bound from above over the whole space."""
    return tuple(m for m in METHODS if m.side != "lower" and not m.bounded_regions_only)


def refusal(method: type[BoundMethod], network: Network, norm: str) -> str:
    """Return why a method does not answer for the margins of a network, or nothing."""
    try:
        method().check(network.head(0), Norm.parse(norm))
    except LipexploreError as error:
        return str(error)
    return ""

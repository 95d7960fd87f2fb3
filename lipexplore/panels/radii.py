"""Certified radii of the test images under several methods, computed once each and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lipexplore.bounds import METHODS, BoundMethod
from lipexplore.bounds.margins import margins
from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.figures.robustness import Robustness
from lipexplore.jobs.protocol import FAILURES, one_sentence
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.panels.settings import Question
from lipexplore.properties.attack import Attacks, attack
from lipexplore.properties.robustness import CertifiedRadii, Classes, certified_radii
from lipexplore.rounding import Array
from lipexplore.training.images import digits_for

DIGITS = 10


class Overtaken(Exception):
    """Raised in a computation that nobody waits for any more."""


@dataclass(frozen=True, eq=False)
class Images:
    """The test images of a network, and the closest changes of class that were found."""

    pixels: Array
    labels: Classes
    attacks: Attacks


@dataclass(frozen=True, eq=False)
class Answer:
    """The radii under one method; ``problem`` says why there are none."""

    radii: CertifiedRadii | None = None
    problem: str = ""


class RadiusBook:
    """Keeps radii by network, norm and method.

    Parameters
    ----------
    wanted
        Tells whether an answer about this question is still wanted; asked between margins.
    """

    def __init__(self, wanted: Callable[[Question], bool]) -> None:
        self._wanted = wanted
        self._images: dict[tuple[str, str], Images] = {}
        self._answers: dict[tuple[Any, ...], Answer] = {}

    def images(self, question: Question) -> Images:
        """Return the network's test images, attacked once.

        Raises
        ------
        InvalidSetting
            If the network does not read digits.
        """
        network, key = question.network, (question.network.content_hash, question.norm)
        if key not in self._images:
            if network.n_outputs != DIGITS:
                raise InvalidSetting(
                    f"radii are certified for classifiers of digits, with {DIGITS} outputs: "
                    "choose one of the digits networks"
                )
            pixels, labels = digits_for(network)
            self._images[key] = Images(pixels, labels, attack(network, pixels, question.norm))
        return self._images[key]

    def answer(self, question: Question, method: str, seconds: float) -> Answer | None:
        """Return what is known already."""
        return self._answers.get(_key(question, method, seconds))

    def compute(self, question: Question, method: str, seconds: float) -> None:
        """Bound all margins by ``method`` within about ``seconds``, and keep the radii.

        Raises
        ------
        Overtaken
            If the question has changed meanwhile.
        """

        def check(_: Mapping[str, Any]) -> None:
            if not self._wanted(question):
                raise Overtaken

        pixels = self.images(question).pixels
        try:
            table = margins(
                question.network, method, question.norm, time_limit=seconds, on_progress=check
            )
            answer = Answer(certified_radii(question.network, pixels, table))
        except FAILURES as error:
            answer = Answer(problem=one_sentence(error))
        self._answers[_key(question, method, seconds)] = answer

    def robustness(self, question: Question, methods: Sequence[str], seconds: float) -> Robustness:
        """Return the curves of the methods that have been computed."""
        images = self.images(question)
        found = {m: self.answer(question, m, seconds) for m in methods}
        radii = {m: a.radii.radius for m, a in found.items() if a is not None and a.radii}
        classes = np.asarray(question.network(images.pixels).argmax(axis=1))
        return Robustness(question.norm, classes == images.labels, radii, images.attacks.radius)


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


def _key(question: Question, method: str, seconds: float) -> tuple[Any, ...]:
    return question.network.content_hash, question.norm, method, seconds

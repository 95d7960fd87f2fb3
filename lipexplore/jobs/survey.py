"""Every method that is quick enough, asked about one question that keeps changing.

A survey is answered method by method, the cheapest first, so that a slider that is being moved sees
values at once; methods that would take too long are named, not run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

import numpy as np

from lipexplore.bounds import METHODS, OnProgress, bound, configured, estimate
from lipexplore.bounds.shor import Shor
from lipexplore.errors import UnsupportedQuestion
from lipexplore.exact.vector_bound import ShorRun, shor_bounds
from lipexplore.exact.vector_pass import VectorPass
from lipexplore.exact.vector_state import Vectors
from lipexplore.jobs.protocol import FAILURES, Job, Message, bound_to_message, one_sentence
from lipexplore.networks.slope_chain import SlopeChain

LONGEST: Final = 0.2
"""A method that is expected to take more seconds than this waits for Run."""

SOONER: Final = {"sampled-gradient": 0.015}
"""Methods that have a bound at any time, and the seconds after which the strip takes it."""

WAITS: Final = "waits for Run"
"""Why a method that would take too long has no answer."""

BASE_SECONDS, SECONDS_PER_WEIGHT, MOST_SECONDS = 0.06, 2.4e-6, 0.25
"""All methods together may take so long: more for larger networks."""

EXPANDING: Final = ("lipopt-lp", "lipopt-lasserre", "coupled-sdp")
MOST_TERMS = 20_000
"""These methods expand a polynomial to tell what they cost: only if it has no more terms."""


@dataclass(frozen=True, eq=False)
class Survey:
    """One question for all methods.

    Parameters
    ----------
    question
        The question; its method and settings are not used.
    settings
        Settings by method, where they differ from the method's own.
    """

    question: Job
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_message(self) -> Message:
        """Return the survey as plain numbers and strings."""
        return {"survey": self.question.to_message(), "settings": self.settings}

    @classmethod
    def from_message(cls, message: Message) -> Survey:
        """Return the survey that :meth:`to_message` described."""
        return cls(Job.from_message(message["survey"]), message["settings"])


class Interrupted(Exception):
    """The survey was overtaken by a newer one."""


class Surveyor:
    """Answers surveys, one after the other, and learns from each what the methods take."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[Any, ...], float] = {}

    def answer(
        self,
        survey: Survey,
        send: Callable[[Message], None],
        interrupted: Callable[[], bool] = bool,
    ) -> None:
        """Send one message per method that knows the question.

        ``bound`` is a Bound without its arrays, or None where ``why`` says why there is none. Ends
        early, without a message, once ``interrupted`` returns True.
        """

        def listen(_: Mapping[str, Any]) -> None:
            if interrupted():
                raise Interrupted

        left = seconds_for(survey)
        for expected, method in self._by_cost(survey):
            if expected > min(left, LONGEST):
                send({"method": method, "bound": None, "why": WAITS, "seconds": expected})
                continue
            left -= expected
            try:
                listen({})
                send(self._ask(survey, method, listen))
            except Interrupted:
                return

    def _by_cost(self, survey: Survey) -> list[tuple[float, str]]:
        question, costs = survey.question, []
        for method in METHODS:
            settings = survey.settings.get(method.name, {})
            key = _key(question, method.name, settings)
            if key not in self._seconds:
                try:
                    self._seconds[key] = _expected(replace(question, method=method.name), settings)
                except UnsupportedQuestion:
                    continue
                except FAILURES:
                    self._seconds[key] = float("inf")
            costs.append((self._seconds[key], method.name))
        return sorted(costs, key=lambda cost: cost[0])

    def _ask(self, survey: Survey, name: str, listen: OnProgress) -> Message:
        question, settings = survey.question, survey.settings.get(name, {})
        key, start = _key(question, name, settings), time.process_time()
        try:
            method = configured(WarmShor() if name == Shor.name else name, dict(settings))
            found = bound(
                question.network,
                method,
                question.norm,
                question.region,
                question.output,
                question.minus,
                layers=question.layers,
                time_limit=SOONER.get(name, LONGEST),
                on_progress=listen,
            )
        except FAILURES as error:
            return {"method": name, "bound": None, "why": one_sentence(error), "seconds": 0.0}
        seconds = time.process_time() - start
        self._seconds[key] = (self._seconds[key] + seconds) / 2.0
        return {"method": name, "bound": bound_to_message(found), "why": "", "seconds": seconds}


@dataclass(frozen=True)
class WarmShor(Shor):
    """Shor's relaxation, started from the vectors of the last question of the same shape."""

    first_block: ClassVar[int] = 10
    largest_rank: ClassVar[int] = 32
    kept: ClassVar[list[Vectors]] = []

    name = Shor.name

    def _run(
        self,
        problem: VectorPass,
        chains: Sequence[SlopeChain],
        floor: float | None,
        deadline: float,
        on_progress: OnProgress | None,
    ) -> ShorRun:
        start = next((old for old in self.kept if _fits(old, problem, chains)), None)
        if start is None:
            run = super()._run(problem, chains, floor, deadline, on_progress)
        else:
            run = shor_bounds(
                problem,
                chains,
                start=start,
                tolerance=self.tolerance,
                max_sweeps=self.max_sweeps,
                first_block=self.first_block,
                floor=floor,
                deadline=deadline,
                on_progress=on_progress,
            )
        self.kept[:] = [run.vectors] if run.vectors.rank <= self.largest_rank else []
        return run


def seconds_for(survey: Survey) -> float:
    """Return the seconds that all methods of a survey may take together."""
    weights = sum(weight.size for weight in survey.question.network.weights)
    return min(BASE_SECONDS + SECONDS_PER_WEIGHT * weights, MOST_SECONDS)


def _fits(vectors: Vectors, problem: VectorPass, chains: Sequence[SlopeChain]) -> bool:
    return vectors.widths == problem.widths and vectors.problems == len(chains)


def _expected(question: Job, settings: Mapping[str, Any]) -> float:
    if question.method in EXPANDING and _most_terms(question) > MOST_TERMS:
        return float("inf")
    found = estimate(
        question.network,
        question.method,
        question.norm,
        question.region,
        question.output,
        question.minus,
        layers=question.layers,
        **settings,
    )
    return min(found.seconds, SOONER.get(question.method_name, math.inf))


def _most_terms(question: Job) -> float:
    """Bound the terms of the gradient polynomial: 2 per unit on each path of non-zero weights."""
    network = question.network
    part = network if question.layers is None else network.slice(*question.layers)
    paths = np.ones(part.n_inputs)
    for weight in part.weights:
        paths = (weight != 0.0).astype(np.float64) @ paths
    return float(paths.max() * 2.0 ** (part.depth + 1))


def _key(question: Job, method: str, settings: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what questions of about the same cost have in common."""
    network, region = question.network, question.region
    nonzeros = sum(np.count_nonzero(weight) for weight in network.weights)
    extent = getattr(region, "radius", 1.0)
    return (
        method,
        repr(sorted(settings.items())),
        network.widths,
        round(2.0 * math.log2(nonzeros + 1)),
        question.layers,
        str(question.norm),
        type(region).__name__,
        round(2.0 * math.log2(extent)),
    )

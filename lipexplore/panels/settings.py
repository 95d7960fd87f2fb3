"""What the controls are set to, and the question that this makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Final

from lipexplore.bounds import METHODS, Bound, method_class
from lipexplore.figures.comparable import question_key
from lipexplore.jobs.protocol import Job
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.regions import Region

DEFAULT_NETWORK: Final = "digits-64-20-10-relu"
RANDOM: Final = ("random dense", "random banded", "random sparse")
EVERYWHERE, AROUND_DIGIT, AROUND_ZERO = "whole space", "ball around a digit", "ball around 0"
REGIONS: Final = (EVERYWHERE, AROUND_DIGIT, AROUND_ZERO)
DEGREES: Final = (1, 2, 3, 4, 5)
OF_NETWORK: Final = ("network", "widths", "bandwidth", "density", "seed", "activation", "kept")
"""Settings that make the network."""


@dataclass(frozen=True)
class Settings:
    """The state of every control; plain values, replaced as a whole.

    Parameters
    ----------
    network
        A name of the catalogue, or one of RANDOM with ``widths``, ``activation``, ``seed`` and,
        where they apply, ``bandwidth`` and ``density``.
    kept
        Share of each weight matrix that is kept, the largest weights; 1 keeps the network.
    degrees
        Each method with a degree runs once per degree.
    parameters
        Settings that differ from the methods' own, by method.
    time_limit
        Seconds, None for none.
    """

    network: str = DEFAULT_NETWORK
    widths: str = "16, 10, 6, 3"
    bandwidth: int = 2
    density: float = 0.3
    seed: int = 0
    activation: str = "relu"
    kept: float = 1.0
    layers: tuple[int, int] | None = None
    output: int = 0
    minus: int | None = None
    norm: str = "linf"
    region: str = EVERYWHERE
    digit: int = 0
    radius: float = 0.1
    ball: str = "linf"
    methods: tuple[str, ...] = tuple(method.name for method in METHODS)
    degrees: tuple[int, ...] = (2,)
    time_limit: float | None = None
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedRun:
    """One call of :func:`lipexplore.bound`: a method and the settings that are not its own."""

    method: str
    settings: Mapping[str, Any]

    @property
    def degree(self) -> int | None:
        """The relaxation's degree, None for methods without."""
        return self.settings.get("degree")

    @property
    def label(self) -> str:
        """The method's label and, where there is one, the degree."""
        label = method_class(self.method).label
        return label if self.degree is None else f"{label}, degree {self.degree}"


def plan(settings: Settings) -> tuple[PlannedRun, ...]:
    """Return the runs that the settings ask for, cheap methods first as METHODS lists them."""
    runs = []
    for method in METHODS:
        if method.name in settings.methods:
            own = dict(settings.parameters.get(method.name, {}))
            if has_degree(method.name):
                runs += [PlannedRun(method.name, {"degree": d, **own}) for d in settings.degrees]
            else:
                runs.append(PlannedRun(method.name, own))
    return tuple(runs)


def has_degree(method: str) -> bool:
    """Tell whether a method has a degree."""
    return any(item.name == "degree" for item in fields(method_class(method)))


@dataclass(frozen=True, eq=False)
class Question:
    """Which constant is asked for: two questions are equal when their ``key`` is.

    ``network_code`` and ``region_code`` are the Python that makes the two objects, ``place`` is the
    region in words.
    """

    network: Network
    region: Region
    norm: str
    output: int
    minus: int | None
    layers: tuple[int, int] | None
    network_code: str
    region_code: str
    place: str

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The same text as that of the bounds that answer this question."""
        return question_key(
            Bound(
                value=0.0,
                lower=0.0,
                side="upper",
                of="P*",
                lower_of="L",
                method="",
                verified=False,
                status="",
                network_hash=self.network.content_hash,
                norm=self.norm,
                output=self.output,
                minus=self.minus,
                layers=self.layers,
                region=self.region.to_dict(),
            )
        )

    @cached_property
    def part(self) -> Network:
        """The layers that are asked about."""
        return self.network if self.layers is None else self.network.slice(*self.layers)

    @property
    def title(self) -> str:
        """The question in a few words."""
        margin = "" if self.minus is None else f" minus {self.minus}"
        layers = "" if self.layers is None else f", layers {self.layers[0]} to {self.layers[1]}"
        constant = f"output {self.output}{margin}, {Norm.parse(self.norm).symbol} norm"
        return f"{self.network.name}{layers}, {constant}, {self.place}"


def job_of(
    question: Question, run: PlannedRun | None = None, time_limit: float | None = None
) -> Job:
    """Return a question as a job for a worker, by the method of ``run`` or by none."""
    return Job(
        network=question.network,
        method="" if run is None else run.method,
        norm=question.norm,
        region=question.region,
        output=question.output,
        minus=question.minus,
        layers=question.layers,
        settings={} if run is None else run.settings,
        time_limit=time_limit,
    )

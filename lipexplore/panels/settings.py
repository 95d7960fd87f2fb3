"""What the controls are set to, and the question that this makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

import numpy as np

from lipexplore.bounds import METHODS, Bound, method_class
from lipexplore.errors import InvalidSetting
from lipexplore.figures.comparable import question_key
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import gallery_names, gallery_network, open_network
from lipexplore.networks.generators import random_banded, random_dense, random_sparse
from lipexplore.networks.slope_ranges import check_region
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Ball, Region
from lipexplore.training.images import digits_for

DEFAULT_NETWORK: Final = "digits-64-20-10-relu"
RANDOM: Final = ("random dense", "random banded", "random sparse")
EVERYWHERE, AROUND_DIGIT, AROUND_ZERO = "whole space", "ball around a digit", "ball around 0"
REGIONS: Final = (EVERYWHERE, AROUND_DIGIT, AROUND_ZERO)
DEGREES: Final = (1, 2, 3, 4, 5)
LARGEST_RANDOM = 1_000_000


@dataclass(frozen=True)
class Settings:
    """The state of every control; plain values, replaced as a whole.

    Parameters
    ----------
    network
        A name of the catalogue, or one of RANDOM with ``widths``, ``seed`` and, where they apply,
        ``bandwidth`` and ``density``.
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


class Catalogue:
    """The networks to choose from: the user's first, then the shipped ones, then random ones."""

    def __init__(self, networks: Any = None) -> None:
        self.own = _named(networks)
        self._opened: dict[str, Network] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What the network control lists."""
        return (*self.own, *(n for n in gallery_names() if n not in self.own), *RANDOM)

    @property
    def first(self) -> str:
        """The network to begin with."""
        return next(iter(self.own), DEFAULT_NETWORK)

    def network(self, settings: Settings) -> tuple[Network, str]:
        """Return the chosen network and the Python that makes it."""
        name = settings.network
        if name in self.own:
            return self.own[name], f"networks[{name!r}]  # as given to explore()"
        if name in RANDOM:
            return _random(settings)
        if name not in self._opened:
            self._opened[name] = gallery_network(name)
        return self._opened[name], f"lipexplore.load_network({name!r})"

    def question(self, settings: Settings) -> Question:
        """Return the question that the settings ask.

        Raises
        ------
        LipexploreError
            If they make no question; the message says what to change.
        """
        network, network_code = self.network(settings)
        region, region_code, place = _region(network, settings)
        check_region(network, region)
        layers = None if settings.layers == (1, len(network.weights)) else settings.layers
        question = Question(
            network,
            region,
            settings.norm,
            settings.output,
            settings.minus,
            layers,
            network_code,
            region_code,
            place,
        )
        question.part.head(settings.output, settings.minus)
        return question


def _named(networks: Any) -> dict[str, Network]:
    """Return networks by name: given as one, a list, or a mapping, each a Network or a file."""
    if networks is None:
        return {}
    if isinstance(networks, Mapping):
        return {str(name): _opened(network) for name, network in networks.items()}
    many = networks if isinstance(networks, Sequence) and not isinstance(networks, str) else None
    named: dict[str, Network] = {}
    for network in [networks] if many is None else many:
        opened = _opened(network)
        name, count = opened.name, 2
        while name in named:
            name, count = f"{opened.name} ({count})", count + 1
        named[name] = opened
    return named


def _opened(network: Any) -> Network:
    return network if isinstance(network, Network) else open_network(network)


def parse_widths(text: str) -> tuple[int, ...]:
    """Return layer sizes from text such as "16, 10, 1" or "16-10-1".

    Raises
    ------
    InvalidSetting
        If the text holds no such list, or one that is too large to draw at random.
    """
    parts = [part for part in re.split(r"[\s,;-]+", text.strip()) if part]
    if len(parts) < 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise InvalidSetting(f"the layer sizes {text!r} must be positive numbers, as in 16, 10, 1")
    widths = tuple(int(part) for part in parts)
    count = sum(a * b for a, b in pairwise(widths))
    if count > LARGEST_RANDOM:
        raise InvalidSetting(f"{count:,} weights are too many: choose smaller layer sizes")
    return widths


def _random(settings: Settings) -> tuple[Network, str]:
    widths, seed = parse_widths(settings.widths), settings.seed
    match settings.network:
        case "random banded":
            network = random_banded(widths, settings.bandwidth, seed)
            code = f"random_banded({widths}, bandwidth={settings.bandwidth}, seed={seed})"
        case "random sparse":
            network = random_sparse(widths, settings.density, seed)
            code = f"random_sparse({widths}, density={settings.density}, seed={seed})"
        case _:
            network = random_dense(widths, seed)
            code = f"random_dense({widths}, seed={seed})"
    return network, code


def _region(network: Network, settings: Settings) -> tuple[Region, str, str]:
    """Return the region, the Python that makes it and its name."""
    if settings.region == EVERYWHERE:
        return WHOLE_SPACE, "lipexplore.WHOLE_SPACE", EVERYWHERE
    if settings.region == AROUND_ZERO:
        center, code, middle = np.zeros(network.n_inputs), "[0.0] * network.n_inputs", "0"
    else:
        try:
            images, _ = digits_for(network)
        except InvalidSetting as error:
            raise InvalidSetting(f"{error}: choose the whole space or a ball around 0") from None
        if not 0 <= settings.digit < len(images):
            raise InvalidSetting(
                f"there is no digit {settings.digit}: choose 0 to {len(images) - 1}"
            )
        center, code = images[settings.digit], f"digits_for(network)[0][{settings.digit}]"
        middle = f"test image {settings.digit}"
    ball = Ball(center, settings.radius, Norm.parse(settings.ball))
    return (
        ball,
        f"lipexplore.Ball({code}, {settings.radius!r}, {settings.ball!r})",
        f"{ball.norm.symbol} ball of radius {settings.radius:g} around {middle}",
    )

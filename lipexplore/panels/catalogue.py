"""The networks that there are to choose from, and the question that settings make of one."""

from __future__ import annotations

from typing import Any

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import gallery_names, gallery_network
from lipexplore.networks.generators import random_banded, random_dense, random_sparse
from lipexplore.networks.slope_ranges import check_region
from lipexplore.norms import Norm
from lipexplore.panels.settings import (
    AROUND_ZERO,
    DEFAULT_NETWORK,
    EVERYWHERE,
    OF_NETWORK,
    RANDOM,
    Question,
    Settings,
)
from lipexplore.panels.sources import (
    digits_of_size,
    free_name,
    named_networks,
    parse_widths,
    shipped_title,
)
from lipexplore.regions import WHOLE_SPACE, Ball, Region


class Catalogue:
    """The networks to choose from: the user's first, then the shipped ones, then random ones."""

    def __init__(self, networks: Any = None) -> None:
        self.own = named_networks(networks)
        self._opened: dict[str, Network] = {}
        self._latest: tuple[Settings, tuple[Network, str]] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What the network control lists."""
        return (*self.own, *(n for n in gallery_names() if n not in self.own), *RANDOM)

    @property
    def titles(self) -> tuple[tuple[str, str], ...]:
        """What the network control lists: titles, with the accuracy of shipped ones, and names."""
        shipped = gallery_names()
        return tuple(
            (shipped_title(name) if name in shipped and name not in self.own else name, name)
            for name in self.names
        )

    @property
    def first(self) -> str:
        """The network to begin with."""
        return next(iter(self.own), DEFAULT_NETWORK)

    def add(self, network: Network) -> str:
        """Take in a network of the user's and return the name under which it is listed."""
        name = free_name(network.name, (*self.names, *RANDOM))
        self.own[name] = network
        return name

    def network(self, settings: Settings) -> tuple[Network, str]:
        """Return the chosen network, pruned as asked, and the Python that makes it."""
        same = Settings(**{name: getattr(settings, name) for name in OF_NETWORK})
        if self._latest is None or self._latest[0] != same:
            self._latest = same, self._made(settings)
        return self._latest[1]

    def _made(self, settings: Settings) -> tuple[Network, str]:
        network, code = self._whole(settings)
        if settings.kept == 1.0:
            return network, code
        pruned, share = network.prune(settings.kept), f"{settings.kept:.4g}"
        name = f"{network.name}, {share} of weights kept"
        named = Network(pruned.weights, pruned.biases, pruned.activations, name)
        return named, f"{code}.prune({settings.kept!r})"

    def _whole(self, settings: Settings) -> tuple[Network, str]:
        name = settings.network
        if name in self.own:
            return self.own[name], f"networks[{name!r}]"
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


def _random(settings: Settings) -> tuple[Network, str]:
    widths, seed, act = parse_widths(settings.widths), settings.seed, settings.activation
    more = f"seed={seed}" if act == "relu" else f"seed={seed}, activation={act!r}"
    match settings.network:
        case "random banded":
            network = random_banded(widths, settings.bandwidth, seed, act)
            code = f"random_banded({widths}, bandwidth={settings.bandwidth}, {more})"
        case "random sparse":
            network = random_sparse(widths, settings.density, seed, act)
            code = f"random_sparse({widths}, density={settings.density}, {more})"
        case _:
            network = random_dense(widths, seed, act)
            code = f"random_dense({widths}, {more})"
    return network, code


def _region(network: Network, settings: Settings) -> tuple[Region, str, str]:
    """Return the region, the Python that makes it and its name."""
    if settings.region == EVERYWHERE:
        return WHOLE_SPACE, "lipexplore.WHOLE_SPACE", EVERYWHERE
    if settings.region == AROUND_ZERO:
        center, code, middle = np.zeros(network.n_inputs), "[0.0] * network.n_inputs", "0"
    else:
        try:
            images, _ = digits_of_size(network.n_inputs)
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

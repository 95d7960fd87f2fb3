"""The networks of a specification: shipped, from files, drawn at random, pruned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

from lipexplore.errors import InvalidNetwork
from lipexplore.experiments.spec_tables import Fields, advice, is_number, is_whole
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import gallery_names, open_network
from lipexplore.networks.generators import random_banded, random_dense, random_sparse


class Drawn(NamedTuple):
    """A network and the seed it was drawn with, None for others."""

    network: Network
    seed: int | None


Generator = Callable[..., Network]
GENERATORS: Final[dict[str, tuple[Generator, str | None]]] = {
    "dense": (random_dense, None),
    "banded": (random_banded, "bandwidths"),
    "sparse": (random_sparse, "densities"),
}
"""Each with the key of its own numbers."""

LARGEST_SEED: Final = 2**63 - 1
"""A store keeps no larger whole number."""

FEEDFORWARD: Final = ("feedforward", "parallel", "unfolded")
"""Kinds of shipped networks that can be asked for."""


def networks_of(entry: object, where: str, folder: Path, seeds: list[Any]) -> Iterator[Drawn]:
    """Yield the networks of one entry: a name, a path, or a table.

    Raises
    ------
    InvalidSetting
        If the entry is none, or a file holds no network.
    """
    fields = Fields({"network": entry} if isinstance(entry, str) else entry, where)
    found = _drawn(fields, seeds) if "generator" in fields else [_opened(fields, folder)]
    shares = fields.many("prune", 1.0)
    fields.end()
    for (network, seed), share in product(found, shares):
        if not is_number(share):
            raise fields.wrong("prune", f"shares of weights to keep are needed, not {share!r}")
        yield Drawn(fields.tried("prune", partial(_pruned, network, share)), seed)


def _opened(fields: Fields, folder: Path) -> Drawn:
    source = fields.needed("network")
    if not isinstance(source, str):
        raise fields.wrong("network", f"the name of a network or a file is needed, not {source!r}")
    return Drawn(fields.tried("network", lambda: _open(source, folder)), None)


def _open(source: str, folder: Path) -> Network:
    shipped = [name for kind in FEEDFORWARD for name in gallery_names(kind)]
    path = folder / source
    if path.exists() or source not in shipped:
        if not path.exists():
            text = f"there is no shipped network and no file {source!r} beside the specification"
            raise InvalidNetwork(f"{text}: {advice(source, shipped)}")
        return open_network(path)
    return open_network(source)


def _drawn(fields: Fields, seeds: list[Any]) -> list[Drawn]:
    name = fields.needed("generator")
    if not isinstance(name, str) or name not in GENERATORS:
        raise fields.wrong("generator", f"{name!r} is unknown: {advice(str(name), GENERATORS)}")
    make, own = GENERATORS[name]
    widths = fields.needed("widths")
    many = isinstance(widths, list) and any(isinstance(item, list) for item in widths)
    shapes = widths if many else [widths]
    numbers = [] if own is None else [fields.many(own)]
    given = fields.many("seeds", seeds)
    activation = fields.take("activation", "relu")
    if not isinstance(activation, str):
        raise fields.wrong("activation", f"the name of one is needed, not {activation!r}")
    for shape in shapes:
        if not isinstance(shape, list) or not all(map(is_whole, shape)):
            raise fields.wrong("widths", f"layer sizes like [8, 20, 1] are needed, not {shape!r}")
    for value in numbers[0] if own else ():
        if not (is_whole if own == "bandwidths" else is_number)(value):
            raise fields.wrong(str(own), f"a number is needed, not {value!r}")
    for seed in given:
        if not is_whole(seed) or seed > LARGEST_SEED:
            raise fields.wrong(
                "seeds", f"whole numbers from 0 to 2^63 - 1 are needed, not {seed!r}"
            )
    drawn = []
    for shape, *value, seed in product(shapes, *numbers, given):
        build = partial(make, shape, *value, seed, activation)
        drawn.append(Drawn(fields.tried("generator", build), seed))
    return drawn


def _pruned(network: Network, share: float) -> Network:
    if share == 1.0:
        return network
    kept = network.prune(share)
    name = f"{network.name} pruned to {share:g}"
    return Network(kept.layers, (), kept.activations, name)

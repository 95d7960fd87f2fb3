"""Where the networks and the images of the panels come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.networks.files import network_from_bytes
from lipexplore.networks.gallery import gallery_network, open_network
from lipexplore.networks.imports.onnx_files import import_onnx
from lipexplore.rounding import Array
from lipexplore.training.images import digits_for

LARGEST_RANDOM = 1_000_000
DIGITS = 10
UNNAMED = "network"
"""The name that a file without one gets."""


def named_networks(networks: Any) -> dict[str, Network]:
    """Return networks by name: given as one, a list, or a mapping, each a Network or a file."""
    if networks is None:
        return {}
    if isinstance(networks, Mapping):
        return {str(name): _opened(network) for name, network in networks.items()}
    many = networks if isinstance(networks, Sequence) and not isinstance(networks, str) else None
    named: dict[str, Network] = {}
    for network in [networks] if many is None else many:
        opened = _opened(network)
        named[free_name(opened.name, tuple(named))] = opened
    return named


def free_name(wanted: str, taken: Sequence[str]) -> str:
    """Return the wanted name, or "name (2)" and so on where it is taken."""
    name, count = wanted, 2
    while name in taken:
        name, count = f"{wanted} ({count})", count + 1
    return name


def _opened(network: Any) -> Network:
    return network if isinstance(network, Network) else open_network(network)


@cache
def digits_of_size(n_inputs: int) -> tuple[Array, NDArray[np.int64]]:
    """Return the test digits with so many pixels, as :func:`digits_for` does."""
    return digits_for(Network([np.ones((1, n_inputs))]))


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


def resized_widths(text: str, width: int | None = None, depth: int | None = None) -> str:
    """Return layer sizes with all hidden layers ``width`` wide, or with ``depth`` hidden layers.

    New hidden layers are as wide as the last one.
    """
    inputs, *hidden, outputs = parse_widths(text)
    if width is not None:
        hidden = [width] * len(hidden)
    if depth is not None:
        last = hidden[-1] if hidden else inputs
        hidden = [*hidden, *[last] * depth][:depth]
    return ", ".join(map(str, (inputs, *hidden, outputs)))


def toggled_layers(layers: tuple[int, int], picked: int, count: int) -> tuple[int, int]:
    """Return the slice after a click on weight layer ``picked`` of ``count``.

    From the whole network a click chooses that layer alone; a layer outside extends the slice up to
    it; the first or last layer of the slice leaves it; one between them is chosen alone; the only
    chosen layer brings back the whole network.
    """
    first, last = layers
    if layers == (picked, picked):
        return (1, count)
    if picked < first or picked > last:
        return min(first, picked), max(last, picked)
    if layers == (1, count) or first < picked < last:
        return picked, picked
    return (first + 1, last) if picked == first else (first, last - 1)


def network_of_upload(filename: str, content: bytes) -> Network:
    """Return the network of an uploaded .npz or .onnx file, named after it if it has no name.

    Raises
    ------
    InvalidNetwork
        If it is no such file; the message says what to do.
    """
    stem, _, kind = filename.rpartition(".")
    if kind.lower() == "onnx":
        return import_onnx(content, name=stem or filename).network
    network = network_from_bytes(content)
    if network.name != UNNAMED:
        return network
    return Network(network.layers, activations=network.activations, name=stem or filename)


def accuracy(network: Network) -> float | None:
    """Return the share of the test digits that are read rightly, None if it reads no digits."""
    if network.n_outputs != DIGITS:
        return None
    try:
        images, labels = digits_of_size(network.n_inputs)
    except InvalidSetting:
        return None
    return float((network(images).argmax(axis=1) == labels).mean())


def accuracy_text(network: Network) -> str:
    """Return "91.7 % of the test digits right", or nothing if it reads no digits."""
    share = accuracy(network)
    return "" if share is None else f"{100.0 * share:.1f} % of the test digits right"


@cache
def shipped_title(name: str) -> str:
    """Return the name of a shipped network with its accuracy."""
    share = accuracy(gallery_network(name))
    return name if share is None else f"{name} ({100.0 * share:.1f} % right)"

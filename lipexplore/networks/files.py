"""Networks in .npz files (never pickle).

======================  =========================================================================
key                     content
======================  =========================================================================
``format_version``      1; absent means 1
``kind``                one of :data:`KINDS`; absent means ``feedforward``
``name``                optional title
======================  =========================================================================

The other keys belong to the kind: they are the table of its module in :data:`KINDS`.
"""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.archives import Arrays, read_arrays, text_of
from lipexplore.networks.feedforward import Network

KINDS = {
    "feedforward": "lipexplore.networks.feedforward_files",
    "implicit": "lipexplore.networks.implicit_files",
    "unfolded": "lipexplore.networks.unfolded_files",
    "parallel": "lipexplore.networks.parallel_files",
}
"""Module of each kind, imported when first needed.

It holds ``from_arrays(arrays, name) -> Model``, which is given the arrays without the three keys
above and raises InvalidNetwork, and ``to_arrays(model) -> dict`` of arrays, its inverse.
"""


class Model(Protocol):
    """Whatever a file can hold."""

    @property
    def kind(self) -> str:
        """The key of :data:`KINDS` that writes this object."""

    @property
    def name(self) -> str:
        """Title."""


@runtime_checkable
class Convertible(Protocol):
    """A model that is a feedforward network in another form."""

    def to_network(self) -> Network:
        """Return the feedforward network, the same function."""


class KindModule(Protocol):
    """What a module of :data:`KINDS` offers."""

    def from_arrays(self, arrays: Arrays, name: str) -> Model:
        """Return the model that the arrays describe."""

    def to_arrays(self, model: Model) -> dict[str, NDArray[np.generic]]:
        """Return the arrays that describe the model."""


def load_network(path: str | Path) -> Network:
    """Read a feedforward network, or one that is exactly written as such, from an .npz file.

    Parallel and unfolded networks have a ``to_network`` for that; implicit networks have not.

    Raises
    ------
    InvalidNetwork
        If the file is missing, is no .npz, holds Python objects, its arrays do not fit, or it is of
        a kind that is no feedforward network; the message names the file and the array.
    UnsupportedQuestion
        If it is an unfolded network with a clipped output, which has no such form.
    """
    path = Path(path)
    try:
        return _feedforward(_from_arrays(read_arrays(path), path.stem))
    except InvalidNetwork as problem:
        raise InvalidNetwork(f"{path}: {problem}") from None


def load_model(path: str | Path) -> Model:
    """Read a network of any kind from an .npz file.

    Raises
    ------
    InvalidNetwork
        As :func:`load_network`, but for the kind.
    """
    path = Path(path)
    try:
        return _from_arrays(read_arrays(path), path.stem)
    except InvalidNetwork as problem:
        raise InvalidNetwork(f"{path}: {problem}") from None


def save_network(network: Model, path: str | Path) -> None:
    """Write a network of any kind to an .npz file from which it is read back bit by bit.

    Parameters
    ----------
    network
        Of any kind in ``KINDS``.
    path
        The file; it is overwritten.
    """
    with Path(path).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **_to_arrays(network))


def network_bytes(network: Model) -> bytes:
    """Return what :func:`save_network` would write, without compression."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **_to_arrays(network))
    return buffer.getvalue()


def network_from_bytes(content: bytes) -> Network:
    """Return the network of :func:`network_bytes`, or of an .npz file read in full.

    Raises
    ------
    InvalidNetwork
        As :func:`load_network`.
    """
    return _feedforward(_from_arrays(read_arrays(content), "network"))


def _feedforward(model: Model) -> Network:
    if isinstance(model, Network):
        return model
    if isinstance(model, Convertible):
        return model.to_network()
    raise InvalidNetwork(
        f"this network is of kind {model.kind!r}, not feedforward: read it with load_model, or on "
        f"the command line use 'lipexplore {model.kind}' or 'lipexplore certify'"
    )


def _to_arrays(model: Model) -> dict[str, NDArray[np.generic]]:
    return {
        "format_version": np.array(1),
        "kind": np.array(model.kind),
        "name": np.array(model.name),
        **_module(model.kind).to_arrays(model),
    }


def _from_arrays(arrays: Arrays, stem: str) -> Model:
    if text_of(arrays, "format_version", "1") not in ("1", "1.0"):
        raise InvalidNetwork("format_version is not 1: update lipexplore")
    if (kind := text_of(arrays, "kind", "feedforward")) not in KINDS:
        known = ", ".join(map(repr, KINDS))
        raise InvalidNetwork(f"kind {kind!r} is unknown: use {known}")
    shared = ("format_version", "kind", "name")
    rest = {key: array for key, array in arrays.items() if key not in shared}
    return _module(kind).from_arrays(rest, text_of(arrays, "name", stem))


def _module(kind: str) -> KindModule:
    return cast(KindModule, import_module(KINDS[kind]))

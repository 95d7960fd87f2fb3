"""Networks in .npz files (never pickle).

======================  =========================================================================
key                     content
======================  =========================================================================
``format_version``      1; absent means 1
``kind``                ``feedforward``; absent means that
``weight_1`` ...        matrices of shape (n_out, n_in), numbered from 1 without a gap
``bias_1`` ...          vectors of shape (n_out,); a missing one is zero
``activation``          one name for all hidden layers, or one per hidden layer
``name``                optional title
======================  =========================================================================
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward import Network

_ARRAY_NAME = re.compile(r"(weight|bias)_([1-9]\d*)")
_OTHER_NAMES = frozenset({"format_version", "kind", "activation", "name"})


def load_network(path: str | Path) -> Network:
    """Read a network from an .npz file.

    Raises
    ------
    InvalidNetwork
        If the file is missing, is no .npz, holds Python objects, or its arrays do not fit; the
        message names the file and the array.
    """
    path = Path(path)
    try:
        return _from_arrays(_read(path), path.stem)
    except InvalidNetwork as problem:
        raise InvalidNetwork(f"{path}: {problem}") from None


def save_network(network: Network, path: str | Path) -> None:
    """Write a network to an .npz file that :func:`load_network` reads back bit by bit."""
    with Path(path).open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **_to_arrays(network))


def network_bytes(network: Network) -> bytes:
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
    return _from_arrays(_read(content), "network")


def _to_arrays(network: Network) -> dict[str, NDArray[np.generic]]:
    arrays: dict[str, NDArray[np.generic]] = {
        "format_version": np.array(1),
        "kind": np.array("feedforward"),
        "name": np.array(network.name),
        "activation": np.array([act.name for act in network.activations] or ["identity"]),
    }
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True), 1):
        arrays[f"weight_{i}"], arrays[f"bias_{i}"] = weight, bias
    return arrays


def _read(source: Path | bytes) -> dict[str, NDArray[np.generic]]:
    try:
        content = source.read_bytes() if isinstance(source, Path) else source
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InvalidNetwork("this is a single array: save the network with numpy.savez")
        with archive:
            return {name: _member(archive, name) for name in archive.files}
    except FileNotFoundError:
        raise InvalidNetwork("there is no such file") from None
    except (
        OSError,
        ValueError,
        EOFError,
        RuntimeError,
        MemoryError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        raise InvalidNetwork("this is no .npz file: save the network with numpy.savez") from None


def _member(archive: np.lib.npyio.NpzFile, name: str) -> NDArray[np.generic]:
    try:
        array = archive[name]
    except ValueError:
        raise InvalidNetwork(
            f"{name} is damaged or holds Python objects: save it as an array of numbers"
        ) from None
    if not isinstance(array, np.ndarray):
        raise InvalidNetwork(f"{name} is no array: save the network with numpy.savez")
    return array


def _from_arrays(arrays: dict[str, NDArray[np.generic]], stem: str) -> Network:
    if _text(arrays, "format_version", "1") not in ("1", "1.0"):
        raise InvalidNetwork("format_version is not 1: update lipexplore")
    if (kind := _text(arrays, "kind", "feedforward")) != "feedforward":
        raise InvalidNetwork(f"kind {kind!r} is unknown: use 'feedforward'")
    for name in arrays:
        if name not in _OTHER_NAMES and not _ARRAY_NAME.fullmatch(name):
            raise InvalidNetwork(f"{name} is no known key: use weight_1, bias_1, ..., activation")
    count = sum(name.startswith("weight_") for name in arrays)
    for kind_of in ("weight", "bias"):
        for name in arrays:
            match = _ARRAY_NAME.fullmatch(name)
            if match and match[1] == kind_of and int(match[2]) > count:
                raise InvalidNetwork(f"{name} has no place: weights must be numbered 1 to {count}")
    for name, array in arrays.items():
        if _ARRAY_NAME.fullmatch(name) and array.dtype.kind not in "fiu":
            raise InvalidNetwork(f"{name} must hold real numbers, not {array.dtype}")
    if "activation" not in arrays:
        raise InvalidNetwork("activation is missing: store a name such as 'relu'")
    names = [str(item) for item in np.atleast_1d(arrays["activation"]).ravel()]
    if count == 1:
        names = []
    return Network(
        [arrays[f"weight_{i}"] for i in range(1, count + 1)],
        [arrays.get(f"bias_{i}") for i in range(1, count + 1)],
        names[0] if len(names) == 1 else names,
        _text(arrays, "name", stem),
    )


def _text(arrays: dict[str, NDArray[np.generic]], name: str, default: str) -> str:
    return str(arrays[name].ravel()[0]) if name in arrays and arrays[name].size else default

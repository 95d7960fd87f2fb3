"""The networks and images that travel with lipexplore (see data/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward import Network
from lipexplore.networks.files import KINDS, Model, load_model, load_network
from lipexplore.networks.imports.opening import SUFFIXES, import_file
from lipexplore.rounding import Array


def data_folder() -> Path:
    """Return the folder ``data``: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parents[1]
    return package / "data" if (package / "data").is_dir() else package.parent / "data"


def gallery_names(kind: str = "feedforward") -> tuple[str, ...]:
    """Return the names of the shipped networks of a kind, sorted.

    The names of other kinds than feedforward begin with the kind (``implicit-...``).

    Parameters
    ----------
    kind
        "feedforward", "implicit", "parallel" or "unfolded".
    """
    names = sorted(path.stem for path in (data_folder() / "networks").glob("*.npz"))
    return tuple(name for name in names if _kind_of(name) == kind)


def gallery_network(name: str) -> Network:
    """Return a shipped network.

    Raises
    ------
    InvalidNetwork
        If there is none of that name.
    """
    if name not in gallery_names():
        raise InvalidNetwork(
            f"there is no shipped network {name!r}: use one of {', '.join(gallery_names())}"
        )
    return load_network(data_folder() / "networks" / f"{name}.npz")


def gallery_model(name: str) -> Model:
    """Return a shipped network of any kind.

    Raises
    ------
    InvalidNetwork
        If there is none of that name.
    """
    kind = _kind_of(name)
    if name not in gallery_names(kind):
        raise InvalidNetwork(
            f"there is no shipped {kind} network {name!r}: use one of "
            f"{', '.join(gallery_names(kind))}"
        )
    return load_model(data_folder() / "networks" / f"{name}.npz")


def open_network(source: str | Path) -> Network:
    """Return the network of an .npz, .onnx, .pt or .pth file, or the shipped one of that name.

    Parameters
    ----------
    source
        A path, or a name of :func:`gallery_names`.
    """
    return open_with_notes(source)[0]


def open_with_notes(source: str | Path) -> tuple[Network, tuple[str, ...]]:
    """Return the network of a file or of that name, and what its import has changed."""
    if not Path(source).exists() and str(source) in gallery_names(_kind_of(str(source))):
        return load_network(data_folder() / "networks" / f"{source}.npz"), ()
    if Path(source).suffix.lower() in SUFFIXES:
        imported = import_file(source)
        return imported.network, imported.notes
    return load_network(source), ()


def open_model(source: str | Path) -> Model:
    """Return the network of any kind in an .npz file, or the shipped one of that name.

    Parameters
    ----------
    source
        A path, or a name of :func:`gallery_names`.
    """
    if not Path(source).exists() and str(source) in gallery_names(_kind_of(str(source))):
        return gallery_model(str(source))
    return load_model(source)


def digits(split: str = "test") -> tuple[Array, NDArray[np.int64]]:
    """Return the handwritten digits: images (count, 64) with pixels in [0, 1] and labels (count,).

    ``split`` is "train" or "test"; the test part are the last 360 of the 1,797 images.

    Parameters
    ----------
    split
        "test" or "train".
    """
    with np.load(data_folder() / "digits.npz", allow_pickle=False) as archive:
        pixels, labels = archive["pixels"].astype(np.float64) / 16.0, archive["labels"]
    part = slice(-360, None) if split == "test" else slice(None, -360)
    return pixels[part], labels[part].astype(np.int64)


def _kind_of(name: str) -> str:
    first = name.split("-")[0]
    return first if first in KINDS else "feedforward"

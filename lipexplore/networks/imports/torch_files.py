"""PyTorch: modules, state dicts with a list of layers, and files of either kind of dict."""

from __future__ import annotations

import copy
import operator
import pickle
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.chain import Chain
from lipexplore.networks.imports.checking import checked
from lipexplore.networks.imports.record import Imported
from lipexplore.networks.imports.refusals import one_line
from lipexplore.networks.imports.torch_layers import sequential_of
from lipexplore.networks.imports.torch_modules import read_modules, walk
from lipexplore.rounding import Array

LARGEST_FILE = 2**30
"""Most bytes of a file, unpacked."""

MISSING = 'PyTorch is not installed: pip install "lipexplore[torch]"'


def import_torch(
    source: Any,
    input_shape: Sequence[int] | None = None,
    layers: Sequence[Any] | None = None,
    name: str | None = None,
) -> Imported:
    """Import a PyTorch model; its parameters are taken as the exact numbers that they are.

    Parameters
    ----------
    source
        An ``nn.Sequential`` (nested ones too), a state dict, or a path to a ``.pt`` file that holds
        a state dict. Files are read with ``weights_only``, so nothing in them is executed. A file
        may also hold a dict with ``state_dict`` and, as wanted, ``layers``, ``input_shape`` and
        ``name``.
    input_shape
        Of one input without the batch axis, for instance (1, 28, 28). Needed unless the model
        starts with a Linear.
    layers
        For a state dict: every layer in order, as a module of torch.nn or as text such as
        "conv2d:stride=2,padding=1", "relu", "flatten", "linear" (docs/import.md has them all).
    name
        Of the network; that of the file or class where left out.

    Raises
    ------
    InvalidNetwork
        If PyTorch is missing, a module is not supported (its path is named), or the network does
        not agree with the model on random inputs.
    """
    _torch()
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            return _of_content(_loaded(path), input_shape, layers, name or path.stem)
        except InvalidNetwork as problem:
            raise InvalidNetwork(f"{path}: {one_line(problem)}") from None
    return _of_content(source, input_shape, layers, name)


def _of_content(
    source: Any, shape: Sequence[int] | None, layers: Sequence[Any] | None, name: str | None
) -> Imported:
    torch = _torch()
    if isinstance(source, torch.nn.Module):
        if layers is not None:
            raise InvalidNetwork("a module knows its layers: leave out layers")
        return _of_module(source, shape, name or type(source).__name__)
    if isinstance(source, Mapping) and isinstance(source.get("state_dict"), Mapping):
        layers = source.get("layers") if layers is None else layers
        shape = source.get("input_shape") if shape is None else shape
        name = title if isinstance(title := source.get("name"), str) else name
        source = source["state_dict"]
    if not isinstance(source, Mapping) or not source:
        raise InvalidNetwork("this is neither a module nor a state dict")
    if layers is None:
        raise InvalidNetwork(
            "a state dict does not tell the activations: give layers, for instance "
            '["linear", "relu", "linear"]'
        )
    return _of_module(sequential_of(source, layers), shape, name or "network")


def _of_module(module: Any, shape: Sequence[int] | None, name: str) -> Imported:
    chain = Chain((1, *_input_shape(module, shape)))
    wanted = chain.shape[1:]
    read_modules(chain, module)
    return checked(chain, name, _runner(module, wanted))


def _runner(module: Any, shape: Sequence[int]) -> Callable[[Array], Array]:
    """Return the module in double precision and evaluation mode as a function of points."""

    def run(points: Array) -> Array:
        torch = _torch()
        try:
            twin = copy.deepcopy(module, _computed(module)).cpu().double().eval()
            with torch.no_grad(), warnings.catch_warnings(action="ignore"):
                answer = twin(torch.from_numpy(points.reshape(len(points), *shape)))
            return np.asarray(answer.numpy().reshape(len(points), -1), dtype=np.float64)
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as problem:
            reason = str(problem).partition("\n")[0]
            raise InvalidNetwork(f"the model does not run on a random input: {reason}") from None

    return run


def _computed(module: Any) -> dict[int, Any]:
    """Return what a deep copy may take for computed tensors, such as a pruned weight."""
    tensors = (value for part in module.modules() for value in vars(part).values())
    return {
        id(value): value.detach().clone()
        for value in tensors
        if isinstance(value, _torch().Tensor) and not value.is_leaf
    }


def _input_shape(module: Any, shape: Sequence[int] | None) -> tuple[int, ...]:
    if shape is None:
        first = next((part for _, part in walk(module)), None)
        size = getattr(first, "in_features", None)
        if size is None:
            raise InvalidNetwork(
                "the model does not start with a Linear: give the shape of one input, for instance "
                "input_shape=(1, 28, 28)"
            )
        return (int(size),)
    try:
        sizes = tuple(map(operator.index, shape))
    except (TypeError, ValueError):
        sizes = ()
    if not sizes:
        raise InvalidNetwork(f"input_shape must be whole numbers such as (1, 28, 28), not {shape}")
    return sizes


def _loaded(path: Path) -> Any:
    """Return what a .pt file holds: tensors, numbers, text, lists and dicts of them."""
    torch = _torch()
    try:
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST_FILE:
            raise InvalidNetwork(f"it holds {size:,} bytes, more than {LARGEST_FILE:,}")
        with warnings.catch_warnings(action="ignore"):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InvalidNetwork("there is no such file") from None
    except pickle.UnpicklingError:
        raise InvalidNetwork(
            "it holds more than tensors, and code in files is not run: save model.state_dict()"
        ) from None
    except (
        OSError, EOFError, RuntimeError, ValueError, TypeError, KeyError, IndexError,
        AttributeError, MemoryError, OverflowError, AssertionError, zipfile.BadZipFile,
    ):  # fmt: skip
        raise InvalidNetwork("this is no file of PyTorch: save model.state_dict()") from None


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise InvalidNetwork(MISSING) from None
    return torch

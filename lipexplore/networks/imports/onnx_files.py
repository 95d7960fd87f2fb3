"""ONNX models: reading them and running them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.chain import Chain
from lipexplore.networks.imports.checking import checked
from lipexplore.networks.imports.onnx_graph import (
    input_of,
    input_shape_of,
    needed_nodes,
    opset_of,
    read_graph,
)
from lipexplore.networks.imports.onnx_run import runner
from lipexplore.networks.imports.record import Imported
from lipexplore.networks.imports.refusals import one_line

LARGEST_FILE = 2**30
"""Most bytes of a model."""

MISSING = 'ONNX is not installed: pip install "lipexplore[onnx]"'


def import_onnx(
    source: str | Path | bytes, input_shape: Sequence[int] | None = None, name: str | None = None
) -> Imported:
    """Import an ONNX model; its weights are taken as the exact numbers that they are.

    Parameters
    ----------
    source
        A path, or the content of a file.
    input_shape
        Of one input without the batch axis; needed only if the model leaves it open.
    name
        Of the network; that of the file where left out.

    Raises
    ------
    InvalidNetwork
        If ONNX is missing, the file is damaged, a node is not supported (it is named), or the
        network does not agree with the model on random inputs.
    """
    place = "" if isinstance(source, bytes) else f"{source}: "
    try:
        if isinstance(source, bytes):
            return _imported(_model(source), input_shape, name or "network")
        path = Path(source)
        return _imported(_model(_content(path), path.parent), input_shape, name or path.stem)
    except InvalidNetwork as problem:
        raise InvalidNetwork(place + one_line(problem)) from None


def _imported(model: Any, given: Sequence[int] | None, name: str) -> Imported:
    graph, opset = model.graph, opset_of(model)
    chain = Chain(input_shape_of(input_of(graph), given))
    shape = chain.shape
    with np.errstate(all="ignore"):  # what overflows is refused by the layers
        read_graph(chain, graph, opset)
    if any(node.op_type == "Softplus" for node in needed_nodes(graph)):
        chain.notes.append("softplus is taken as log(1 + exp(x)), as ONNX defines it")
    return checked(chain, name, runner(model, shape))


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise InvalidNetwork(f"it has {size:,} bytes, more than {LARGEST_FILE:,}")
        return path.read_bytes()
    except FileNotFoundError:
        raise InvalidNetwork("there is no such file") from None


def _model(content: bytes, folder: Path | None = None) -> Any:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError:
        raise InvalidNetwork(MISSING) from None
    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError, TypeError, RuntimeError, MemoryError):
        raise InvalidNetwork("this is no ONNX model, or it is damaged") from None
    if not model.graph.node:
        raise InvalidNetwork("this is no ONNX model, or it has no layers")
    if folder is not None:
        for tensor in model.graph.initializer:
            _load_beside(tensor, folder)
    return model


def _load_beside(tensor: Any, folder: Path) -> None:
    """Read the weights that an exporter wrote to a second file in the same folder."""
    from onnx import TensorProto
    from onnx.checker import ValidationError
    from onnx.external_data_helper import load_external_data_for_tensor

    if tensor.data_location != TensorProto.EXTERNAL:
        return
    places = [item.value for item in tensor.external_data if item.key == "location"]
    file = folder / places[0] if len(places) == 1 else None
    if file is None or Path(places[0]).name != places[0] or file.is_symlink():
        raise InvalidNetwork(f"the weights of {tensor.name!r} must be in a file beside the model")
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise InvalidNetwork(f"{file.name} has more than {LARGEST_FILE:,} bytes")
        load_external_data_for_tensor(tensor, str(folder))
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    except FileNotFoundError:
        raise InvalidNetwork(f"the file {places[0]!r} with its weights is missing") from None
    except (
        OSError, ValueError, TypeError, RuntimeError, MemoryError, OverflowError, ValidationError,
    ):  # fmt: skip
        raise InvalidNetwork(f"the weights of {tensor.name!r} cannot be read") from None

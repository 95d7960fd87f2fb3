"""Files of other frameworks, told apart by their suffix."""

from __future__ import annotations

from pathlib import Path

from lipexplore.networks.imports.record import Imported

SUFFIXES = {".onnx": "onnx", ".pt": "torch", ".pth": "torch"}


def import_file(path: str | Path) -> Imported:
    """Import an .onnx file, or a .pt or .pth file that holds its list of layers.

    Raises
    ------
    InvalidNetwork
        If it cannot be imported; the message names the file and says why.
    """
    if SUFFIXES[Path(path).suffix.lower()] == "onnx":
        from lipexplore.networks.imports.onnx_files import import_onnx

        return import_onnx(path)
    from lipexplore.networks.imports.torch_files import import_torch

    return import_torch(path)

"""PyTorch modules of Sequential form, read layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.chain import Chain
from lipexplore.networks.imports.refusals import refusal
from lipexplore.networks.imports.torch_readers import READERS, Reader, read_normalisation


def read_modules(chain: Chain, module: Any) -> None:
    """Add a module and all that it holds to a chain.

    Raises
    ------
    InvalidNetwork
        Naming the module that is not supported.
    """
    for path, part in walk(module):
        kind = module_kind(part)
        try:
            _reader(kind, part)(chain, part)
        except InvalidNetwork as problem:
            raise InvalidNetwork(f"module {path or '(itself)'} ({kind}): {problem}") from None
        except (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError):
            raise InvalidNetwork(f"module {path or '(itself)'} ({kind}) has odd settings") from None


def _reader(kind: str, module: Any) -> Reader:
    if kind not in READERS and hasattr(module, "mean") and hasattr(module, "std"):
        return read_normalisation
    if kind not in READERS:
        raise InvalidNetwork(refusal(kind))
    return READERS[kind]


def walk(module: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the modules without parts of their own, in order, with their paths.

    A module of a class of one's own counts as a sequence if it has a single child; that its forward
    does nothing else is what the comparison on random inputs then tells.
    """
    from torch.nn import Sequential

    children = list(module._modules.items())  # named_children names a shared module only once
    kind = module_kind(module)
    own = not type(module).__module__.startswith("torch.")
    if type(module).forward is not Sequential.forward and not (own and len(children) == 1):
        if own and children and kind not in READERS:
            raise InvalidNetwork(
                f"module {path or '(itself)'} ({kind}) is no nn.Sequential, so the order of its "
                "parts is not known: write it as one, or export it to ONNX"
            )
        yield path, module
        return
    for name, child in children:
        yield from walk(child, f"{path}.{name}" if path else name)


def module_kind(module: Any) -> str:
    """Return the name of a module's class; for parametrised ones that of the class before."""
    kind = type(module)
    if hasattr(module, "parametrizations"):
        from torch.nn.utils.parametrize import type_before_parametrizations

        kind = type_before_parametrizations(module)
    inside = kind.__module__.startswith("torch.nn.modules")
    if not inside and kind.__name__ in READERS:
        return f"{kind.__module__}.{kind.__name__}"
    return str(kind.__name__)

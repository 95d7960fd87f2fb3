"""ONNX operators that slide a window: convolutions and average pools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.chain import Chain
from lipexplore.networks.imports.onnx_constants import Constant, axes_of
from lipexplore.rounding import Array


class Node(Protocol):
    """What is needed of :class:`onnx_operators.Call`."""

    operator: str
    inputs: tuple[Constant | None, ...]
    attributes: dict[str, Any]

    def take(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""

    def constant(self, index: int) -> Array:
        """Return an input."""

    def optional(self, index: int) -> Array | None:
        """Return an input that may be missing."""


def read_convolution(chain: Chain, call: Node) -> None:
    """Add a Conv."""
    kernel = call.constant(1)
    count = kernel.ndim - 2
    window = list(call.take("kernel_shape", kernel.shape[2:]))
    if window != list(kernel.shape[2:]):
        raise InvalidNetwork(f"kernel_shape {window} is not that of the kernel {kernel.shape}")
    stride = list(call.take("strides", [1] * count))
    dilation = list(call.take("dilations", [1] * count))
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, window, strict=False)]
    padding = _padding(chain, call, spans, stride)
    groups = int(call.take("group", 1))
    chain.convolve(kernel, call.optional(2), stride, padding, dilation, groups)


def read_average(chain: Chain, call: Node) -> None:
    """Add an AveragePool."""
    window = list(call.take("kernel_shape", []))
    stride = list(call.take("strides", [1] * len(window)))
    if any(step != 1 for step in call.take("dilations", [])):
        raise InvalidNetwork("a dilated pool is not supported")
    padding = _padding(chain, call, window, stride)
    if call.take("ceil_mode", 0):
        sizes = zip(chain.shape[2:], window, stride, padding, strict=False)
        if any((size + sum(sides) - wide) % step for size, wide, step, sides in sizes):
            raise InvalidNetwork("ceil_mode adds windows that leave the image")
    chain.average(window, stride, padding, bool(call.take("count_include_pad", 0)))


def read_mean(chain: Chain, call: Node) -> None:
    """Add a GlobalAveragePool, or a ReduceMean over all axes of an image."""
    axes = list(range(2, len(chain.shape)))
    if call.operator == "ReduceMean":
        given = axes_of(call.inputs, call.attributes)
        call.take("axes")
        call.take("noop_with_empty_axes")
        if given is None or sorted(axis % len(chain.shape) for axis in given) != axes:
            raise InvalidNetwork(f"only the mean over height and width is a pool, not over {given}")
    window = chain.shape[2:]
    chain.average(window, window, [(0, 0)] * len(window))
    if call.operator == "ReduceMean" and not call.take("keepdims", 1):
        chain.reshape(chain.shape[:2])


def read_pad(chain: Chain, call: Node) -> None:
    """Add a Pad."""
    modes = {b"constant": "zeros", b"reflect": "reflect", b"edge": "replicate", b"wrap": "circular"}
    mode, given = call.take("mode", b"constant"), call.take("pads")
    sides = [int(side) for side in (call.constant(1) if given is None else given)]
    value, axes = call.optional(2), call.optional(3)
    filled = float(call.take("value", 0.0)) if value is None else float(value.ravel()[0])
    rank = len(chain.shape)
    places = list(range(rank)) if axes is None else [int(axis) % rank for axis in axes]
    if mode not in modes or len(sides) != 2 * len(places) or filled != 0.0:
        raise InvalidNetwork("only zeros, reflected, edge or wrapped values are understood")
    ends = dict.fromkeys(range(rank), (0, 0))
    pairs = zip(sides[: len(places)], sides[len(places) :], strict=True)
    ends.update(zip(places, pairs, strict=True))
    if any(map(any, (ends[0], ends.get(1, (0, 0))))):
        raise InvalidNetwork("only height and width of an image can be padded")
    chain.pad([ends[axis] for axis in range(2, rank)], modes[mode])


def _padding(
    chain: Chain, call: Node, window: Sequence[int], stride: Sequence[int]
) -> list[tuple[int, int]]:
    """Return (before, after) per axis from pads or auto_pad."""
    auto = call.take("auto_pad", b"NOTSET")
    pads, count = list(call.take("pads", [0] * 2 * len(window))), len(window)
    if len(pads) != 2 * count or len(stride) != count or min(*stride, *window, 1) < 1:
        raise InvalidNetwork("window, strides and pads do not fit each other")
    if auto == b"NOTSET":
        return list(zip(pads[:count], pads[count:], strict=True))
    if auto == b"VALID":
        return [(0, 0)] * count
    if auto not in (b"SAME_UPPER", b"SAME_LOWER") or len(chain.shape) != count + 2:
        raise InvalidNetwork(f"auto_pad {auto!r} is not understood")
    padding = []
    for size, wide, step in zip(chain.shape[2:], window, stride, strict=True):
        total = max(0, (-(-size // step) - 1) * step + wide - size)
        less, more = total // 2, total - total // 2
        padding.append((less, more) if auto == b"SAME_UPPER" else (more, less))
    return padding

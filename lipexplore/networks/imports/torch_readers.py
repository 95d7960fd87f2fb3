"""What each class of torch.nn adds to a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.imports.chain import Chain
from lipexplore.rounding import Array

LARGEST_TENSOR = 2**27
"""Most numbers of one parameter."""

Reader = Callable[[Chain, Any], None]


def exact(tensor: Any) -> Array:
    """Return a tensor's numbers in double precision, which rounds none of them.

    Raises
    ------
    InvalidNetwork
        If it holds something else than real numbers, or too many.
    """
    import torch

    plain = isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided
    if not plain or tensor.is_quantized or tensor.is_meta or not tensor.is_floating_point():
        raise InvalidNetwork("a parameter is no plain tensor of real numbers")
    if tensor.numel() > LARGEST_TENSOR:
        raise InvalidNetwork(f"a parameter has {tensor.numel():,} numbers, which is too many")
    return np.asarray(tensor.detach().cpu().to(torch.float64).numpy(), dtype=np.float64)


def _optional(tensor: Any) -> Array | None:
    return None if tensor is None else exact(tensor)


def _linear(chain: Chain, module: Any) -> None:
    chain.linear(exact(module.weight), _optional(module.bias))


def _convolution(chain: Chain, module: Any) -> None:
    kernel, axes = exact(module.weight), len(module.kernel_size)
    if module.transposed or axes > 2:
        raise InvalidNetwork("only convolutions of one or two dimensions are supported")
    if module.padding == "same":
        totals = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        padding = [(total // 2, total - total // 2) for total in totals]
    elif module.padding == "valid":
        padding = [(0, 0)] * axes
    else:
        padding = [(side, side) for side in _per_axis(module.padding, axes)]
    chain.convolve(
        kernel,
        _optional(module.bias),
        module.stride,
        padding,
        module.dilation,
        module.groups,
        module.padding_mode,
    )


def _average(axes: int) -> Reader:
    def read(chain: Chain, module: Any) -> None:
        window, stride = _per_axis(module.kernel_size, axes), _per_axis(module.stride, axes)
        sides = _per_axis(module.padding, axes)
        if module.ceil_mode:
            for size, wide, step, side in zip(chain.shape[2:], window, stride, sides, strict=True):
                if (size + 2 * side - wide) % step:
                    raise InvalidNetwork("ceil_mode adds windows that leave the image")
        divisor = getattr(module, "divisor_override", None)
        counted = bool(module.count_include_pad or divisor)
        chain.average(window, stride, [(s, s) for s in sides], counted)
        if divisor:
            share = np.prod(window) / divisor
            chain.scale(np.array([share]), np.zeros(1))

    return read


def _adaptive(axes: int) -> Reader:
    def read(chain: Chain, module: Any) -> None:
        wanted = _per_axis(module.output_size, axes)
        sizes = chain.shape[2:]
        wanted = [size if want is None else want for size, want in zip(sizes, wanted, strict=True)]
        if any(size % want for size, want in zip(sizes, wanted, strict=True)):
            raise InvalidNetwork(
                f"{'x'.join(map(str, sizes))} pixels cannot be cut into {wanted} equal windows, "
                "so it is no average pool"
            )
        window = [size // want for size, want in zip(sizes, wanted, strict=True)]
        chain.average(window, window, [(0, 0)] * axes)

    return read


def _pad(mode: str) -> Reader:
    def read(chain: Chain, module: Any) -> None:
        ends = list(module.padding)  # last axis first
        sides = list(zip(ends[::2], ends[1::2], strict=True))[::-1]
        if getattr(module, "value", 0) != 0:
            raise InvalidNetwork("only a pad with zeros is affine without a shift")
        chain.pad(sides, mode)

    return read


def _batch_norm(chain: Chain, module: Any) -> None:
    if module.training or module.running_mean is None:
        raise InvalidNetwork(
            "batch normalisation in training mode mixes the inputs of a batch, so it is no "
            "function of one input: call model.eval()"
        )
    mean = exact(module.running_mean)
    variance = exact(module.running_var) + module.eps
    gain = np.ones(len(mean)) if module.weight is None else exact(module.weight)
    offset = np.zeros(len(mean)) if module.bias is None else exact(module.bias)
    chain.normalise(mean, variance, gain, offset)


def read_normalisation(chain: Chain, module: Any) -> None:
    """Add an input normalisation: any module with the attributes mean and std."""
    mean, std = (_constant(getattr(module, name)) for name in ("mean", "std"))
    if not (std != 0.0).all():
        raise InvalidNetwork("a standard deviation is zero")
    axes = [1] * (len(chain.shape) - 2)
    mean, std = (a.reshape(1, -1, *axes) if a.ndim <= 1 else a for a in (mean, std))
    chain.scale(1.0 / std, -mean / std, normalisation=True)


def _constant(value: Any) -> Array:
    if hasattr(value, "is_floating_point"):
        return exact(value)
    return np.asarray(value, dtype=np.float64)


def _flatten(chain: Chain, module: Any) -> None:
    if module.start_dim % len(chain.shape) == 0:
        raise InvalidNetwork("it joins the inputs of a batch: start at axis 1")
    chain.flatten(module.start_dim, module.end_dim)


def _unflatten(chain: Chain, module: Any) -> None:
    axis, rank = module.dim % len(chain.shape), len(chain.shape)
    if axis == 0 or not 0 <= axis < rank:
        raise InvalidNetwork("it splits the batch: choose another axis")
    sizes = list(module.unflattened_size)
    if -1 in sizes:
        known = int(-np.prod(sizes))
        sizes[sizes.index(-1)] = chain.shape[axis] // known
    chain.reshape((*chain.shape[:axis], *sizes, *chain.shape[axis + 1 :]))


def _nothing(chain: Chain, module: Any) -> None:
    del chain, module


def _softmax(kind: str) -> Reader:
    def read(chain: Chain, module: Any) -> None:
        chain.cut(kind, 1 if module.dim is None else module.dim)

    return read


def _named(name: str, parameter: str = "") -> Reader:
    def read(chain: Chain, module: Any) -> None:
        value = getattr(module, parameter) if parameter else ""
        chain.activate(f"{name}:{value}" if parameter else name)

    return read


def _softplus(chain: Chain, module: Any) -> None:
    chain.stretch("softplus", module.beta)
    chain.notes.append(
        f"PyTorch's softplus is the identity above {module.threshold:g} / beta; the network's is "
        f"softplus everywhere, which differs by less than exp(-{module.threshold:g}) / beta"
    )


def _celu(chain: Chain, module: Any) -> None:
    chain.stretch("elu:1.0", 1.0 / module.alpha)


def _prelu(chain: Chain, module: Any) -> None:
    leaks = exact(module.weight)
    if (leaks != leaks[0]).any():
        raise InvalidNetwork("its channels have different slopes: one slope per layer is supported")
    chain.activate(f"leaky_relu:{float(leaks[0])!r}")


def _rrelu(chain: Chain, module: Any) -> None:
    chain.activate(f"leaky_relu:{(module.lower + module.upper) / 2.0!r}")


def _gelu(chain: Chain, module: Any) -> None:
    chain.activate("gelu:tanh" if module.approximate == "tanh" else "gelu:exact")


def _per_axis(value: Any, axes: int) -> list[Any]:
    return list(value) if isinstance(value, Sequence) else [value] * axes


READERS: dict[str, Reader] = {
    "Linear": _linear,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "AvgPool1d": _average(1),
    "AvgPool2d": _average(2),
    "AdaptiveAvgPool1d": _adaptive(1),
    "AdaptiveAvgPool2d": _adaptive(2),
    "ZeroPad2d": _pad("zeros"),
    "ConstantPad2d": _pad("zeros"),
    "CircularPad2d": _pad("circular"),
    "ReplicationPad2d": _pad("replicate"),
    "ReflectionPad2d": _pad("reflect"),
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "Flatten": _flatten,
    "Unflatten": _unflatten,
    **dict.fromkeys(
        ("Identity", "Dropout", "Dropout1d", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout"),
        _nothing,
    ),
    "ReLU": _named("relu"),
    "LeakyReLU": _named("leaky_relu", "negative_slope"),
    "ELU": _named("elu", "alpha"),
    "CELU": _celu,
    "SELU": _named("selu"),
    "GELU": _gelu,
    "SiLU": _named("silu"),
    "Sigmoid": _named("sigmoid"),
    "Tanh": _named("tanh"),
    "Softplus": _softplus,
    "PReLU": _prelu,
    "RReLU": _rrelu,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
}
"""Reader of each class of torch.nn."""

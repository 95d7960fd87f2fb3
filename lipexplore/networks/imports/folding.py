"""From the layers of a model to a network: scalings folded into neighbours, layers joined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward import Network
from lipexplore.networks.imports.chain import Chain, Item, Scale
from lipexplore.networks.layers import Convolution, Dense, Layer, Scaling
from lipexplore.rounding import Array


def network_of_chain(chain: Chain, name: str) -> Network:
    """Return the network of what was read; scalings are folded where the result is the same.

    Raises
    ------
    InvalidNetwork
        If there is no layer, or folding overflows.
    """
    if not chain.items:
        raise InvalidNetwork("the model has no layers")
    items = _folded(_merged(chain.items))
    kept = sum(isinstance(item, Scale) for item in items)
    found = sum(_changes_weights(item) for item in chain.items)
    if found:
        chain.notes.append(
            f"{found} normalisation(s) or constant factor(s): {kept} kept as scaling layers, the "
            "others folded into neighbours, which rounds their weights"
        )
    layers, activations = _alternating(items, chain.inputs)
    return Network(layers, activations=activations, name=name)


def _changes_weights(item: Item) -> bool:
    return isinstance(item, Scale) and (not item.folds or bool((item.factor != 1.0).any()))


def _merged(items: Sequence[Item]) -> list[Item]:
    """Return the items with scalings that follow each other made one."""
    merged: list[Item] = []
    for item in items:
        last = merged[-1] if merged else None
        if isinstance(item, Scale) and isinstance(last, Scale):
            merged[-1] = Scale(
                item.factor * last.factor,
                item.factor * last.shift + item.shift,
                item.shape,
                folds=item.folds and last.folds,
            )
        else:
            merged.append(item)
    return merged


def _folded(items: Sequence[Item]) -> list[Item]:
    """Return the items with scalings folded, where that is possible into the layer before."""
    result: list[Item] = []
    for item in items:
        last = result[-1] if result else None
        after = None
        if isinstance(item, Scale) and item.folds and last is not None:
            after = _scaled_outputs(last, item)
        elif isinstance(last, Scale) and last.folds:
            after = _scaled_inputs(item, last)
        if after is None:
            result.append(item)
        else:
            result[-1] = after
    return result


def _scaled_outputs(layer: Item, scale: Scale) -> Layer | None:
    """Return the layer followed by the scaling as one layer, None if that is none."""
    if isinstance(layer, Dense):
        weight = layer.weight * scale.factor[:, None]
        return Dense(weight, layer.bias * scale.factor + scale.shift)
    if isinstance(layer, Convolution):
        found = _per_channel(scale, layer.kernel.shape[0])
        if found is not None:
            factor, shift = found
            kernel = layer.kernel * factor[:, None, None, None]
            return layer.with_kernel(kernel, layer.channel_bias * factor + shift)
    return None


def _scaled_inputs(layer: Item, scale: Scale) -> Layer | None:
    """Return the scaling followed by the layer as one layer, None if that is none.

    Padding adds zeros after the scaling: with it a shift cannot be folded.
    """
    if isinstance(layer, Dense):
        return Dense(layer.weight * scale.factor, layer.bias + layer.weight @ scale.shift)
    if isinstance(layer, Convolution):
        found = _per_channel(scale, layer.input_shape[0])
        zeros = layer.padding_mode == "zeros" and bool(np.any(layer.padding))
        if found is not None and not (zeros and found[1].any()):
            size = layer.kernel.shape[1]
            group = np.arange(len(layer.kernel)) // (len(layer.kernel) // layer.groups)
            channels = group[:, None] * size + np.arange(size)  # (c_out, c_in / groups)
            factor, shift = (array[channels][:, :, None, None] for array in found)
            added = (layer.kernel * shift).sum(axis=(1, 2, 3))
            return layer.with_kernel(layer.kernel * factor, layer.channel_bias + added)
    return None


def _per_channel(scale: Scale, channels: int) -> tuple[Array, Array] | None:
    """Return factor and shift of every channel, None if they vary inside one."""
    pair = [array.reshape(channels, -1) for array in (scale.factor, scale.shift)]
    if any((array != array[:, :1]).any() for array in pair):
        return None
    return pair[0][:, 0], pair[1][:, 0]


def _alternating(items: Sequence[Item], inputs: int) -> tuple[list[Layer], list[str]]:
    """Return layers with an activation between any two.

    Where the model has none it is the identity, and where it has two, or one at an end, the layer
    between is x -> x: neither rounds anything.
    """
    layers: list[Layer] = []
    activations: list[str] = []
    size = inputs
    befores: list[Item | None] = [None, *items]
    for before, item in zip(befores, items, strict=False):
        if isinstance(item, str):
            if before is None or isinstance(before, str):
                layers.append(Scaling(1.0, 0.0, size))
            activations.append(item)
            continue
        if before is not None and not isinstance(before, str):
            activations.append("identity")
        layers.append(
            Scaling(item.factor, item.shift, item.shape) if isinstance(item, Scale) else item
        )
        size = layers[-1].n_outputs
    if isinstance(items[-1], str):
        layers.append(Scaling(1.0, 0.0, size))
    return layers, activations

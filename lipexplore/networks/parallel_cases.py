"""Standard and residual networks as parallel ones, with the same function and no rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward import Network
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.networks.residual import ResidualMap
from lipexplore.rounding import Array


def from_network(network: Network, split: bool = False) -> ParallelNetwork:
    """Return a ReLU network as one sub-network, or as one for each unit of its last hidden layer.

    Biases become weights of an input that is always 1, handed on from layer to layer.

    Parameters
    ----------
    network
        With ReLU activations.
    split
        The form of the paper, one neuron before the output: earlier layers are copied.

    Raises
    ------
    InvalidNetwork
        If an activation is not ReLU.
    """
    constant = _has_biases(network)
    weights = _without_biases(network, constant)
    parts = [weights]
    if split and len(weights) > 1:
        *before, last_hidden, end = weights
        parts = [[*before, last_hidden[[unit]], end[:, [unit]]] for unit in range(len(last_hidden))]
    return ParallelNetwork(parts, constant, network.name)


def from_residual(blocks: ResidualMap | Sequence[ResidualMap]) -> ParallelNetwork:
    """Return S x + g(x) as a linear and a deep sub-network; several in a row as one deep one.

    Between two blocks the state h is carried as (h)_+ and (-h)_+, one more ReLU layer per block.

    Parameters
    ----------
    blocks
        One map, or several in the order in which they are applied.

    Raises
    ------
    InvalidNetwork
        If an activation is not ReLU, or the blocks do not fit each other.
    """
    maps = [blocks] if isinstance(blocks, ResidualMap) else list(blocks)
    if not maps:
        raise InvalidNetwork("a residual network needs at least one block")
    constant = any(_has_biases(block.network) for block in maps)
    if len(maps) == 1:
        skip = np.pad(maps[0].skip, ((0, 0), (0, int(constant))))
        parts = [[skip], _without_biases(maps[0].network, constant)]
        return ParallelNetwork(parts, constant, maps[0].name)
    weights: list[Array] = []
    for number, block in enumerate(maps):
        inner = _block(block, constant, is_last=number == len(maps) - 1)
        if weights:
            # the state arrives as (h)_+, (-h)_+: h is their difference
            inner[0] = np.concatenate([inner[0], -inner[0]], axis=1)
            if inner[0].shape[1] != len(weights[-1]):
                raise InvalidNetwork(f"block {number + 1} does not read what block {number} gives")
        weights += inner
    return ParallelNetwork([weights], constant, f"{len(maps)} residual blocks")


def _block(block: ResidualMap, constant: bool, is_last: bool) -> list[Array]:
    """Return matrices of h -> S h + g(h), whose result is split in two unless it is the last.

    The state h ends with the 1 where there is one; h is carried past g as (h)_+ and (-h)_+.
    """
    first, *middle, last = _without_biases(block.network, constant)
    width = first.shape[1]
    carry, pair = np.eye(2 * width), np.concatenate([np.eye(width), -np.eye(width)])
    skip = np.pad(block.skip, ((0, 0), (0, int(constant))))
    if constant and not is_last:
        one = np.eye(width)[-1:]
        skip, last = np.concatenate([skip, one]), np.pad(last, ((0, 1), (0, 0)))
    weights = [np.concatenate([pair, first])]
    for weight in middle:
        upper = np.pad(carry, ((0, 0), (0, weight.shape[1])))
        weights.append(np.concatenate([upper, np.pad(weight, ((0, 0), (2 * width, 0)))]))
    end = np.concatenate([skip, -skip, last], axis=1)
    return [*weights, end if is_last else np.concatenate([end, -end])]


def _has_biases(network: Network) -> bool:
    return any(bias.any() for bias in network.biases)


def _without_biases(network: Network, constant: bool) -> list[Array]:
    others = sorted({act.name for act in network.activations} - {"relu"})
    if others:
        raise InvalidNetwork(f"parallel networks are made of ReLUs, not of {', '.join(others)}")
    if not constant:
        return list(network.weights)
    weights = [
        np.concatenate([weight, bias[:, None]], axis=1)
        for weight, bias in zip(network.weights, network.biases, strict=True)
    ]
    ones = [np.eye(weight.shape[1])[-1:] for weight in weights[:-1]]
    return [np.concatenate(pair) for pair in zip(weights[:-1], ones, strict=True)] + weights[-1:]

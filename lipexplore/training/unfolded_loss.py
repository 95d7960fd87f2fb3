"""The loss of an unfolded network and its derivatives, by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.networks.unfolded_soft import soft_slope, soft_value
from lipexplore.rounding import Array


@dataclass(frozen=True, eq=False)
class LayerGradients:
    """Derivatives of the loss by G, H and theta of every *layer*, and by Phi.

    Parameters
    ----------
    G, H, thresholds
        Per layer, arrays (N, N), (N, n) and (N,), whoever else uses the same parameter.
    Phi
        Through the output alone.
    """

    G: list[Array]
    H: list[Array]
    thresholds: list[Array]
    Phi: Array


def mean_loss(network: UnfoldedNetwork, y: Array, x: Array) -> float:
    """Return the mean of |h(y) - x|, the loss that the theorem is about."""
    return float(np.linalg.norm(network(y) - x, axis=1).mean())


def loss_and_gradients(
    network: UnfoldedNetwork, y: Array, x: Array
) -> tuple[float, LayerGradients]:
    """Return the mean of |h(y) - x|^2 and its derivatives, the clip included.

    Parameters
    ----------
    y, x
        Arrays (count, n) and (count, p).
    """
    layers, codes, inner = network.layers, [np.zeros((len(y), network.n_codes))], []
    for G, H, threshold in layers:
        inner.append(codes[-1] @ G.T + y @ H.T)
        codes.append(soft_value(inner[-1], threshold))
    signals = codes[-1] @ network.Phi.T
    errors = network.recovered(codes[-1]) - x
    back = _through_clip(2.0 / len(y) * errors, signals, network.clip)
    gradient_phi = back.T @ codes[-1]
    change = back @ network.Phi
    G_list, H_list, thresholds = [], [], []
    for layer in reversed(range(network.n_layers)):
        G, _, threshold = layers[layer]
        change = change * soft_slope(inner[layer], threshold)
        G_list.append(change.T @ codes[layer])
        H_list.append(change.T @ y)
        thresholds.append(-(change * np.sign(inner[layer])).sum(axis=0))
        change = change @ G
    found = LayerGradients(G_list[::-1], H_list[::-1], thresholds[::-1], gradient_phi)
    return float(np.square(errors).sum(axis=1).mean()), found


def _through_clip(change: Array, signals: Array, clip: float) -> Array:
    """Pull a derivative back through the radial projection on the ball."""
    sizes = np.linalg.norm(signals, axis=1, keepdims=True)
    outside = sizes > clip
    if not outside.any():
        return change
    unit = signals / np.where(outside, sizes, 1.0)
    turned = change - unit * (change * unit).sum(axis=1, keepdims=True)
    return np.asarray(np.where(outside, clip / np.where(outside, sizes, 1.0) * turned, change))

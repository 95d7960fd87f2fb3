"""Random networks: dense, banded and sparse, each a function of its seed.

Weights are uniform on (-1, 1) / sqrt(fan-in), biases uniform on (-1, 1) / 2, drawn layer by layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.rounding import Array


def random_dense(widths: Sequence[int], seed: int, activation: str = "relu") -> Network:
    """Return a dense network with layer sizes ``widths`` = (n_0, ..., m).

    Parameters
    ----------
    widths
        Layer sizes (n_0, ..., m).
    seed
        Of the weights and biases.
    activation
        As for :func:`.activation`.
    """
    _check(widths)
    return _random(widths, seed, activation, [np.ones((b, a)) for a, b in _pairs(widths)], "dense")


def random_banded(
    widths: Sequence[int], bandwidth: int, seed: int, activation: str = "relu"
) -> Network:
    """Return a network whose hidden weights (i, j) vanish where |i - j| > ``bandwidth``.

    Layers of different size are aligned by their relative position; the last layer stays dense.

    Parameters
    ----------
    widths
        Layer sizes (n_0, ..., m).
    bandwidth
        Largest distance of units that are joined.
    seed
        Of the weights and biases.
    activation
        As for :func:`.activation`.

    Raises
    ------
    InvalidSetting
        If the bandwidth is negative.
    """
    _check(widths)
    if bandwidth < 0:
        raise InvalidSetting(f"the bandwidth must not be negative, but it is {bandwidth}")
    masks = [_band(a, b, bandwidth) for a, b in _pairs(widths)]
    masks[-1] = np.ones_like(masks[-1])
    return _random(widths, seed, activation, masks, f"band {bandwidth}")


def random_sparse(
    widths: Sequence[int], density: float, seed: int, activation: str = "relu"
) -> Network:
    """Return a network that keeps each weight with probability ``density``, the last layer whole.

    Every unit keeps at least one incoming weight.

    Parameters
    ----------
    widths
        Layer sizes (n_0, ..., m).
    density
        Between 0 and 1.
    seed
        Of the weights, biases and zeros.
    activation
        As for :func:`.activation`.

    Raises
    ------
    InvalidSetting
        If the density is not in (0, 1].
    """
    _check(widths)
    if not 0.0 < density <= 1.0:
        raise InvalidSetting(f"the density must be in (0, 1], not {density}")
    rng = np.random.default_rng([seed, 1])
    masks = []
    for a, b in _pairs(widths):
        mask = (rng.random((b, a)) < density).astype(np.float64)
        mask[np.arange(b), rng.integers(a, size=b)] = 1.0
        masks.append(mask)
    masks[-1] = np.ones_like(masks[-1])
    return _random(widths, seed, activation, masks, f"sparse {density:g}")


def _random(
    widths: Sequence[int], seed: int, activation: str, masks: Sequence[Array], title: str
) -> Network:
    rng = np.random.default_rng(seed)
    weights, biases = [], []
    for (n_in, n_out), mask in zip(_pairs(widths), masks, strict=True):
        fan_in = np.maximum(mask.sum(axis=1, keepdims=True), 1.0)
        weights.append(rng.uniform(-1.0, 1.0, (n_out, n_in)) * mask / np.sqrt(fan_in))
        biases.append(rng.uniform(-0.5, 0.5, n_out))
    shape = "-".join(map(str, widths))
    return Network(weights, biases, activation, f"{title} {shape} seed {seed}")


def _band(n_in: int, n_out: int, bandwidth: int) -> Array:
    rows = np.arange(n_out)[:, None] * ((n_in - 1) / max(n_out - 1, 1))
    band: Array = (np.abs(rows - np.arange(n_in)) <= bandwidth + 1e-9).astype(np.float64)
    return band


def _pairs(widths: Sequence[int]) -> list[tuple[int, int]]:
    return list(pairwise(widths))


def _check(widths: Sequence[int]) -> None:
    if len(widths) < 2 or min(widths) < 1:
        raise InvalidSetting(f"widths {tuple(widths)} need at least an input and an output size")

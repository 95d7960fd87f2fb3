"""Scalar networks of one input: their kinks and slopes, to rounding."""

from __future__ import annotations

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.rounding import Array


def kinks(network: Network) -> Array:
    """Return, sorted, where a ReLU of a network with one input changes its side.

    Raises
    ------
    InvalidSetting
        If there are more inputs.
    """
    if network.n_inputs != 1:
        raise InvalidSetting(f"kinks are listed for one input, not for {network.n_inputs}")
    found = np.zeros(0)
    for layer in range(network.depth):
        ends = (found[0], found[-1]) if len(found) else (0.0, 0.0)
        points = np.concatenate([[ends[0] - 1.0], found, [ends[1] + 1.0]])
        values = network.preactivations(points[:, None])[layer]
        rise = np.diff(values, axis=0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            share = -values[:-1] / rise
        low, high = np.zeros((len(rise), 1)), np.ones((len(rise), 1))
        low[0], high[-1] = -np.inf, np.inf
        segment, unit = np.nonzero((rise != 0.0) & (share > low) & (share < high))
        width = np.diff(points)[segment]
        found = np.unique(np.concatenate([found, points[segment] + share[segment, unit] * width]))
    return found


def largest_slope(network: ParallelNetwork) -> float:
    """Return max |f'| over all pieces of a network with one input and output, to rounding.

    An estimate from the stored weights without counted rounding, not a bound.
    """
    whole = network.to_network()
    found = kinks(whole)
    if len(found) == 0:
        found = np.zeros(1)
    inner = 0.5 * (found[:-1] + found[1:])
    middles = np.concatenate([[found[0] - 1.0], inner, [found[-1] + 1.0]])
    return float(np.abs(whole.jacobian(middles[:, None])).max())

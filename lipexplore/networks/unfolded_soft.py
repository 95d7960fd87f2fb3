"""The soft threshold: its values, its slopes, and the linear spline that it is."""

from __future__ import annotations

import numpy as np

from lipexplore.networks.splines import Splines
from lipexplore.rounding import Array


def soft_value(values: Array, threshold: Array) -> Array:
    """Return sign(v) max(|v| - theta, 0), shape (..., N)."""
    return np.asarray(values - np.clip(values, -threshold, threshold))


def soft_slope(values: Array, threshold: Array) -> Array:
    """Return its right derivative: 1 outside [-theta, theta), 0 inside; 1 for theta = 0."""
    return np.asarray((values >= threshold) | (values < -threshold), dtype=np.float64)


def soft_splines(threshold: Array, codes: int, carried_units: int) -> Splines:
    """Return one spline per unit: soft thresholds, then identities for units that carry y.

    Knots -2 theta, -theta, theta, 2 theta are floats, so the slopes are 1, 0 and 1 without
    rounding; with theta = 0 the function is the identity.
    """
    sizes = np.concatenate([np.broadcast_to(threshold, codes), np.zeros(carried_units)])
    knots = sizes[:, None] * np.array([-2.0, -1.0, 1.0, 2.0])
    values = sizes[:, None] * np.array([-1.0, 0.0, 0.0, 1.0])
    identity = np.array([0.0, 1.0, np.nan, np.nan])
    straight = (sizes == 0.0)[:, None]
    return Splines(np.where(straight, identity, knots), np.where(straight, identity, values))


def carried(rows: Array, inputs: int) -> Array:
    """Return [rows; 0 I]: the last ``inputs`` coordinates go on to the next layer."""
    below = np.zeros((inputs, rows.shape[1]))
    below[:, -inputs:] = np.eye(inputs)
    return np.concatenate([rows, below])

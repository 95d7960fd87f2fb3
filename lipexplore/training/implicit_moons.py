"""Two moons: the smallest task on which robust training can be seen."""

from __future__ import annotations

import numpy as np

from lipexplore.rounding import Array
from lipexplore.training.feedforward import Labels


def two_moons(count: int, noise: float, seed: int) -> tuple[Array, Labels]:
    """Return points (count, 2) of two half circles that reach into each other, labels (count,).

    Class 0 lies around (cos t, sin t), class 1 around (1 - cos t, 1/2 - sin t), 0 <= t <= pi; both
    coordinates are moved by up to ``noise``, uniformly.
    """
    rng = np.random.default_rng(seed)
    angles = np.pi * rng.random(count)
    labels = np.arange(count, dtype=np.int64) % 2
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.where(labels[:, None] == 0, upper, [1.0, 0.5] - upper)
    return points + noise * (2.0 * rng.random((count, 2)) - 1.0), labels

"""Chains of every class of slopes, and the layered recursion without any proof, to compare with."""

from itertools import pairwise

import numpy as np

from lipexplore.networks.slope_chain import SlopeChain

CLASSES = {
    "relu": lambda rng, n: (np.zeros(n), np.ones(n)),
    "mixed": lambda rng, n: np.sort(rng.uniform(-0.5, 1.7, (2, n)), axis=0),
    "across zero": lambda rng, n: (-rng.uniform(0.1, 1.0, n), rng.uniform(0.1, 1.5, n)),
    "positive": lambda rng, n: (low := rng.uniform(0.2, 1.0, n), low + rng.uniform(0.05, 1.0, n)),
    "negative": lambda rng, n: (low := -rng.uniform(0.5, 1.5, n), low * rng.uniform(0.1, 0.9, n)),
    "symmetric": lambda rng, n: (-(high := rng.uniform(0.3, 1.5, n)), high),
    "fixed": lambda rng, n: (low := rng.uniform(-0.5, 1.0, n), low + (rng.random(n) < 0.6)),
    "all fixed": lambda rng, n: (low := rng.uniform(-0.5, 1.0, n), low),
}


def random_chain(kind, widths, rng):
    """Return a chain with normal weights and slopes of one class."""
    weights = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    ends = [CLASSES[kind](rng, width) for width in widths[1:-1]]
    lower, upper = tuple(low for low, _ in ends), tuple(high for _, high in ends)
    return SlopeChain(tuple(weights), lower, upper, 0, (0.0,) * len(weights), 0.0)


def recursion_value(chain, norm, mu, taus, column=0):
    """Return the bound of the multipliers in ordinary floating point, inf if there is none."""
    first = chain.weights[0]
    if norm == "linf":
        covariance, total = np.diag(1.0 / mu), mu.sum()
    elif norm == "l2":
        covariance, total = np.eye(first.shape[1]) / mu[0], mu[0]
    else:
        covariance, total = np.zeros((first.shape[1], first.shape[1])), mu[0]
        covariance[column, column] = 1.0 / mu[0]
    for weight, low, high, tau in zip(chain.weights, chain.lower, chain.upper, taus, strict=False):
        covariance = weight @ covariance @ weight.T
        free = high > low
        root = np.where(free, np.sqrt(tau / 2.0) * (high - low), 0.0)
        inner = np.eye(len(root)) - root[:, None] * covariance * root
        if np.linalg.eigvalsh(inner)[0] <= 0.0:
            return np.inf
        scaled = root[:, None] * covariance
        covariance = covariance + scaled.T @ np.linalg.solve(inner, scaled)
        middle = (low + high) / 2.0
        covariance = middle[:, None] * covariance * middle + np.diag(np.where(free, 0.5 / tau, 0.0))
    last = chain.weights[-1] @ covariance @ chain.weights[-1].T
    return float(np.sqrt(total * np.linalg.eigvalsh(last)[-1]))


def relaxed(chain, norm, mu, taus, column=0):
    """Return the best recursion value over tau_l (1 - delta)^l, delta down to 1e-8."""
    return min(
        recursion_value(
            chain, norm, mu, [t * (1.0 - delta) ** k for k, t in enumerate(taus, 1)], column
        )
        for delta in 10.0 ** np.arange(-8.0, 0.0)
    )


def maximum(chain, norm, columns=None):
    """Return the largest gradient norm over all ends of the slopes (one output), by enumeration."""
    count = sum(map(len, chain.lower))
    patterns = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    ends = np.cumsum([0, *map(len, chain.lower)])
    rows = np.broadcast_to(chain.weights[-1], (2**count, *chain.weights[-1].shape))[:, 0]
    for index in reversed(range(chain.depth)):
        chosen = patterns[:, ends[index] : ends[index + 1]]
        slopes = np.where(chosen, chain.upper[index], chain.lower[index])
        rows = (rows * slopes) @ chain.weights[index]
    if columns is not None:
        return np.abs(rows[:, columns]).max(axis=0)
    return float(np.linalg.norm(rows, {"linf": 1, "l2": 2}[norm], axis=1).max())

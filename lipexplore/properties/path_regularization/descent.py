"""Gradient descent on the non-convex problem, many starts at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.properties.path_regularization.problem import PathProblem, objective
from lipexplore.rounding import Array

TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Descent:
    """What gradient descent reached.

    Parameters
    ----------
    network
        The best of all starts and steps.
    value
        Its objective: an upper bound of the optimum, up to rounding.
    traces
        Objective of each start, array (records, starts).
    steps
        Step of each record, array (records,).
    """

    network: ParallelNetwork
    value: float
    traces: Array
    steps: Array


def descend(
    problem: PathProblem,
    subnetworks: int = 12,
    starts: int = 20,
    steps: int = 2000,
    step: float = 0.02,
    seed: int = 0,
    records: int = 100,
) -> Descent:
    """Minimise the objective by Adam from random weights; step sizes fall linearly to 0.

    Parameters
    ----------
    problem
        What is minimised.
    subnetworks
        K of each network.
    starts
        How many networks are trained side by side.
    steps, step
        How many steps, and the first step size.
    seed
        Of the random weights.
    records
        How many values of the objective are kept.

    References
    ----------
    Kingma and Ba, *Adam*, ICLR 2015 (arXiv 1412.6980), algorithm 1.
    """
    rng, X = np.random.default_rng(seed), problem.X
    shapes = [(problem.width, X.shape[1]), (problem.width,), ()][3 - problem.layers :]
    if problem.layers == 2:
        shapes = [(1, X.shape[1]), ()]
    weights = [rng.standard_normal((starts, subnetworks, *shape)) * 0.7 for shape in shapes]
    means, squares = ([np.zeros_like(w) for w in weights] for _ in range(2))
    every = max(1, steps // records)
    traces, best, kept = [], np.full(starts, np.inf), [w.copy() for w in weights]
    for done in range(steps + 1):
        values, gradients = _objective(problem, X, weights)
        better = values < best
        best = np.where(better, values, best)
        for w, k in zip(weights, kept, strict=True):
            k[better] = w[better]
        if done % every == 0:
            traces.append(values)
        size = step * (1.0 - done / (steps + 1))
        for w, g, mean, square in zip(weights, gradients, means, squares, strict=True):
            mean += 0.1 * (g - mean)
            square += 0.001 * (np.square(g) - square)
            ahead = mean / (1.0 - 0.9 ** (done + 1))
            w -= size * ahead / (np.sqrt(square / (1.0 - 0.999 ** (done + 1))) + 1e-8)
    first = int(np.argmin(best))
    network = _network(problem, [k[first] for k in kept])
    return Descent(
        network,
        objective(problem, network),
        np.array(traces),
        np.arange(len(traces), dtype=np.float64) * every,
    )


def _objective(problem: PathProblem, X: Array, weights: list[Array]) -> tuple[Array, list[Array]]:
    """Return the objectives (starts,) and their gradients by all weights."""
    w1, *middle, last = weights
    inner = np.einsum("skjd,nd->sknj", w1, X)
    hidden = np.maximum(inner, 0.0)
    second = middle[0] if middle else np.ones(w1.shape[:3])
    outer = np.einsum("sknj,skj->skn", hidden, second)
    units = np.maximum(outer, 0.0)
    error = np.einsum("skn,sk->sn", units, last) - problem.targets
    rows = np.sqrt(np.square(w1).sum(axis=3))
    length = np.sqrt(np.square(rows * second).sum(axis=2))
    values = 0.5 * np.square(error).sum(axis=1) + problem.beta * (np.abs(last) * length).sum(axis=1)
    to_outer = error[:, None] * last[:, :, None] * (outer > 0.0)
    to_inner = to_outer[..., None] * second[:, :, None] * (inner > 0.0)
    share = problem.beta * np.abs(last) / np.maximum(length, TINY)
    by_last = np.einsum("skn,sn->sk", units, error) + problem.beta * length * np.sign(last)
    by_first = np.einsum("sknj,nd->skjd", to_inner, X)
    by_first += (share[..., None] * np.square(second))[..., None] * w1
    if not middle:
        return values, [by_first, by_last]
    by_second = np.einsum("sknj,skn->skj", hidden, to_outer)
    by_second += share[..., None] * np.square(rows) * second
    return values, [by_first, by_second, by_last]


def _network(problem: PathProblem, weights: list[Array]) -> ParallelNetwork:
    if problem.layers == 2:
        parts = [[w, [[a]]] for w, a in zip(*weights, strict=True)]
    else:
        parts = [[w, u[None], [[a]]] for w, u, a in zip(*weights, strict=True)]
    return ParallelNetwork(parts, problem.constant, "gradient descent")

"""Train a three-layer parallel classifier with path regularisation: Adam, and exact zeros."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.networks.parallel import ParallelNetwork
from lipexplore.rounding import Array
from lipexplore.training.feedforward import GRID, Labels, Recipe, batches, softmax_loss

STEP_GRID = 2.0**-16
"""Weights are rounded to multiples of this after every step: the same bits everywhere."""

NEGLIGIBLE = 1e-3
"""Sub-networks with a smaller share of R are removed after training."""

TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Stack:
    """K sub-networks of equal widths: W_1, w_2 and w_3 of all of them.

    Parameters
    ----------
    first, second, last
        Arrays (K, m_1, n_0 + 1), (K, m_1) and (K, m); the last column of ``first`` reads a 1.
    """

    first: Array
    second: Array
    last: Array

    @property
    def inner_norms(self) -> Array:
        """sqrt(sum_j |w_1j|^2 w_2j^2) of each sub-network, array (K,)."""
        rows = np.linalg.norm(self.first, axis=2)
        return np.asarray(np.linalg.norm(rows * self.second, axis=1))

    @property
    def path_norms(self) -> Array:
        """R_k = |w_3k| sqrt(sum_j |w_1kj|^2 w_2kj^2), array (K,)."""
        return np.asarray(np.linalg.norm(self.last, axis=1) * self.inner_norms)

    def network(self, name: str = "parallel") -> ParallelNetwork:
        """Return the sum of the sub-networks with a path, weights rounded to multiples of 2^-20."""
        arrays = [np.round(a / GRID) * GRID for a in (self.first, self.second, self.last)]
        parts = [[w, u[None], v[:, None]] for w, u, v in zip(*arrays, strict=True)]
        return ParallelNetwork(parts, True, name).active()


def initial_stack(n_inputs: int, subnetworks: int, width: int, n_outputs: int, seed: int) -> Stack:
    """Return uniform weights of variance 2 / inputs of a layer (He et al., ICCV 2015)."""
    rng = np.random.default_rng(seed)

    def uniform(shape: tuple[int, ...], inputs: int) -> Array:
        return np.asarray((2.0 * rng.random(shape) - 1.0) * np.sqrt(6.0 / inputs))

    return Stack(
        uniform((subnetworks, width, n_inputs + 1), n_inputs),
        np.abs(uniform((subnetworks, width), width)) * np.where(np.arange(width) % 2, -1.0, 1.0),
        uniform((subnetworks, n_outputs), subnetworks),
    )


def loss_and_gradient(
    stack: Stack, images: Array, labels: Labels, beta: float = 0.0
) -> tuple[float, list[Array]]:
    """Return the mean cross-entropy plus beta R, and its gradient by the three arrays."""
    points = np.concatenate([images, np.ones((len(images), 1))], axis=1)
    w1, w2, w3 = stack.first, stack.second, stack.last
    inner = np.einsum("nd,kjd->nkj", points, w1, optimize=True)
    hidden = np.maximum(inner, 0.0)
    outer = (hidden * w2).sum(axis=2)
    units = np.maximum(outer, 0.0)
    loss, error = softmax_loss(units @ w3, labels)
    to_outer = (error @ w3.T) * (outer > 0.0)
    to_inner = to_outer[..., None] * w2 * (inner > 0.0)
    rows, ends, norms = np.linalg.norm(w1, axis=2), np.linalg.norm(w3, axis=1), stack.inner_norms
    share = (beta * ends / np.maximum(norms, TINY))[:, None]
    by_first = np.einsum("nkj,nd->kjd", to_inner, points, optimize=True)
    gradient = [
        by_first + (share * np.square(w2))[..., None] * w1,
        (hidden * to_outer[..., None]).sum(axis=0) + share * np.square(rows) * w2,
        units.T @ error + (beta * norms / np.maximum(ends, TINY))[:, None] * w3,
    ]
    return loss + beta * float(stack.path_norms.sum()), gradient


def train_stack(start: Stack, images: Array, labels: Labels, recipe: Recipe, beta: float) -> Stack:
    """Return the sub-networks after Adam on the cross-entropy plus beta R.

    R acts on w_3 by its proximal map in Adam's scaling, which sets a whole sub-network to 0; the
    recipe's weight decay is not used. Sub-networks of less than ``NEGLIGIBLE`` times R are set to 0
    at the end.

    Raises
    ------
    InvalidSetting
        If images and labels do not fit, or beta is negative.

    References
    ----------
    Ergen and Pilanci, NeurIPS 2023 (arXiv 2110.09548), section 5.
    """
    _check(start, images, labels, beta)
    arrays = [start.first.copy(), start.second.copy(), start.last.copy()]
    means, squares = ([np.zeros_like(a) for a in arrays] for _ in range(2))
    total = recipe.epochs * -(-len(images) // recipe.batch)
    for done, batch in enumerate(batches(len(images), recipe)):
        now, size = Stack(*arrays), recipe.step * (total - done) / total
        _, full = loss_and_gradient(now, images[batch], labels[batch], beta)
        full[2] -= beta * _penalty_by_last(now)
        for place, (gradient, mean, square) in enumerate(zip(full, means, squares, strict=True)):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (np.square(gradient) - square)
            scale = np.sqrt(square / (1.0 - 0.999 ** (done + 1))) + 1e-8
            moved = arrays[place] - size * mean / (1.0 - 0.9 ** (done + 1)) / scale
            if place == 2:
                typical = np.sqrt(np.square(scale).mean(axis=1))
                moved = shrunk(moved, size * beta * now.inner_norms / typical)
            arrays[place] = np.round(moved / STEP_GRID) * STEP_GRID
    norms = Stack(*arrays).path_norms
    arrays[2][norms < NEGLIGIBLE * norms.sum()] = 0.0
    return Stack(*arrays)


def shrunk(rows: Array, amounts: Array) -> Array:
    """Return each row shortened by an amount, 0 where it is not longer: the proximal map."""
    lengths = np.linalg.norm(rows, axis=1)
    return np.asarray(rows * np.maximum(0.0, 1.0 - amounts / np.maximum(lengths, TINY))[:, None])


def _penalty_by_last(stack: Stack) -> Array:
    ends = np.maximum(np.linalg.norm(stack.last, axis=1), TINY)
    return np.asarray((stack.inner_norms / ends)[:, None] * stack.last)


def _check(start: Stack, images: Array, labels: Labels, beta: float) -> None:
    if images.ndim != 2 or images.shape[1] + 1 != start.first.shape[2] or len(images) == 0:
        raise InvalidSetting(
            f"images must have shape (count, {start.first.shape[2] - 1}), not {images.shape}"
        )
    outputs = start.last.shape[1]
    if labels.shape != (len(images),) or labels.min() < 0 or labels.max() >= outputs:
        raise InvalidSetting(f"labels must be {len(images)} integers from 0 to {outputs - 1}")
    if not beta >= 0.0:
        raise InvalidSetting(f"beta must not be negative, but it is {beta}")

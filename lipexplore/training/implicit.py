"""Train an implicit classifier by Adam; its state matrix is well-posed at every step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.rounding import Array
from lipexplore.training.feedforward import Labels, Recipe, batches
from lipexplore.training.implicit_loss import ImplicitLoss
from lipexplore.training.implicit_parameters import ImplicitParameters

STEP_GRID = 2.0**-16
"""Parameters are rounded to multiples of this after every step.

The loss has kinks (signs of weights, the worst row of a bound), at which differences in the last
bit between processors or BLAS libraries would grow to other networks.
"""


def train_implicit(
    start: ImplicitParameters,
    images: Array,
    labels: Labels,
    recipe: Recipe,
    loss: ImplicitLoss | None = None,
    mask: Array | None = None,
) -> ImplicitParameters:
    """Return the parameters after Adam (Kingma and Ba, ICLR 2015, algorithm 1) from ``start``.

    The loss's radius grows linearly from 0 during the first half of the steps; the recipe's weight
    decay acts on T, B and C.

    Parameters
    ----------
    images, labels
        Shapes (count, n_0) and (count,).
    mask
        0 or 1 per parameter, shape (P,): where 0 the parameter is, and stays, exactly zero.

    Raises
    ------
    InvalidSetting
        If images and labels do not fit the parameters.
    """
    loss = loss or ImplicitLoss()
    _check(start, images, labels)
    moving = np.ones_like(start.vector) if mask is None else mask
    point, decay = _on_grid(start.vector) * moving, recipe.decay * _is_matrix(start)
    mean, square = np.zeros_like(point), np.zeros_like(point)
    total = recipe.epochs * -(-len(images) // recipe.batch)
    for done, rows in enumerate(batches(len(images), recipe)):
        now = replace(loss, radius=loss.radius * min(1.0, 2.0 * done / total))
        _, gradient = now.value_and_gradient(start.with_vector(point), images[rows], labels[rows])
        gradient = (gradient + decay * point) * moving
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * np.square(gradient)
        size = np.sqrt(square / (1.0 - 0.999 ** (done + 1))) + 1e-8
        step = recipe.step * (total - done) / total
        point = _on_grid(point - step * (mean / (1.0 - 0.9 ** (done + 1))) / size)
    return start.with_vector(point)


def _on_grid(point: Array) -> Array:
    return np.round(point / STEP_GRID) * STEP_GRID


def _is_matrix(parameters: ImplicitParameters) -> Array:
    """Return 1 where ``parameters.vector`` holds an entry of T, B or C, else 0."""
    return np.concatenate(
        [np.full(a.size, float(place % 2 == 0)) for place, a in enumerate(parameters.arrays)]
    )


def _check(parameters: ImplicitParameters, images: Array, labels: Labels) -> None:
    n_inputs, n_outputs = parameters.B.shape[1], len(parameters.C)
    if images.ndim != 2 or images.shape[1] != n_inputs or len(images) == 0:
        raise InvalidSetting(f"images must have shape (count, {n_inputs}), not {images.shape}")
    if labels.shape != (len(images),) or labels.min() < 0 or labels.max() >= n_outputs:
        raise InvalidSetting(f"labels must be {len(images)} integers from 0 to {n_outputs - 1}")

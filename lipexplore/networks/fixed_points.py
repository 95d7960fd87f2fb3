"""Solutions of z = phi(A z + q) by averaged steps and Newton steps, with a proven radius."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.networks.activations import Activation
from lipexplore.networks.contraction import Contraction
from lipexplore.rounding import Array, down, product_error, up

BETWEEN = 8
"""Averaged steps between two looks at the rate."""

MOST_NEWTON = 12

LARGEST_STACKED = 48

LARGEST_BATCH = 4_000_000
"""Numbers that the matrices of one batch of Newton steps hold."""


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """States near the equilibria of some inputs, and how near they are proven to be.

    Parameters
    ----------
    state
        Array (..., n).
    radius
        Array (...): every |z_i - z*_i| is proven to be at most radius times eta_i; inf where
        nothing is proven.
    weights
        eta, array (n,).
    steps
        Number of steps, averaged and Newton's.
    """

    state: Array
    radius: Array
    weights: Array
    steps: int

    @property
    def error(self) -> Array:
        """Proven bounds of |z - z*| entry by entry, shape (..., n)."""
        return up(self.radius[..., None] * self.weights)

    @property
    def box(self) -> tuple[Array, Array]:
        """Outward-rounded ends, each (..., n), between which the equilibria lie."""
        return down(self.state - self.error), up(self.state + self.error)


def averaged(matrix: Array, drive: Array, activation: Activation, step: float, count: int) -> Array:
    """Return what ``count`` steps z <- (1 - a) z + a phi(A z + q) make of z = 0."""
    state = np.zeros_like(drive)
    for _ in range(count):
        state = state + step * (activation.value(state @ matrix.T + drive) - state)
    return state


def fixed_points(
    matrix: Array,
    drive: Array,
    activation: Activation,
    step: float,
    tolerance: float = 1e-14,
    most_steps: int = 10_000,
) -> tuple[Array, int]:
    """Return states z with |z - phi(A z + q)| at most ``tolerance`` (1 + max(|A| |z| + |q|)).

    Averaged steps z <- (1 - a) z + a phi(A z + q); where their rate promises to take longer than
    elimination would, Newton's steps (I - S A) d = phi - z, kept where they reduced the residual.
    States that have converged are left alone.

    Parameters
    ----------
    drive
        q, array (count, n).

    Returns
    -------
    tuple
        The states (count, n), and how many steps the slowest took.
    """
    state, steps = np.zeros_like(drive), 0
    before, left = np.full(len(drive), np.inf), np.arange(len(drive))
    while steps < most_steps and left.size:
        now, own = state[left], drive[left]
        for _ in range(min(BETWEEN, most_steps - steps)):
            now = now + step * (activation.value(now @ matrix.T + own) - now)
            steps += 1
        size = residuals(matrix, own, activation, now)
        rate = np.where(np.isfinite(before), np.maximum(size / before, 1e-300), 0.5)
        with np.errstate(divide="ignore"):
            needed = BETWEEN * np.log(tolerance / np.maximum(size, tolerance)) / np.log(rate)
        slow = np.flatnonzero((size > tolerance) & ((rate >= 1.0) | (needed > len(matrix))))
        if slow.size:
            now[slow], taken = _newton(matrix, own[slow], activation, now[slow], tolerance)
            size[slow], steps = residuals(matrix, own[slow], activation, now[slow]), steps + taken
        state[left] = now
        before = np.where(np.isin(np.arange(left.size), slow), np.inf, size)
        unsettled = size > tolerance
        left, before = left[unsettled], before[unsettled]
    return state, steps


def residuals(matrix: Array, drive: Array, activation: Activation, state: Array) -> Array:
    """Return max |z - phi(A z + q)| / (1 + max(|A| |z| + |q|)) in floating point, (count,)."""
    distance = np.abs(activation.value(state @ matrix.T + drive) - state).max(axis=1)
    size = np.abs(state) @ np.abs(matrix).T + np.abs(drive)
    return np.asarray(distance / (1.0 + size.max(axis=1)))


@np.errstate(over="ignore", invalid="ignore")
def _newton(
    matrix: Array, drive: Array, activation: Activation, state: Array, tolerance: float
) -> tuple[Array, int]:
    """Return the best states that at most twelve Newton steps meet; the first may lead away."""
    best, least = state.copy(), residuals(matrix, drive, activation, state)
    trying, taken = np.arange(len(state)), 0
    while taken < MOST_NEWTON and trying.size:
        state = state + _newton_step(matrix, drive[trying], activation, state)
        size, taken = residuals(matrix, drive[trying], activation, state), taken + 1
        better = size < least[trying]
        best[trying[better]], least[trying[better]] = state[better], size[better]
        unsettled = size > tolerance
        trying, state = trying[unsettled], state[unsettled]
    return best, taken


def _newton_step(matrix: Array, drive: Array, activation: Activation, state: Array) -> Array:
    """Solve (I - S A) d = phi - z for every state: all at once, or one by one where it is large."""
    inner = state @ matrix.T + drive
    right, slopes = activation.value(inner) - state, activation.slope(inner)
    if len(matrix) > LARGEST_STACKED:
        pairs = zip(right, slopes, strict=True)
        return np.array([_moving_solution(matrix, r, s) for r, s in pairs])
    batch, steps = max(1, LARGEST_BATCH // matrix.size), []
    for start in range(0, len(state), batch):
        part = slice(start, start + batch)
        left = np.eye(len(matrix)) - slopes[part, :, None] * matrix
        steps.append(np.linalg.solve(left, right[part, :, None])[:, :, 0])
    return np.concatenate(steps)


def _moving_solution(matrix: Array, right: Array, slopes: Array) -> Array:
    """Return the step of one state, by elimination among the units whose slope is not 0."""
    moving = np.flatnonzero(slopes)
    fixed = np.where(slopes == 0.0, right, 0.0)
    rows, slope = matrix[moving], slopes[moving]
    left = np.eye(moving.size) - slope[:, None] * rows[:, moving]
    fixed[moving] = np.linalg.solve(left, right[moving] + slope * (rows @ fixed))
    return fixed


@np.errstate(over="ignore", invalid="ignore")
def proven_radius(
    incoming: Array,
    bias: Array,
    activation: Activation,
    contraction: Contraction,
    state: Array,
    inputs: Array,
) -> Array:
    """Return r with |z - z*|_eta <= r: r = |z - phi(A z + B x + b)|_eta / (1 - max(mu, 0)).

    ``incoming`` is [A B]. The rounding of A z + B x + b, of phi and of every operation after it is
    counted, so that the radius holds for the equilibrium in real arithmetic. Where a state is not
    finite the radius is infinite.
    """
    stacked = np.concatenate([state, inputs], axis=1)
    inner = stacked @ incoming.T + bias
    magnitude = np.abs(stacked) @ np.abs(incoming).T + np.abs(bias)
    error = product_error(incoming.shape[1] + 2, magnitude)
    lower, upper = activation.value_range(down(inner - error), up(inner + error))
    distance = up(np.maximum(np.maximum(upper - state, state - lower), 0.0))
    largest = up(distance / contraction.weights).max(axis=1, initial=0.0)
    radius = up(largest / down(1.0 - max(contraction.measure, 0.0)))
    return np.where(np.isnan(radius), np.inf, radius)

"""Scales of the units, and multipliers that are strictly feasible, with loops and without."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lipexplore.rounding import Array

SMALLEST_POWER = 1e-9
ROUNDS = 3
ROOM = 0.9
"""Part of the input's size that the moments use."""

Integers = NDArray[np.int64]


def scaled_units(inner: Array, first: float, layers: Integers) -> Array:
    """Return scales of the units under which rows of V have length about 1, inputs ``first``."""
    count = len(inner.T) - len(inner)
    scales = np.full(len(inner.T), first)
    scales[count:] = _lengths(inner[:, :count] * first)
    for layer in np.unique(layers):
        rows = layers == layer
        for _ in range(ROUNDS if _feeds_back(inner[:, count:]) else 1):
            scales[count:][rows] = _lengths(inner[rows] * scales)
    return np.asarray(scales[count:])


def interior(recurrent: Array, layers: Integers) -> Array | None:
    """Return t > 0 with sum_j t_j w_j (w_j - N_j w) positive definite, None if none is found.

    For layers t_j = power^layer; with loops the quotient of the solutions of M x = 1 and M^T y = 1
    where M, the comparison matrix of I - N, is an M-matrix; else a small semidefinite program.

    Parameters
    ----------
    recurrent
        N, shape (N, N): the units' weights among each other, times the widths of their slopes.

    References
    ----------
    Berman, Plemmons, *Nonnegative Matrices in the Mathematical Sciences*, 1979, chapter 6.
    """
    if not _feeds_back(recurrent):
        power = 1.0
        while power > SMALLEST_POWER:
            powers = np.float_power(power, layers - layers.min(initial=1))
            if is_definite(recurrent, powers):
                return np.asarray(powers)
            power *= 0.5
    t = _by_comparison(recurrent)
    if t is None or not is_definite(recurrent, t):
        t = _by_program(recurrent)
    return t if t is not None and is_definite(recurrent, t) else None


def moments(inner: Array) -> Array:
    """Return E[xi xi^T] of a random xi = (x, w) that obeys every inequality strictly in the mean.

    x has independent coordinates of variance 1 and w_j = (v_j + noise_j) / 2, the noise smaller
    than v_j, so that E[w_j (v_j - w_j)] > 0; with loops the noise shrinks until that holds.
    """
    count, units = len(inner.T) - len(inner), len(inner)
    direct, recurrent = inner[:, :count], inner[:, count:]
    resolvent = np.linalg.solve(2.0 * np.eye(units) - recurrent, np.eye(units))
    share = 0.7
    noise = np.zeros(units)
    while True:
        for _ in range(ROUNDS):
            root = np.concatenate(
                [np.eye(count, count + units), resolvent @ np.hstack([direct, np.diag(noise)])]
            )
            noise = share * _lengths(inner @ root)
        outputs, units_root = inner @ root, root[count:]
        if (np.einsum("ij,ij->i", units_root, outputs - units_root) > 0.0).all() or share < 1e-6:
            return np.asarray(root @ root.T)
        share *= 0.5


def is_definite(recurrent: Array, t: Array, share: float = 0.02) -> bool:
    """Tell, in floating point, whether T (I - N) + its transpose exceeds ``share`` of 2 T."""
    if not (np.isfinite(t) & (t > 0.0)).all():
        return False
    root = np.sqrt(t)
    half = root[:, None] * recurrent / root
    matrix = (2.0 - 2.0 * share) * np.eye(len(t)) - half - half.T
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _feeds_back(recurrent: Array) -> bool:
    return bool(np.triu(recurrent).any())


def _lengths(rows: Array) -> Array:
    lengths = np.linalg.norm(rows, axis=1)
    return np.where(lengths > 0.0, lengths, 1.0)


def _by_comparison(recurrent: Array) -> Array | None:
    matrix = -np.abs(recurrent)
    np.fill_diagonal(matrix, 1.0 - np.diagonal(recurrent))
    ones = np.ones(len(matrix))
    try:
        right, left = np.linalg.solve(matrix, ones), np.linalg.solve(matrix.T, ones)
    except np.linalg.LinAlgError:
        return None
    return left / right if (right > 0.0).all() and (left > 0.0).all() else None


def _by_program(recurrent: Array) -> Array | None:
    """Maximise the least eigenvalue of T (I - N) + its transpose, with 0 <= t <= 1."""
    import picos

    from lipexplore.solvers import solve

    count = len(recurrent)
    t, least = picos.RealVariable("t", count, lower=0.0, upper=1.0), picos.RealVariable("least")
    half = picos.diag(t) * picos.Constant("I - N", np.eye(count) - recurrent)
    program = picos.Problem(name="well-posedness")
    program.set_objective("max", least)
    program.add_constraint(half + half.T - least * picos.Constant("I", np.eye(count)) >> 0)
    found = solve(program, solver="cvxopt").primal.get("t")
    return None if found is None else np.maximum(np.ravel(found), 1e-12)

"""Coefficients of linear splines on uniform knots: slopes in [-1, 1], roughness, fewer knots."""

from __future__ import annotations

import numpy as np

from lipexplore.networks.splines import Splines
from lipexplore.rounding import Array


def project_slopes(values: Array, spacing: float, largest: float = 1.0) -> Array:
    """Return SplineProj(c): all slopes clipped to [-largest, largest], the mean of c kept.

    D^+ clip(D c, -T largest, T largest) + mean(c) 1 with the first differences D, their
    pseudo-inverse D^+ and T = ``spacing``: cumulated clipped differences, shifted. It is idempotent
    and takes O(K) operations, but it is not the orthogonal projection: see
    :func:`lipexplore.relaxations.spline_programs.nearest_values`.

    Parameters
    ----------
    values
        Array (..., K).

    References
    ----------
    Ducotterd et al., JMLR 25 (2024) (arXiv 2210.16222), section 3.3.

    Examples
    --------
    >>> project_slopes(np.array([0.0, 3.0, 3.0]), spacing=1.0)
    array([1.33333333, 2.33333333, 2.33333333])
    """
    steps = np.clip(np.diff(values, axis=-1), -spacing * largest, spacing * largest)
    return np.asarray(centered_sums(steps) + values.mean(axis=-1, keepdims=True))


def pull_back(values: Array, gradient: Array, spacing: float, largest: float = 1.0) -> Array:
    """Return the derivative by c of a loss whose derivative by SplineProj(c) is ``gradient``.

    Both arrays have shape (..., K). A difference that is clipped passes nothing on.
    """
    mean = gradient.mean(axis=-1, keepdims=True)
    # the transpose of D^+: sums of everything to the right
    to_steps = np.flip(np.cumsum(np.flip(gradient - mean, -1), axis=-1), -1)[..., 1:]
    to_steps = np.where(np.abs(np.diff(values, axis=-1)) < spacing * largest, to_steps, 0.0)
    result: Array = np.zeros_like(values) + mean
    result[..., 1:] += to_steps
    result[..., :-1] -= to_steps
    return result


def centered_sums(steps: Array) -> Array:
    """Return D^+ d, shape (..., K): the values of mean 0 with the differences d, (..., K - 1)."""
    sums = np.zeros((*steps.shape[:-1], steps.shape[-1] + 1))
    np.cumsum(steps, axis=-1, out=sums[..., 1:])
    return np.asarray(sums - sums.mean(axis=-1, keepdims=True))


def total_variation(values: Array, spacing: float) -> Array:
    """Return TV2 = sum_k |c_{k+1} - 2 c_k + c_{k-1}| / T, shape (...): how much the slope changes.

    It is the l_1 norm of the ReLU weights of the spline, which few knots make small.
    """
    return np.asarray(np.abs(np.diff(values, n=2, axis=-1)).sum(axis=-1) / spacing)


def total_variation_gradient(values: Array, spacing: float) -> Array:
    """Return a subgradient of TV2 by c, shape (..., K)."""
    signs = np.sign(np.diff(values, n=2, axis=-1)) / spacing
    result = np.zeros_like(values)
    result[..., :-2] += signs
    result[..., 1:-1] -= 2.0 * signs
    result[..., 2:] += signs
    return result


def active_knots(values: Array, spacing: float, smallest: float = 1e-6) -> Array:
    """Count the inner knots where the slope changes by more than ``smallest``; shape (...)."""
    changes = np.abs(np.diff(values, n=2, axis=-1)) / spacing
    return np.asarray((changes > smallest).sum(axis=-1))


def sparsify(knots: Array, values: Array, tolerance: float) -> tuple[Array, Array]:
    """Return fewer knots (K',) whose spline errs by at most ``tolerance`` at every knot dropped.

    Greedily the knot whose neighbours' chord passes it closest goes first. What is kept is not
    moved, so every new slope is a mean of old ones: Lipschitz constant and TV2 do not grow (but for
    the rounding of a quotient). The first and the last segment stay, unless they merge with an
    equal slope: the function beyond the knots is the same.
    """
    kept = list(range(len(knots)))
    while len(kept) > 2:
        errors = [_error_without(knots, values, kept, place) for place in range(1, len(kept) - 1)]
        best = int(np.argmin(errors))
        if errors[best] > tolerance:
            break
        del kept[best + 1]
    return knots[kept], values[kept]


def _error_without(knots: Array, values: Array, kept: list[int], place: int) -> float:
    """Return the largest error at knots between the neighbours of a kept one, if it is dropped."""
    left, right = kept[place - 1], kept[place + 1]
    span = slice(left, right + 1)
    chord = np.interp(knots[span], knots[[left, right]], values[[left, right]])
    error = float(np.abs(chord - values[span]).max())
    is_outer = left == 0 or right == len(knots) - 1
    straight = error <= 4.0 * np.finfo(float).eps * float(np.abs(values[span]).max())
    return np.inf if is_outer and not straight else error


def sparse_splines(splines: Splines, tolerance: float) -> Splines:
    """Return the layer with every spline sparsified; short rows are filled up with NaN."""
    rows = []
    for t, c in zip(splines.knots, splines.values, strict=True):
        there = ~np.isnan(t)
        rows.append(sparsify(t[there], c[there], tolerance))
    filled = np.full((2, len(rows), max(len(t) for t, _ in rows)), np.nan)
    for row, (t, c) in enumerate(rows):
        filled[0, row, : len(t)], filled[1, row, : len(c)] = t, c
    return Splines(filled[0], filled[1])


def scaled(splines: Splines, factor: float) -> Splines:
    """Return x -> sigma(factor x) / factor, whose slopes are those of sigma.

    Knots and values are divided by the factor, and mirrored if it is negative; they are rounded
    unless it is a power of two.

    Raises
    ------
    ValueError
        If the factor is 0 or not finite.
    """
    if factor == 0.0 or not np.isfinite(factor):
        raise ValueError(f"a spline is scaled by a finite number that is not 0, not {factor}")
    knots, values = splines.knots / factor, splines.values / factor
    if factor < 0.0:
        knots, values = knots[:, ::-1], values[:, ::-1]
        order = np.argsort(np.isnan(knots), axis=1, kind="stable")
        knots, values = (np.take_along_axis(array, order, 1) for array in (knots, values))
    return Splines(knots, values)

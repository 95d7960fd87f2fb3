"""Quadratic programs over the coefficients of one linear spline with slopes in [-1, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import picos

SOLVER = "cvxopt"
"""The active-set method of HiGHS stops 5e-7 from the optimum of a fit, CVXOPT 1e-7."""

TOLERANCES = (1e-12, 1e-10, 1e-8)
"""Tried in this order: where the optimum is near 0, CVXOPT may fail at the sharper ones."""


@dataclass(frozen=True, eq=False)
class SplineFit:
    """A spline fitted to points.

    Parameters
    ----------
    values
        Coefficients (K,): an estimate to the solver's accuracy, not a bound.
    objective
        Value of the objective there.
    lipschitz, variation
        Largest |slope| and TV2 of the spline.
    """

    values: Array
    objective: float
    lipschitz: float
    variation: float


def nearest_values(values: Array, spacing: float, largest: float = 1.0) -> Array:
    """Return the orthogonal projection: min |c - c_0|^2 with all |c_{k+1} - c_k| <= T largest.

    Raises
    ------
    LipexploreError
        If the solver fails.
    """
    import picos

    if np.abs(np.diff(values)).max() <= spacing * largest:
        return values.copy()
    c = picos.RealVariable("c", len(values))
    problem = picos.Problem()
    problem.minimize = abs(c - values) ** 2
    _limit_slopes(problem, c, spacing, largest)
    return _solved(problem, len(values))


def fit(
    x: Array, y: Array, knots: Array, smoothing: float, largest: float | None = 1.0
) -> SplineFit:
    """Minimise (1/2N) |B c - y|^2 + lambda TV2(c) over slopes in [-largest, largest].

    B holds the hat functions of the knots at x, so that B c is the spline there.

    Parameters
    ----------
    x, y
        Arrays (N,).
    knots
        Uniform, array (K,).
    smoothing
        Weight lambda of the second-order total variation, not negative.
    largest
        None for no limit on the slopes.

    Raises
    ------
    InvalidSetting
        If lambda is negative.
    LipexploreError
        If the solver fails.

    References
    ----------
    Ducotterd et al., JMLR 25 (2024) (arXiv 2210.16222): for one layer their training problem.
    """
    import picos

    if not smoothing >= 0.0:
        raise InvalidSetting(f"the weight of the total variation must not be negative: {smoothing}")
    spacing, hats = float(knots[1] - knots[0]), hat_functions(x, knots)
    bends = np.diff(np.eye(len(knots)), n=2, axis=0)
    c = picos.RealVariable("c", len(knots))
    u = picos.RealVariable("u", len(bends), lower=0.0)
    problem = picos.Problem()
    scale = 1.0 / np.sqrt(2.0 * len(x))
    misfit = abs((scale * hats) * c - scale * y) ** 2
    problem.minimize = misfit + (smoothing / spacing) * picos.sum(u)
    problem += bends * c <= u, -(bends * c) <= u
    if largest is not None:
        _limit_slopes(problem, c, spacing, largest)
    found = _solved(problem, len(knots))
    variation = float(np.abs(bends @ found).sum() / spacing)
    return SplineFit(
        values=found,
        objective=float(np.square(hats @ found - y).sum() / (2 * len(x)) + smoothing * variation),
        lipschitz=float(np.abs(np.diff(found)).max() / spacing),
        variation=variation,
    )


def hat_functions(x: Array, knots: Array) -> Array:
    """Return B, shape (N, K): B c is the spline at x, linear beyond the outer knots."""
    segment = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    share = (x - knots[segment]) / (knots[segment + 1] - knots[segment])
    hats = np.zeros((len(x), len(knots)))
    rows = np.arange(len(x))
    hats[rows, segment], hats[rows, segment + 1] = 1.0 - share, share
    return hats


def _limit_slopes(
    problem: picos.Problem, c: picos.RealVariable, spacing: float, largest: float
) -> None:
    steps = np.diff(np.eye(len(c)), axis=0)
    problem += steps * c <= spacing * largest, -(steps * c) <= spacing * largest


def _solved(problem: picos.Problem, count: int) -> Array:
    from lipexplore.solvers import solve

    for tolerance in TOLERANCES:
        solution = solve(problem, solver=SOLVER, tolerance=tolerance)
        found = solution.primal.get("c")
        if found is not None and len(found) == count and np.isfinite(found).all():
            return np.asarray(found, dtype=np.float64)
    raise LipexploreError(f"the fit of the spline has no solution: {solution.status}")

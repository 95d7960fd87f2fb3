"""Multipliers of the slope LMI chosen layer by layer, front to back: the ECLipsE family."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, eigh, solve_triangular
from scipy.optimize import minimize_scalar

from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.rounding import Array

LARGEST_SHARE = 1.0 - 1e-9
"""How near to singular the closed form may leave a stage: slopes in [-b, b] ask for all of it."""

UNREACHED = 2.0**60
"""Multiplier of a layer that no input reaches."""

LOGIT_RANGE, LOGIT_ACCURACY = 14.0, 1e-9


@dataclass(frozen=True, eq=False)
class Stage:
    """One hidden layer z = s g with s in [lower, upper], given what is known of g = W z_before.

    The layers before have shown |u| <= |t| for some u with g = R u, R R^T = C. Multipliers
    tau >= 0 of the units lead to z^T S^-1 z <= |t|^2 with

        S = Diag(m) (C + C h (I - h C h)^-1 h C) Diag(m) + Diag(1 / (2 tau)),

    m = (lower + upper) / 2, r = (upper - lower) / 2, h = Diag(sqrt(2 tau) r), if I - h C h > 0. A
    unit with r = 0 is m g exactly: its 1 / (2 tau) is left out. S is the last diagonal block of the
    inverse of the LMI's matrix; its inverse is ECLipsE's M with Lambda = Diag(2 tau).

    Parameters
    ----------
    covariance
        C, shape (n, n).
    lower, upper
        Ends of the slopes, arrays (n,).
    following
        The next weights W', shape (n', n): a tau is rated by lambda_max(W' S W'^T).
    """

    covariance: Array
    lower: Array
    upper: Array
    following: Array

    @cached_property
    def middle(self) -> Array:
        """The m."""
        return 0.5 * self.lower + 0.5 * self.upper

    @cached_property
    def radius(self) -> Array:
        """The r."""
        return 0.5 * self.upper - 0.5 * self.lower

    @cached_property
    def free(self) -> NDArray[np.bool_]:
        """Which units have r > 0."""
        return self.radius > 0.0

    def after(self, tau: Array) -> Array | None:
        """Return S in floating point, None unless I - h C h > 0."""
        h = np.sqrt(2.0 * tau) * self.radius
        scaled = h[:, None] * self.covariance
        try:
            factor = cholesky(np.eye(len(h)) - scaled * h, lower=True)
        except (np.linalg.LinAlgError, ValueError):  # not positive, or not finite
            return None
        half = solve_triangular(factor, scaled, lower=True)
        grown = self.middle[:, None] * (self.covariance + half.T @ half) * self.middle
        grown[np.diag_indices(len(h))] += np.where(self.free, 0.5 / tau, 0.0)
        return np.asarray(0.5 * (grown + grown.T))

    def rating(self, tau: Array) -> float:
        """Return lambda_max(W' S W'^T) in floating point, inf where there is no S."""
        grown = self.after(tau)
        return math.inf if grown is None else largest(self.following @ grown @ self.following.T)


Choice = Callable[[Stage], Array]


class StageMultipliers(NamedTuple):
    """The tau of every hidden layer for mu = 1, and the bound on the chain by the formula."""

    units: tuple[Array, ...]
    value: float


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def stage_multipliers(chain: SlopeChain, choose: Choice) -> StageMultipliers:
    """Choose every layer's multipliers given those of the layers before (input norm l_2).

    The value sqrt(lambda_max(W_{d+1} S_d W_{d+1}^T)) is computed in floating point: a bound only
    once it is proven from the multipliers; inf where a stage fails.

    References
    ----------
    Xu and Sivaranjani, NeurIPS 2024 (arXiv 2404.04375).
    """
    units: list[Array] = []
    state = None
    for weight, lower, upper, following in zip(
        chain.weights, chain.lower, chain.upper, chain.weights[1:], strict=False
    ):
        stage = Stage(_carried(weight, state), lower, upper, following)
        units.append(choose(stage))
        state = stage.after(units[-1])
        if state is None:
            return StageMultipliers(tuple(map(np.ones_like, chain.lower)), math.inf)
    square = largest(_carried(chain.weights[-1], state))
    return StageMultipliers(tuple(units), math.sqrt(max(square, 0.0)))


def chain_value(chain: SlopeChain, units: tuple[Array, ...]) -> float:
    """Return the bound on the chain by the formula for given tau, inf where they prove none."""
    given = iter(units)
    return stage_multipliers(chain, lambda stage: next(given)).value


def _carried(weight: Array, state: Array | None) -> Array:
    """Return W S W^T, with S = I for the input."""
    carried = weight @ weight.T if state is None else weight @ state @ weight.T
    return np.asarray(0.5 * (carried + carried.T))


def largest(matrix: Array) -> float:
    """Return the largest eigenvalue of a symmetric matrix in floating point."""
    if not np.isfinite(matrix).all():
        return math.inf
    last = len(matrix) - 1
    return float(eigh(matrix, eigvals_only=True, subset_by_index=(last, last))[0])


def closed_form(stage: Stage) -> Array:
    """Return tau_j = b_j / (2 r_j c), b_j the largest |slope| and c = lambda_max(b C b).

    Then S <= c I, so no layer counts more than in the norm product: with x_j = r_j / b_j,
    h C h <= x in coordinates scaled by b, hence S <= c (m^2 / (b^2 (1 - x)) + x) = c. For slopes in
    [0, b] this is ECLipsE-Fast; it holds for slopes of both signs, which "Lambda = 2 / lambda_max"
    with alpha beta left out does not.
    """
    steepest = np.abs(stage.middle) + stage.radius
    size = largest(steepest[:, None] * stage.covariance * steepest)
    if not size > 0.0:
        return np.full(len(steepest), UNREACHED)
    ratio = np.where(stage.free, steepest, 1.0) / np.where(stage.free, stage.radius, 1.0)
    return np.minimum(ratio, LARGEST_SHARE * np.square(ratio)) / (2.0 * size)


def line_search(stage: Stage) -> Array:
    """Return the multiple of the closed form with the least lambda_max(W' S W'^T).

    1 / lambda_max is concave in the multiple, as the value of an LMI. With h C h = Q Diag(x) Q^T
    for the closed form every other multiple costs one product and one eigenvalue. The search runs
    over the logit of the multiple's share of what would make I - h C h singular.
    """
    shape = closed_form(stage)
    h = np.sqrt(2.0 * shape) * stage.radius
    shares, vectors = np.linalg.eigh(h[:, None] * stage.covariance * h)
    limit = 1.0 / float(shares[-1]) if shares[-1] > 0.0 else math.inf
    if not math.isfinite(limit):
        return shape
    onward = stage.following * stage.middle
    direct = onward @ stage.covariance
    through, along = direct @ onward.T, direct @ (h[:, None] * vectors)
    own = (stage.following * np.where(stage.free, 0.5 / shape, 0.0)) @ stage.following.T

    def rating(logit: float) -> float:
        multiple = limit / (1.0 + math.exp(-logit))
        spread = (along * (multiple / (1.0 - multiple * shares))) @ along.T
        return largest(through + spread + own / multiple)

    found = minimize_scalar(
        rating,
        bounds=(-LOGIT_RANGE, LOGIT_RANGE),
        method="bounded",
        options={"xatol": LOGIT_ACCURACY},
    )
    return np.asarray(shape * (limit / (1.0 + math.exp(-float(found.x)))))

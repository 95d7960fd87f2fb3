"""A proven bound from any multipliers of the slope LMI, by floating-point Cholesky."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from lipexplore.certificates.psd import is_proven_semidefinite
from lipexplore.networks.slope_system import SectorSystem
from lipexplore.norms import Norm
from lipexplore.rounding import UNDERFLOW, UNIT, Array, sum_up, up

BLENDS = (0.0, *(10.0**power for power in range(-14, 3, 2)))
SAFETY = 3.0
LARGEST_MULTIPLIER = 2.0**500
WIDENINGS = (1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-7, 1e-5, 1e-3, 1.0)


@dataclass(frozen=True, eq=False)
class LMICertificate:
    """Numbers lambda, mu, t >= 0 for which M(lambda, mu, t) is proven positive semidefinite.

    They belong to the :class:`SectorSystem` of the question, in its scaling.

    Parameters
    ----------
    outer
        lambda, one for all outputs.
    inputs
        mu: one per input for l_inf, a single one for l_2.
    units
        t, one per unit of the system.
    value
        sqrt(lambda sum(mu)) 2^exponent, rounded up: the proven bound; inf where nothing is proven.
    """

    outer: float
    inputs: Array
    units: Array
    value: float


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def verified_bound(
    system: SectorSystem, norm: Norm, inputs: Array | None = None, units: Array | None = None
) -> LMICertificate:
    """Return a proven bound that multipliers mu, t give, whatever they are.

    For lambda, mu, t >= 0 let M be the symmetric matrix of the quadratic form in (y, x, w)

        lambda |y|^2 + sum_k mu_k x_k^2 - 2 y . F(x, w) - sum_j t_j w_j (width_j v_j - w_j).

    Slopes in [0, width_j] make every subtracted product non-negative, so if M >= 0 then
    2 y . f <= lambda |y|^2 + sum mu for every gradient direction f and every x of the unit ball,
    hence |f|_2 <= sqrt(lambda sum(mu)) for the best y. The solver's lambda is not used: given
    (mu, t), the least one is the largest eigenvalue of F H^-1 F^T, where H is M without y. If it
    fails, or is poor, (mu, t) is blended with multipliers that are strictly feasible by
    construction. Candidates are ranked in floating point; the first for which M >= 0 is proven
    (:func:`is_proven_semidefinite`, every rounding in M counted) is the certificate. Negative, NaN
    and infinite multipliers count as 0.

    Parameters
    ----------
    system
        The network in sector form.
    norm
        Input norm: L2 (any outputs, measured in l_2) or LINF (for one output; for several the
        output norm is l_2).
    inputs, units
        mu and t, or None for none.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893); Jansson, Chaykin, Keil, SIAM J. Numer. Anal. 46
    (2007), for the idea of repairing a solver's dual.
    """
    if not system.outer.any() and not system.outer_error.any():
        inputs = np.ones(n_input_multipliers(system, norm))
        return LMICertificate(0.0, inputs, np.zeros(system.n_units), 0.0)
    given = _cleaned(system, norm, inputs, units)
    for outer, mu, t in _candidates(system, norm, *given):
        matrix, error = slope_matrix(system, norm, outer, mu, t)
        if is_proven_semidefinite(matrix, error, SAFETY):
            return LMICertificate(outer, mu, t, _value(system, outer, mu))
    return LMICertificate(math.inf, given[0], given[1], math.inf)


def n_input_multipliers(system: SectorSystem, norm: Norm) -> int:
    """Return how many numbers mu there are."""
    return 1 if norm is Norm.L2 else system.n_inputs


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def slope_matrix(
    system: SectorSystem, norm: Norm, outer: float, inputs: Array, units: Array
) -> tuple[Array, Array]:
    """Return M(lambda, mu, t) in floating point and a bound of its error, entry by entry.

    Shape (p + n_0 + N, p + n_0 + N). Every entry is a single product, no sum: t_j width_j / 2 times
    an entry of V (three roundings, one of them of the width), or an entry of F.
    """
    n_outer, n_inputs = system.n_outputs, system.n_inputs
    start = n_outer + n_inputs
    size = start + system.n_units
    mu = np.broadcast_to(inputs, n_inputs)
    matrix, error = np.zeros((size, size)), np.zeros((size, size))
    weights = (0.5 * units * system.width)[:, None]
    matrix[start:, n_outer:] = -weights * system.inner
    rounding = 16.0 * UNIT * np.abs(matrix[start:, n_outer:]) + UNDERFLOW
    spread = weights * system.inner_error * (1.0 + 16.0 * UNIT)
    touched = (system.inner != 0.0) | (system.inner_error > 0.0)
    error[start:, n_outer:] = np.where(touched & (units > 0.0)[:, None], spread + rounding, 0.0)
    matrix[n_outer:, :n_outer] = -system.outer.T
    error[n_outer:, :n_outer] = system.outer_error.T
    matrix += matrix.T
    error += error.T
    np.fill_diagonal(matrix, np.concatenate([np.full(n_outer, outer), mu, units]))
    return matrix, error


def _cleaned(
    system: SectorSystem, norm: Norm, inputs: Array | None, units: Array | None
) -> tuple[Array, Array]:
    """Return non-negative finite multipliers of the right shapes, the inputs' summing to about 1.

    M >= 0 for (lambda, mu, t) is M >= 0 for (lambda / c, c mu, c t), so a common factor is free.
    """
    mu = _clean(inputs, n_input_multipliers(system, norm))
    t = _clean(units, system.n_units)
    total = float(mu.sum()) or float(t.max(initial=0.0)) or 1.0
    power = -math.frexp(min(total, 2.0**1000))[1]
    return _clean(np.ldexp(mu, power), len(mu)), _clean(np.ldexp(t, power), len(t))


def _clean(multipliers: Array | None, count: int) -> Array:
    if multipliers is None or np.shape(multipliers) != (count,):
        return np.zeros(count)
    usable = np.isfinite(multipliers) & (multipliers > 0.0)
    return np.where(usable, np.minimum(multipliers, LARGEST_MULTIPLIER), 0.0)


def _candidates(
    system: SectorSystem, norm: Norm, inputs: Array, units: Array
) -> Iterator[tuple[float, Array, Array]]:
    """Yield lambda, mu and t, not proven: the best by estimate up to the first blend that is worse.

    The remaining blends follow, for multipliers that cannot be proven otherwise.
    """
    safe_inputs, safe_units = interior_multipliers(system, norm)
    first = system.n_outputs
    given, _ = slope_matrix(system, norm, 1.0, inputs, units)
    safe, _ = slope_matrix(system, norm, 1.0, safe_inputs, safe_units)
    widenings = [w for w in WIDENINGS if w > UNIT * len(given) ** 2]  # less is never proven
    batch: list[tuple[float, float, Array, Array]] = []
    previous = math.inf
    for blend in BLENDS:
        least = _least_outer(given[first:, first:] + blend * safe[first:, first:], system.outer)
        if least is None:
            continue
        mu, t = inputs + blend * safe_inputs, units + blend * safe_units
        square = least * float(mu.sum())
        batch += [(square * (1.0 + w), least * (1.0 + w), mu, t) for w in widenings]
        if square > previous:
            yield from _ranked(batch)
            batch = []
        previous = square
    yield from _ranked(batch)


def _ranked(
    batch: list[tuple[float, float, Array, Array]],
) -> Iterator[tuple[float, Array, Array]]:
    for _, outer, mu, t in sorted(batch, key=lambda candidate: candidate[0]):
        yield outer, mu, t


def _least_outer(matrix: Array, outer: Array) -> float | None:
    """Return the largest eigenvalue of F H^-1 F^T in floating point; None unless H > 0."""
    try:
        factor = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return None
    root = float(np.linalg.norm(solve_triangular(factor, outer.T, lower=True), 2))
    return root * root if math.isfinite(root) and root > 0.0 else None


def interior_multipliers(system: SectorSystem, norm: Norm) -> tuple[Array, Array]:
    """Return (mu, t) with H >= Diag(mu, t) / 4 up to rounding, and sum(mu) = 1.

    With one t_l per layer and r_lk the norm of the weights from layer k to layer l, layer 0 being
    the inputs, t_l <= t_k / (2 l d r_lk^2) for all k < l suffices: each coupling takes
    t_l / (2 l) from layer l and l t_l r_lk^2 / 2 from layer k, and there are d layers.
    """
    count = n_input_multipliers(system, norm)
    present = np.unique(system.layers)
    columns = np.concatenate([np.zeros(system.n_inputs, dtype=np.int64), system.layers])
    levels = {0: 1.0 / count}
    for position, layer in enumerate(present.tolist(), 1):
        rows = system.layers == layer
        weights = system.width[rows, None] * system.inner[rows]
        levels[layer] = min(
            level
            / max(2.0 * position * len(present) * _squared_norm(weights[:, columns == k]), 1e-300)
            for k, level in levels.items()
        )
    units = np.array([levels[layer] for layer in system.layers.tolist()], dtype=np.float64)
    return np.full(count, levels[0]), units


def _squared_norm(matrix: Array) -> float:
    """Estimate the square of the spectral norm by power iteration, from a fixed start."""
    vector = np.random.default_rng(0).standard_normal((matrix.shape[1],))
    size = 0.0
    for _ in range(12):
        image = matrix.T @ (matrix @ vector)
        size = float(np.linalg.norm(image))
        if size == 0.0:
            break
        vector = np.divide(image, size)
    return 1.2 * size


def _value(system: SectorSystem, outer: float, inputs: Array) -> float:
    """Return sqrt(lambda sum(mu)) 2^exponent, rounded up."""
    product = float(up(up(outer) * sum_up(inputs.tolist())))
    try:
        return float(up(math.ldexp(float(up(math.sqrt(product))), system.exponent)))
    except OverflowError:
        return math.inf

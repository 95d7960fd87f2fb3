"""Proven incremental quadratic constraints from any multipliers, by floating-point Cholesky."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh

from lipexplore.certificates.psd import is_proven_semidefinite
from lipexplore.networks.slope_system import SectorSystem
from lipexplore.rounding import UNIT, Array, product_error

BLENDS = (0.0, *(10.0**power for power in range(-14, 1, 2)))
WIDENINGS = (0.0, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-7, 1e-5, 1e-3, 1.0)
SAFETY = 3.0
LARGEST_MULTIPLIER = 2.0**500
STRICT = 2.0**-30
"""Part of every multiplier that a strict inequality leaves over."""


@dataclass(frozen=True, eq=False)
class IncrementalCertificate:
    """Multipliers that prove [dx; df]^T Q [dx; df] >= level dx^T R dx for all pairs of inputs.

    Parameters
    ----------
    supply
        Q, symmetric, shape (n_0 + p, n_0 + p).
    metric
        R, symmetric, shape (n_0, n_0).
    level
        Rounded down; -inf where nothing is proven.
    units
        t >= 0, one per unit of the sector system.
    well_posed
        For systems with loops: multipliers, one per unit of the system over the whole space, for
        which every input has exactly one equilibrium; None where there are no loops.
    """

    supply: Array
    metric: Array
    level: float
    units: Array
    well_posed: Array | None = None


@np.errstate(over="ignore", under="ignore", invalid="ignore")
def incremental_matrix(
    system: SectorSystem, supply: Array, metric: Array, level: float, units: Array
) -> tuple[Array, Array]:
    """Return M in floating point and a bound of its error, entry by entry.

    M is the symmetric matrix of the quadratic form in xi = (dx, w), with df = F xi and v = V xi,

        [dx; df]^T Q [dx; df] - level dx^T R dx - sum_j t_j w_j (width_j v_j - w_j).

    Shape (n_0 + N, n_0 + N). Outputs count in units of 2^exponent, and Q accordingly.
    """
    count, outputs = system.n_inputs, system.n_outputs
    cross = np.ldexp(supply[:count, count:], system.exponent)
    square = np.ldexp(supply[count:, count:], 2 * system.exponent)
    outer, doubt = system.outer, system.outer_error
    size, larger = np.abs(outer), np.abs(outer) + doubt
    half, spread, sizes = (np.zeros((len(outer.T),) * 2) for _ in range(3))
    half[:count] = cross @ outer
    spread[:count] = np.abs(cross) @ doubt
    sizes[:count] = np.abs(cross) @ size
    half += 0.5 * outer.T @ (square @ outer)
    spread += larger.T @ (np.abs(square) @ doubt)
    sizes += 0.5 * size.T @ (np.abs(square) @ size)
    terms = (0.5 * units * system.width)[:, None] * system.inner
    half[count:] -= terms
    spread[count:] += (0.5 * units * system.width)[:, None] * system.inner_error
    sizes[count:] += np.abs(terms)
    half[:count, :count] += 0.5 * supply[:count, :count] - 0.5 * (level * metric)
    sizes[:count, :count] += 0.5 * np.abs(supply[:count, :count]) + 0.5 * np.abs(level * metric)
    matrix, magnitude = half + half.T, sizes + sizes.T
    places = np.arange(count, len(matrix))
    matrix[places, places] += units
    magnitude[places, places] += units
    rounding = product_error(2 * outputs + 24, magnitude)
    if _is_constant(system) and not units.any():
        rounding[magnitude == 0.0] = 0.0
    return matrix, (spread + spread.T) * (1.0 + 2.0**-20) + rounding


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def verified_level(
    system: SectorSystem,
    supply: Array,
    metric: Array,
    units: Array | None = None,
    interior: Array | None = None,
) -> IncrementalCertificate:
    """Return a proven level that multipliers t give, whatever they are.

    Slopes in [0, width_j] make every product w_j (width_j v_j - w_j) non-negative, so M >= 0 for
    some t >= 0 proves the constraint. The solver's level is not used: given t, the best one is the
    least eigenvalue, in the metric R, of the Schur complement of M's block of units. Where that
    block is not positive definite, or little is gained, t is blended with ``interior``. Candidates
    are ranked in floating point; the first for which M >= 0 is proven with every rounding in M
    counted is the certificate. Negative, NaN and infinite multipliers count as 0.

    Parameters
    ----------
    system
        The map in sector form.
    supply, metric
        Q and R; R must be positive definite.
    units
        t, or None for none.
    interior
        Multipliers with which the terms of the units are positive definite, up to their size.

    References
    ----------
    Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981); Rump, *Verification of positive
    definiteness*, BIT 46 (2006); Jansson, Chaykin, Keil, SIAM J. Numer. Anal. 46 (2007), for the
    repair.
    """
    if _is_constant(system):
        units = interior = None
    given = _cleaned(units, system.n_units)
    safe = strictly_feasible(system, supply, metric, _cleaned(interior, system.n_units))
    for level, t in _candidates(system, supply, metric, given, safe):
        matrix, error = incremental_matrix(system, supply, metric, level, t)
        if is_proven_semidefinite(matrix, error, SAFETY):
            return IncrementalCertificate(supply, metric, level, t)
    return IncrementalCertificate(supply, metric, -math.inf, given)


def is_proven_contracting(system: SectorSystem, units: Array) -> bool:
    """Prove sum_j t_j w_j (w_j - width_j v_j) > 0 for dx = 0 and every w != 0, and t > 0.

    Then every input of a system with loops has exactly one equilibrium: T (I - diag(width) V_w) has
    a positive definite symmetric part, and the units' slopes lie in [0, width].

    References
    ----------
    Revay, Wang, Manchester 2020 (arXiv 2010.01732), theorem 1.
    """
    if system.n_units == 0:
        return True
    if np.shape(units) != (system.n_units,) or not (np.isfinite(units) & (units > 0.0)).all():
        return False
    count, outputs = system.n_inputs, system.n_outputs
    nothing = np.zeros((count + outputs,) * 2)
    matrix, error = incremental_matrix(system, nothing, np.zeros((count, count)), 0.0, units)
    places = np.arange(count, len(matrix))
    error[places, places] += STRICT * units
    return is_proven_semidefinite(matrix[count:, count:], error[count:, count:], SAFETY)


def strictly_feasible(
    system: SectorSystem, supply: Array, metric: Array, interior: Array
) -> Array | None:
    """Return the least of ``interior`` times powers of 4 for which M's block of units is definite.

    None if none of them does.
    """
    count = system.n_inputs
    fixed, _ = incremental_matrix(system, supply, metric, 0.0, np.zeros(system.n_units))
    terms, _ = incremental_matrix(system, 0.0 * supply, metric, 0.0, interior)
    fixed, terms = fixed[count:, count:], terms[count:, count:]
    sizes = [float(np.abs(np.diagonal(block)).max(initial=0.0)) for block in (fixed, terms)]
    if not all(map(math.isfinite, sizes)) or (len(terms) and sizes[1] == 0.0):
        return None
    power = math.frexp(sizes[0] / sizes[1])[1] - 20 if sizes[0] and sizes[1] else 0
    for exponent in range(power, power + 80, 2):
        factor = math.ldexp(1.0, min(max(exponent, -900), 900))
        if _factor(fixed + factor * terms) is not None:
            return 2.0 * factor * interior
    return None


def schur_level(matrix: Array, metric: Array) -> tuple[float, float]:
    """Return the largest level for which M - level R is semidefinite, and the size of the numbers.

    M is :func:`incremental_matrix` at level 0; (-inf, 0) if its block of units is not definite.
    """
    count = len(metric)
    factor = _factor(matrix[count:, count:])
    if factor is None:
        return -math.inf, 0.0
    mixed = matrix[count:, :count]
    complement = matrix[:count, :count] - mixed.T @ cho_solve(factor, mixed)
    try:
        values = eigh(0.5 * (complement + complement.T), metric, eigvals_only=True)
    except (np.linalg.LinAlgError, ValueError):
        return -math.inf, 0.0
    return float(values[0]), float(np.abs(values).max())


def _candidates(
    system: SectorSystem, supply: Array, metric: Array, given: Array, safe: Array | None
) -> Iterator[tuple[float, Array]]:
    """Yield levels and t, not proven: the best by estimate up to the first blend that is worse.

    The remaining blends follow, for multipliers that cannot be proven otherwise.
    """
    order = system.n_inputs + system.n_units
    batch: list[tuple[float, Array]] = []
    previous = -math.inf
    for blend in BLENDS if safe is not None else BLENDS[:1]:
        units = given if safe is None or blend == 0.0 else (1.0 - blend) * given + blend * safe
        matrix, _ = incremental_matrix(system, supply, metric, 0.0, units)
        if _is_constant(system):
            matrix = matrix[: len(metric), : len(metric)]
        level, size = schur_level(matrix, metric)
        if not math.isfinite(level):
            continue
        rest = [w * size for w in WIDENINGS if w == 0.0 or w > UNIT * order]
        batch += [(level - lost, units) for lost in rest]
        if level < previous:
            yield from _ranked(batch)
            batch = []
        previous = level
    yield from _ranked(batch)


def _is_constant(system: SectorSystem) -> bool:
    """Tell whether df is proven to be 0, so that no unit matters."""
    return not system.outer.any() and not system.outer_error.any()


def _ranked(batch: list[tuple[float, Array]]) -> list[tuple[float, Array]]:
    return sorted(batch, key=lambda candidate: -candidate[0])


def _cleaned(multipliers: Array | None, count: int) -> Array:
    if multipliers is None or np.shape(multipliers) != (count,):
        return np.zeros(count)
    usable = np.isfinite(multipliers) & (multipliers > 1.0 / LARGEST_MULTIPLIER)
    return np.where(usable, np.minimum(multipliers, LARGEST_MULTIPLIER), 0.0)


def _factor(matrix: Array) -> tuple[Array, bool] | None:
    try:
        factor: tuple[Array, bool] = cho_factor(matrix, lower=True)
    except (np.linalg.LinAlgError, ValueError):
        return None
    return factor

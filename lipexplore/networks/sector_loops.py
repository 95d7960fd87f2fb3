"""Sector form of systems whose units may feed back: z = phi(W z + U x + b) with any square W."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.errors import UnsupportedQuestion
from lipexplore.networks.slope_system import SectorSystem, SlopeSystem, sector_system
from lipexplore.rounding import UNIT, Array, product_error, up

LARGEST_DEFECT = 0.5
"""How far an approximate inverse times the matrix may be from the identity."""


@dataclass(frozen=True, eq=False)
class _Enclosed:
    """A matrix of floats and a bound of its error, entry by entry."""

    value: Array
    error: Array


def has_loops(system: SlopeSystem) -> bool:
    """Tell whether some weight leads from a unit to one of its own or an earlier layer."""
    layer = np.repeat(np.arange(len(system.layers)), system.layers)
    entries = system.incoming.tocoo()
    inside = (entries.col >= system.n_inputs) & (entries.data != 0.0)
    targets = layer[entries.row[inside]]
    return bool((layer[entries.col[inside] - system.n_inputs] >= targets).any())


def any_sector_system(system: SlopeSystem) -> SectorSystem:
    """Substitute z_j = lower_j v_j + w_j, layer by layer or, where there are loops, by an inverse.

    With A = diag(lower) the pre-activations obey (I - W A) v = U x + W w, so

        V = (I - W A)^-1 [U W],   F = [D C] + C A V.

    The inverse is enclosed: with R close to (I - W A)^-1 and ||I - R (I - W A)|| < 1/2 it exists,
    which is part of what makes the system well-posed. Where all lower slopes are 0 nothing is
    inverted and nothing rounded. Units with lower = upper, and those that nothing reaches, leave.

    Raises
    ------
    UnsupportedQuestion
        If I - W A is not proven to be invertible.

    References
    ----------
    Rump, *Verification methods*, Acta Numerica 19 (2010), section 10.
    """
    if not has_loops(system):
        return sector_system(system)
    n_inputs, weights = system.n_inputs, system.incoming.toarray()
    inner = _solved(weights[:, n_inputs:], system.lower, weights)
    outer = _outputs(system, inner)
    touched = ((inner.value != 0.0) | (inner.error > 0.0)).any(axis=1)
    kept = np.flatnonzero((system.lower < system.upper) & touched)
    columns = np.concatenate([np.arange(n_inputs), n_inputs + kept])
    return SectorSystem(
        inner=inner.value[np.ix_(kept, columns)],
        inner_error=inner.error[np.ix_(kept, columns)],
        outer=outer.value[:, columns],
        outer_error=outer.error[:, columns],
        width=np.where(system.lower == 0.0, system.upper, up(system.upper - system.lower))[kept],
        units=kept,
        exponents=np.zeros(len(kept), dtype=np.int64),
        exponent=0,
        layers=np.ones(len(kept), dtype=np.int64),
    )


@np.errstate(over="ignore", invalid="ignore")
def _solved(recurrent: Array, base: Array, right: Array) -> _Enclosed:
    """Enclose (I - W A)^-1 B: with E = I - R K it is X + (I - E)^-1 R (B - K X) for any X."""
    if not base.any():
        return _Enclosed(right, np.zeros_like(right))
    count = len(base)
    matrix = np.eye(count) - recurrent * base
    absolute = np.abs(matrix)
    doubt = 4.0 * UNIT * (np.abs(recurrent * base) + np.eye(count))
    try:
        root = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        root = np.full_like(matrix, np.nan)
    size = np.abs(root)
    defect = np.abs(np.eye(count) - root @ matrix) + size @ doubt * (1.0 + 2.0**-20)
    defect += product_error(count + 4, size @ absolute + np.eye(count))
    norm = float(up(defect.sum(axis=1).max() * (1.0 + 2.0**-20)))
    if not norm < LARGEST_DEFECT:
        raise UnsupportedQuestion(
            "I - W diag(lower slopes) is not proven to be invertible, so the equilibrium may not "
            "be unique: rescale the recurrent weights"
        )
    value = root @ right
    residual = np.abs(right - matrix @ value) + doubt @ np.abs(value) * (1.0 + 2.0**-20)
    residual += product_error(count + 4, absolute @ np.abs(value) + np.abs(right))
    first = up((size @ residual) * (1.0 + 2.0**-20))
    spread = norm / (1.0 - norm) * (1.0 + 2.0**-20)
    return _Enclosed(value, up(first + spread * first.max(axis=0, initial=0.0)))


def _outputs(system: SlopeSystem, inner: _Enclosed) -> _Enclosed:
    """Enclose [D C] + C A V."""
    outgoing = system.outgoing.toarray()
    direct = outgoing[:, system.n_inputs :]
    if not system.lower.any():
        return _Enclosed(outgoing, np.zeros_like(outgoing))
    through = direct * system.lower
    magnitude = np.abs(through) @ (np.abs(inner.value) + inner.error) + np.abs(outgoing)
    error = np.abs(through) @ inner.error * (1.0 + 2.0**-20)
    error += product_error(len(direct.T) + 4, magnitude)
    return _Enclosed(outgoing + through @ inner.value, up(error))

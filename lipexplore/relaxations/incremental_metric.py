"""The linear matrix inequality that looks for a quadratic norm in which a map contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipexplore.networks.slope_system import SectorSystem
from lipexplore.relaxations.incremental_start import scaled_units
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import picos

LARGEST_CONDITION = 1e6
"""Of the norm: P has eigenvalues between trace(P) / n times the inverse and times n."""


def metric_problem(system: SectorSystem, rate: float, *, flow: bool) -> tuple[picos.Problem, Array]:
    """State in PICOS: find P > 0 and t >= 0 for which the map contracts at ``rate`` in |.|_P.

    The matrix of the quadratic form

        rate dx^T P dx - df^T P df - sum_j t_j w_j (width_j v_j - w_j)

    (for a flow x' = f(x): - dx^T P df instead of - df^T P df) shall exceed ``room`` times the
    identity; ``room`` is as large as possible under trace(P) = n. It is linear in P, t and
    ``room`` together, but not in the rate.

    Returns
    -------
    problem, scales
        Variables "P" (n, n), "t" (N,), "room"; t counts in units that ``scales`` undoes:
        t_j / scales_j^2 is the multiplier of the source.

    References
    ----------
    Lohmiller, Slotine, Automatica 34 (1998); Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981).
    """
    import picos

    count, units = system.n_inputs, system.n_units
    width = np.concatenate([np.ones(count), system.width])
    inner = width[count:, None] * system.inner
    sizes = scaled_units(inner, 1.0, system.layers)
    scales = np.concatenate([np.ones(count), sizes])
    inner = inner * scales / sizes[:, None]
    outer = np.ldexp(system.outer, system.exponent) * scales
    straight = np.eye(count, count + units)
    metric = picos.SymmetricVariable("P", count)
    room = picos.RealVariable("room")
    f, x = picos.Constant("F", outer), picos.Constant("E", straight)
    form = rate * x.T * metric * x
    crossed = x.T * metric * f
    form -= 0.5 * (crossed + crossed.T) if flow else f.T * metric * f
    if units:
        t = picos.RealVariable("t", units, lower=0.0)
        halves = np.concatenate([np.zeros((units, count)), np.eye(units)], axis=1) - inner
        terms = _lifted(count, units) * picos.diag(t) * picos.Constant("H", 0.5 * halves)
        form += terms + terms.T
    problem = picos.Problem(name="contraction metric")
    problem.set_objective("max", room)
    problem.add_constraint(form - room * picos.Constant("I", np.eye(count + units)) >> 0)
    problem.add_constraint(metric - picos.Constant("least", np.eye(count) / LARGEST_CONDITION) >> 0)
    problem.add_constraint(picos.trace(metric) == count)
    return problem, sizes


def _lifted(count: int, units: int) -> picos.Constant:
    import picos

    return picos.Constant("L", np.eye(count + units, units, -count))

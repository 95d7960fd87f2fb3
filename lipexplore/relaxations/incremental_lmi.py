"""The linear matrix inequality that certifies incremental quadratic constraints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.certificates.incremental import schur_level
from lipexplore.errors import InvalidSetting, UnsupportedQuestion
from lipexplore.networks.slope_system import SectorSystem
from lipexplore.norms import Norm
from lipexplore.relaxations.incremental_start import ROOM, interior, moments, scaled_units
from lipexplore.relaxations.slope_lmi import with_reduced_input
from lipexplore.rounding import Array

if TYPE_CHECKING:
    import picos

    from lipexplore.solvers.structured_ipm import Pair, StructuredProgram
    from lipexplore.solvers.structured_kkt import DiagonalProductLMI

POWERS = range(-12, 60, 2)
"""Of 2, times which the interior multipliers are tried as a start."""

TINY = 1e-12


@dataclass(frozen=True, eq=False)
class IncrementalLMI:
    """The smallest cost . (c_0, t) with constant + c_0 I_x + sum_j t_j (..) positive semidefinite.

    M is the matrix of the quadratic form in xi = (dx, w), with df = F xi and v = V xi,

        [dx; df]^T Q [dx; df] - level dx^T R dx - sum_j t_j w_j (width_j v_j - w_j),

    and level = top - c_0 is as large as possible. Some slopes have a level below ``top``, so c_0
    stays positive. Coordinates are scaled so that R becomes the identity, rows of V have length
    about 1, and so does M. For the l_inf norm there is one mu_k = -R_kk level per input instead.

    Parameters
    ----------
    source, supply, metric
        The map in sector form, Q and R.
    constant
        M without c_0 and t.
    rows
        B, with M = constant + Diag(c) B + B^T Diag(c) for the variables c, c_0 repeated.
    n_inputs
        Number of input coordinates, which c_0 multiplies.
    sizes
        Array (N,): what one unit of each scaled w_j is in the source.
    top, unit
        level = top - unit cost . c.
    norm
        L2, or LINF where the metric is to be found as well.
    interior
        Multipliers that are strictly feasible but for a factor, in scaled coordinates; or None.

    References
    ----------
    Hashemi, Ruths, Fazlyab, L4DC 2021 (arXiv 2012.05981); Fazlyab et al., NeurIPS 2019 (arXiv
    1906.04893).
    """

    source: SectorSystem
    supply: Array
    metric: Array
    constant: Array
    rows: Array
    n_inputs: int
    sizes: Array
    top: float
    unit: float
    norm: Norm
    interior: Array | None

    @property
    def size(self) -> dict[str, int]:
        """Order of the matrix, number of variables, units with a free slope, input coordinates."""
        return {
            "order": len(self.rows),
            "variables": len(self.cost),
            "units": len(self.sizes),
            "inputs": self.n_inputs,
        }

    @cached_property
    def cost(self) -> Array:
        """The objective's coefficients of (c_0, t) or (mu, t)."""
        inputs = [float(self.n_inputs)] if self.norm is Norm.L2 else [1.0] * self.n_inputs
        return np.concatenate([inputs, np.zeros(len(self.sizes))])

    def structure(self) -> DiagonalProductLMI:
        """Return what the structured solvers need to know."""
        from lipexplore.solvers.structured_kkt import DiagonalProductLMI

        inputs = [self.n_inputs] if self.norm is Norm.L2 else [1] * self.n_inputs
        repeats = np.array([*inputs, *[1] * len(self.sizes)], dtype=np.int64)
        return DiagonalProductLMI(self.rows, repeats)

    def program(self) -> StructuredProgram:
        """State the program without PICOS, for the interior point method made for it."""
        from lipexplore.solvers.structured_ipm import StructuredProgram

        return StructuredProgram(self.structure(), self.constant, self.cost)

    def problem(self, margin: float = 0.0) -> picos.Problem:
        """State the program in PICOS, with M >= margin I."""
        from lipexplore.relaxations.diagonal_product import diagonal_product_problem

        return diagonal_product_problem(
            self.structure(), self.constant, self.cost, "incremental LMI", margin
        )

    def start(self) -> Pair | None:
        """Return strictly feasible variables and moments plus mu M^-1; None if there are none."""
        from lipexplore.solvers.structured_ipm import Pair

        structure, count, units = self.structure(), self.n_inputs, len(self.sizes)
        if self.interior is None:
            return None
        best: Array | None = None
        for power in POWERS:
            c = np.zeros(len(self.cost))
            c[len(c) - units :] = math.ldexp(1.0, power) * self.interior
            level, size = schur_level(self.constant + structure.value(c), np.eye(count))
            if math.isfinite(level):
                c[: len(c) - units] = 2.0 * max(-level, 0.1 * size, TINY)
                if best is not None and c[0] > best[0]:
                    break
                best = c
        if best is None:
            return None
        c = best
        slack = self.constant + structure.value(c)
        mu = float(self.cost @ c) / (len(c) + len(slack))
        dual = ROOM * moments(np.eye(len(slack))[count:] - 2.0 * self.rows[count:])
        rest = self.cost - structure.adjoint(dual)
        return Pair(c, slack, dual + mu * np.linalg.inv(slack), rest + mu / c)

    def level(self, value: float) -> float:
        """Return the level that the solver's objective stands for."""
        return self.top - self.unit * value

    def multipliers(self, c: Array | None) -> tuple[Array | None, Array | None]:
        """Return (mu or None, t) of the source for the solver's variables."""
        if c is None or np.shape(c) != self.cost.shape:
            return None, None
        units = len(c) - len(self.sizes)
        inputs = None if self.norm is Norm.L2 else c[:units] * self.unit
        return inputs, c[units:] * self.unit / np.square(self.sizes)


def incremental_lmi(
    system: SectorSystem,
    supply: Array,
    metric: Array,
    norm: Norm = Norm.L2,
    reduce_input: str = "auto",
) -> IncrementalLMI:
    """Scale the system and, where only the length of dx matters, reduce its input by QR.

    Raises
    ------
    InvalidSetting
        If ``reduce_input`` is none of "auto", "yes" and "no".
    UnsupportedQuestion
        If the input shall be reduced where its directions matter.
    numpy.linalg.LinAlgError
        If numbers overflow.
    """
    count, width = system.n_inputs, np.ones(system.inner.shape[1])
    width[count:] = system.width
    inner, outer = width[count:, None] * system.inner, system.outer
    turn = np.linalg.inv(np.linalg.cholesky(metric)).T
    inner = np.concatenate([inner[:, :count] @ turn, inner[:, count:]], axis=1)
    outer = np.concatenate([outer[:, :count] @ turn, outer[:, count:]], axis=1)
    scaled = np.array(supply)
    scaled[:count, count:] = np.ldexp(turn.T @ supply[:count, count:], system.exponent)
    scaled[count:, :count] = scaled[:count, count:].T
    scaled[:count, :count] = turn.T @ supply[:count, :count] @ turn
    scaled[count:, count:] = np.ldexp(supply[count:, count:], 2 * system.exponent)
    if _reduces(supply, count, norm, reduce_input):
        inner, outer = with_reduced_input(inner, outer)
        scaled = scaled[count:, count:]
        count = len(inner.T) - len(inner)
        scaled = np.pad(scaled, ((count, 0), (count, 0)))
    first = count**-0.5 if norm is Norm.L2 else 1.0
    sizes = scaled_units(inner, first, system.layers)
    scales = np.concatenate([np.full(count, first), sizes])
    inner, outer = inner * scales / sizes[:, None], outer * scales
    constant = _form(scaled, outer, first)
    top, unit = _reference(constant, inner, first, norm)
    constant /= unit
    constant[:count, :count] -= top / unit * first * first * np.eye(count)
    rows = 0.5 * np.eye(len(constant))
    rows[count:] -= 0.5 * inner
    if not all(np.isfinite(part).all() for part in (constant, rows, sizes, top, unit)):
        raise np.linalg.LinAlgError("overflow")
    safe = interior(inner[:, count:], system.layers)
    return IncrementalLMI(
        system, supply, metric, constant, rows, count, sizes, top, unit, norm, safe
    )


def _reduces(supply: Array, count: int, norm: Norm, reduce_input: str) -> bool:
    """Tell whether the input may be turned, and shall be."""
    if reduce_input not in ("auto", "yes", "no"):
        raise InvalidSetting(f"reduce_input must be 'auto', 'yes' or 'no', not {reduce_input!r}")
    directions = bool(supply[:count].any())
    if reduce_input == "yes" and (norm is not Norm.L2 or directions):
        raise UnsupportedQuestion(
            "turning the input changes the question unless it is a Lipschitz constant for the l2 "
            "norm, so reducing it would be unsound: choose reduce_input='no'"
        )
    return reduce_input != "no" and norm is Norm.L2 and not directions


def _form(supply: Array, outer: Array, first: float) -> Array:
    """Return the matrix of [dx; F xi]^T Q [dx; F xi]."""
    count = len(supply) - len(outer)
    lifted = np.zeros((len(supply), len(outer.T)))
    lifted[:count, :count] = first * np.eye(count)
    lifted[count:] = outer
    matrix = lifted.T @ supply @ lifted
    return np.asarray(0.5 * (matrix + matrix.T))


def _reference(constant: Array, inner: Array, first: float, norm: Norm) -> tuple[float, float]:
    """Return a number above the best level, by the slopes in the middle, and a typical size."""
    count = len(constant) - len(inner)
    try:
        slopes = np.linalg.solve(2.0 * np.eye(len(inner)) - inner[:, count:], inner[:, :count])
    except np.linalg.LinAlgError:
        slopes = np.zeros((len(inner), count))
    lifted = np.concatenate([np.eye(count), slopes])
    values = np.linalg.eigvalsh(lifted.T @ constant @ lifted) / first**2
    size = float(np.abs(values).max()) or float(np.abs(constant).max()) or 1.0
    return (float(values[0]) + size, size) if norm is Norm.L2 else (0.0, size)

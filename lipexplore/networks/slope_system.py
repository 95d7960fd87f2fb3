"""One form for networks of any depth: z = phi(W z + U x + b), f = C z + D x.

``slope_system`` states a feedforward network in it; ``sector_system`` moves every unit's lower
slope into the weights, which leaves slopes in [0, width] and removes the units whose slope is fixed
exactly. The second form carries proven errors and is scaled by powers of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, csr_array, hstack

from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.rounding import UNDERFLOW, UNIT, Array, down, product_error, up

Integers = NDArray[np.int64]

SMALLEST_EXPONENT = -(10**5)
"""Scale of what is zero."""

HEAD_ERROR = 2.0 * UNIT
"""Relative error of a scalar network's last weights: :meth:`Network.head` may round them once."""


@dataclass(frozen=True, eq=False)
class SlopeSystem:
    """z = phi(W z + U x + b), f = C z + D x, with the slope of unit j in [lower_j, upper_j].

    Biases act through the slope ranges alone and are left out. Units are ordered by layers, and W
    leads from earlier layers to later ones only.

    Parameters
    ----------
    incoming
        [U W], sparse, shape (N, n_0 + N): weights of every unit from the inputs and the units.
    outgoing
        [D C], sparse, shape (p, n_0 + N).
    lower, upper
        Arrays (N,).
    layers
        Number of units of each layer; they sum to N.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893); Revay, Wang, Manchester (arXiv 2010.01732).
    """

    incoming: csr_array
    outgoing: csr_array
    lower: Array
    upper: Array
    layers: tuple[int, ...]

    @property
    def n_inputs(self) -> int:
        """Number of inputs n_0."""
        return int(self.incoming.shape[1] - self.incoming.shape[0])


@dataclass(frozen=True, eq=False)
class SectorSystem:
    """v = V (x, w), f = F (x, w) and w_j = s_j v_j with s_j in [0, width_j], up to scaling.

    It has the gradients of the :class:`SlopeSystem` that it was made from: z_j = lower_j v_j + w_j.
    Inputs keep their units; w_j counts in units of 2^e_j, the outputs in units of 2^exponent.

    Parameters
    ----------
    inner, inner_error
        V, shape (N, n_0 + N), and a proven bound of its error entry by entry. V leads from earlier
        units to later ones only.
    outer, outer_error
        F, shape (p, n_0 + N), and its error.
    width
        Array (N,), positive, at most 2, relative error at most 4 u upwards.
    units
        Array (N,): which units of the slope system these are.
    exponents
        Array (N,) of the e_j.
    exponent
        That of the outputs.
    layers
        Array (N,): layer of each unit, counted from 1.
    """

    inner: Array
    inner_error: Array
    outer: Array
    outer_error: Array
    width: Array
    units: Integers
    exponents: Integers
    exponent: int
    layers: Integers

    @property
    def n_inputs(self) -> int:
        """Number of inputs n_0."""
        return int(self.inner.shape[1] - self.inner.shape[0])

    @property
    def n_outputs(self) -> int:
        """Number of outputs p."""
        return len(self.outer)

    @property
    def n_units(self) -> int:
        """Number N of units whose slope is not fixed."""
        return len(self.inner)


def slope_system(network: Network, slopes: SlopeRanges) -> SlopeSystem:
    """State a feedforward network: W holds W_2, .., W_d below its diagonal, U = W_1, C = W_{d+1}.

    Examples
    --------
    >>> from lipexplore import WHOLE_SPACE
    >>> from lipexplore.networks.slope_ranges import slope_ranges
    >>> network = Network([[[1.0, -2.0]], [[3.0]]])
    >>> slope_system(network, slope_ranges(network, WHOLE_SPACE)).incoming.toarray()
    array([[ 1., -2.,  0.]])
    """
    widths = network.widths[:-1]
    rows = [
        hstack([csr_array((len(w), sum(widths[:layer]))), csr_array(w)], format="csr")
        for layer, w in enumerate(network.weights)
    ]
    columns = sum(widths)
    padded = [csr_array((r.data, r.indices, r.indptr), shape=(r.shape[0], columns)) for r in rows]
    incoming = block_array([[r] for r in padded[:-1]], format="csr") if len(rows) > 1 else None
    return SlopeSystem(
        incoming=csr_array((0, columns)) if incoming is None else incoming,
        outgoing=padded[-1],
        lower=np.concatenate([np.empty(0), *slopes.lower]),
        upper=np.concatenate([np.empty(0), *slopes.upper]),
        layers=widths[1:],
    )


def sector_system(system: SlopeSystem) -> SectorSystem:
    """Substitute z_j = lower_j v_j + w_j, exactly but for errors that are bounded.

    Unit by unit v = [U W] (x, z), so with A = diag(lower) the rows obey V = [U W] + W A V and
    F = [D C] + C A V: one pass from the first layer to the last. Units with lower = upper have
    w_j = 0 and leave; so do units that no input reaches. No inverse is taken and no multiplier has
    to tend to infinity, which is what keeping such units would ask for.

    Raises
    ------
    ValueError
        If W does not lead from earlier layers to later ones.
    """
    ends = np.cumsum([0, *system.layers])
    _check_order(system, ends)
    state = _Substitution(system)
    for start, stop in pairwise(ends):
        state.add_layer(slice(int(start), int(stop)))
    return state.result(np.repeat(np.arange(1, len(ends)), system.layers))


class _Substitution:
    """The rows V that are known so far, for all units, in units of 2^exponents."""

    def __init__(self, system: SlopeSystem) -> None:
        n_units, columns = system.incoming.shape
        self.system = system
        self.inner = np.zeros((n_units, columns))
        self.error = np.zeros((n_units, columns))
        self.base = np.zeros(n_units)
        self.width = np.zeros(n_units)
        self.exponents = np.zeros(columns, dtype=np.int64)

    def add_layer(self, rows: slice) -> None:
        """Compute V of one layer and decide which of its units stay."""
        incoming = self.system.incoming[rows]
        sizes = _row_exponents(incoming, self.exponents)
        values, errors = self._substituted(incoming, sizes)
        base, width, powers = _scaled_range(self.system.lower[rows], self.system.upper[rows])
        dead = ~((values != 0.0) | (errors > 0.0)).any(axis=1)
        width[dead], sizes[dead] = 0.0, SMALLEST_EXPONENT
        self.inner[rows], self.error[rows] = values, errors
        self.base[rows], self.width[rows] = base, width
        self.exponents[self.system.n_inputs :][rows] = sizes + powers

    def _substituted(
        self, incoming: csr_array, sizes: Integers, relative: float = 0.0
    ) -> tuple[Array, Array]:
        """Return incoming (I + A V) in units of 2^sizes, with errors.

        ``relative`` is the relative error of ``incoming`` itself.
        """
        n_inputs = self.system.n_inputs
        direct, lost = _scaled(incoming, self.exponents, sizes)
        present = (direct != 0.0) | (lost > 0.0)
        moved = np.flatnonzero((self.base != 0.0) & present[:, n_inputs:].any(axis=0))
        weights = direct[:, n_inputs + moved] * self.base[moved]
        uncertain = lost[:, n_inputs + moved]
        size = up(np.abs(weights)) + uncertain
        for array in (direct, lost):
            array[:, n_inputs:][:, self.width == 0.0] = 0.0
        lost += relative * (1.0 + 2.0**-20) * np.abs(direct)
        inner, error = self.inner[moved], self.error[moved]
        entries = ((inner != 0.0) | (error > 0.0)).astype(float)
        reached = present[:, n_inputs + moved].astype(float) @ entries > 0.0
        magnitude = size @ (np.abs(inner) + error)
        spread = size @ error + uncertain @ np.abs(inner) + relative * magnitude
        rounding = product_error(len(moved) + 4, magnitude + np.abs(direct))
        total = up(spread * (1.0 + 2.0**-20) + lost + rounding)
        return direct + weights @ inner, np.where(reached, total, lost)

    def result(self, layers: Integers) -> SectorSystem:
        """Close the system with its outputs and drop what is fixed."""
        outgoing, n_inputs = self.system.outgoing, self.system.n_inputs
        rows = outgoing.shape[0]
        exponent = int(_row_exponents(outgoing, self.exponents).max())
        outer, outer_error = self._substituted(
            outgoing, np.full(rows, exponent), HEAD_ERROR if rows == 1 else 0.0
        )
        kept = np.flatnonzero(self.width > 0.0)
        columns = np.concatenate([np.arange(n_inputs), n_inputs + kept])
        return SectorSystem(
            inner=self.inner[np.ix_(kept, columns)],
            inner_error=self.error[np.ix_(kept, columns)],
            outer=outer[:, columns],
            outer_error=outer_error[:, columns],
            width=self.width[kept],
            units=kept,
            exponents=self.exponents[n_inputs + kept],
            exponent=exponent,
            layers=layers[kept],
        )


def _check_order(system: SlopeSystem, ends: Integers) -> None:
    """Refuse weights that lead to the same or an earlier layer."""
    entries = system.incoming.tocoo()
    targets = np.searchsorted(ends, entries.row, side="right")
    columns = entries.col - system.n_inputs
    sources = np.where(columns < 0, 0, np.searchsorted(ends, columns, side="right"))
    if (sources >= targets).any():
        raise ValueError("a weight leads to its own or an earlier layer: the system is implicit")


def _row_exponents(rows: csr_array, exponents: Integers) -> Integers:
    """Return the least e with |row| 2^exponents < 2^e entry by entry."""
    entries = rows.tocoo()
    largest = np.full(rows.shape[0], SMALLEST_EXPONENT)
    used = entries.data != 0.0
    sizes = np.frexp(entries.data)[1] + exponents[entries.col]
    np.maximum.at(largest, entries.row[used], sizes[used])
    return largest


def _scaled(rows: csr_array, exponents: Integers, sizes: Integers) -> tuple[Array, Array]:
    """Return row_i 2^(exponents - sizes_i) densely, and what underflow may have lost."""
    entries = rows.tocoo()
    powers = np.clip(exponents[entries.col] - sizes[entries.row], -4000, 4000)
    values, lost = np.zeros(rows.shape), np.zeros(rows.shape)
    numbers = np.ldexp(entries.data, powers)
    values[entries.row, entries.col] = numbers
    tiny = (entries.data != 0.0) & (np.abs(numbers) < 2.0**-960)
    lost[entries.row, entries.col] = np.where(tiny, UNDERFLOW, 0.0)
    return values, lost


def _scaled_range(lower: Array, upper: Array) -> tuple[Array, Array, Integers]:
    """Return base and width of slope ranges in units of 2^powers; width 0 where they are fixed."""
    powers = np.frexp(np.maximum(np.abs(lower), np.abs(upper)))[1].astype(np.int64)
    base, top = np.ldexp(lower, -powers), np.ldexp(upper, -powers)
    base = np.where(np.ldexp(base, powers) > lower, down(base), base)
    top = np.where(np.ldexp(top, powers) < upper, up(top), top)
    width = np.where(base == 0.0, top, up(top - base))
    return base, np.where(base == top, 0.0, width), powers

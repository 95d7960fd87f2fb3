"""Records of the vector pass: the vectors, their multipliers, and what one sweep saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from lipexplore.rounding import Array

NOISE = 0.05
"""Size of the entries in new dimensions; vectors have length 1."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """The vectors of all inputs and units: what an ascent starts from and ends with.

    Parameters
    ----------
    rows
        Array (r, B, n_t + n_1 + .. + n_d): inputs first, then layer by layer.
    widths
        (n_t, n_1, .., n_d), where n_t is the number of input vectors of the pass.
    """

    rows: Array
    widths: tuple[int, ...]

    @classmethod
    def random(cls, widths: Sequence[int], rank: int, problems: int, seed: int = 0) -> Vectors:
        """Return normal vectors, the same for every problem, not yet of length 1."""
        rows = np.random.default_rng(seed).standard_normal((rank, 1, sum(widths)))
        return cls(np.repeat(rows, problems, axis=1), tuple(widths))

    @property
    def rank(self) -> int:
        """Dimension r of the vectors."""
        return int(self.rows.shape[0])

    @property
    def problems(self) -> int:
        """Number B of problems."""
        return int(self.rows.shape[1])

    @property
    def layers(self) -> tuple[Array, ...]:
        """Views: the inputs (r, B, n_t), then v of each hidden layer (r, B, n_l)."""
        ends = accumulate(self.widths, initial=0)
        return tuple(self.rows[:, :, a:b] for a, b in pairwise(ends))

    def take(self, problems: Sequence[int] | NDArray[np.intp]) -> Vectors:
        """Return the vectors of some problems, in that order, repeated if asked."""
        return Vectors(self.rows[:, np.asarray(problems, dtype=np.intp)], self.widths)

    def widened(self, seed: int = 0) -> Vectors:
        """Return the vectors in twice as many dimensions, small noise in the new ones.

        An ascent that is stuck at too small a rank goes on: the noise grows if there is a way up.
        """
        noise = NOISE * np.random.default_rng(seed).standard_normal(self.rows.shape)
        return Vectors(np.concatenate([self.rows, noise]), self.widths)


@dataclass(frozen=True, eq=False)
class Multipliers:
    """Multipliers of B problems: mu of the inputs (B, n_0 or 1), tau of the units, each (B, n_l).

    Positive and finite whatever the vectors were; tau of a fixed unit means nothing.
    """

    inputs: Array
    units: tuple[Array, ...]

    def of(self, problem: int) -> tuple[Array, tuple[Array, ...]]:
        """Return mu (n_0 or 1,) and the tau_l (n_l,) of one problem."""
        return self.inputs[problem], tuple(tau[problem] for tau in self.units)


@dataclass(frozen=True, eq=False)
class Sweep:
    """What one forward and backward pass saw.

    Parameters
    ----------
    vectors
        After the sweep.
    values
        Array (B,): the value before the sweep; that of ``vectors`` is no smaller.
    forward, backward
        g_l and a_l of the hidden layers, each (r, B, n_l).
    inputs
        a_0, shape (r, B, n_t).
    """

    vectors: Vectors
    values: Array
    forward: tuple[Array, ...]
    backward: tuple[Array, ...]
    inputs: Array


@dataclass(frozen=True, eq=False)
class Ascent:
    """The state of an ascent with momentum; :meth:`VectorPass.run` continues it.

    Parameters
    ----------
    point
        Where the next sweep starts: the last vectors moved on by the momentum.
    best
        Array (B,): the largest value seen, a lower bound of the relaxation but for rounding.
    counts
        Array (B,): sweeps since the momentum of a problem was last started anew.
    last
        The last sweep.
    """

    point: Vectors
    best: Array
    counts: Array
    last: Sweep

    @property
    def vectors(self) -> Vectors:
        """The vectors after the last sweep, to warm-start from."""
        return self.last.vectors

    def take(self, problems: Sequence[int] | NDArray[np.intp]) -> Ascent:
        """Return the state of some problems, in that order."""
        chosen, last = np.asarray(problems, dtype=np.intp), self.last
        kept = Sweep(
            last.vectors.take(chosen),
            last.values[chosen],
            tuple(g[:, chosen] for g in last.forward),
            tuple(a[:, chosen] for a in last.backward),
            last.inputs[:, chosen],
        )
        return Ascent(self.point.take(chosen), self.best[chosen], self.counts[chosen], kept)

"""Proofs that parts of a chain's box of slopes stay below a bound, at the cost of one or two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.certificates.chain import SAFETY, ChainProver, square_below
from lipexplore.certificates.chain_multipliers import covariance_bound
from lipexplore.certificates.chain_proof import is_proven_gain, is_zero
from lipexplore.certificates.chain_repairs import lowered
from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.rounding import Array

LARGEST_GAP = 0.3
ROUNDINGS = 10.0
"""Least gap in units of the multipliers' precision."""

Rounded = NDArray[np.floating[Any]]


class PruningProver(ChainProver):
    """Prunes parts of a search: multipliers keep their precision."""

    @np.errstate(all="ignore")
    def proof_below(
        self,
        inputs: Rounded,
        units: Sequence[Rounded],
        bound: float,
        value: float,
        lower: Sequence[Array],
        upper: Sequence[Array],
    ) -> tuple[Rounded, Rounded] | None:
        """Return mu and all tau of a proof that the largest output is at most ``bound``, or None.

        The room between ``value`` and ``bound`` says how far tau can be lowered for a proof: first
        all layers alike, then layer by layer. The multipliers that are returned are those that were
        proven, in the precision of ``inputs``: in float32 they take half the memory.

        Parameters
        ----------
        inputs, units
            mu and tau per hidden layer, positive, in any precision.
        value
            What the vector pass reached, at most ``bound``.
        lower, upper
            Slopes per hidden layer, in the chain's scaling.
        """
        chain, kind, wide = self._with(lower, upper), inputs.dtype, inputs.astype(np.float64)
        outer = square_below(bound, chain.exponent, wide)
        reduced = self._reduced(chain, wide) if outer > 0.0 else None
        if reduced is None:
            return None
        gap = bound / value - 1.0 if value > 0.0 else math.inf
        gap = min(max(gap, ROUNDINGS * float(np.finfo(kind).eps)), LARGEST_GAP)
        for candidate in self._lowered(chain, wide, units, outer, gap):
            tau = [t.astype(kind) for t in candidate]
            if is_proven_gain(*reduced, outer, [t.astype(np.float64) for t in tau], SAFETY):
                return inputs, np.concatenate([np.empty(0, dtype=kind), *tau])
        return None

    @np.errstate(all="ignore")
    def is_proof_below(
        self,
        inputs: Rounded,
        units: Sequence[Rounded],
        bound: float,
        lower: Sequence[Array],
        upper: Sequence[Array],
    ) -> bool:
        """Tell whether mu and tau, as they are, prove that the largest output is at most a bound.

        What :meth:`proof_below` returned does so in any order of summation, on whatever machine.
        """
        wide, tau = inputs.astype(np.float64), [t.astype(np.float64) for t in units]
        if not (np.isfinite(wide) & (wide > 0.0)).all():
            return False
        chain = self._with(lower, upper)
        if is_zero(chain):
            return True
        outer = square_below(bound, chain.exponent, wide)
        reduced = self._reduced(chain, wide) if outer > 0.0 else None
        return reduced is not None and is_proven_gain(*reduced, outer, tau)

    def _lowered(
        self, chain: SlopeChain, mu: Array, units: Sequence[Rounded], outer: float, gap: float
    ) -> Iterator[Sequence[Array]]:
        tau = [t.astype(np.float64) for t in units]
        yield lowered(tau, min(2.0 * gap / max(chain.depth, 1), LARGEST_GAP))
        least, smaller = covariance_bound(chain, self._input_covariance(mu), tau, gap)
        if least <= outer:
            yield smaller

"""Proven upper bounds of P* by the vector pass: sweeps and certificates in turn."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.certificates.chain import ChainCertificate, ChainProver
from lipexplore.exact.vector_pass import RANK, VectorPass
from lipexplore.exact.vector_state import Ascent, Vectors
from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.rounding import Array

FIRST_BLOCK, LARGEST_BLOCK, GROWTH = 40, 300, 1.5
LARGEST_RANK = 64
STALLED = 1e-3
"""A block that raises the value by less than this share of the gap doubles the rank."""

SMALLEST_DELTA, LARGEST_DELTA, FINER = 1e-12, 0.5, 10.0**0.5
PROOF_SHARE = 0.5
"""Blocks grow faster while proofs take more than this share of the time of sweeps."""

WORTH = 0.5
"""A proof on the way is worth its time if it is expected to leave at most this share of the gap."""

Report = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, eq=False)
class ShorBound:
    """What is known of one problem when the ascent ends.

    Parameters
    ----------
    relaxation
        Value of the pass: no bound of P*, but the relaxation is not below it, up to rounding.
    certificate
        Its ``value`` is a proven upper bound of P*, infinite if nothing was proven.
    sweeps
        Sweeps that this problem took part in.
    """

    relaxation: float
    certificate: ChainCertificate
    sweeps: int

    @property
    def value(self) -> float:
        """The proven upper bound of P*."""
        return self.certificate.value


@dataclass(frozen=True, eq=False)
class ShorRun:
    """The bounds of all problems of a pass, and its vectors to start a similar one from.

    ``status`` is "done", "sweep limit" or "time limit"; ``sweeps`` counts all blocks.
    """

    bounds: tuple[ShorBound, ...]
    vectors: Vectors
    status: str
    sweeps: int
    sweep_seconds: float
    proof_seconds: float


@np.errstate(over="ignore", invalid="ignore")
def shor_bounds(
    problem: VectorPass,
    chains: Sequence[SlopeChain],
    *,
    start: Vectors | None = None,
    rank: int = RANK,
    seed: int = 0,
    tolerance: float = 1e-6,
    max_sweeps: int = 20_000,
    first_block: int = FIRST_BLOCK,
    floor: float | None = None,
    deadline: float = math.inf,
    on_progress: Report | None = None,
) -> ShorRun:
    """Bound P* of every problem of a pass to a relative accuracy.

    A problem is done when its proven bound is within ``tolerance`` of the pass's own value. The
    rank is doubled where the value stands still while the bound is still far from it.

    Parameters
    ----------
    problem, chains
        The pass, and for each of its problems the chain that its bound is of.
    start
        Vectors of a similar problem, for instance of the network before it was pruned.
    first_block
        Sweeps before the first proof; later blocks are longer.
    floor
        If only the largest of all bounds matters: 0 or a value that it is known to reach. No
        problem is then bounded closer than the largest value asks for.
    deadline
        On the clock of ``time.perf_counter``; the first block of sweeps is run in any case.
    on_progress
        Called after every block; an exception raised in it ends the run.
    """
    search = _Search(problem, chains, floor, tolerance)
    state: Vectors | Ascent = problem.start(rank, seed) if start is None else start
    block, left, proving = first_block, max(max_sweeps, 1), 0.0
    begin = time.perf_counter()
    while True:
        count, last_block = min(block, left), time.perf_counter()
        ascent = search.run(state, count)
        left -= count
        swept = time.perf_counter()
        search.prove(ascent, last=left == 0 or swept >= deadline)
        now = time.perf_counter()
        proving += now - swept
        if on_progress is not None:
            on_progress(search.report(max_sweeps - left))
        state = search.narrowed(ascent)
        if left == 0 or now >= deadline or not len(search.places):
            break
        fitting = (deadline - now) * (max_sweeps - left) / (now - begin)
        costly = now - swept > PROOF_SHARE * (swept - last_block)
        grown = (2.0 if costly else GROWTH) * block
        block = math.ceil(max(1.0, min(grown, LARGEST_BLOCK, fitting)))
    status = "sweep limit" if left == 0 else "time limit"
    return ShorRun(
        bounds=search.bounds(),
        vectors=search.vectors(),
        status=status if len(search.places) else "done",
        sweeps=max_sweeps - left,
        sweep_seconds=time.perf_counter() - begin - proving,
        proof_seconds=proving,
    )


class _Search:
    """Values, certificates and vectors of all problems; ``places`` are those still open."""

    def __init__(
        self,
        problem: VectorPass,
        chains: Sequence[SlopeChain],
        floor: float | None,
        tolerance: float,
    ) -> None:
        columns = problem.columns if problem.columns is not None else [None] * len(chains)
        self.problem, self.floor, self.tolerance = problem, floor, tolerance
        self.provers = [
            ChainProver(chain, problem.norm, None if column is None else int(column))
            for chain, column in zip(chains, columns, strict=True)
        ]
        self.exponents = np.array([chain.exponent for chain in chains])
        self.places: NDArray[np.intp] = np.arange(len(chains))
        self.values, self.rise = np.zeros(len(chains)), math.inf
        self.certificates = [_nothing() for _ in chains]
        self.promises = np.full(len(chains), np.inf)
        delta = np.clip(2.0 * tolerance / (problem.depth + 1.0), SMALLEST_DELTA, LARGEST_DELTA)
        self.deltas = np.full(len(chains), delta)
        self.sweeps = np.zeros(len(chains), dtype=np.int64)
        self.kept: list[Array] = [np.empty((0, 0))] * len(chains)

    def run(self, state: Vectors | Ascent, count: int) -> Ascent:
        """Sweep and note the values."""
        ascent = self.problem.run(state, count)
        before = self.values[self.places]
        values = np.maximum(before, np.ldexp(ascent.best, self.exponents[self.places]))
        self.values[self.places] = values
        self.sweeps[self.places] += count
        risen = (values - before) / np.where(values > 0.0, values, 1.0)
        self.rise = float(risen.max(initial=0.0))
        return ascent

    def prove(self, ascent: Ascent, last: bool) -> None:
        """Prove the bounds that are expected to close, or the best there are at the end."""
        multipliers = self.problem.multipliers(ascent.last)
        lone = len(self.provers) == 1
        for position, (place, target) in enumerate(zip(self.places, self._targets(), strict=True)):
            bound = self.certificates[place].value
            mu, taus = multipliers.of(position)
            estimate, delta = self._best_delta(int(place), mu, taus, target)
            value = self.values[place]
            self.promises[place] = min(bound, estimate)
            worth = value + WORTH * (bound - value) if lone else target
            if last or estimate <= max(target, worth):
                tau = _lowered(taus, delta)
                certificate = self.provers[place].prove(mu, tau, value=float(value))
                if certificate.value < bound or math.isinf(bound):
                    self.certificates[place] = certificate

    def _best_delta(
        self, place: int, mu: Array, taus: Sequence[Array], target: float
    ) -> tuple[float, float]:
        """Return the least estimate over tau_l (1 - delta)^l and its delta.

        The search starts where the last one ended: up until the matrix is definite, then down.
        """
        prover, value = self.provers[place], self.values[place]

        def estimate(delta: float) -> float:
            found = prover.estimate(mu, _lowered(taus, delta))
            return found if found >= value * (1.0 - 1e-9) else math.inf

        delta = self.deltas[place]
        best = estimate(delta), delta
        while math.isinf(best[0]) and delta < 0.1 * LARGEST_DELTA:
            delta *= 10.0
            best = estimate(delta), delta
        while best[0] > target and delta > SMALLEST_DELTA:
            delta /= FINER
            found = estimate(delta), delta
            if found > best:
                break
            best = found
        self.deltas[place] = best[1]
        return best

    def report(self, sweeps: int) -> dict[str, float]:
        """Return what a listener is told: the pass's value and the proven bound so far."""
        value = float(self.values.max())
        bound = max(certificate.value for certificate in self.certificates)
        return {"iteration": sweeps, "primal": value, "dual": bound, "upper": bound}

    def narrowed(self, ascent: Ascent) -> Vectors | Ascent:
        """Drop the problems that are done; widen the vectors of the others if they are stuck."""
        for position, place in enumerate(self.places):
            self.kept[place] = ascent.vectors.rows[:, position]
        bounds = np.array([self.certificates[place].value for place in self.places])
        still = np.flatnonzero(bounds > self._targets())
        values = self.values[self.places[still]]
        promises = self.promises[self.places[still]]
        gap = float(np.minimum(promises / values - 1.0, 1.0).max(initial=0.0))
        if len(still) < len(self.places):
            self.places, self.problem = self.places[still], self.problem.take(still)
            ascent = ascent.take(still)
        if self.rise < STALLED * gap and ascent.vectors.rank < LARGEST_RANK:
            return self.problem.normalised(ascent.vectors.widened())
        return ascent

    def bounds(self) -> tuple[ShorBound, ...]:
        """Return what was found, problem by problem."""
        rows = zip(self.values.tolist(), self.certificates, self.sweeps.tolist(), strict=True)
        return tuple(ShorBound(*row) for row in rows)

    def vectors(self) -> Vectors:
        """Return the last vectors of every problem, in the largest dimension that one needed."""
        rank = max(map(len, self.kept))
        padded = [np.pad(rows, ((0, rank - len(rows)), (0, 0))) for rows in self.kept]
        return Vectors(np.stack(padded, axis=1), self.problem.widths)

    def _targets(self) -> Array:
        """Return what the bound of each open problem should reach; of a zero problem, nothing."""
        values = np.where(self.values > 0.0, self.values, np.inf)[self.places]
        if self.floor is not None:
            values = np.maximum(values, max(float(self.values.max()), self.floor))
        return np.asarray(values * (1.0 + self.tolerance))


def _lowered(taus: Sequence[Array], delta: float) -> tuple[Array, ...]:
    """Return tau_l (1 - delta)^l, which makes the matrix of the multipliers definite."""
    return tuple(tau * (1.0 - delta) ** layer for layer, tau in enumerate(taus, 1))


def _nothing() -> ChainCertificate:
    return ChainCertificate(math.inf, math.inf, np.empty(0), ())

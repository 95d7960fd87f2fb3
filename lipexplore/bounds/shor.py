"""Shor's relaxation, GeoLIP and LipSDP-Neuron by the vector pass, for any depth."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.exact.vector_bound import ShorBound, ShorRun, shor_bounds
from lipexplore.exact.vector_pass import RANK, VectorPass
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_chain import SlopeChain, slope_chain
from lipexplore.norms import Norm
from lipexplore.regions import Region

LARGEST_TENSORS = 2.0**29
"""Bytes that the tensors of one batch of problems may take."""

TENSORS = 8
"""Arrays of the size of all vectors that a pass holds at once."""

SECONDS_PER_PRODUCT, SECONDS_PER_CUBE, SECONDS_PER_LAYER = 4e-10, 6e-9, 5e-5


@dataclass(frozen=True)
class Shor(SlopeMethod):
    """Maximise the output of a network whose units carry vectors; certify by its backward pass.

    Every unit's output vector z lies in the ball with diameter [a g, b g], g its pre-activation
    vector and [a, b] its slope range. Alternating forward and backward passes raise the output's
    length to Shor's relaxation of P*; the lengths of the backward vectors are the multipliers of
    the linear matrix inequality of ``slope-lmi``, and whatever they are, a factorisation layer by
    layer proves a bound. Its time grows with the number of layers, not with its cube.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893), and Wang et al., 2022 (arXiv 2203.01212), for
    the program; Burer, Monteiro, Math. Program. 95, 2003, for low-rank vectors. The alternating
    passes and the proof: docs/vector-pass.md.
    """

    rank: int = field(
        default=RANK, metadata={"help": "dimension of the vectors at the start", "minimum": 1}
    )
    tolerance: float = field(
        default=1e-6,
        metadata={"help": "relative gap between proof and relaxation to stop at", "minimum": 0.0},
    )
    max_sweeps: int = field(
        default=20_000, metadata={"help": "most forward and backward passes", "minimum": 1}
    )
    seed: int = field(default=0, metadata={"help": "seed of the first vectors", "minimum": 0})

    name = "shor"
    label = "Shor by vector pass (LipSDP-Neuron, GeoLIP)"
    side = "upper"
    of = "P*"
    joint_norms = (Norm.L2,)
    sources = (
        "Fazlyab et al., NeurIPS 2019, arXiv 1906.04893",
        "Wang et al., 2022, arXiv 2203.01212",
        "Burer, Monteiro, Math. Program. 95, 2003",
    )
    explanation = (
        "The same relaxation as the slope LMI, without a solver: every unit carries a short vector "
        "instead of a number, forward and backward passes raise the output until nothing moves, "
        "and the backward pass leaves the multipliers of a proof. Works for hundreds of layers "
        "and for hundreds of units in each; may be stopped at any time with a valid bound."
    )

    def __call__(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Bound:
        """Return the best bound proven until the gap closed or the limits were reached."""
        self.check(network, norm)
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        chain = slope_chain(network, self.slope_ranges(network, region))
        built = time.perf_counter()
        if norm is not Norm.L1:
            run = self._run(VectorPass(chain, norm), [chain], None, deadline, on_progress)
            return self._answer(chain, [run], run.bounds, built - start)
        runs: list[ShorRun] = []
        found: dict[int, ShorBound] = {}
        heaviest_first = np.argsort(-np.linalg.norm(chain.weights[0], axis=0), kind="stable")
        for columns in self._batches(chain, heaviest_first):
            floor = max((item.relaxation for item in found.values()), default=0.0)
            problem = VectorPass(chain, norm, columns=columns)
            runs.append(self._run(problem, [chain] * len(columns), floor, deadline, on_progress))
            found.update(zip(columns.tolist(), runs[-1].bounds, strict=True))
        return self._answer(chain, runs, [found[key] for key in sorted(found)], built - start)

    def each(
        self,
        heads: Sequence[Network],
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
    ) -> Iterator[Bound]:
        """Bound several heads of one network as one batch; for l_1 one after the other."""
        if norm is Norm.L1 or not heads:
            return super().each(heads, region, norm, time_limit=time_limit)
        return self._batched(heads, region, norm, time_limit)

    def _batched(
        self, heads: Sequence[Network], region: Region, norm: Norm, time_limit: float | None
    ) -> Iterator[Bound]:
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        ranges = self.slope_ranges(heads[0], region)
        chains = [slope_chain(head, ranges) for head in heads]
        building = (time.perf_counter() - start) / len(heads)
        for batch in self._batches(chains[0], np.arange(len(heads))):
            members = [chains[place] for place in batch]
            rows = np.vstack([chain.weights[-1] for chain in members])
            share = len(batch) / (len(heads) - int(batch[0]))
            now = time.perf_counter()
            problem = VectorPass(
                members[0],
                norm,
                lower=[np.stack(ends) for ends in zip(*(c.lower for c in members), strict=True)],
                upper=[np.stack(ends) for ends in zip(*(c.upper for c in members), strict=True)],
                outputs=rows,
            )
            run = self._run(problem, members, None, now + share * (deadline - now), None)
            each = replace(
                run,
                sweep_seconds=run.sweep_seconds / len(batch),
                proof_seconds=run.proof_seconds / len(batch),
            )
            for chain, found in zip(members, run.bounds, strict=True):
                yield self._answer(chain, [each], [found], building)

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of the usual number of sweeps, fitted on random networks."""
        self.check(network, norm)
        widths = network.widths
        units = sum(widths[1:-1])
        problems = network.n_inputs if norm is Norm.L1 else 1
        sweeps = min(self.max_sweeps, 100 + 20 * network.depth)
        products = 2 * self.rank * sum(a * b for a, b in pairwise(widths))
        sweep = SECONDS_PER_LAYER * (network.depth + 1) + SECONDS_PER_PRODUCT * problems * products
        proof = problems * SECONDS_PER_CUBE * sum(width**3 for width in widths[1:-1])
        size = {"units": units, "inputs": network.n_inputs}
        tensors = 8.0 * TENSORS * self.rank * problems * (units + network.n_inputs)
        memory = min(tensors, LARGEST_TENSORS) + 64.0 * max(widths) ** 2
        return Estimate(size, 2e-3 + sweeps * sweep + proof, memory)

    def _run(
        self,
        problem: VectorPass,
        chains: Sequence[SlopeChain],
        floor: float | None,
        deadline: float,
        on_progress: OnProgress | None,
    ) -> ShorRun:
        return shor_bounds(
            problem,
            chains,
            rank=self.rank,
            seed=self.seed,
            tolerance=self.tolerance,
            max_sweeps=self.max_sweeps,
            floor=floor,
            deadline=deadline,
            on_progress=on_progress,
        )

    def _batches(self, chain: SlopeChain, problems: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Yield the problems in order, as many at once as memory allows."""
        bytes_each = 8.0 * TENSORS * self.rank * sum(chain.widths[:-1])
        count = max(1, int(LARGEST_TENSORS / bytes_each))
        for first in range(0, len(problems), count):
            yield problems[first : first + count]

    def _answer(
        self,
        chain: SlopeChain,
        runs: Sequence[ShorRun],
        bounds: Sequence[ShorBound],
        build_seconds: float,
    ) -> Bound:
        value = max(found.value for found in bounds)
        relaxation = max(found.relaxation for found in bounds)
        return self.answer(
            value=value,
            lower=0.0,
            verified=math.isfinite(value),
            status="; ".join(sorted({run.status for run in runs})),
            solver_value=relaxation,
            residual=max(value - relaxation, 0.0),
            certificate=tuple(found.certificate for found in bounds),
            size={
                "units": sum(chain.widths[1:-1]),
                "inputs": chain.widths[0],
                "sweeps": sum(run.sweeps for run in runs),
                "rank": max(run.vectors.rank for run in runs),
            },
            build_seconds=build_seconds,
            solve_seconds=sum(run.sweep_seconds for run in runs),
            verify_seconds=sum(run.proof_seconds for run in runs),
        )

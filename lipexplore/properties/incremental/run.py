"""One matrix inequality for one map: stated, solved and proven."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lipexplore.certificates.incremental import (
    IncrementalCertificate,
    is_proven_contracting,
    verified_level,
)
from lipexplore.networks.slope_system import SectorSystem
from lipexplore.norms import Norm
from lipexplore.properties.incremental.table import Property
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from lipexplore.relaxations.incremental_lmi import IncrementalLMI
    from lipexplore.solvers import Progress, Solution

OnProgress = Callable[[Mapping[str, Any]], None]

TOLERANCE = 1e-9
SHORTEST_SECONDS = 1e-3
SMALLEST_SHARE = 1e-12
LARGEST_EXPONENT = 400
TOO_LARGE = "failed: numbers of the map are too large or too small: rescale it"
LEVEL = Property("", "level", "", "", "lower", None, float, -math.inf)


def well_posed(system: SectorSystem) -> Array | None:
    """Return multipliers that prove that every input has exactly one equilibrium, None if none do.

    References
    ----------
    Revay, Wang, Manchester 2020 (arXiv 2010.01732), theorem 1.
    """
    units = _interior(system)
    return units if units is not None and is_proven_contracting(system, units) else None


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _interior(system: SectorSystem) -> Array | None:
    from lipexplore.relaxations.incremental_start import interior

    recurrent = system.width[:, None] * system.inner[:, system.n_inputs :]
    return interior(recurrent, system.layers)


@dataclass(frozen=True, eq=False)
class Found:
    """What one program left: a certificate, the solver's level, its status and sizes."""

    certificate: IncrementalCertificate
    claimed: float
    status: str
    size: dict[str, int]


@dataclass(frozen=True, eq=False)
class Run:
    """One map in sector form, and how to solve."""

    system: SectorSystem
    norm: Norm
    reduce_input: str
    solver: str
    start: float
    time_limit: float | None
    on_progress: OnProgress | None

    @cached_property
    def interior(self) -> Array | None:
        """Multipliers that are strictly feasible but for a factor."""
        return _interior(self.system)

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the time limit, at least a moment."""
        if self.time_limit is None:
            return None
        return max(self.start + self.time_limit - time.perf_counter(), SHORTEST_SECONDS)

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def solved(self, supply: Array, metric: Array, asked: Property = LEVEL) -> Found:
        """Solve for one Q and R and prove the level."""
        from lipexplore.relaxations.incremental_lmi import incremental_lmi
        from lipexplore.relaxations.memory import limit_bytes
        from lipexplore.relaxations.slope_lmi import check_size

        count = {"order": self.system.inner.shape[1], "units": self.system.n_units}
        check_size(count, limit_bytes(None))
        nothing = IncrementalCertificate(supply, metric, -math.inf, np.zeros(self.system.n_units))
        if abs(self.system.exponent) > LARGEST_EXPONENT and self.system.outer.any():
            return Found(nothing, math.nan, TOO_LARGE, count)
        try:
            lmi = incremental_lmi(self.system, supply, metric, self.norm, self.reduce_input)
        except np.linalg.LinAlgError:
            return Found(nothing, math.nan, TOO_LARGE, count)
        if self.system.n_units == 0 and self.norm is Norm.L2:
            proof = verified_level(self.system, supply, metric)
            return Found(proof, proof.level, "constant slopes", lmi.size)
        solution = self._solution(lmi, asked)
        inputs, units = lmi.multipliers(solution.primal.get("c"))
        if inputs is not None:
            share = np.maximum(inputs / max(float(inputs.sum()), 1e-300), SMALLEST_SHARE)
            metric = np.diag(share)
        safe = None if lmi.interior is None else lmi.interior / np.square(lmi.sizes)
        proof = verified_level(self.system, supply, metric, units, safe)
        size = {**lmi.size, "iterations": solution.iterations}
        return Found(proof, lmi.level(solution.value), solution.status, size)

    def _solution(self, lmi: IncrementalLMI, asked: Property) -> Solution:
        """Solve by the method made for this program; by CVXOPT if asked, or where that fails."""
        from lipexplore.relaxations.slope_lmi import MARGIN
        from lipexplore.solvers import solve
        from lipexplore.solvers.records import Settings
        from lipexplore.solvers.structured_ipm import minimise

        listener = self._listener(lmi, asked)
        solution = None
        with contextlib.suppress(np.linalg.LinAlgError):
            begin = lmi.start() if self.solver == "auto" else None
            if begin is not None:
                settings = Settings(self.seconds_left, tolerance=TOLERANCE, on_progress=listener)
                solution = minimise(lmi.program(), begin, settings)
        if solution is not None and not solution.status.startswith("failed"):
            return solution
        return solve(
            lmi.problem(MARGIN * TOLERANCE),
            solver="cvxopt",
            time_limit=self.seconds_left,
            tolerance=TOLERANCE,
            on_progress=listener,
            structure=lmi.structure(),
        )

    def _listener(self, lmi: IncrementalLMI, asked: Property) -> Callable[[Progress], None] | None:
        if self.on_progress is None:
            return None
        report = self.on_progress

        def forward(progress: Progress) -> None:
            ends = (progress.primal, progress.dual)
            values = [None if end is None else asked.of_level(lmi.level(end)) for end in ends]
            report({"iteration": progress.iteration, "primal": values[0], "dual": values[1]})

        return forward

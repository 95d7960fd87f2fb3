"""The semidefinite program that is Shor's relaxation, GeoLIP and LipSDP-Neuron."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.progress import in_units
from lipexplore.certificates.lmi import LMICertificate, verified_bound
from lipexplore.certificates.lmi_check import with_one_input
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_system import SectorSystem, sector_system, slope_system
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.relaxations.memory import limit_bytes
from lipexplore.relaxations.slope_lmi import (
    MARGIN,
    REDUCTIONS,
    SlopeLMI,
    check_size,
    predicted_memory,
    predicted_seconds,
    predicted_size,
    slope_lmi,
)

if TYPE_CHECKING:
    from lipexplore.rounding import Array
    from lipexplore.solvers import Solution

SHORTEST_SECONDS = 1e-3


@dataclass(frozen=True)
class SlopeLMIBound(SlopeMethod):
    """Minimise (lambda + sum mu) / 2 subject to one matrix M(lambda, mu, t) >= 0.

    M adds a multiplier t_j >= 0 times (w_j - a_j v_j)(b_j v_j - w_j) >= 0 for every unit with slope
    in [a_j, b_j] to lambda |y|^2 + sum mu_k x_k^2 - 2 y f. For l_2 there is one mu, and all outputs
    may be asked for at once; for l_1 there is one program for every input, with x = e_k. The
    reported value is recomputed from mu and t by a Cholesky factorisation with proven margins; the
    solver's own value is not trusted.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893); Chen, Lasserre, Magron, Pauwels, NeurIPS 2020
    (arXiv 2002.03657); Wang et al. 2022 (arXiv 2203.01212).
    """

    solver: str = field(
        default="auto",
        metadata={
            "help": "auto: an interior point method of our own, CVXOPT where it fails",
            "choices": ("auto", "cvxopt"),
        },
    )
    reduce_input: str = field(
        default="auto",
        metadata={
            "help": "turn the input so that fewer coordinates remain (l2 only)",
            "choices": REDUCTIONS,
        },
    )
    tolerance: float = field(
        default=1e-8, metadata={"help": "relative accuracy of the solver", "minimum": 1e-12}
    )
    memory_limit: float | None = field(
        default=None,
        metadata={"help": "gigabytes; empty for half of the free memory", "minimum": 0.0},
    )

    name = "slope-lmi"
    label = "Shor SDP (LipSDP-Neuron, GeoLIP)"
    side = "upper"
    of = "P*"
    joint_norms = (Norm.L2,)
    sources = (
        "Fazlyab et al., NeurIPS 2019, arXiv 1906.04893",
        "Chen, Lasserre, Magron, Pauwels, NeurIPS 2020, arXiv 2002.03657",
        "Wang et al., 2022, arXiv 2203.01212",
    )
    explanation = (
        "Every unit's slope lies in a range, which is one quadratic inequality between what goes "
        "in and what comes out. A non-negative combination of them proves a bound if one matrix is "
        "positive semidefinite: a semidefinite program finds the best. For one hidden layer this "
        "is Shor's relaxation of the gradient polynomial; it is known as LipSDP-Neuron for the l2 "
        "norm and as GeoLIP for l_inf. Usually within a few per cent of P*."
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
        """Return the verified value of the semidefinite program, for l_1 the largest of several."""
        self.check(network, norm)
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        slopes = self.slope_ranges(network, region)
        whole = sector_system(slope_system(network, slopes))
        size = predicted_size(whole, norm, self.reduce_input)
        check_size(size, self._memory_bytes())
        if norm is Norm.L1:
            columns = [with_one_input(network, k) for k in range(network.n_inputs)]
            systems = [sector_system(slope_system(column, slopes)) for column in columns]
        else:
            systems = [whole]
        built = time.perf_counter()
        runs: dict[int, _Run] = {}
        best = 0.0
        for k in _by_promise(systems):
            runs[k] = self._run(systems[k], norm, deadline, on_progress, best)
            best = max(best, runs[k].certificate.value)
        verify = sum(run.verify_seconds for run in runs.values())
        claimed = max(run.claimed for run in runs.values())
        return self.answer(
            value=best,
            lower=0.0,
            verified=math.isfinite(best),
            status=_status([run.status for run in runs.values()]),
            solver_value=claimed,
            residual=max(best - claimed, 0.0) if math.isfinite(claimed) else best,
            certificate=tuple(runs[k].certificate for k in range(len(systems))),
            size={**size, "iterations": sum(run.iterations for run in runs.values())},
            build_seconds=built - start,
            solve_seconds=time.perf_counter() - built - verify,
            verify_seconds=verify,
        )

    def _run(
        self,
        system: SectorSystem,
        norm: Norm,
        deadline: float,
        on_progress: OnProgress | None,
        enough: float,
    ) -> _Run:
        """Solve one program, unless its gradient is fixed, and verify; down to ``enough`` only."""
        norm = Norm.L2 if norm is Norm.L1 else norm
        status, claimed, iterations = "constant gradient", math.nan, 0
        multipliers: tuple[Array, Array] | tuple[None, None] = (None, None)
        if system.outer.any():
            lmi = slope_lmi(system, norm, self.reduce_input, self._memory_bytes())
            solution = self._solution(lmi, deadline, on_progress, enough)
            status, iterations = solution.status, solution.iterations
            claimed = solution.value * lmi.unit
            multipliers = lmi.multipliers(solution.primal.get("c"))
        start = time.perf_counter()
        certificate = verified_bound(system, norm, *multipliers)
        seconds = time.perf_counter() - start
        if status == "constant gradient":
            claimed = certificate.value
        return _Run(certificate, claimed, status, iterations, seconds)

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Count the program without building it.

        Raises
        ------
        RelaxationTooLarge
            If there are too many units, or too little memory.
        """
        self.check(network, norm)
        system = sector_system(slope_system(network, self.slope_ranges(network, region)))
        size = predicted_size(system, norm, self.reduce_input)
        check_size(size, self._memory_bytes())
        return Estimate(size, predicted_seconds(size), predicted_memory(size))

    def _memory_bytes(self) -> float:
        return limit_bytes(self.memory_limit)

    def _solution(
        self, lmi: SlopeLMI, deadline: float, on_progress: OnProgress | None, enough: float
    ) -> Solution:
        """Solve by the method made for this program; by CVXOPT if asked, or if that fails."""
        from lipexplore.relaxations.slope_start import start, structured_program
        from lipexplore.solvers import solve
        from lipexplore.solvers.records import Settings
        from lipexplore.solvers.structured_ipm import minimise

        left = max(deadline - time.perf_counter(), SHORTEST_SECONDS)
        limit = None if math.isinf(left) else left
        listener = in_units(on_progress, lmi.unit)
        if self.solver == "auto":
            settings = Settings(limit, tolerance=self.tolerance, on_progress=listener)
            target = enough / lmi.unit if enough else -math.inf
            try:
                solution = minimise(structured_program(lmi), start(lmi), settings, target)
            except np.linalg.LinAlgError:
                solution = None
            if solution and not solution.status.startswith("failed"):
                return solution
        return solve(
            lmi.problem(MARGIN * self.tolerance),
            solver="cvxopt",
            time_limit=limit,
            tolerance=self.tolerance,
            on_progress=listener,
            structure=lmi.structure(),
        )


@dataclass(frozen=True)
class _Run:
    """What one program left."""

    certificate: LMICertificate
    claimed: float
    status: str
    iterations: int
    verify_seconds: float


def _by_promise(systems: list[SectorSystem]) -> list[int]:
    """Return the order in which to solve: the largest by a rough guess first."""
    guesses = [
        math.ldexp(float(np.linalg.norm(system.outer)), max(min(system.exponent, 900), -1000))
        * float(np.linalg.norm(system.inner[:, : system.n_inputs]) + 1.0)
        for system in systems
    ]
    return sorted(range(len(systems)), key=lambda k: -guesses[k])


def _status(statuses: list[str]) -> str:
    """Return one status for several programs: the first that tells of trouble, if any does."""
    fine = ("optimal", "enough", "constant gradient")
    trouble = [status for status in statuses if status not in fine]
    return trouble[0] if trouble else min(statuses, key=("optimal", *fine).index)

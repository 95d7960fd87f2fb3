"""The semidefinite program that is Shor's relaxation, GeoLIP and LipSDP-Neuron."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.progress import in_units
from lipexplore.certificates.lmi import LMICertificate, verified_bound
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
    from lipexplore.solvers import Solution

SHORTEST_SECONDS = 1e-3


@dataclass(frozen=True)
class SlopeLMIBound(SlopeMethod):
    """Minimise (lambda + sum mu) / 2 subject to one matrix M(lambda, mu, t) >= 0.

    M adds a multiplier t_j >= 0 times (w_j - a_j v_j)(b_j v_j - w_j) >= 0 for every unit with slope
    in [a_j, b_j] to lambda |y|^2 + sum mu_k x_k^2 - 2 y f. For l_2 there is one mu, and all outputs
    may be asked for at once. The reported value is recomputed from mu and t by a Cholesky
    factorisation with proven margins; the solver's own value is not trusted.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893); Chen, Lasserre, Magron, Pauwels, NeurIPS 2020
    (arXiv 2002.03657); Wang et al. 2022 (arXiv 2203.01212).
    """

    solver: str = field(
        default="auto", metadata={"help": "SDP solver", "choices": ("auto", "cvxopt")}
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
    norms = (Norm.L2, Norm.LINF)
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
        """Return the verified value of the semidefinite program."""
        self.check(network, norm)
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        system = self._system(network, region)
        lmi = slope_lmi(system, norm, self.reduce_input, self._memory_bytes())
        built = time.perf_counter()
        solution = self._solution(lmi, deadline, on_progress) if system.outer.any() else None
        solved = time.perf_counter()
        variables = solution.primal.get("c") if solution else None
        certificate = verified_bound(system, norm, *lmi.multipliers(variables))
        claimed = solution.value * lmi.unit if solution else certificate.value
        return self.answer(
            value=certificate.value,
            lower=0.0,
            verified=math.isfinite(certificate.value),
            status=solution.status if solution else "constant gradient",
            solver_value=claimed,
            residual=_residual(certificate, claimed),
            certificate=(certificate,),
            size={**lmi.size, "iterations": solution.iterations if solution else 0},
            build_seconds=built - start,
            solve_seconds=solved - built,
            verify_seconds=time.perf_counter() - solved,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Count the program without building it.

        Raises
        ------
        RelaxationTooLarge
            If there are too many units, or too little memory.
        """
        self.check(network, norm)
        size = predicted_size(self._system(network, region), norm, self.reduce_input)
        check_size(size, self._memory_bytes())
        return Estimate(size, predicted_seconds(size), predicted_memory(size))

    def _system(self, network: Network, region: Region) -> SectorSystem:
        return sector_system(slope_system(network, self.slope_ranges(network, region)))

    def _memory_bytes(self) -> float:
        return limit_bytes(self.memory_limit)

    def _solution(self, lmi: SlopeLMI, deadline: float, on_progress: OnProgress | None) -> Solution:
        from lipexplore.solvers import solve

        left = max(deadline - time.perf_counter(), SHORTEST_SECONDS)
        return solve(
            lmi.problem(MARGIN * self.tolerance),
            solver=self.solver,
            time_limit=None if math.isinf(left) else left,
            tolerance=self.tolerance,
            on_progress=in_units(on_progress, lmi.unit),
            structure=lmi.structure(),
        )


def _residual(certificate: LMICertificate, claimed: float) -> float:
    """Return by how much the proven bound exceeds what the solver claimed."""
    return max(certificate.value - claimed, 0.0) if math.isfinite(claimed) else certificate.value

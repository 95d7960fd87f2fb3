"""LipSDP-Layer: the slope LMI with one multiplier per layer."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.certificates.chain import ChainProver
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_chain import slope_chain
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.relaxations.layer_multipliers import layer_multipliers

SECONDS_PER_CUBE, SECONDS_PER_LAYER = 4e-9, 5e-3


@dataclass(frozen=True)
class LipSDPLayer(SlopeMethod):
    """Minimise LipSDP's bound over multipliers that are equal within each layer.

    That is ``slope-lmi`` for the l_2 norm with t_j = t_l for all units j of layer l, so its value
    is never below that of LipSDP-Neuron. Over a region, where slope ranges differ within a layer,
    t_j is t_l over the length of the unit's range, so that smaller regions are no worse. It is
    found by an ascent over vectors on the dual side
    (:mod:`lipexplore.relaxations.layer_multipliers`), and the reported value is proven from the
    multipliers in floating point. The variant of the paper that couples units, LipSDP-Network, is
    left out: it is no bound (relu(x) - relu(x - 1) has slope 1 and gets 0).

    References
    ----------
    Fazlyab, Robey, Hassani, Morari, Pappas, NeurIPS 2019 (arXiv 1906.04893), section 3.
    """

    tolerance: float = field(
        default=1e-7,
        metadata={"help": "relative gap between bound and vectors to stop at", "minimum": 1e-12},
    )

    name = "lipsdp-layer"
    label = "LipSDP-Layer"
    side = "upper"
    of = "P*"
    norms = (Norm.L2,)
    joint_norms = (Norm.L2,)
    sources = ("Fazlyab, Robey, Hassani, Morari, Pappas, NeurIPS 2019, arXiv 1906.04893",)
    explanation = (
        "LipSDP with one multiplier per layer instead of one per unit: fewer unknowns, hence "
        "faster on deep networks and never tighter than LipSDP-Neuron (slope-lmi). The paper's "
        "third form, LipSDP-Network, which couples units of a layer, is deliberately missing: it "
        "can go below the true constant (relu(x) - relu(x - 1) has slope 1, the coupled program "
        "returns 0), so it is no bound."
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
        """Return the proven value of the program."""
        self.check(network, norm)
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        chain = slope_chain(network, self.slope_ranges(network, region))
        unit = math.ldexp(1.0, min(max(chain.exponent, -1000), 1000))

        def report(sweeps: int, reached: float, value: float) -> None:
            if on_progress is not None:
                on_progress({"iteration": sweeps, "primal": value * unit, "dual": reached * unit})

        built = time.perf_counter()
        found = layer_multipliers(chain, self.tolerance, deadline, report)
        solved = time.perf_counter()
        certificate = ChainProver(chain, Norm.L2).prove(
            np.ones(1), found.units, value=found.reached * unit
        )
        formula = found.value * unit
        converged = found.value <= found.reached * (1.0 + self.tolerance)
        return self.answer(
            value=certificate.value,
            lower=0.0,
            verified=math.isfinite(certificate.value),
            status="optimal" if converged else "stopped early",
            solver_value=formula,
            residual=max(certificate.value - formula, 0.0) if math.isfinite(formula) else math.inf,
            certificate=(certificate,),
            size={"units": chain.undecided, "sweeps": found.sweeps},
            build_seconds=built - start,
            solve_seconds=solved - built,
            verify_seconds=time.perf_counter() - solved,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of the sweeps, more of them for deeper networks, and of their checks."""
        self.check(network, norm)
        chain = slope_chain(network, self.slope_ranges(network, region))
        cubes = sum(max(weight.shape) ** 3 for weight in chain.weights[1:])
        seconds = 1e-2 + chain.depth * (SECONDS_PER_LAYER + SECONDS_PER_CUBE * cubes)
        return Estimate({"units": chain.undecided}, seconds)

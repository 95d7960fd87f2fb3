"""The path bound: every path from input to output counts with its absolute weight."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from lipexplore.bounds.method import ALL_NORMS, Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.operator_norms.matrices import entrywise_norm_above
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import UNIT, product_error, up


@dataclass(frozen=True)
class Path(SlopeMethod):
    """Return the dual norm of |w|^T C_d |W_d| ... C_1 |W_1| with C_l the largest |slopes|.

    References
    ----------
    Neyshabur, Tomioka, Srebro, *Norm-based capacity control in neural networks*, COLT 2015
    (arXiv 1503.00036).
    """

    name = "path"
    label = "path bound"
    side = "upper"
    of = "P*"
    joint_norms = ALL_NORMS
    sources = ("Neyshabur, Tomioka, Srebro, COLT 2015, arXiv 1503.00036",)
    explanation = (
        "The gradient is a sum over all paths of the product of the weights on the path, so each "
        "entry is at most the sum of the products' sizes. One matrix product; cancellation between "
        "paths is ignored."
    )

    @np.errstate(over="ignore", invalid="ignore")
    def __call__(
        self,
        network: Network,
        region: Region,
        norm: Norm,
        *,
        time_limit: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> Bound:
        """Return the path bound, rounded up."""
        del time_limit, on_progress
        start = time.perf_counter()
        slopes = self.slope_ranges(network, region)
        reach = up(np.abs(network.weights[-1]) * (1.0 + 2.0 * UNIT))
        for weight, low, high in zip(
            network.weights[-2::-1], reversed(slopes.lower), reversed(slopes.upper), strict=True
        ):
            largest = np.maximum(np.abs(low), np.abs(high))
            scaled = np.where((reach > 0) & (largest > 0), up(reach * largest), 0.0)
            magnitude = scaled @ np.abs(weight)
            total = up(magnitude + product_error(weight.shape[0] + 2, magnitude))
            reach = np.where(np.isnan(total), np.inf, total)
            reach = np.where((scaled > 0) @ (weight != 0), reach, 0.0)
        value = entrywise_norm_above(reach, norm)
        return self.answer(
            value=value, lower=0.0, verified=True, solve_seconds=time.perf_counter() - start
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of one vector-matrix product per layer."""
        del region, norm
        return Estimate({}, 1e-4 + 2e-9 * sum(w.size for w in network.weights))

"""The product of the layers' Frobenius norms."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.norm_product import product_above
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import UNIT, up


@dataclass(frozen=True)
class Frobenius(SlopeMethod):
    """Multiply ||W_{d+1}||_F ... ||W_1||_F, times the largest slope of each layer.

    References
    ----------
    Neyshabur, Tomioka, Srebro, *Norm-based capacity control in neural networks*, COLT 2015
    (arXiv 1503.00036): the group norm with p = q = 2.
    """

    name = "frobenius"
    label = "Frobenius product"
    side = "upper"
    of = "P*"
    norms = (Norm.L2,)
    joint_norms = (Norm.L2,)
    sources = ("Neyshabur, Tomioka, Srebro, COLT 2015, arXiv 1503.00036",)
    explanation = (
        "Each layer's spectral norm is replaced by its Frobenius norm, the root of the sum of all "
        "squared weights. No singular values are needed, but the bound is never below the norm "
        "product and loses up to the root of the rank in every layer: the baseline of baselines, "
        "which other papers call the trivial bound."
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
        """Return the product, rounded up."""
        del norm, time_limit, on_progress
        start = time.perf_counter()
        sizes = [np.abs(weight).ravel() for weight in network.weights]
        sizes[-1] = up(sizes[-1] * (1.0 + 2.0 * UNIT))
        norms = [norm_above(size, Norm.L2) for size in sizes]
        value = product_above(*norms, *self.slope_ranges(network, region).largest)
        return self.answer(
            value=value, lower=0.0, verified=True, solve_seconds=time.perf_counter() - start
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of one sum over all weights."""
        del region, norm
        return Estimate({}, 1e-4 + 1e-7 * sum(w.size for w in network.weights))

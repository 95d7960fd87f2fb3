"""The product of the layers' operator norms."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from lipexplore.bounds.method import ALL_NORMS, Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import UNIT, Array, up


@dataclass(frozen=True)
class NormProduct(SlopeMethod):
    """Multiply ||W_{d+1}|| ... ||W_1|| in the input norm, times the largest slope of each layer.

    References
    ----------
    Szegedy et al., *Intriguing properties of neural networks*, ICLR 2014, section 4.3
    (arXiv 1312.6199).
    """

    name = "norm-product"
    label = "norm product"
    side = "upper"
    of = "P*"
    joint_norms = ALL_NORMS
    sources = ("Szegedy et al., ICLR 2014, arXiv 1312.6199",)
    explanation = (
        "Each layer stretches a vector at most by its operator norm, so the network stretches at "
        "most by the product. It costs nothing and is loose because it lets every layer meet its "
        "own worst direction."
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
        del time_limit, on_progress
        start = time.perf_counter()
        value = _last_norm_above(network.weights[-1], norm)
        slopes = self.slope_ranges(network, region).largest
        for weight, slope in zip(network.weights[:-1], slopes, strict=True):
            value = float(up(float(up(value * slope)) * operator_norm_above(weight, norm)))
            value = math.inf if math.isnan(value) else value  # 0 times what has overflowed
        return self.answer(
            value=value, lower=0.0, verified=True, solve_seconds=time.perf_counter() - start
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of one singular value decomposition per layer."""
        del region
        cost = sum(w.size * min(w.shape) for w in network.weights) if norm is Norm.L2 else 0
        return Estimate({}, 1e-4 + 2e-9 * cost)


def _last_norm_above(weight: Array, norm: Norm) -> float:
    """Bound the last layer: a single row may carry the one rounding of :meth:`Network.head`."""
    if len(weight) == 1:
        return norm_above(up(np.abs(weight[0]) * (1.0 + 2.0 * UNIT)), norm.dual)
    return operator_norm_above(weight, norm)


def operator_norm_above(weight: Array, norm: Norm) -> float:
    """Return a float not below ||W||_{p->p}: largest column sum, singular value or row sum."""
    magnitude = np.abs(weight)
    match norm:
        case Norm.LINF:
            return max(norm_above(row, Norm.L1) for row in magnitude)
        case Norm.L1:
            return max(norm_above(column, Norm.L1) for column in magnitude.T)
        case Norm.L2:
            return spectral_norm_above(weight)


def entrywise_norm_above(magnitude: Array, norm: Norm) -> float:
    """Bound ||J||_{p->p}, or the dual norm of a single row, over all |J| <= ``magnitude``."""
    if len(magnitude) == 1:
        return norm_above(magnitude[0], norm.dual)
    return operator_norm_above(magnitude, norm)

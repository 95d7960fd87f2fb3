"""The product of the layers' operator norms."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import ALL_NORMS, Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.operator_norms import last_norm_above, pair_norm_above
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import up

HIDDEN_NORMS = ("same", "best")


@dataclass(frozen=True)
class NormProduct(SlopeMethod):
    """Multiply ||W_{d+1}|| ... ||W_1||, times the largest slope of each layer.

    An elementwise activation stretches every l_r norm by at most its largest slope, so between two
    layers any norm may be used: ``hidden_norm="best"`` takes the best sequence of l_1, l_2 and
    l_inf by dynamic programming.

    References
    ----------
    Szegedy et al., *Intriguing properties of neural networks*, ICLR 2014, section 4.3
    (arXiv 1312.6199).
    """

    hidden_norm: str = field(
        default="same",
        metadata={
            "help": "norm between the layers: the input norm, or the best sequence of norms",
            "choices": HIDDEN_NORMS,
        },
    )

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
        hidden = ALL_NORMS if self.hidden_norm == "best" else (norm,)
        reach = {norm: 1.0}
        slopes = self.slope_ranges(network, region).largest
        for weight, slope in zip(network.weights[:-1], slopes, strict=True):
            reach = {
                end: min(
                    product_above(size, slope, pair_norm_above(weight, begin, end))
                    for begin, size in reach.items()
                )
                for end in hidden
            }
        value = min(
            product_above(size, last_norm_above(network.weights[-1], begin, norm))
            for begin, size in reach.items()
        )
        return self.answer(
            value=value, lower=0.0, verified=True, solve_seconds=time.perf_counter() - start
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of one singular value decomposition per layer."""
        del region
        spectral = norm is Norm.L2 or self.hidden_norm == "best"
        cost = sum(w.size * min(w.shape) for w in network.weights) if spectral else 0
        return Estimate({}, 1e-4 + 2e-9 * cost)


@np.errstate(over="ignore")
def product_above(*factors: float) -> float:
    """Return a float not below the product of numbers, each known by a bound above it.

    A factor 0 is exact, so that it beats one that has overflowed to infinity.
    """
    if 0.0 in factors:
        return 0.0
    value = factors[0]
    for factor in factors[1:]:
        value = float(up(value * factor))
    return value

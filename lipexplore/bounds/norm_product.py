"""The product of the layers' operator norms."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import ALL_NORMS, Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.operator_norms.layers import last_layer_norm_above, layer_norm_above
from lipexplore.networks.feedforward import Network
from lipexplore.networks.layers import Convolution, Dense, Layer
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
        for layer, slope in zip(network.layers[:-1], slopes, strict=True):
            reach = {
                end: min(
                    product_above(size, slope, layer_norm_above(layer, begin, end))
                    for begin, size in reach.items()
                )
                for end in hidden
            }
        value = min(
            product_above(size, last_layer_norm_above(network.layers[-1], begin, norm))
            for begin, size in reach.items()
        )
        return self.answer(
            value=value, lower=0.0, verified=True, solve_seconds=time.perf_counter() - start
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of one singular value decomposition per layer."""
        del region
        spectral = norm is Norm.L2 or self.hidden_norm == "best"
        cost = sum(map(_spectral_cost, network.layers)) if spectral else 0.0
        return Estimate({}, 1e-4 + 2e-9 * cost)


def _spectral_cost(layer: Layer) -> float:
    """Return operations of a singular value decomposition, of a convolution those of its norms."""
    if isinstance(layer, Dense):
        return float(layer.n_outputs * layer.n_inputs * min(layer.n_outputs, layer.n_inputs))
    if isinstance(layer, Convolution):
        return min(1e9, float(layer.n_outputs) * layer.n_inputs) + 1e6
    return 1e6


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

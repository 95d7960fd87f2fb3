"""The bound of Combettes and Pesquet for layers of averaged operators."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import ALL_NORMS, Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.norm_product import HIDDEN_NORMS, product_above
from lipexplore.bounds.operator_norms.matrices import pair_norm_above
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import UNIT, Array, product_error, sum_up, up

Reach = Mapping[Norm, float]


@dataclass(frozen=True)
class CombettesPesquet(SlopeMethod):
    """Write each layer's slopes as c + r Q with |Q| <= 1 and sum over all choices of c or r Q.

    Where c is chosen matrices multiply before their norm is taken, where r Q is chosen norms
    multiply:

        sum over sets J of hidden layers of  prod_{l not in J} |c_l|  prod_{l in J} r_l
            prod over the stretches between neighbouring layers of J of ||W_j ... W_{i+1}||.

    ReLU has c = r = 1/2. The 2^d terms share their beginnings, so a recursion over the last element
    of J needs only the norms of all (d + 1)(d + 2) / 2 products of neighbouring matrices. Norms in
    hidden layers are free, as for the norm product, and each choice of the last element takes its
    best one. The layer's widest slope range counts, so on a smaller region the value never rises.

    References
    ----------
    Combettes, Pesquet, *Lipschitz certificates for layered network structures driven by averaged
    activation operators*, SIAM J. Math. Data Sci. 2 (2020) (arXiv 1903.01014). The centre and the
    radius of a slope range generalise the paper's averagedness constant.
    """

    hidden_norm: str = field(
        default="best",
        metadata={
            "help": "norm between the layers: the input norm, or the best of all norms",
            "choices": HIDDEN_NORMS,
        },
    )

    name = "combettes-pesquet"
    label = "Combettes-Pesquet"
    side = "upper"
    of = "P*"
    joint_norms = ALL_NORMS
    sources = ("Combettes, Pesquet, SIAM J. Math. Data Sci. 2020, arXiv 1903.01014",)
    explanation = (
        "A ReLU is half the identity plus half a map that stretches nothing. Expanding the network "
        "into all combinations, matrices of neighbouring layers multiply, and may cancel, wherever "
        "the identity is taken. The result lies between the norm of the product of all matrices "
        "and the product of their norms: never worse than the norm product, usually by a small "
        "factor per layer, and no better than it for the absolute value or for positive weights."
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
        """Return the sum of all terms, rounded up."""
        del time_limit
        start = time.perf_counter()
        centers, radii = centers_and_radii(self.slope_ranges(network, region))
        hidden = ALL_NORMS if self.hidden_norm == "best" else (norm,)
        reaches: list[Reach] = []
        for layer in range(network.depth + 1):
            ends = hidden if layer < network.depth else (norm,)
            terms = _terms(network, layer, norm, ends, reaches, centers)
            total = {end: sum_up(found[end] for found in terms) for end in ends}
            radius = radii[layer] if layer < network.depth else 1.0
            reaches.append({end: product_above(total[end], radius) for end in ends})
            if on_progress is not None:
                on_progress({"done": layer + 1, "total": network.depth + 1})
        return self.answer(
            value=reaches[-1][norm],
            lower=0.0,
            verified=True,
            size={"products": (network.depth + 1) * (network.depth + 2) // 2},
            solve_seconds=time.perf_counter() - start,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of one product and its norms per stretch of layers."""
        del region, norm
        stretches = (network.depth + 1) * (network.depth + 2) // 2
        largest = max(network.widths)
        return Estimate({"products": stretches}, stretches * (1e-3 + 4e-9 * largest**3))


def centers_and_radii(slopes: SlopeRanges) -> tuple[list[float], list[float]]:
    """Return c and r per layer with every slope in [c - r, c + r], r rounded up."""
    centers, radii = [], []
    for low, high in zip(slopes.lower, slopes.upper, strict=True):
        bottom, top = float(low.min()), float(high.max())
        center = bottom if bottom == top else 0.5 * bottom + 0.5 * top
        centers.append(center)
        radii.append(
            0.0 if bottom == top else float(up(max(up(top - center), up(center - bottom))))
        )
    return centers, radii


def _terms(
    network: Network,
    last: int,
    norm: Norm,
    ends: tuple[Norm, ...],
    reaches: list[Reach],
    centers: list[float],
) -> list[Reach]:
    """Bound the stretches that end with weight matrix ``last``, by the layer they begin after."""
    terms: list[Reach] = []
    middle, error = network.weights[last], np.zeros(())
    if last == network.depth and len(middle) == 1:
        error = up(2.0 * UNIT * np.abs(middle))
    passed = 1.0
    for first in range(last, -1, -1):
        begins = {norm: 1.0} if first == 0 else reaches[first - 1]
        norms = {
            (begin, end): _norm_of_product(middle, error, begin, end)
            for begin, size in begins.items()
            for end in ends
            if size > 0.0 and passed > 0.0
        }
        terms.append(
            {
                end: min(
                    (
                        product_above(passed, size, norms[begin, end])
                        for begin, size in begins.items()
                        if size > 0.0 and passed > 0.0
                    ),
                    default=0.0,
                )
                for end in ends
            }
        )
        if first > 0:
            middle, error = _extended(middle, error, network.weights[first - 1])
            passed = product_above(passed, abs(centers[first - 1]))
    return terms


@np.errstate(over="ignore", invalid="ignore")
def _extended(middle: Array, error: Array, weight: Array) -> tuple[Array, Array]:
    """Return middle W and an entrywise bound of all roundings, old and new."""
    sizes = np.abs(middle) + error
    spread = np.abs(weight)
    rounding = product_error(len(weight) + 2, sizes @ spread)
    inherited = (np.broadcast_to(error, middle.shape) @ spread) * (1.0 + 2.0**-20)
    return middle @ weight, up(inherited + rounding)


def _norm_of_product(middle: Array, error: Array, start: Norm, end: Norm) -> float:
    if not (np.isfinite(middle).all() and np.isfinite(error).all()):
        return np.inf
    if len(middle) == 1:
        return norm_above(
            up(np.abs(middle[0]) + np.broadcast_to(error, middle.shape)[0]), start.dual
        )
    value = pair_norm_above(middle, start, end)
    if error.any():
        value = sum_up([value, norm_above(error.ravel(), Norm.L1)])
    return value

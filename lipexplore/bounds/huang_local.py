"""The product of norms without the rows and columns of units that are constant on the region."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lipexplore.bounds.method import ALL_NORMS, Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.norm_product import product_above
from lipexplore.bounds.operator_norms.matrices import last_norm_above, operator_norm_above
from lipexplore.networks.activations import Activation
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.networks.linear_relaxation import back_substituted_ranges
from lipexplore.networks.slope_ranges import check_region
from lipexplore.norms import Norm
from lipexplore.regions import Ball, Region, WholeSpace
from lipexplore.rounding import Array, affine_interval, around, product_error, sum_up, up

Ends = tuple[Array, Array]


@dataclass(frozen=True)
class HuangLocal(SlopeMethod):
    """Multiply ||W_{d+1}[:, I_d]|| prod_l ||G_l W_l[I_l, I_{l-1}]|| over the units I_l that move.

    G_l holds the largest |slope| of each unit over the region: 0 for a ReLU that is never on and
    for a clipped ReLU that is always clipped, whose rows and columns drop out. Over a ball the
    factors found so far say how far a layer can move from its value at the centre, which tightens
    the intervals of the next layer. That may exclude slopes that interval propagation allows, so
    the value bounds L and no P* of wider slope ranges.

    References
    ----------
    Huang, Zhang, Shi, Kolter, Anandkumar, *Training certifiably robust neural networks with
    efficient local Lipschitz bounds*, NeurIPS 2021 (arXiv 2111.01395). The paper moves the layers
    by the product of global norms; the local product is as valid and never larger.
    """

    name = "huang-local"
    label = "local product (Huang et al.)"
    side = "upper"
    of = "L"
    joint_norms = ALL_NORMS
    sources = ("Huang, Zhang, Shi, Kolter, Anandkumar, NeurIPS 2021, arXiv 2111.01395",)
    explanation = (
        "On a small region many units never switch on. Their rows and columns are deleted, then "
        "the norms of the remaining matrices are multiplied. Cheap, and never above the norm "
        "product; close to it on large regions, and on small ones still far from the gradient, "
        "because signs that no longer vary are not used."
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
        """Return the product over the units that move, rounded up."""
        del time_limit
        start = time.perf_counter()
        check_region(network, region)
        value, kept = 1.0, np.ones(network.n_inputs, dtype=bool)
        counts = []
        for layer, gains in enumerate(unit_gains(network, region, self.slopes)):
            value = product_above(value, _layer_norm(network.weights[layer], gains, kept, norm))
            kept = gains > 0.0
            counts.append(int(kept.sum()))
            if on_progress is not None:
                on_progress({"layer": layer + 1, "kept": counts[-1]})
        last = network.weights[-1][:, kept]
        factor = last_norm_above(last, norm, norm) if kept.any() else 0.0
        return self.answer(
            value=product_above(value, factor),
            lower=0.0,
            verified=True,
            size={"kept": sum(counts)},
            solve_seconds=time.perf_counter() - start,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of one decomposition and a few norms of rows per layer."""
        del region, norm
        cost = sum(w.size * min(w.shape) for w in network.weights)
        return Estimate({"kept": sum(network.widths[1:-1])}, 1e-3 + 1e-8 * cost)


def unit_gains(network: Network, region: Region, propagation: str) -> Iterator[Array]:
    """Yield per hidden layer the largest |slope| of each unit over the region.

    Every factor is computed once more in the norm of the ball, where it bounds the radius in which
    the layer moves.
    """
    if isinstance(region, WholeSpace):
        for act, width in zip(network.activations, network.widths[1:], strict=False):
            yield np.maximum(*map(np.abs, act.unit_slope_bounds(width)))
        return
    other = back_substituted_ranges(network, region) if propagation != "interval" else None
    ball = (
        _MovingBall(region) if isinstance(region, Ball) and region.norm is not Norm.LINF else None
    )
    kept, hidden = np.ones(network.n_inputs, dtype=bool), region.box()
    for layer, act in enumerate(network.activations):
        weight, bias = network.weights[layer], network.biases[layer]
        before = (
            region.affine_bounds(weight, bias)
            if layer == 0
            else affine_interval(weight, bias, *hidden)
        )
        before = _meet(before, other[layer]) if other else before
        before = _meet(before, ball.before(weight, bias, kept)) if ball else before
        low, high = act.slope_range(*before)
        gains = np.maximum(np.abs(low), np.abs(high))
        hidden = act.value_range(*before)
        if ball:
            hidden = _meet(hidden, ball.after(weight, act, gains, kept))
        kept = gains > 0.0
        yield gains


class _MovingBall:
    """What a ball of inputs becomes: the enclosed image of its centre and a radius around it."""

    def __init__(self, region: Ball) -> None:
        self.norm, self.radius = region.norm, region.radius
        self.center: Ends = (region.center, region.center)

    def before(self, weight: Array, bias: Array, kept: Array) -> Ends:
        """Return W h + b for all h of this ball that differ from the centre in ``kept`` only."""
        self.center = affine_interval(weight, bias, *self.center)
        rows = [norm_above(row[kept], self.norm.dual) if kept.any() else 0.0 for row in abs(weight)]
        return self._around(np.array([product_above(self.radius, row) for row in rows]))

    def after(self, weight: Array, act: Activation, gains: Array, kept: Array) -> Ends:
        """Move on through a layer and return the box around its ball."""
        self.center = act.value_range(*self.center)
        self.radius = product_above(self.radius, _layer_norm(weight, gains, kept, self.norm))
        return self._around(np.full(len(weight), self.radius))

    def _around(self, reach: Array) -> Ends:
        return around(self.center[0], reach)[0], around(self.center[1], reach)[1]


def _layer_norm(weight: Array, gains: Array, kept: Array, norm: Norm) -> float:
    """Bound ||G W[I, I']|| with the rows where the gain is 0 and the other columns left out."""
    moving = gains > 0.0
    if not moving.any() or not kept.any():
        return 0.0
    block, factors = weight[np.ix_(moving, kept)], gains[moving]
    largest = float(factors.max())
    if (factors == largest).all():
        return product_above(operator_norm_above(block, norm), largest)
    scaled = factors[:, None] * block
    if norm is not Norm.L2:
        return operator_norm_above(up(np.abs(scaled)), norm)
    error = norm_above(product_error(1, np.abs(scaled)).ravel(), Norm.L2)
    return sum_up([operator_norm_above(scaled, norm), error])


def _meet(one: Ends, other: Ends) -> Ends:
    return np.maximum(one[0], other[0]), np.minimum(one[1], other[1])

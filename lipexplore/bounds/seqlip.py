"""SeqLip: the gradient cut between neighbouring activations, each factor bounded with a proof."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.bounds.norm_product import product_above
from lipexplore.bounds.operator_norms.matrices import last_norm_above, operator_norm_above
from lipexplore.bounds.pair_maximum import Pair, averaged_bound, vertex_maximum
from lipexplore.bounds.pair_program import relaxation_seconds, relaxed_maximum
from lipexplore.errors import InvalidSetting
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import UNIT, Array, product_error, sum_up, up

MOST_VERTICES = 20
HEAD = 2.0 * UNIT


@dataclass(frozen=True)
class SeqLip(SlopeMethod):
    """Multiply max over D of ||A_{l+1} D B_l||_2 over the hidden layers, with W_l = B_l A_l.

    The factors come from the singular value decomposition W_l = U S V^T: A_l = S^{1/2} V^T and
    B_l = U S^{1/2} for inner layers, B_1 = W_1 and A_{d+1} = W_{d+1}. What the floating-point
    factors miss of W_l is bounded and added. Each maximum is over a box of slopes and convex, so
    it is attained at a vertex. All vertices of a layer with at most ``largest_vertices`` undecided
    units are tried; wider layers take a semidefinite relaxation (LipSDP-Neuron of the pair).

    The published algorithm searches the vertices greedily, which is a *lower* estimate of this
    product and may lie below the Lipschitz constant; it is not offered.

    References
    ----------
    Virmaux, Scaman, *Lipschitz regularity of deep neural networks: analysis and efficient
    estimation*, NeurIPS 2018 (arXiv 1805.10965), section 5.
    """

    largest_vertices: int = field(
        default=13,
        metadata={
            "help": "try all slope vertices of at most so many undecided units",
            "minimum": 0,
        },
    )

    name = "seqlip"
    label = "SeqLip, certified"
    side = "upper"
    of = "P*"
    norms = (Norm.L2,)
    joint_norms = (Norm.L2,)
    sources = ("Virmaux, Scaman, NeurIPS 2018, arXiv 1805.10965, section 5",)
    explanation = (
        "Each weight matrix is split in the middle of its singular value decomposition. Between "
        "two splits sits one layer of slopes, whose worst case is found by trying all vertices, or "
        "bounded by a small semidefinite program for wide layers. Exact for P* with one hidden "
        "layer; with more it is loose because every layer picks its slopes for itself. The greedy "
        "search that is published as SeqLip can fall below the true constant; this is the product "
        "that it estimates, proven."
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
        """Return the product of the pairs' proven maxima."""
        self.check(network, norm)
        self._check_vertices()
        start = time.perf_counter()
        deadline = math.inf if time_limit is None else start + time_limit
        ranges = self.slope_ranges(network, region)
        pairs, missed = split_pairs(network, ranges)
        factors: list[float] = []
        ways: list[str] = []
        for index, pair in enumerate(pairs):
            watch = _watch(deadline, on_progress, index, len(pairs))
            share = (deadline - time.perf_counter()) / (len(pairs) - index)
            factor, way = self._factor(pair, watch, share)
            factors.append(factor)
            ways.append(way)
        value = _chained(network, ranges, pairs, missed, factors)
        return self.answer(
            value=value,
            lower=0.0,
            verified=math.isfinite(value),
            status="; ".join(sorted(set(ways))) or "done",
            certificate=tuple(factors),
            size={"vertices": self._vertices(ranges)},
            solve_seconds=time.perf_counter() - start,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Count the vertices to try, and the semidefinite programs instead of too many.

        Raises
        ------
        RelaxationTooLarge
            If a layer's semidefinite program is too large.
        """
        self.check(network, norm)
        self._check_vertices()
        ranges, seconds = self.slope_ranges(network, region), 2e-3
        for pair in split_pairs(network, ranges)[0]:
            if pair.undecided <= self.largest_vertices:
                work = len(pair.left) * pair.right.size
                seconds += 2**pair.undecided * (5e-6 + 2e-9 * work)
            else:
                seconds += relaxation_seconds(pair)
        return Estimate({"vertices": self._vertices(ranges)}, seconds)

    def _check_vertices(self) -> None:
        if self.largest_vertices > MOST_VERTICES:
            raise InvalidSetting(
                f"largest_vertices must be at most {MOST_VERTICES}, not {self.largest_vertices}: "
                "each unit doubles the vertices; wider layers take a semidefinite relaxation"
            )

    def _vertices(self, ranges: SlopeRanges) -> int:
        counts = [int((a < b).sum()) for a, b in zip(ranges.lower, ranges.upper, strict=True)]
        return sum(2**count for count in counts if count <= self.largest_vertices)

    def _factor(
        self, pair: Pair, watch: Callable[[int, int], bool], seconds: float
    ) -> tuple[float, str]:
        """Return a proven bound of one pair and how it was found."""
        fallback = averaged_bound(pair)
        if not (np.isfinite(pair.left).all() and np.isfinite(pair.right).all()):
            return math.inf, "overflow"
        if pair.undecided <= self.largest_vertices:
            found = vertex_maximum(pair, watch)
            return (fallback, "time limit") if found is None else (min(found, fallback), "vertices")
        if seconds <= 0.0 or not watch(0, 1):
            return fallback, "time limit"
        value, status = relaxed_maximum(pair, None if math.isinf(seconds) else seconds)
        return min(value, fallback), f"semidefinite relaxation: {status}"


def split_pairs(network: Network, slopes: SlopeRanges) -> tuple[list[Pair], list[float]]:
    """Return one pair (A_{l+1}, B_l) per hidden layer and bounds of ||W_l - B_l A_l||, l > 1."""
    rights, lefts, missed = [network.weights[0]], [], [0.0]
    for weight in network.weights[1:-1]:
        right, left = _halves(weight)
        product = right @ left
        error = product_error(right.shape[1] + 4, np.abs(right) @ np.abs(left) + np.abs(weight))
        rights.append(right)
        lefts.append(left)
        missed.append(norm_above((up(np.abs(weight - product)) + error).ravel(), Norm.L2))
    lefts.append(network.weights[-1])
    pairs = [
        Pair(left, right, low, high)
        for left, right, low, high in zip(lefts, rights, slopes.lower, slopes.upper, strict=False)
    ]
    return pairs, missed


def _halves(weight: Array) -> tuple[Array, Array]:
    """Return about U S^{1/2} and S^{1/2} V^T; only their product matters, and is checked."""
    scale = 2.0 ** math.frexp(float(np.abs(weight).max()))[1]
    u, s, vt = np.linalg.svd(weight / scale, full_matrices=False)
    root = np.sqrt(s * scale)
    return u * root, root[:, None] * vt


@np.errstate(over="ignore", invalid="ignore")
def _chained(
    network: Network,
    slopes: SlopeRanges,
    pairs: list[Pair],
    missed: list[float],
    factors: list[float],
) -> float:
    """Bound the gradient from the pairs' maxima f_l and what the splits miss of the weights.

    With x_l a bound of ||A_{l+1} D_l W_l ... D_1 W_1|| and p_l one of ||W_l ... D_1 W_1||,
    W_l = B_l A_l + E_l gives x_l <= f_l x_{l-1} + ||A_{l+1}|| g_l ||E_l|| g_{l-1} p_{l-1}.
    """
    if not pairs:
        return last_norm_above(network.weights[-1], Norm.L2, Norm.L2)
    reach, passed = 1.0, 1.0
    for layer, (pair, lost, factor) in enumerate(zip(pairs, missed, factors, strict=True)):
        gain = slopes.largest[layer]
        left = product_above(operator_norm_above(pair.left, Norm.L2), 1.0 + 2.0 * HEAD)
        terms = [product_above(factor, reach), product_above(left, gain, lost, passed)]
        if layer == len(pairs) - 1 and network.n_outputs == 1:
            right = operator_norm_above(pair.right, Norm.L2)
            terms.append(product_above(HEAD, left, gain, right, reach))
        reach = sum_up(terms)
        passed = product_above(passed, operator_norm_above(network.weights[layer], Norm.L2), gain)
    return reach


def _watch(
    deadline: float, on_progress: OnProgress | None, index: int, count: int
) -> Callable[[int, int], bool]:
    """Return a function that reports vertices done and tells whether time is left."""

    def keep_going(done: int, total: int) -> bool:
        if on_progress is not None:
            on_progress({"pair": index + 1, "pairs": count, "done": done, "total": total})
        return time.perf_counter() < deadline

    return keep_going

"""A lower bound of P* by block-coordinate ascent over slopes and the dual vector."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from lipexplore.bounds.method import Bound, Estimate, OnProgress, SlopeMethod
from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import gradient_norm_below
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.norms import Norm
from lipexplore.regions import Region
from lipexplore.rounding import Array

MAX_SWEEPS = 100
LARGEST_SHAKE = 0.4


@dataclass(frozen=True)
class VertexSearch(SlopeMethod):
    """Maximise t^T W_1^T D_1 ... D_d w over t in the dual ball and slopes at ends of their ranges.

    The value is affine in each slope and the best t is known in closed form, so every block has an
    exact update; many random starts are run as one batch. Then the best vertex is copied, a random
    share of each copy's slopes is flipped, and the copies ascend again (iterated local search). The
    result is attained by slopes, not necessarily by an input: a lower bound of P*, no floor for L.

    References
    ----------
    Latorre, Rolland, Cevher, ICLR 2020, sections 2 and 3 (arXiv 2004.08688), for the polynomial.
    """

    starts: int = field(default=200, metadata={"help": "number of random starts", "minimum": 1})
    rounds: int = field(
        default=6, metadata={"help": "times that the best vertex is shaken", "minimum": 0}
    )
    seed: int = field(default=0, metadata={"help": "seed of the random starts", "minimum": 0})

    name = "vertex-search"
    label = "vertex search (below P*)"
    side = "lower"
    of = "P*"
    sources = ("Latorre, Rolland, Cevher, ICLR 2020, arXiv 2004.08688, section 3",)
    explanation = (
        "P* is attained when every slope is at an end of its range. Starting from random slopes, "
        "one layer after the other is set to its best ends until nothing improves. What it finds "
        "is a lower bound of P*: an upper bound that meets it is exact for P*."
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
        """Return the best slope assignment found and a proven lower bound of its norm."""
        del on_progress
        start = time.perf_counter()
        ranges = self.slope_ranges(network, region)
        rng = np.random.default_rng(self.seed)
        slopes = [
            np.where(rng.random((self.starts, low.size)) < 0.5, low, high)
            for low, high in zip(ranges.lower, ranges.upper, strict=True)
        ]
        for layer_slopes, high in zip(slopes, ranges.upper, strict=True):
            layer_slopes[0] = high
        value, best = _best(*_ascend(network, ranges, slopes, norm, start, time_limit))
        for _ in range(self.rounds):
            shaken = _shaken(best, ranges, self.starts, rng)
            candidate = _best(*_ascend(network, ranges, shaken, norm, start, time_limit))
            if candidate[0] > value:
                value, best = candidate
        ends = tuple(best)
        searched = time.perf_counter()
        lower = gradient_norm_below(network, SlopeRanges(ends, ends), norm)
        return self.answer(
            value=np.inf,
            lower=lower,
            lower_of="P*",
            verified=True,
            solver_value=value,
            residual=max(0.0, value - lower),
            witness=ends,
            size={"starts": self.starts},
            solve_seconds=searched - start,
            verify_seconds=time.perf_counter() - searched,
        )

    def estimate(self, network: Network, region: Region, norm: Norm) -> Estimate:
        """Return the time of about ten sweeps."""
        del region, norm
        work = 10 * self.starts * sum(w.size for w in network.weights) * (network.depth + 1)
        return Estimate({"starts": self.starts}, 2e-3 + 4e-10 * work)


def _best(values: Array, slopes: list[Array]) -> tuple[float, list[Array]]:
    winner = int(values.argmax())
    return float(values[winner]), [layer[winner] for layer in slopes]


def _shaken(
    best: list[Array], ranges: SlopeRanges, copies: int, rng: np.random.Generator
) -> list[Array]:
    """Copy the best vertex and flip a random share of each copy's slopes to their other end."""
    share = LARGEST_SHAKE * rng.random((copies, 1))
    return [
        np.where(rng.random((copies, layer.size)) < share, np.where(layer == low, high, low), layer)
        for layer, low, high in zip(best, ranges.lower, ranges.upper, strict=True)
    ]


def _ascend(
    network: Network,
    ranges: SlopeRanges,
    slopes: list[Array],
    norm: Norm,
    start: float,
    time_limit: float | None,
) -> tuple[Array, list[Array]]:
    values = np.full(len(slopes[0]) if slopes else 1, -np.inf)
    for _ in range(MAX_SWEEPS):
        gradient = network.jacobian_of_slopes(slopes)
        gradient = np.broadcast_to(gradient, (values.size, *gradient.shape[-2:]))[:, 0, :]
        improved = np.linalg.norm(gradient, ord=norm.dual.exponent, axis=1)
        stalled = (improved <= values * (1.0 + 1e-13)).all()
        values = improved
        if stalled or (time_limit is not None and time.perf_counter() - start > time_limit):
            break
        slopes = _sweep(network, ranges, slopes, dual_vector(gradient, norm))
    return values, slopes


def _sweep(network: Network, ranges: SlopeRanges, slopes: list[Array], t: Array) -> list[Array]:
    """Set each layer, first to last, to the ends that maximise the value given all others."""
    backward: list[Array] = [np.broadcast_to(network.weights[-1][0], (len(t), network.widths[-2]))]
    for weight, slope in zip(network.weights[-2:0:-1], reversed(slopes[1:]), strict=True):
        backward.append((backward[-1] * slope) @ weight)
    forward, updated = t, []
    for weight, low, high, behind in zip(
        network.weights, ranges.lower, ranges.upper, reversed(backward), strict=False
    ):
        forward = forward @ weight.T
        updated.append(np.where(forward * behind > 0, high, low))
        forward = forward * updated[-1]
    return updated


def dual_vector(gradient: Array, norm: Norm) -> Array:
    """Return the unit vector t of ``norm`` that maximises t . gradient, row by row."""
    match norm:
        case Norm.LINF:
            return np.where(gradient >= 0, 1.0, -1.0)
        case Norm.L2:
            lengths = np.linalg.norm(gradient, axis=1, keepdims=True)
            return gradient / np.where(lengths > 0, lengths, 1.0)
        case Norm.L1:
            t = np.zeros_like(gradient)
            rows, best = np.arange(len(gradient)), np.abs(gradient).argmax(axis=1)
            t[rows, best] = np.where(gradient[rows, best] >= 0, 1.0, -1.0)
            return t

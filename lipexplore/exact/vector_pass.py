"""Shor's relaxation of P* by forward and backward passes whose units carry vectors.

Unit (l, j) with slope in [alpha, beta] and pre-activation vector g = sum_k W_jk z_k in R^r outputs

    z = (alpha + beta) / 2 g + (beta - alpha) / 2 |g| v,        v a free unit vector,

which is all of <z - alpha g, z - beta g> <= 0. Inputs are unit vectors (l_inf), or have total
length 1 (l_2, l_1). A sweep sets every v and the inputs to what the backward pass asks for; no
step can lower the value |W_{d+1} z_d|. Arrays have shape (r, B, n): B problems of rank r at once,
so that a layer is one matrix product and everything else runs along the units.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from lipexplore.exact.vector_maps import layer_maps
from lipexplore.exact.vector_state import Ascent, Multipliers, Sweep, Vectors
from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.norms import Norm
from lipexplore.rounding import Array

RANK = 16
SMALLEST_TAU, LARGEST_TAU, SMALLEST_MU = 1e-9, 1e6, 1e-12
"""Ends of the multipliers relative to the median of their layer, to the largest of the inputs."""

NARROW = 1e-8
"""Relative width below which multipliers take a slope range for so wide: they grow like 1 / width,
and those of a slope that only rounding leaves open would swamp all others of its layer."""

ROUNDING = 1e-15
"""A relative fall of the value that starts the momentum anew."""


class VectorPass:
    """B problems on one chain: maximise the length of its output over vectors of rank r.

    Parameters
    ----------
    chain
        Its weights may be NumPy or SciPy sparse arrays or LinearOperators.
    norm
        LINF, L2, or L1: problem b then has input ``columns[b]`` alone.
    lower, upper
        Slope ranges if not the chain's: per layer (B, n_l) or (n_l,).
    outputs
        Array (B, n_d): one output row per problem instead of W_{d+1}, as margins ask for.
    columns
        Input of each problem, for L1 only; all inputs, one problem each, if not given.

    References
    ----------
    Burer, Monteiro, Math. Program. 95, 2003, for low-rank factors of semidefinite programs;
    Nesterov's momentum with restarts after O'Donoghue, Candes, 2015 (arXiv 1204.3982).
    """

    def __init__(
        self,
        chain: SlopeChain,
        norm: Norm,
        *,
        lower: Sequence[Array] | None = None,
        upper: Sequence[Array] | None = None,
        outputs: Array | None = None,
        columns: Sequence[int] | NDArray[np.intp] | None = None,
    ) -> None:
        if norm is Norm.L1 and columns is None:
            columns = np.arange(chain.widths[0])
        low, high = lower or chain.lower, upper or chain.upper
        self.norm, self.depth = norm, chain.depth
        self.columns = np.asarray(columns, dtype=np.intp) if norm is Norm.L1 else None
        self.middle = [np.atleast_2d(0.5 * a + 0.5 * b) for a, b in zip(low, high, strict=True)]
        self.half = [np.atleast_2d(0.5 * b - 0.5 * a) for a, b in zip(low, high, strict=True)]
        self.maps = layer_maps(chain, norm, outputs, self.columns)
        self.widths = (self.maps[0].n_inputs, *chain.widths[1:-1])
        counts = [len(ends) for ends in self.half]
        counts += [len(outputs)] if outputs is not None else []
        counts += [len(self.columns)] if self.columns is not None else []
        self.problems = max(counts, default=1)

    def take(self, problems: Sequence[int] | NDArray[np.intp]) -> VectorPass:
        """Return the pass of some problems, in that order."""
        chosen = np.asarray(problems, dtype=np.intp)
        part = copy(self)
        part.middle = [ends if len(ends) == 1 else ends[chosen] for ends in self.middle]
        part.half = [ends if len(ends) == 1 else ends[chosen] for ends in self.half]
        part.maps = tuple(layer.take(chosen) for layer in self.maps)
        part.columns = None if self.columns is None else self.columns[chosen]
        part.problems = len(chosen)
        return part

    def start(self, rank: int = RANK, seed: int = 0) -> Vectors:
        """Return random vectors for every problem."""
        return self.normalised(Vectors.random(self.widths, rank, self.problems, seed))

    def normalised(self, vectors: Vectors) -> Vectors:
        """Return the vectors with the lengths that the norm asks for."""
        rows = vectors.rows.copy()
        self._normalise(rows, np.zeros_like(rows))
        return Vectors(rows, vectors.widths)

    def run(self, start: Vectors | Ascent, sweeps: int) -> Ascent:
        """Return the ascent after so many sweeps (at least one) with Nesterov's momentum.

        A problem whose value falls goes on from the last sweep without momentum.
        """
        if isinstance(start, Vectors):
            swept = self.sweep(start)
            start = Ascent(swept.vectors, swept.values, np.zeros(start.problems), swept)
            sweeps -= 1
        for _ in range(sweeps):
            start = self._advance(start)
        return start

    def _advance(self, state: Ascent) -> Ascent:
        swept = self.sweep(state.point)
        fell = swept.values < state.last.values * (1.0 - ROUNDING)
        counts = np.where(fell, 0.0, state.counts)
        new = swept.vectors.rows
        point = new - state.vectors.rows
        point *= (counts / (counts + 3.0))[:, None]
        point += new
        self._normalise(point, new)
        best = np.maximum(state.best, swept.values)
        return Ascent(Vectors(point, self.widths), best, counts + 1.0, swept)

    @np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore")
    def sweep(self, vectors: Vectors) -> Sweep:
        """Return the vectors after one forward and one backward pass."""
        swept = Vectors(np.empty_like(vectors.rows), vectors.widths)
        old, new = vectors.layers, swept.layers
        z, forward, lengths = old[0], [], []
        for layer, v, middle, half in zip(
            self.maps[:-1], old[1:], self.middle, self.half, strict=True
        ):
            g = layer.forward(z)
            length = _lengths(g)
            z = middle * g
            z += (half * length) * v
            forward.append(g)
            lengths.append(length)
        x = self.maps[-1].forward(z)
        values = np.sqrt(np.einsum("rbn,rbn->b", x, x))
        a = self.maps[-1].backward(x * _inverse(values)[:, None])
        backward = []
        for index in reversed(range(len(forward))):
            gain = _lengths(a)
            _point_along(a, gain, new[index + 1], old[index + 1])
            backward.append(a)
            b = self.middle[index] * a
            b += (self.half[index] * gain * _inverse(lengths[index])) * forward[index]
            a = self.maps[index].backward(b)
        _point_along(a, self._input_lengths(a), new[0], old[0])
        return Sweep(swept, values, tuple(forward), tuple(reversed(backward)), a)

    @np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore")
    def multipliers(self, sweep: Sweep) -> Multipliers:
        """Return tau_l = |a_l| / ((beta - alpha) |g_l|) and mu = |a_0|, clipped layer by layer."""
        widths = [
            np.maximum(half, NARROW * np.abs(middle))
            for half, middle in zip(self.half, self.middle, strict=True)
        ]
        units = [
            _clipped_tau(_lengths(a) / (2.0 * width * _lengths(g)), half)
            for a, g, width, half in zip(
                sweep.backward, sweep.forward, widths, self.half, strict=True
            )
        ]
        mu = self._input_lengths(sweep.inputs)
        largest = mu.max(axis=1, keepdims=True)
        usable = np.isfinite(largest) & (largest > 0.0)
        mu = np.where(usable, np.maximum(mu, SMALLEST_MU * largest), 1.0)
        return Multipliers(mu, tuple(units))

    @np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore")
    def scores(self, sweep: Sweep) -> tuple[Array, ...]:
        """Return tau |g|^2 (1 - cos^2(v, g)) of every unit, per layer (B, n_l); 0 if it is fixed.

        What the vectors gain by not being parallel: branch on the largest.
        """
        scores = []
        for a, g, half in zip(sweep.backward, sweep.forward, self.half, strict=True):
            gain, size = _lengths(a), _lengths(g)
            cosine = np.einsum("rbn,rbn->bn", a, g) * _inverse(gain * size)
            score = gain * size / (2.0 * half) * np.maximum(1.0 - cosine**2, 0.0)
            scores.append(np.where((half > 0.0) & np.isfinite(score), score, 0.0))
        return tuple(scores)

    def _input_lengths(self, a: Array) -> Array:
        """Return the lengths (B, n_t) for l_inf, else the total length (B, 1)."""
        if self.norm is Norm.LINF:
            return _lengths(a)
        total: Array = np.sqrt(np.einsum("rbn,rbn->b", a, a))[:, None]
        return total

    @np.errstate(divide="ignore", invalid="ignore")
    def _normalise(self, rows: Array, fallback: Array) -> None:
        """Scale the vectors in place; those of length zero become those of ``fallback``."""
        inputs, units = rows[:, :, : self.widths[0]], rows[:, :, self.widths[0] :]
        kept = fallback[:, :, : self.widths[0]], fallback[:, :, self.widths[0] :]
        _point_along(inputs, self._input_lengths(inputs), inputs, kept[0])
        _point_along(units, _lengths(units), units, kept[1])


def slope_patterns(sweep: Sweep, problem: int, directions: Array) -> tuple[Array, ...]:
    """Round the vectors of one problem to ends of the slopes.

    Returns per layer a boolean array (k + 1, n_l), True for the upper end. The first pattern takes
    the signs of <v, g>, the others those of <v, h> <g, h> for each row h of ``directions`` (k, r).
    """
    rounded = []
    for v, g in zip(sweep.vectors.layers[1:], sweep.forward, strict=True):
        vector, gradient = v[:, problem], g[:, problem]
        plain = np.einsum("rn,rn->n", vector, gradient) > 0.0
        signs = (directions @ vector) * (directions @ gradient) > 0.0
        rounded.append(np.vstack([plain, signs]))
    return tuple(rounded)


def _lengths(a: Array) -> Array:
    """Return the lengths (B, n) of the vectors of (r, B, n)."""
    lengths: Array = np.sqrt(np.einsum("rbn,rbn->bn", a, a))
    return lengths


def _inverse(lengths: Array) -> Array:
    """Return 1 / length, 0 for length 0."""
    return np.where(lengths > 0.0, 1.0 / lengths, 0.0)


def _point_along(a: Array, lengths: Array, target: Array, fallback: Array) -> None:
    """Write a / |a| to ``target``, and ``fallback`` where a is zero."""
    if (lengths > 0.0).all():
        np.multiply(a, 1.0 / lengths, out=target)
    else:
        target[...] = np.where(lengths > 0.0, a * _inverse(lengths), fallback)


def _clipped_tau(tau: Array, half: Array) -> Array:
    """Clip each problem's multipliers to a range around the median of its free units."""
    usable = (half > 0.0) & np.isfinite(tau) & (tau > 0.0)
    ordered = np.sort(np.where(usable, tau, np.inf), axis=1)
    middle = usable.sum(axis=1, keepdims=True) // 2
    median = np.take_along_axis(ordered, np.minimum(middle, tau.shape[1] - 1), axis=1)
    median = np.where(np.isfinite(median), median, 1.0)
    largest = LARGEST_TAU * median
    clipped = np.clip(np.where(np.isfinite(tau), tau, largest), SMALLEST_TAU * median, largest)
    return np.where(half > 0.0, clipped, median)

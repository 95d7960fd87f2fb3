"""Iterative sparse recovery, unfolded: soft thresholds, the measurement fed to every layer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork, InvalidSetting, UnsupportedQuestion
from lipexplore.networks.arguments import finite_array
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.slope_system import SlopeSystem
from lipexplore.networks.unfolded_arguments import (
    Sharing,
    check_shapes,
    checked_sharing,
    threshold_array,
)
from lipexplore.networks.unfolded_slopes import chained_system
from lipexplore.networks.unfolded_soft import carried, soft_slope, soft_splines, soft_value
from lipexplore.regions import Region
from lipexplore.rounding import Array


@dataclass(frozen=True, eq=False)
class UnfoldedNetwork:
    """x = clip(Phi z_L) with z_0 = 0 and z_l = S_theta(G z_{l-1} + H y), l = 1, .., L.

    S_theta(v) = sign(v) max(|v| - theta, 0) moves every number towards 0; clip is the projection on
    the l_2 ball of radius B_out. Weights are the exact real numbers that the stored floats are.

    Parameters
    ----------
    G, H, thresholds
        Different arrays (N, N), (N, n) and (N,), or one number for all units, at least 0.
    Phi
        The dictionary, array (p, N).
    sharing
        Which of them each layer uses; where left out, each layer its own.
    clip
        B_out; infinite for none.

    Raises
    ------
    InvalidNetwork
        If shapes do not fit, a threshold is negative, or a layer uses what is not there.

    Examples
    --------
    >>> network = UnfoldedNetwork([[[0.5]]], [[[1.0]]], [0.25], [[2.0]], ((0, 0),) * 3)
    >>> float(network([1.25])[0])  # z_1 = 1, z_2 = 1.5
    3.0

    References
    ----------
    Gregor, LeCun, ICML 2010; Schnoor, Behboodi, Rauhut 2021 (arXiv 2112.04364).
    """

    G: tuple[Array, ...]
    H: tuple[Array, ...]
    thresholds: tuple[Array, ...]
    Phi: Array
    sharing: Sharing
    clip: float
    name: str = field(default="unfolded")

    def __init__(
        self,
        G: Sequence[ArrayLike],
        H: Sequence[ArrayLike],
        thresholds: Sequence[ArrayLike],
        Phi: ArrayLike,
        sharing: Sequence[Sequence[int]] | None = None,
        clip: float = np.inf,
        name: str = "unfolded",
    ) -> None:
        synthesis = finite_array(Phi, "Phi", 2)
        count = synthesis.shape[1]
        groups = (
            tuple(finite_array(g, f"G_{i}", 2) for i, g in enumerate(G, 1)),
            tuple(finite_array(h, f"H_{i}", 2) for i, h in enumerate(H, 1)),
            tuple(threshold_array(t, i, count) for i, t in enumerate(thresholds, 1)),
        )
        check_shapes(groups[0], groups[1], count)
        for key, group in zip(("G", "H", "thresholds"), groups, strict=True):
            object.__setattr__(self, key, group)
        object.__setattr__(self, "Phi", synthesis)
        object.__setattr__(self, "sharing", checked_sharing(sharing, tuple(map(len, groups))))
        if not clip > 0.0:
            raise InvalidNetwork(f"clip must be a positive radius, not {clip}")
        object.__setattr__(self, "clip", float(clip))
        object.__setattr__(self, "name", name)

    @classmethod
    def ista(
        cls,
        measurements: ArrayLike,
        dictionaries: ArrayLike | Sequence[ArrayLike],
        layers: int,
        steps: float | Sequence[float] | Array,
        thresholds: float | Sequence[float] | Array,
        *,
        dictionary_of: Sequence[int] | None = None,
        step_of: Sequence[int] | None = None,
        threshold_of: Sequence[int] | None = None,
        clip: float = np.inf,
        name: str = "ista",
    ) -> UnfoldedNetwork:
        """Unfold z <- S_theta(z + tau M^T (y - M z)), M = A Phi, with shared or own parameters.

        G = I - tau M^T M and H = tau M^T are rounded once; the network is that of the floats.

        Parameters
        ----------
        measurements
            A, shape (n, N_x).
        dictionaries
            Phi, shape (N_x, N), or several; the output uses that of the last layer.
        steps, thresholds
            tau and theta = tau lambda, or several.
        dictionary_of, step_of, threshold_of
            For every layer which of them it uses; all the first where left out.
        """
        matrix = finite_array(measurements, "A", 2)
        given = np.asarray(dictionaries, dtype=np.float64)
        choices = given[None] if given.ndim == 2 else given
        taus, thetas = np.atleast_1d(steps), np.atleast_1d(thresholds)
        patterns = [tuple(p or (0,) * layers) for p in (dictionary_of, step_of, threshold_of)]
        pairs = list(dict.fromkeys(zip(patterns[0], patterns[1], strict=True)))
        products = [matrix @ choices[atom] for atom, _ in pairs]
        places = tuple(pairs.index(pair) for pair in zip(patterns[0], patterns[1], strict=True))
        return cls(
            [
                np.eye(m.shape[1]) - taus[t] * (m.T @ m)
                for m, (_, t) in zip(products, pairs, strict=True)
            ],
            [taus[t] * m.T for m, (_, t) in zip(products, pairs, strict=True)],
            list(thetas),
            choices[patterns[0][-1]],
            (places, places, patterns[2]),
            clip,
            name,
        )

    @property
    def kind(self) -> str:
        """Kind of file (see :mod:`lipexplore.networks.files`)."""
        return "unfolded"

    @property
    def n_layers(self) -> int:
        """Number of layers L."""
        return len(self.sharing.G)

    @property
    def n_codes(self) -> int:
        """Number of units N of each layer."""
        return int(self.Phi.shape[1])

    @property
    def n_inputs(self) -> int:
        """Number of measurements n."""
        return int(self.H[0].shape[1])

    @property
    def n_outputs(self) -> int:
        """Size p of the recovered signal."""
        return len(self.Phi)

    @property
    def layers(self) -> list[tuple[Array, Array, Array]]:
        """(G, H, theta) of every layer."""
        places = zip(*self.sharing, strict=True)
        return [(self.G[g], self.H[h], self.thresholds[t]) for g, h, t in places]

    @property
    def unclipped(self) -> UnfoldedNetwork:
        """The network without the projection of its output."""
        arrays = (self.G, self.H, self.thresholds, self.Phi)
        return UnfoldedNetwork(*arrays, self.sharing, np.inf, self.name)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of all arrays, their sharing and the clip (not of the name)."""
        digest = hashlib.sha256(repr(("unfolded", tuple(self.sharing), self.clip)).encode())
        for array in (*self.G, *self.H, *self.thresholds, self.Phi):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array + 0.0, dtype="<f8").tobytes())
        return digest.hexdigest()

    def __call__(self, x: ArrayLike) -> Array:
        """Evaluate the signal at one measurement (n,) or many (count, n)."""
        return self.recovered(self.codes(x)[-1])

    def recovered(self, codes: Array) -> Array:
        """Return clip(Phi z) for codes of shape (..., N)."""
        signals = np.asarray(codes @ self.Phi.T)
        if not np.isfinite(self.clip):
            return signals
        sizes = np.linalg.norm(signals, axis=-1, keepdims=True)
        return np.asarray(signals * (self.clip / np.maximum(sizes, self.clip)))

    def codes(self, y: ArrayLike) -> Array:
        """Return z_1, .., z_L, shape (L, N) at one measurement or (L, count, N) at many.

        Raises
        ------
        InvalidSetting
            If y does not have n numbers.
        """
        points = np.asarray(y, dtype=np.float64)
        if points.ndim not in (1, 2) or points.shape[-1] != self.n_inputs:
            raise InvalidSetting(
                f"inputs must have {self.n_inputs} numbers each, but their shape is {points.shape}"
            )
        code, found = np.zeros((*points.shape[:-1], self.n_codes)), []
        for G, H, threshold in self.layers:
            code = soft_value(code @ G.T + points @ H.T, threshold)
            found.append(code)
        return np.array(found)

    def jacobian(self, x: ArrayLike) -> Array:
        """Return the signal's derivative, shape (p, n) at one point or (count, p, n) at many.

        At a kink of the soft threshold its right derivative is taken.
        """
        points = np.asarray(x, dtype=np.float64)
        code = np.zeros((*points.shape[:-1], self.n_codes))
        change = np.zeros((*code.shape, self.n_inputs))
        for G, H, threshold in self.layers:
            inner = code @ G.T + points @ H.T
            change = soft_slope(inner, threshold)[..., None] * (G @ change + H)
            code = soft_value(inner, threshold)
        signals, change = code @ self.Phi.T, self.Phi @ change
        sizes = np.linalg.norm(signals, axis=-1)[..., None, None]
        outside = sizes > self.clip
        if not outside.any():
            return np.asarray(change)
        divisors = np.where(outside, sizes, 1.0)
        unit = signals[..., None] / divisors
        turned = change - unit @ (np.swapaxes(unit, -1, -2) @ change)
        return np.asarray(np.where(outside, self.clip / divisors * turned, change))

    def to_network(self) -> Network:
        """Return the feedforward network of the same function, exactly.

        A soft threshold is a linear spline with the slopes 1, 0, 1; beside the N codes, n units
        with the identity carry y to the next layer. Their slope is fixed, so every bound leaves
        them out.

        Raises
        ------
        UnsupportedQuestion
            If the output is clipped.
        """
        self._refuse_clip()
        weights, acts = [], []
        for number, (G, H, threshold) in enumerate(self.layers, 1):
            last = number == self.n_layers
            rows = H if number == 1 else np.concatenate([G, H], axis=1)
            weights.append(rows if last else carried(rows, self.n_inputs))
            acts.append(soft_splines(threshold, self.n_codes, 0 if last else self.n_inputs))
        return Network([*weights, self.Phi], (), acts, self.name)

    def slope_system(self, region: Region, propagation: str = "interval") -> SlopeSystem:
        """State z = phi(W z + U y): G below the diagonal of W, H in every block of U, C = [0 Phi].

        Raises
        ------
        UnsupportedQuestion
            If the output is clipped.
        """
        ranges = slope_ranges(self.to_network(), region, propagation)
        return chained_system(self.layers, self.Phi, ranges)

    def _refuse_clip(self) -> None:
        if np.isfinite(self.clip):
            raise UnsupportedQuestion(
                "the clipped output is not piecewise linear: bound network.unclipped, whose l2 "
                "Lipschitz bounds hold for the clipped map too, because the projection moves no "
                "two points apart"
            )

    def __reduce__(self) -> tuple[type[UnfoldedNetwork], tuple[object, ...]]:
        arrays = (self.G, self.H, self.thresholds, self.Phi)
        return UnfoldedNetwork, (*arrays, self.sharing, self.clip, self.name)

    def __repr__(self) -> str:
        shape = f"{self.n_inputs}-{self.n_layers}x{self.n_codes}-{self.n_outputs}"
        counts = f"{len(self.G)} G, {len(self.H)} H, {len(self.thresholds)} thresholds"
        return f"<UnfoldedNetwork {self.name}: {shape}, {counts}>"

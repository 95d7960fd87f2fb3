"""Classes of unfolded ISTA with learned dictionaries, steps and thresholds, however shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.errors import InvalidSetting
from lipexplore.networks.arguments import finite_array
from lipexplore.networks.unfolded_arguments import Pattern
from lipexplore.properties.generalization.blocks import Block, above, exact, root_above
from lipexplore.rounding import Array


@dataclass(frozen=True, eq=False)
class IstaClass:
    """All networks z_l = S_theta(z_{l-1} + tau M^T (y - M z_{l-1})), M = A Phi, x = clip(Phi z_L).

    Phi ranges over ||Phi||_2 <= 1, tau over [step -+ step_radius], theta over
    [threshold -+ threshold_radius]; every layer uses the dictionary, step and threshold that its
    pattern names. With s = ||A||, g = max(1, tau s^2 - 1) >= ||I - tau M^T M|| holds for the whole
    class: nothing is evaluated at trained weights.

    Parameters
    ----------
    measurements
        A, shape (n, N_x).
    n_codes
        N.
    dictionary_of, step_of, threshold_of
        Patterns of sharing, one entry for every layer; all layers share where left out.

    Raises
    ------
    InvalidSetting
        If a threshold or step of the class would be negative, or the patterns do not fit.
    """

    measurements: Array
    n_codes: int
    layers: int
    step: float
    threshold: float
    step_radius: float = 0.0
    threshold_radius: float = 0.0
    dictionary_of: Pattern = ()
    step_of: Pattern = ()
    threshold_of: Pattern = ()
    norm: float = field(init=False)
    """||A||_2, rounded up."""

    def __post_init__(self) -> None:
        matrix = finite_array(self.measurements, "A", 2)
        object.__setattr__(self, "measurements", matrix)
        object.__setattr__(self, "norm", spectral_norm_above(matrix))
        for name in ("dictionary_of", "step_of", "threshold_of"):
            pattern = tuple(getattr(self, name)) or (0,) * self.layers
            if len(pattern) != self.layers or set(pattern) != set(range(max(pattern) + 1)):
                raise InvalidSetting(
                    f"{name} must name one of 0, 1, .. for each of {self.layers} layers and leave "
                    f"none out, but it is {pattern}"
                )
            object.__setattr__(self, name, pattern)
        check_range("steps", self.step, self.step_radius)
        check_range("thresholds", self.threshold, self.threshold_radius)

    @property
    def largest_step(self) -> Fraction:
        """The largest tau of the class."""
        return exact(self.step) + exact(self.step_radius)

    @property
    def gain(self) -> Fraction:
        """G >= ||I - tau M^T M|| for the whole class; 1 as long as tau s^2 <= 2."""
        return max(Fraction(1), self.largest_step * exact(self.norm) ** 2 - 1)

    @property
    def growth(self) -> list[Fraction]:
        """Z_0, .., Z_L with ||z_l||_F <= Z_l |Y|_F: Z_l = g Z_{l-1} + tau s."""
        sizes = [Fraction(0)]
        for _ in range(self.layers):
            sizes.append(self.gain * sizes[-1] + self.largest_step * exact(self.norm))
        return sizes

    @property
    def matrix_constant(self) -> float:
        """K_M: a change of one M for all layers moves z_L by K_M ||M - M'|| |Y|_F at most.

        For g = 1 it is tau L (1 + (L-1) tau s^2).
        """
        return above(sum(self._matrix_shares(), Fraction(0)))

    def _matrix_shares(self) -> list[Fraction]:
        """Return what each layer adds to K_M: g^(L-l) (2 tau s Z_{l-1} + tau)."""
        tau, s, sizes = self.largest_step, exact(self.norm), self.growth
        return [
            self.gain ** (self.layers - layer) * (2 * tau * s * sizes[layer - 1] + tau)
            for layer in range(1, self.layers + 1)
        ]

    @property
    def dictionary_constants(self) -> list[Fraction]:
        """K of every dictionary per |Y|_F: s times its layers' shares of K_M; Z_L for the last."""
        s, shares = exact(self.norm), self._matrix_shares()
        found = [s * total for total in _gathered(self.dictionary_of, shares)]
        found[self.dictionary_of[-1]] += self.growth[-1]
        return found

    def blocks(self, data_norm: float, samples: int) -> tuple[Block, ...]:
        """Return the blocks of the class for m samples with |Y|_F <= ``data_norm``.

        Parameters
        ----------
        data_norm
            |Y|_F, for instance by :func:`.frobenius_above`; that of the observed data is allowed.
        """
        size, wide = exact(data_norm), exact(root_above(float(self.n_codes * samples)))
        powers = [self.gain ** (self.layers - layer) for layer in range(1, self.layers + 1)]
        s, sizes = exact(self.norm), self.growth
        steps = [p * (s * s * sizes[i] + s) for i, p in enumerate(powers)]
        count = self.n_codes * self.measurements.shape[1]
        found = _blocks("dictionary", count, 1.0, [size * k for k in self.dictionary_constants])
        if self.step_radius:
            constants = [size * k for k in _gathered(self.step_of, steps)]
            found += _blocks("step", 1, self.step_radius, constants)
        if self.threshold_radius:
            constants = [wide * k for k in _gathered(self.threshold_of, powers)]
            found += _blocks("threshold", 1, self.threshold_radius, constants)
        return tuple(found)

    def contains(
        self, dictionaries: Sequence[ArrayLike], steps: Sequence[float], thresholds: Sequence[float]
    ) -> bool:
        """Prove that parameters belong to the class; False says that it was not proven."""
        return (
            all(spectral_norm_above(np.asarray(phi, dtype=float)) <= 1.0 for phi in dictionaries)
            and all(_inside(tau, self.step, self.step_radius) for tau in steps)
            and all(_inside(t, self.threshold, self.threshold_radius) for t in thresholds)
        )


def check_range(name: str, center: float, radius: float) -> None:
    """Refuse a range that is not finite or reaches below zero."""
    if radius < 0.0 or exact(center) - exact(radius) < 0:
        raise InvalidSetting(
            f"{name} of the class reach below 0 or have a negative radius: {center} -+ {radius}"
        )


def _inside(value: float, center: float, radius: float) -> bool:
    return abs(exact(value) - exact(center)) <= exact(radius)


def _gathered(pattern: Pattern, shares: Sequence[Fraction]) -> list[Fraction]:
    """Sum the layers' shares over the layers that use the same parameter."""
    totals = [Fraction(0)] * (max(pattern) + 1)
    for place, share in zip(pattern, shares, strict=True):
        totals[place] += share
    return totals


def _blocks(name: str, count: int, radius: float, constants: Sequence[Fraction]) -> list[Block]:
    alone = len(constants) == 1
    return [
        Block(name if alone else f"{name} {number}", count, radius, above(constant))
        for number, constant in enumerate(constants, 1)
    ]

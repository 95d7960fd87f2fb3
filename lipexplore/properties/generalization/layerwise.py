"""Classes of learned ISTA: free matrices and thresholds in balls, shared by any pattern."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.errors import InvalidSetting
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.norms import Norm
from lipexplore.properties.generalization.blocks import Block, above, exact, root_above
from lipexplore.rounding import UNIT, Array


@dataclass(frozen=True, eq=False)
class LayerwiseClass:
    """All unfolded networks whose parameters lie in balls around those of ``center``.

    Spectral norms of G - G', H - H' and Phi - Phi', Euclidean norm of the thresholds' difference.
    The sharing is that of ``center``; thresholds below 0 are not in the class.

    Parameters
    ----------
    center
        The network in the middle of the balls.
    radius_G, radius_H, radius_threshold, radius_Phi
        Radii r of the balls; a parameter of radius 0 is not learned.

    Raises
    ------
    InvalidSetting
        If a radius is negative or not finite.
    """

    center: UnfoldedNetwork
    radius_G: float
    radius_H: float
    radius_threshold: float = 0.0
    radius_Phi: float = 0.0

    def __post_init__(self) -> None:
        if not all(0.0 <= radius < np.inf for radius in self.radii):
            raise InvalidSetting(f"radii must be finite and not negative, not {self.radii}")

    @property
    def radii(self) -> tuple[float, ...]:
        """The four radii."""
        return self.radius_G, self.radius_H, self.radius_threshold, self.radius_Phi

    @cached_property
    def norms(self) -> tuple[list[Fraction], list[Fraction], Fraction]:
        """Suprema over the class: g_l of every layer, h_l of every layer, and that of Phi."""
        center = self.center
        g = [_reach(G, self.radius_G) for G in center.G]
        h = [_reach(H, self.radius_H) for H in center.H]
        return (
            [g[place] for place in center.sharing.G],
            [h[place] for place in center.sharing.H],
            _reach(center.Phi, self.radius_Phi),
        )

    @cached_property
    def growth(self) -> list[Fraction]:
        """Z_0, .., Z_L with ||z_l||_F <= Z_l |Y|_F: Z_l = g_l Z_{l-1} + h_l."""
        g, h, _ = self.norms
        sizes = [Fraction(0)]
        for gain, gain_in in zip(g, h, strict=True):
            sizes.append(gain * sizes[-1] + gain_in)
        return sizes

    def blocks(self, data_norm: float, samples: int) -> tuple[Block, ...]:
        """Return the blocks of the class for m samples with |Y|_F <= ``data_norm``.

        A block that several layers share is one block; its constant is the sum of theirs. Blocks
        that cannot change the output (the first layer's own G) have constant 0.
        """
        size, sizes, out = exact(data_norm), self.growth, self.norms[2]
        later = self._later()
        wide = exact(root_above(float(samples)))
        per_layer = {
            "G": [out * p * z * size for p, z in zip(later, sizes, strict=False)],
            "H": [out * p * size for p in later],
            "threshold": [out * p * wide for p in later],
        }
        groups = (self.center.G, self.center.H, self.center.thresholds)
        found = []
        for (name, shares), arrays, pattern, radius in zip(
            per_layer.items(), groups, self.center.sharing, self.radii, strict=False
        ):
            for place, array in enumerate(arrays):
                total = sum((s for s, used in zip(shares, pattern, strict=True) if used == place))
                scale = self._threshold_scale(array) if name == "threshold" else Fraction(1)
                title = name if len(arrays) == 1 else f"{name} {place + 1}"
                found.append(Block(title, array.size, radius, above(Fraction(total) * scale)))
        found.append(Block("Phi", self.center.Phi.size, self.radius_Phi, above(size * sizes[-1])))
        return tuple(block for block in found if block.free)

    def _later(self) -> list[Fraction]:
        """Return prod_{i > l} g_i for l = 1, .., L."""
        products = [Fraction(1)]
        for gain in self.norms[0][:0:-1]:
            products.append(products[-1] * gain)
        return products[::-1]

    def _threshold_scale(self, threshold: Array) -> Fraction:
        """sqrt(N) for one number that all units share, 1 for a vector of thresholds."""
        shared = len(threshold) == 1
        return exact(root_above(float(self.center.n_codes))) if shared else Fraction(1)

    def contains(self, network: UnfoldedNetwork) -> bool:
        """Prove that a network belongs to the class; False says that it was not proven."""
        if network.sharing != self.center.sharing:
            return False
        pairs = (
            (network.G, self.center.G, self.radius_G),
            (network.H, self.center.H, self.radius_H),
            (network.thresholds, self.center.thresholds, self.radius_threshold),
            ((network.Phi,), (self.center.Phi,), self.radius_Phi),
        )
        return all(
            a.shape == b.shape and difference_above(a, b) <= radius
            for many, centers, radius in pairs
            for a, b in zip(many, centers, strict=True)
        )


def difference_above(first: Array, second: Array) -> float:
    """Return a float not below the spectral (for vectors Euclidean) norm of a difference."""
    change = first - second
    if change.ndim == 1:
        return norm_above(np.abs(change) * (1.0 + 4.0 * UNIT), Norm.L2)
    rounding = norm_above(np.abs(change).ravel() * (2.0 * UNIT), Norm.L2)
    return above(exact(spectral_norm_above(change)) + exact(rounding))


def frobenius_above(data: Array) -> float:
    """Return a float not below |Y|_F.

    Parameters
    ----------
    data
        Y, an array of any shape.
    """
    return norm_above(np.abs(np.ravel(data)), Norm.L2)


def _reach(center: Array, radius: float) -> Fraction:
    return exact(spectral_norm_above(center)) + exact(radius)

"""Parameters of unfolded networks that are trained inside a class of the theorem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.networks.unfolded_arguments import Pattern
from lipexplore.properties.generalization.classes import IstaClass
from lipexplore.properties.generalization.layerwise import LayerwiseClass
from lipexplore.rounding import Array
from lipexplore.training.unfolded_loss import LayerGradients

INSIDE = 1.0 - 1e-9
"""Projections keep this share of the radius, so that rounding leads nowhere outside."""


class Parameters(Protocol):
    """A point of a class: arrays, the network that they make, and the projection on the class."""

    @property
    def family(self) -> IstaClass | LayerwiseClass:
        """The class."""

    @property
    def arrays(self) -> list[Array]:
        """What is trained."""

    def network(self, clip: float, name: str = "learned") -> UnfoldedNetwork:
        """Return the network."""

    def gradients(self, by_layer: LayerGradients) -> list[Array]:
        """Return the derivatives by ``arrays``."""

    def projected(self, arrays: Sequence[Array]) -> Parameters:
        """Return the point of the class for new arrays, moved inside where they are outside."""


@dataclass(frozen=True, eq=False)
class IstaParameters:
    """Dictionaries, steps and thresholds of unfolded ISTA, in an :class:`.IstaClass`.

    Parameters
    ----------
    dictionaries, steps, thresholds
        Arrays (K, N_x, N), (S,) and (T,).
    """

    family: IstaClass
    dictionaries: Array
    steps: Array
    thresholds: Array

    @classmethod
    def start(cls, family: IstaClass, dictionary: Array) -> IstaParameters:
        """Begin with one dictionary everywhere, in the middle of the class."""
        counts = [
            max(pattern) + 1
            for pattern in (family.dictionary_of, family.step_of, family.threshold_of)
        ]
        return cls(
            family,
            np.repeat(_contracted(dictionary, 1.0)[None], counts[0], axis=0),
            np.full(counts[1], family.step),
            np.full(counts[2], family.threshold),
        )

    @property
    def arrays(self) -> list[Array]:
        """Dictionaries, steps and thresholds."""
        return [self.dictionaries, self.steps, self.thresholds]

    def network(self, clip: float, name: str = "learned") -> UnfoldedNetwork:
        """Return the network."""
        family = self.family
        return UnfoldedNetwork.ista(
            family.measurements,
            self.dictionaries,
            family.layers,
            self.steps,
            self.thresholds,
            dictionary_of=family.dictionary_of,
            step_of=family.step_of,
            threshold_of=family.threshold_of,
            clip=clip,
            name=name,
        )

    def gradients(self, by_layer: LayerGradients) -> list[Array]:
        """Return the derivatives: G = I - tau M^T M, H = tau M^T and M = A Phi."""
        family, found = self.family, [np.zeros_like(array) for array in self.arrays]
        A = family.measurements
        for layer, (d, s) in enumerate(zip(family.dictionary_of, family.step_of, strict=True)):
            tau, M = self.steps[s], A @ self.dictionaries[d]
            by_G, by_H = by_layer.G[layer], by_layer.H[layer]
            found[0][d] += A.T @ (tau * by_H.T - tau * M @ (by_G + by_G.T))
            found[1][s] += (by_H * M.T).sum() - (by_G * (M.T @ M)).sum()
            found[2][family.threshold_of[layer]] += by_layer.thresholds[layer].sum()
        found[0][family.dictionary_of[-1]] += by_layer.Phi
        return found

    def projected(self, arrays: Sequence[Array]) -> IstaParameters:
        """Clip singular values of dictionaries at 1, steps and thresholds to their ranges."""
        family = self.family
        return IstaParameters(
            family,
            np.array([_contracted(phi, 1.0) for phi in arrays[0]]),
            _in_range(arrays[1], family.step, family.step_radius),
            _in_range(arrays[2], family.threshold, family.threshold_radius),
        )


@dataclass(frozen=True, eq=False)
class LayerwiseParameters:
    """G, H, thresholds and Phi of learned ISTA, in a :class:`.LayerwiseClass`."""

    family: LayerwiseClass
    arrays: list[Array]

    @classmethod
    def start(cls, family: LayerwiseClass) -> LayerwiseParameters:
        """Begin at the centre of the class."""
        center = family.center
        return cls(family, [*center.G, *center.H, *center.thresholds, center.Phi])

    def network(self, clip: float, name: str = "learned") -> UnfoldedNetwork:
        """Return the network."""
        G, H, thresholds = self._split(self.arrays)
        return UnfoldedNetwork(
            G, H, thresholds, self.arrays[-1], self.family.center.sharing, clip, name
        )

    def gradients(self, by_layer: LayerGradients) -> list[Array]:
        """Sum over the layers that share a parameter."""
        groups = self._split(self.arrays)
        many = (by_layer.G, by_layer.H, by_layer.thresholds)
        found: list[Array] = []
        for arrays, layers, pattern in zip(groups, many, self.family.center.sharing, strict=True):
            found += [_shared(a, layers, pattern, place) for place, a in enumerate(arrays)]
        return [*found, by_layer.Phi]

    def projected(self, arrays: Sequence[Array]) -> LayerwiseParameters:
        """Move every array to the ball around the centre's, thresholds to [0, inf) first."""
        family = self.family
        middle = LayerwiseParameters.start(family).arrays
        counts = [len(group) for group in self._split(middle)]
        radii = np.repeat(family.radii, [*counts, 1])
        return LayerwiseParameters(
            family,
            [
                center + _contracted((np.maximum(a, 0.0) if a.ndim == 1 else a) - center, radius)
                for a, center, radius in zip(arrays, middle, radii, strict=True)
            ],
        )

    def _split(self, arrays: Sequence[Array]) -> tuple[list[Array], list[Array], list[Array]]:
        first, second = len(self.family.center.G), len(self.family.center.H)
        return (
            list(arrays[:first]),
            list(arrays[first : first + second]),
            list(arrays[first + second : -1]),
        )


def _shared(array: Array, layers: Sequence[Array], pattern: Pattern, place: int) -> Array:
    total = sum(
        (g for g, used in zip(layers, pattern, strict=True) if used == place),
        np.zeros_like(layers[0]),
    )
    return total.sum(keepdims=True) if array.size == 1 and total.size != 1 else np.asarray(total)


def _contracted(change: Array, radius: float) -> Array:
    """Clip the singular values of a matrix, or the length of a vector, just inside ``radius``."""
    if radius == 0.0:
        return np.zeros_like(change)
    if change.ndim == 1:
        size = float(np.linalg.norm(change))
        return change * min(1.0, INSIDE * radius / size) if size else change
    left, sizes, right = np.linalg.svd(change, full_matrices=False)
    return np.asarray((left * np.minimum(sizes, INSIDE * radius)) @ right)


def _in_range(values: Array, center: float, radius: float) -> Array:
    return np.clip(values, center - INSIDE * radius, center + INSIDE * radius)

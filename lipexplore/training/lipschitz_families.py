"""Families of 1-Lipschitz activations with hand-written derivatives.

Pre-activations have shape (replicas, count, units), parameters (replicas, units, K), with K = 0 for
a family that has none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lipexplore.networks.activations import Activation, activation
from lipexplore.networks.splines import Splines
from lipexplore.rounding import Array
from lipexplore.training.lipschitz_weights import GRID
from lipexplore.training.splines import (
    project_slopes,
    pull_back,
    total_variation,
    total_variation_gradient,
)


class Family(ABC):
    """One family; ``forward`` returns values and whatever ``backward`` needs."""

    name: ClassVar[str]
    label: ClassVar[str]
    pace: float = 1.0
    """Step size of the parameters as a share of that of the weights."""

    def initial(self, shape: tuple[int, int]) -> Array:
        """Return the parameters to start from for (replicas, units)."""
        return np.zeros((*shape, 0))

    @abstractmethod
    def forward(self, z: Array, parameters: Array) -> tuple[Array, Any]:
        """Return the values at z."""

    @abstractmethod
    def backward(self, known: Any, gradient: Array) -> tuple[Array, Array]:
        """Return the derivatives by z and by the parameters from that by the values."""

    def penalty(self, parameters: Array) -> tuple[Array, Array]:
        """Return the total variation per replica and its subgradient."""
        return np.zeros(len(parameters)), np.zeros_like(parameters)

    @abstractmethod
    def exported(self, parameters: Array) -> Activation | None:
        """Return the activation of one replica; None for what is no function of one unit."""


@dataclass(frozen=True)
class Named(Family):
    """An activation of :mod:`lipexplore.networks.activations`, without parameters."""

    name: str  # type: ignore[misc]
    label: str  # type: ignore[misc]

    def forward(self, z: Array, parameters: Array) -> tuple[Array, Any]:
        """Return sigma(z)."""
        act = activation(self.name)
        return act.value(z), (act.slope(z), parameters)

    def backward(self, known: Any, gradient: Array) -> tuple[Array, Array]:
        """Multiply by the slopes."""
        slopes, parameters = known
        return gradient * slopes, parameters

    def exported(self, parameters: Array) -> Activation:
        """Return the activation."""
        del parameters
        return activation(self.name)


class GroupSort(Family):
    """Neighbouring units sorted in pairs, the larger first."""

    name, label = "groupsort", "GroupSort"

    def forward(self, z: Array, parameters: Array) -> tuple[Array, Any]:
        """Sort."""
        first, second = z[..., 0::2], z[..., 1::2]
        ordered = first >= second
        result = np.empty_like(z)
        result[..., 0::2], result[..., 1::2] = np.maximum(first, second), np.minimum(first, second)
        return result, (ordered, parameters)

    def backward(self, known: Any, gradient: Array) -> tuple[Array, Array]:
        """Undo the order."""
        ordered, parameters = known
        larger, smaller = gradient[..., 0::2], gradient[..., 1::2]
        result = np.empty_like(gradient)
        result[..., 0::2] = np.where(ordered, larger, smaller)
        result[..., 1::2] = np.where(ordered, smaller, larger)
        return result, parameters

    def exported(self, parameters: Array) -> None:
        """Return None: see :mod:`lipexplore.networks.group_sort`."""
        del parameters


@dataclass(frozen=True)
class LearnedSplines(Family):
    """One linear spline per unit, its coefficients projected by SplineProj in every step.

    Parameters
    ----------
    knots
        Number K of uniform knots on [-reach, reach]; 2 reach / (K - 1) should be a power of two,
        so that exported slopes are floats.
    reach
        Outermost knot.
    pace
        Step size of the coefficients as a share of that of the weights: a coefficient that moves
        by the spacing of the knots changes slopes by 1.
    """

    knots: int = 33
    reach: float = 1.0
    pace: float = 0.3
    name: ClassVar[str] = "spline"
    label: ClassVar[str] = "learned splines"

    @property
    def spacing(self) -> float:
        """Distance T of neighbouring knots."""
        return 2.0 * self.reach / (self.knots - 1)

    def places(self) -> Array:
        """Return the knots, array (K,)."""
        return np.linspace(-self.reach, self.reach, self.knots)

    def initial(self, shape: tuple[int, int]) -> Array:
        """Return absolute values and identities in turn."""
        t = self.places()
        rows = np.array([np.abs(t), t])[np.arange(shape[1]) % 2]
        return np.broadcast_to(rows, (*shape, self.knots)).copy()

    def forward(self, z: Array, parameters: Array) -> tuple[Array, Any]:
        """Interpolate; beyond the outer knots the outer slopes go on."""
        values, knots = project_slopes(parameters, self.spacing), self.knots
        place = z / self.spacing + 0.5 * (knots - 1)
        segment = np.clip(np.floor(place), 0, knots - 2)
        share = place - segment
        replicas, _, units = z.shape
        row = np.arange(replicas * units).reshape(replicas, 1, units) * knots
        index = row + segment.astype(np.int64)
        left, right = values.ravel()[index], values.ravel()[index + 1]
        rise = right - left
        return left + share * rise, (parameters, index, share, rise)

    def backward(self, known: Any, gradient: Array) -> tuple[Array, Array]:
        """Return slopes times gradient, and what falls to the two knots next to each value."""
        parameters, index, share, rise = known
        count, right = parameters.size, (gradient * share).ravel()
        flat = index.ravel()
        total = np.bincount(flat, gradient.ravel() - right, count)
        total += np.bincount(flat + 1, right, count)
        by_values = pull_back(parameters, total.reshape(parameters.shape), self.spacing)
        return gradient * rise / self.spacing, by_values

    def penalty(self, parameters: Array) -> tuple[Array, Array]:
        """Return the sum of all TV2 and a subgradient by the coefficients."""
        values = project_slopes(parameters, self.spacing)
        by_values = total_variation_gradient(values, self.spacing)
        total = total_variation(values, self.spacing).sum(axis=-1)
        return np.asarray(total), pull_back(parameters, by_values, self.spacing)

    def exported(self, parameters: Array) -> Splines:
        """Return splines whose slopes are multiples of ``GRID``, in [-1, 1] without any rounding.

        Whole numbers of GRID T are clipped and summed, so nothing is left to machine precision.
        """
        unit = GRID * self.spacing
        values = project_slopes(parameters, self.spacing)
        steps = np.clip(np.round(np.diff(values) / unit), -1.0 / GRID, 1.0 / GRID)
        whole = np.concatenate([np.round(values[:, :1] / unit), steps], axis=1).cumsum(axis=1)
        return Splines(self.places(), whole * unit)


FAMILIES: tuple[Family, ...] = (
    Named("relu", "ReLU"),
    Named("leaky_relu:0.1", "leaky ReLU"),
    Named("abs", "absolute value"),
    GroupSort(),
    LearnedSplines(),
)

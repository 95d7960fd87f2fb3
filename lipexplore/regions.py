"""Where the Lipschitz constant is asked for: the whole space, a ball or a box."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidRegion
from lipexplore.norms import Norm
from lipexplore.rounding import Array, affine_interval, around, down, product_error, up


class Region(ABC):
    """A convex set of inputs."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def dimension(self) -> int | None:
        """Number of inputs, or None where any number fits."""

    @abstractmethod
    def box(self) -> tuple[Array, Array]:
        """Return outward-rounded lower and upper ends, each of shape (n_0,)."""

    @abstractmethod
    def affine_bounds(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Enclose W x + b over the region: two outward-rounded arrays of shape (n_1,)."""

    @abstractmethod
    def sample(self, count: int, rng: np.random.Generator, dimension: int) -> Array:
        """Return ``count`` points of the region, shape (count, n_0)."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the region as plain numbers and strings (exact: floats keep every bit)."""


def _vector(values: ArrayLike, name: str) -> Array:
    try:
        vector = np.asarray(values).astype(np.float64, casting="same_kind")
    except (TypeError, ValueError):
        raise InvalidRegion(f"{name} must be a list of numbers") from None
    if vector.ndim != 1 or vector.size == 0:
        raise InvalidRegion(f"{name} must be a vector, but its shape is {vector.shape}")
    if not np.isfinite(vector).all():
        raise InvalidRegion(f"{name} holds NaN or infinite numbers: use finite ones")
    vector.setflags(write=False)
    return vector


@dataclass(frozen=True)
class WholeSpace(Region):
    """All of R^n_0."""

    kind: ClassVar[str] = "whole space"

    @property
    def dimension(self) -> None:
        """Any number of inputs fits."""
        return None

    def box(self) -> tuple[Array, Array]:
        """Refuse: the whole space has no bounding box."""
        raise InvalidRegion("the whole space has no bounding box: choose a ball or a box")

    def affine_bounds(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Return infinite ends where a weight is non-zero."""
        moves = (weight != 0.0).any(axis=1)
        return np.where(moves, -np.inf, bias), np.where(moves, np.inf, bias)

    def sample(self, count: int, rng: np.random.Generator, dimension: int) -> Array:
        """Return standard normal points."""
        return rng.standard_normal((count, dimension))

    def to_dict(self) -> dict[str, Any]:
        """Return the kind alone."""
        return {"kind": self.kind}

    def __str__(self) -> str:
        return "whole space"


WHOLE_SPACE: Final = WholeSpace()


@dataclass(frozen=True, eq=False)
class Ball(Region):
    """The points x with ``||x - center|| <= radius``.

    Parameters
    ----------
    center
        Array of shape (n_0,).
    radius
        Positive number, in units of the input.
    norm
        The ball's norm ("l1", "l2" or "linf").

    Raises
    ------
    InvalidRegion
        If the centre is no finite vector or the radius is not positive and finite.
    """

    center: Array
    radius: float
    norm: Norm = Norm.LINF

    kind: ClassVar[str] = "ball"

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", _vector(self.center, "the centre"))
        object.__setattr__(self, "norm", Norm.parse(self.norm))
        try:
            radius = float(self.radius)
        except (TypeError, ValueError):
            raise InvalidRegion("the radius must be a number") from None
        if not (0.0 < radius < np.inf):
            raise InvalidRegion(f"the radius must be positive and finite, not {self.radius}")
        object.__setattr__(self, "radius", radius)

    @property
    def dimension(self) -> int:
        """Number of inputs."""
        return self.center.size

    def box(self) -> tuple[Array, Array]:
        """Return the smallest enclosing box, rounded outward."""
        return down(self.center - self.radius), up(self.center + self.radius)

    @np.errstate(over="ignore", invalid="ignore")
    def affine_bounds(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Enclose W x + b by W c + b -+ r ||row||_dual, rounded outward."""
        if self.norm is Norm.LINF:
            return affine_interval(weight, bias, *self.box())
        absolute = np.abs(weight)
        if self.norm is Norm.L2:
            rows = np.sqrt(np.square(weight).sum(axis=1)) + weight.shape[1] * 2.0**-530
        else:
            rows = absolute.max(axis=1)
        magnitude = absolute @ np.abs(self.center) + np.abs(bias) + self.radius * rows
        slack = up(self.radius * rows + product_error(2 * weight.shape[1] + 6, magnitude))
        middle = weight @ self.center + bias
        return around(middle, slack)

    def sample(self, count: int, rng: np.random.Generator, dimension: int) -> Array:
        """Return points of the ball (uniform for l_inf, radial otherwise), never outside it."""
        del dimension
        inside = self.radius * (1.0 - 1e-9) - 1e-12 * float(np.abs(self.center).max())
        inside -= self.dimension * 2.0**-1070
        if inside <= 0.0:
            return np.tile(self.center, (count, 1))
        if self.norm is Norm.LINF:
            return self.center + inside * rng.uniform(-1.0, 1.0, (count, self.dimension))
        directions = rng.standard_normal((count, self.dimension))
        lengths = np.linalg.norm(directions, ord=self.norm.exponent, axis=1, keepdims=True)
        radii = inside * rng.uniform(0.0, 1.0, (count, 1)) ** (1.0 / self.dimension)
        points: Array = self.center + directions / lengths * radii
        return points

    def to_dict(self) -> dict[str, Any]:
        """Return kind, norm, radius and centre."""
        return {
            "kind": self.kind,
            "norm": self.norm.value,
            "radius": self.radius,
            "center": self.center.tolist(),
        }

    def __reduce__(self) -> tuple[type[Ball], tuple[Array, float, Norm]]:
        return Ball, (self.center, self.radius, self.norm)

    def __str__(self) -> str:
        return f"{self.norm.value} ball of radius {self.radius:g}"


@dataclass(frozen=True, eq=False)
class Box(Region):
    """The points x with ``lower <= x <= upper`` in every coordinate.

    Raises
    ------
    InvalidRegion
        If the ends are no finite vectors of one length or the box has no interior.
    """

    lower: Array
    upper: Array

    kind: ClassVar[str] = "box"

    def __post_init__(self) -> None:
        lower, upper = (
            _vector(self.lower, "the box's lower end"),
            _vector(self.upper, "the box's upper end"),
        )
        if lower.shape != upper.shape:
            raise InvalidRegion(
                f"the box's ends differ in length: {lower.size} and {upper.size} numbers"
            )
        if not (lower < upper).all():
            raise InvalidRegion("the box's lower end must be below its upper end everywhere")
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)

    @property
    def dimension(self) -> int:
        """Number of inputs."""
        return self.lower.size

    def box(self) -> tuple[Array, Array]:
        """Return the two ends."""
        return self.lower, self.upper

    def affine_bounds(self, weight: Array, bias: Array) -> tuple[Array, Array]:
        """Enclose W x + b over the box, rounded outward."""
        return affine_interval(weight, bias, self.lower, self.upper)

    def sample(self, count: int, rng: np.random.Generator, dimension: int) -> Array:
        """Return uniform points."""
        del dimension
        share = rng.random((count, self.dimension))
        return np.clip((1.0 - share) * self.lower + share * self.upper, self.lower, self.upper)

    def to_dict(self) -> dict[str, Any]:
        """Return kind and ends."""
        return {"kind": self.kind, "lower": self.lower.tolist(), "upper": self.upper.tolist()}

    def __reduce__(self) -> tuple[type[Box], tuple[Array, Array]]:
        return Box, (self.lower, self.upper)

    def __str__(self) -> str:
        return "box"


def region_from_dict(fields: Mapping[str, Any]) -> Region:
    """Return the region that :meth:`Region.to_dict` described.

    Raises
    ------
    InvalidRegion
        If the kind is unknown or a field is missing.
    """
    try:
        match fields["kind"]:
            case WholeSpace.kind:
                return WHOLE_SPACE
            case Ball.kind:
                return Ball(fields["center"], fields["radius"], fields["norm"])
            case Box.kind:
                return Box(fields["lower"], fields["upper"])
            case kind:
                raise InvalidRegion(f"unknown region {kind!r}: use whole space, ball or box")
    except KeyError as missing:
        raise InvalidRegion(f"the region lacks the field {missing}") from None

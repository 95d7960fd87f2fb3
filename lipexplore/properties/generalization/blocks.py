"""Blocks of parameters that move together, and the covering number of what they can do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from lipexplore.errors import InvalidSetting
from lipexplore.rounding import UNIT, sum_up, up

LOG_ERROR = 8.0 * UNIT
"""Relative error allowed to a logarithm (about one unit in the last place is usual)."""


@dataclass(frozen=True)
class Block:
    """One parameter of a class, counted once however many layers share it.

    Parameters
    ----------
    name
        What it is.
    dimension
        Numbers k that it holds.
    radius
        Radius r of its ball, in the norm that ``constant`` refers to.
    constant
        K with |h(Y) - h'(Y)|_F <= K |p - p'| for all parameters p, p' of the ball, the other
        blocks being equal and anywhere in their balls; it contains |Y|_F.

    Raises
    ------
    InvalidSetting
        If a number is negative or NaN.
    """

    name: str
    dimension: int
    radius: float
    constant: float

    def __post_init__(self) -> None:
        if self.dimension < 1 or not (self.radius >= 0.0 and self.constant >= 0.0):
            raise InvalidSetting(
                f"block {self.name!r} needs at least one number and a radius and a constant that "
                f"are not negative, but has {self.dimension}, {self.radius} and {self.constant}"
            )

    @property
    def reach(self) -> float:
        """R K, rounded up: how far the block alone can move the output."""
        return rounded_product(self.radius, self.constant)

    @property
    def free(self) -> bool:
        """Whether it can change the output at all."""
        return self.radius > 0.0 and self.constant > 0.0


def covering_log(blocks: Sequence[Block], radius: float) -> float:
    """Return a bound of log N(H(Y), |.|_F, eps), rounded up.

    sum_j k_j log(1 + 2 r_j J K_j / eps): a ball of radius r is covered by (1 + 2 r / d)^k balls of
    radius d, and moving each of the J blocks by eps / (J K_j) moves the output by eps at most.

    Parameters
    ----------
    radius
        eps > 0, in units of |Y|_F.

    Raises
    ------
    InvalidSetting
        If eps is not positive.
    """
    if not radius > 0.0:
        raise InvalidSetting(f"a covering needs a positive radius, not {radius}")
    if not moving(blocks):
        return 0.0
    return sum_up(
        rounded_product(block.dimension, log_above(ratio, radius))
        for block, ratio in zip(moving(blocks), ratios(blocks), strict=True)
    )


def moving(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks that can change the output."""
    return [block for block in blocks if block.free]


def ratios(blocks: Sequence[Block]) -> list[float]:
    """Return 2 r_j J K_j of the blocks that can change the output, rounded up."""
    free = moving(blocks)
    return [rounded_product(2.0 * len(free), block.reach) for block in free]


def log_above(ratio: float, radius: float) -> float:
    """Return log(1 + ratio / radius), rounded up."""
    return float(up(math.log1p(float(up(ratio / radius))) * (1.0 + LOG_ERROR)))


def exact(value: float) -> Fraction:
    """Return the rational that a float is.

    Raises
    ------
    InvalidSetting
        If it is infinite or NaN.
    """
    if not math.isfinite(value):
        raise InvalidSetting(f"a class needs finite norms and radii, not {value}")
    return Fraction(value)


def above(value: Fraction) -> float:
    """Return the nearest float not below a rational; infinite above the largest float."""
    try:
        found = float(value)
    except OverflowError:
        return math.inf
    return found if Fraction(found) >= value else float(up(found))


def rounded_product(first: float, second: float) -> float:
    """Return a float not below the product of two numbers that are not negative."""
    return float(up(first * second)) if first and second else 0.0


def root_above(value: float) -> float:
    """Return a float not below the square root."""
    return float(up(math.sqrt(value)))

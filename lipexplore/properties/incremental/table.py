"""The incremental properties: what each says, and the quadratic form that proves it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from lipexplore.rounding import Array, down, up


@dataclass(frozen=True)
class Property:
    """[dx; df]^T Q [dx; df] >= level |dx|^2, and the number that the level stands for.

    Parameters
    ----------
    name, label
        As in calls and on axes.
    symbol
        Of the number.
    claim
        What it says of every pair of inputs.
    side
        Whether the number is an upper or a lower bound of the best one.
    supply
        Q of n (inputs and outputs), as blocks (xx, xf, ff) times the identity; None: the user's.
    of_level
        The number, rounded to the safe side.
    trivial
        The number that holds for every map, where nothing is proven.
    square
        Whether it needs as many outputs as inputs.
    """

    name: str
    label: str
    symbol: str
    claim: str
    side: Literal["upper", "lower"]
    supply: tuple[float, float, float] | None
    of_level: Callable[[float], float]
    trivial: float
    square: bool = True

    def supply_of(self, n_inputs: int, n_outputs: int) -> Array:
        """Return Q, shape (n_0 + p, n_0 + p)."""
        first, cross, last = self.supply or (0.0, 0.0, 0.0)
        matrix = np.zeros((n_inputs + n_outputs,) * 2)
        matrix[:n_inputs, :n_inputs] = first * np.eye(n_inputs)
        matrix[n_inputs:, n_inputs:] = last * np.eye(n_outputs)
        if cross:
            matrix[:n_inputs, n_inputs:] = 0.5 * cross * np.eye(n_inputs)
            matrix[n_inputs:, :n_inputs] = 0.5 * cross * np.eye(n_inputs)
        return matrix


def root_above(level: float) -> float:
    """Return sqrt(max(-level, 0)), rounded up."""
    return float(up(math.sqrt(-level))) if level < 0.0 else 0.0


def root_below(level: float) -> float:
    """Return sqrt(max(level, 0)), rounded down."""
    return max(float(down(math.sqrt(level))), 0.0) if level > 0.0 else 0.0


def opposite(level: float) -> float:
    """Return -level."""
    return -level


_LISTED = (
    Property(
        "lipschitz",
        "Lipschitz constant",
        "L",
        "|f(x) - f(y)| <= L |x - y|",
        "upper",
        (0.0, 0.0, -1.0),
        root_above,
        math.inf,
        square=False,
    ),
    Property(
        "one-sided-upper",
        "one-sided Lipschitz, upper",
        "m+",
        "(f(x) - f(y)) . (x - y) <= m+ |x - y|^2",
        "upper",
        (0.0, -1.0, 0.0),
        opposite,
        math.inf,
    ),
    Property(
        "one-sided-lower",
        "one-sided Lipschitz, lower",
        "m-",
        "(f(x) - f(y)) . (x - y) >= m- |x - y|^2",
        "lower",
        (0.0, 1.0, 0.0),
        float,
        -math.inf,
    ),
    Property(
        "strong-monotonicity",
        "strong monotonicity",
        "m",
        "(f(x) - f(y)) . (x - y) >= m |x - y|^2; f is strongly monotone if m > 0",
        "lower",
        (0.0, 1.0, 0.0),
        float,
        -math.inf,
    ),
    Property(
        "inverse",
        "inverse Lipschitz bound",
        "l",
        "|f(x) - f(y)| >= l |x - y|; f is invertible if l > 0",
        "lower",
        (0.0, 0.0, 1.0),
        root_below,
        0.0,
    ),
    Property(
        "contraction",
        "contraction of x+ = f(x)",
        "r",
        "|f(x) - f(y)|_P <= r |x - y|_P; a contraction if r < 1",
        "upper",
        None,
        root_above,
        math.inf,
    ),
    Property(
        "flow-contraction",
        "contraction of x' = f(x)",
        "c",
        "<f(x) - f(y), x - y>_P <= c |x - y|_P^2; distances obey |x - y|_P <= exp(c t), "
        "so the flow contracts if c < 0",
        "upper",
        None,
        opposite,
        math.inf,
    ),
    Property(
        "dissipativity",
        "dissipation margin",
        "d",
        "[dx; df]^T Q [dx; df] >= d |dx|^2; dissipative if d >= 0",
        "lower",
        None,
        float,
        -math.inf,
        square=False,
    ),
)

PROPERTIES: Final[Mapping[str, Property]] = {item.name: item for item in _LISTED}
"""By name."""

METRICS: Final = ("contraction", "flow-contraction")
"""Those that look for a quadratic norm."""


def metric_supply(metric: Array, *, flow: bool) -> Array:
    """Return Q for a given P: -df^T P df, or -dx^T P df for a flow."""
    nothing = np.zeros_like(metric)
    if flow:
        return np.block([[nothing, -0.5 * metric], [-0.5 * metric, nothing]])
    return np.block([[nothing, nothing], [nothing, -metric]])

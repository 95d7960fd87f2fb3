"""Hidden units as an activation pattern sees them: which side of its kink is each one on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import UnsupportedQuestion
from lipexplore.networks.activations import Activation
from lipexplore.networks.feedforward import Network
from lipexplore.networks.splines import Splines
from lipexplore.rounding import Array

Sides = NDArray[np.int8]
RIGHT, LEFT, OPEN = 1, -1, 0


@dataclass(frozen=True, eq=False)
class PatternUnits:
    """All hidden units, layer after layer; arrays of shape (N,).

    Parameters
    ----------
    left, right
        Slopes on the two sides of zero.
    layer
        The unit's hidden layer, from 0.
    used
        Whether a path of non-zero weights leads to an output.
    signed
        Whether the unit's sign belongs to a pattern: used, with a kink and a non-zero weight.
    given
        The side of a unit that is not signed: that of its bias where all its weights are zero.
    """

    left: Array
    right: Array
    layer: NDArray[np.int64]
    used: NDArray[np.bool_]
    signed: NDArray[np.bool_]
    given: Sides

    def sides(self, lower: tuple[Array, ...], upper: tuple[Array, ...]) -> Sides:
        """Return RIGHT or LEFT where both ends of the slope agree on it, else OPEN."""
        low, high = np.concatenate(lower), np.concatenate(upper)
        decided = np.where(low == self.right, RIGHT, np.where(low == self.left, LEFT, OPEN))
        decided = np.where(low == high, decided, OPEN)
        return np.where(self.signed, decided, self.given).astype(np.int8)

    def slopes(self, sides: Sides) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Return lower and upper slopes per layer; an open unit has both sides' slopes."""
        right = np.where(sides == LEFT, self.left, self.right)
        left = np.where(sides == RIGHT, self.right, self.left)
        return self.split(np.minimum(left, right)), self.split(np.maximum(left, right))

    def split(self, stacked: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Return the parts of an array of all units, one per layer."""
        ends = np.cumsum(np.bincount(self.layer))[:-1]
        return tuple(np.split(stacked, ends))

    def sides_at(self, network: Network, x: Array) -> Sides:
        """Return the sides at a point, as floating point sees them."""
        z = np.concatenate(network.preactivations(x))
        return np.where(self.signed, np.where(z >= 0.0, RIGHT, LEFT), self.given).astype(np.int8)


def pattern_units(network: Network) -> PatternUnits:
    """Return the facts about all hidden units of a piecewise linear network.

    Raises
    ------
    UnsupportedQuestion
        If an activation is smooth.
    """
    check_piecewise_linear(network, "activation patterns")
    if network.depth == 0:
        none, nothing = np.zeros(0), np.zeros(0, dtype=bool)
        return PatternUnits(
            none, none, nothing.astype(np.int64), nothing, nothing, nothing.astype(np.int8)
        )
    used = (network.weights[-1] != 0.0).any(axis=0)
    in_use = [used]
    for weight in network.weights[-2:0:-1]:
        used = (weight[used] != 0.0).any(axis=0)
        in_use.insert(0, used)
    ends = [_ends(act) for act in network.activations]
    widths = network.widths[1:-1]
    left, right = (np.repeat([pair[i] for pair in ends], widths) for i in (0, 1))
    moving = np.concatenate([(weight != 0.0).any(axis=1) for weight in network.weights[:-1]])
    bias = np.concatenate(network.biases[:-1])
    everything = np.concatenate(in_use)
    return PatternUnits(
        left=left,
        right=right,
        layer=np.repeat(np.arange(network.depth), widths),
        used=everything,
        signed=everything & moving & (left != right),
        given=np.where(moving | (bias >= 0.0), RIGHT, LEFT).astype(np.int8),
    )


def check_piecewise_linear(network: Network, asker: str) -> None:
    """Raise UnsupportedQuestion unless all activations are linear on each side of zero."""
    if any(isinstance(act, Splines) for act in network.activations):
        raise UnsupportedQuestion(
            f"{asker} need units with one kink, at zero, but a spline has many: rewrite the "
            "network by lipexplore.networks.spline_expansion.relu_network, which is exact"
        )
    smooth = sorted({act.name for act in network.activations if not act.piecewise_linear})
    if smooth:
        raise UnsupportedQuestion(
            f"{asker} need piecewise linear activations, but {', '.join(smooth)} bends, so its "
            "slope takes infinitely many values: use interval-jacobian or sampled-gradient"
        )


def _ends(act: Activation) -> tuple[float, float]:
    return float(act.slope(np.array(-1.0))), float(act.slope(np.array(1.0)))

"""The non-convex problem that has a convex form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidSetting
from lipexplore.networks.parallel import ParallelNetwork, SubNetwork
from lipexplore.properties.path_norm import regulariser
from lipexplore.rounding import Array, up

LARGEST = 1e6
SMALLEST = 1e-9


@dataclass(frozen=True, eq=False)
class PathProblem:
    """Minimise 1/2 sum_i (f(x_i) - y_i)^2 + beta R(f) over parallel networks f with any K.

    R sums the l_2 path norms. Sub-networks have ``width`` neurons, then one, with three layers;
    one neuron with two. Weights of the constant input are regularised as all others.

    Parameters
    ----------
    points
        Array (n, d), or (n,) for d = 1.
    targets
        Array (n,).
    beta
        Weight of R, at least 1e-9.
    layers
        2 or 3.
    width
        m_1, used with three layers.
    constant
        Whether an input that is always 1 is appended.

    Raises
    ------
    InvalidSetting
        If shapes do not fit or a number is out of range.

    References
    ----------
    Ergen and Pilanci, NeurIPS 2023 (arXiv 2110.09548).
    """

    points: Array
    targets: Array
    beta: float
    layers: int = 3
    width: int = 2
    constant: bool = True

    def __init__(
        self,
        points: ArrayLike,
        targets: ArrayLike,
        beta: float,
        layers: int = 3,
        width: int = 2,
        constant: bool = True,
    ) -> None:
        x, y = np.array(points, dtype=np.float64), np.array(targets, dtype=np.float64)
        x = x[:, None] if x.ndim == 1 else x
        if x.ndim != 2 or y.shape != x.shape[:1] or x.size == 0:
            raise InvalidSetting(f"{x.shape} points need as many targets, not {y.shape}")
        if not (np.abs(x) <= LARGEST).all() or not (np.abs(y) <= LARGEST).all():
            raise InvalidSetting(f"points and targets must be numbers up to {LARGEST:g}")
        if not SMALLEST <= beta <= LARGEST:
            raise InvalidSetting(f"beta must lie between {SMALLEST:g} and {LARGEST:g}, not {beta}")
        if layers not in (2, 3) or width < 1:
            raise InvalidSetting("use 2 or 3 layers, and at least one neuron")
        values = (x, y, float(beta), layers, width if layers == 3 else 1, constant)
        for name, value in zip(self.__dataclass_fields__, values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def X(self) -> Array:
        """The data matrix, shape (n, r), with the column of ones if there is one."""
        if not self.constant:
            return self.points
        return np.concatenate([self.points, np.ones((len(self.points), 1))], axis=1)


def objective(problem: PathProblem, network: ParallelNetwork) -> float:
    """Return the objective of a network, rounded to nearest.

    Parameters
    ----------
    problem, network
        Points, targets and beta; the network f.
    """
    error = network(problem.points)[:, 0] - problem.targets
    return 0.5 * float(error @ error) + problem.beta * regulariser(network)


def objective_above(problem: PathProblem, network: ParallelNetwork) -> float:
    """Return a float not below the exact objective of the stored weights, by rationals.

    It is an upper bound of the optimum, whatever found the network.
    """
    try:
        return float(up(float(_exact_objective(problem, network))))
    except OverflowError:
        return math.inf


def _exact_objective(problem: PathProblem, network: ParallelNetwork) -> Fraction:
    """Return the objective with the square roots of path norms rounded up."""
    parts = [[_exact(weight) for weight in part] for part in network.subnetworks]
    total = Fraction(0)
    for row, target in zip(_exact(problem.X), _exact(problem.targets[None])[0], strict=True):
        error = sum((_value(part, row) for part in parts), Fraction(0)) - target
        total += error * error / 2
    beta = Fraction(problem.beta)
    return total + beta * sum((_path_norm_above(p) for p in network.subnetworks), Fraction(0))


Rational = list[list[Fraction]]


def _exact(array: Array) -> Rational:
    return [[Fraction(value) for value in row] for row in array.tolist()]


def _value(part: list[Rational], inputs: list[Fraction]) -> Fraction:
    hidden = inputs
    for number, weight in enumerate(part):
        if number:
            hidden = [max(value, Fraction(0)) for value in hidden]
        hidden = [
            sum((a * b for a, b in zip(row, hidden, strict=True)), Fraction(0)) for row in weight
        ]
    return hidden[0]


def _path_norm_above(part: SubNetwork) -> Fraction:
    squares = [Fraction(1)] * part[0].shape[1]
    for weight in part:
        squares = [
            sum((a * a * b for a, b in zip(row, squares, strict=True)), Fraction(0))
            for row in _exact(weight)
        ]
    total = sum(squares, Fraction(0))
    root = float(up(math.sqrt(up(float(total)))))
    return Fraction(root) if total else total

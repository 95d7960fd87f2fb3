"""Elementwise activations with outward-rounded ranges of value and slope."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lipexplore.errors import InvalidNetwork
from lipexplore.rounding import Array, down, up

Function = Callable[[Array], Array]

MARGIN = 2.0**-46
"""Error allowed to a smooth slope, times its largest size (its rounding is below 2^-49)."""

NEAR = 1e-9
"""A turning point this close to an interval counts as inside it."""


@dataclass(frozen=True)
class Activation:
    """An elementwise function with the facts that bound it on an interval.

    Parameters
    ----------
    name
        As in files: the family, then parameters after a colon.
    value, slope
        The function and its right derivative, vectorised.
    slope_bounds
        Smallest and largest slope on the whole line.
    kinks
        Points where the slope jumps.
    value_turns, slope_turns
        Points where the value and the slope stop being monotone (to float accuracy).
    piecewise_linear
        Linear on each side of zero; slopes are then computed without any rounding.
    linear_from
        From here on to the right the slope is constant and computed without rounding.
    units
        Number of units that it is made for, one function each; None for one function for all.
    """

    name: str
    value: Function
    slope: Function
    slope_bounds: tuple[float, float]
    kinks: tuple[float, ...] = ()
    value_turns: tuple[float, ...] = ()
    slope_turns: tuple[float, ...] = ()
    piecewise_linear: bool = False
    linear_from: float = math.inf
    units: int | None = None

    def __repr__(self) -> str:
        return f"Activation({self.name!r})"

    def __reduce__(self) -> tuple[Callable[[str], Activation], tuple[str]]:
        return activation, (self.name,)

    @property
    def content(self) -> bytes:
        """What tells this function from others: its name, unless it has coefficients of its own."""
        return self.name.encode()

    def unit_slope_bounds(self, width: int) -> tuple[Array, Array]:
        """Return the smallest and largest slope on the whole line of each of ``width`` units."""
        return np.full(width, self.slope_bounds[0]), np.full(width, self.slope_bounds[1])

    @property
    def largest_slope(self) -> float:
        """Return max |slope|: the activation's own Lipschitz constant."""
        return max(abs(self.slope_bounds[0]), abs(self.slope_bounds[1]))

    def slope_range(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        """Enclose the slopes taken on the open interval (lower, upper), entry by entry.

        A point where the slope jumps counts only if it lies inside or if the interval is that
        point: pieces with empty interior do not count towards a Lipschitz constant.
        """
        finite_lower, finite_upper = np.clip(lower, -1e9, 1e9), np.clip(upper, -1e9, 1e9)
        end = np.maximum(finite_lower, down(finite_upper))
        samples = [self.slope(finite_lower), self.slope(end)]
        for kink in self.kinks:
            inside = ((lower < kink) & (kink < upper)) | ((lower == kink) & (kink == upper))
            for point in (kink, float(down(kink))):
                samples.append(np.where(inside, self.slope(np.array(point)), samples[0]))
        samples += self._turns(self.slope, self.slope_turns, lower, upper, samples[0])
        low, high = np.minimum.reduce(samples), np.maximum.reduce(samples)
        if not self.piecewise_linear:
            straight = (lower >= self.linear_from) & (upper > self.linear_from)
            margin = MARGIN * max(1.0, self.largest_slope)
            low = np.where(straight, low, low - margin)
            high = np.where(straight, high, high + margin)
        return np.maximum(low, self.slope_bounds[0]), np.minimum(high, self.slope_bounds[1])

    @np.errstate(over="ignore", invalid="ignore")
    def value_range(self, lower: Array, upper: Array) -> tuple[Array, Array]:
        """Enclose the values taken on [lower, upper], entry by entry."""
        samples = [self.value(lower), self.value(upper)]
        samples += self._turns(self.value, self.value_turns, lower, upper, samples[0])
        low, high = np.minimum.reduce(samples), np.maximum.reduce(samples)
        if self.piecewise_linear:
            low, high = down(low), up(high)
        else:
            low, high = low - MARGIN * (1.0 + np.abs(low)), high + MARGIN * (1.0 + np.abs(high))
        return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)

    @staticmethod
    def _turns(
        function: Function, turns: Sequence[float], lower: Array, upper: Array, other: Array
    ) -> list[Array]:
        return [
            np.where(
                (lower - NEAR <= turn) & (turn <= upper + NEAR), function(np.array(turn)), other
            )
            for turn in turns
        ]


def _sigmoid(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def _sigmoid_slope(x: Array) -> Array:
    small = np.exp(-np.abs(x))
    return small / np.square(1.0 + small)


def _normal_density(x: Array) -> Array:
    return np.exp(-0.5 * np.square(np.clip(x, -50.0, 50.0))) / math.sqrt(2.0 * math.pi)


def _normal_cdf(x: Array) -> Array:
    from scipy.special import ndtr

    return np.asarray(ndtr(x), dtype=np.float64)


def _identity() -> Activation:
    return Activation(
        "identity", lambda x: x + 0.0, np.ones_like, (1.0, 1.0), piecewise_linear=True
    )


def _relu() -> Activation:
    return Activation(
        "relu",
        lambda x: np.maximum(x, 0.0),
        lambda x: np.where(x >= 0, 1.0, 0.0),
        (0.0, 1.0),
        kinks=(0.0,),
        piecewise_linear=True,
    )


def _leaky_relu(leak: float = 0.01) -> Activation:
    if not abs(leak) <= 1e6:
        raise InvalidNetwork(f"leaky_relu:{leak} needs a finite slope below a million")
    return Activation(
        f"leaky_relu:{leak!r}",
        lambda x: np.where(x >= 0, x, leak * x),
        lambda x: np.where(x >= 0, 1.0, leak),
        (min(leak, 1.0), max(leak, 1.0)),
        kinks=(0.0,),
        value_turns=(0.0,) if leak < 0 else (),
        piecewise_linear=True,
    )


def _absolute() -> Activation:
    return Activation(
        "abs",
        np.abs,
        lambda x: np.where(x >= 0, 1.0, -1.0),
        (-1.0, 1.0),
        kinks=(0.0,),
        value_turns=(0.0,),
        piecewise_linear=True,
    )


def _scaled_elu(name: str, alpha: float, scale: float) -> Activation:
    if not 0.0 < alpha <= 1e6:
        raise InvalidNetwork(f"{name} needs a positive alpha below a million")
    left = alpha if scale == 1.0 else float(up(scale * alpha))
    return Activation(
        name,
        lambda x: scale * np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0.0))),
        lambda x: scale * np.where(x >= 0, 1.0, alpha * np.exp(np.minimum(x, 0.0))),
        (0.0, max(left, scale)),
        kinks=(0.0,),
        linear_from=0.0,
    )


def _elu(alpha: float = 1.0) -> Activation:
    return _scaled_elu(f"elu:{alpha!r}", alpha, 1.0)


def _selu() -> Activation:
    return _scaled_elu("selu", 1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


def _softplus() -> Activation:
    return Activation("softplus", lambda x: np.logaddexp(x, 0.0), _sigmoid, (0.0, 1.0))


def _tanh() -> Activation:
    return Activation(
        "tanh",
        np.tanh,
        lambda x: 4.0 * _sigmoid_slope(2.0 * x),
        (0.0, 1.0),
        slope_turns=(0.0,),
    )


def _logistic() -> Activation:
    return Activation("sigmoid", _sigmoid, _sigmoid_slope, (0.0, 0.25), slope_turns=(0.0,))


def _silu() -> Activation:
    """Return x sigma(x).

    Its slope turns where 2 + x (1 - 2 sigma) = 0, its value where 1 + x (1 - sigma) = 0.
    """
    turn = 2.3993572805154676
    return Activation(
        "silu",
        lambda x: x * _sigmoid(x),
        lambda x: _sigmoid(x) + x * _sigmoid_slope(x),
        (-0.09984, 1.09984),
        value_turns=(-1.2784645427610738,),
        slope_turns=(-turn, turn),
    )


def _gelu(form: str = "exact") -> Activation:
    if form == "exact":
        return Activation(
            "gelu:exact",
            lambda x: x * _normal_cdf(x),
            lambda x: _normal_cdf(x) + x * _normal_density(x),
            (-0.128905, 1.128905),
            value_turns=(-0.7517915246935645,),
            slope_turns=(-math.sqrt(2.0), math.sqrt(2.0)),
        )
    if form != "tanh":
        raise InvalidNetwork(f"unknown form gelu:{form}: use gelu:exact or gelu:tanh")
    rate, cubic = math.sqrt(2.0 / math.pi), 0.044715

    def slope(x: Array) -> Array:
        x = np.clip(x, -50.0, 50.0)
        inner = 2.0 * rate * (x + cubic * x**3)
        inner_slope = 2.0 * rate * (1.0 + 3.0 * cubic * np.square(x))
        return _sigmoid(inner) + x * inner_slope * _sigmoid_slope(inner)

    return Activation(
        "gelu:tanh",
        lambda x: x * _sigmoid(2.0 * rate * (x + cubic * np.clip(x, -1e3, 1e3) ** 3)),
        slope,
        (-0.128994, 1.128994),
        value_turns=(-0.7524614220710176,),
        slope_turns=(-1.4185040087908, 1.4185040087908),
    )


_FAMILIES: dict[str, Callable[..., Activation]] = {
    "identity": _identity,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "softplus": _softplus,
    "tanh": _tanh,
    "sigmoid": _logistic,
    "silu": _silu,
    "gelu": _gelu,
    "abs": _absolute,
}

ACTIVATION_NAMES = tuple(_FAMILIES)

_SORTING = (
    "sorts units, so it has no slope per unit: state the network by "
    "lipexplore.networks.group_sort.group_sort_network, which is exact"
)
NOT_BY_NAME = {
    "groupsort": _SORTING,
    "maxmin": _SORTING,
    "spline": "needs its knots and values: pass lipexplore.networks.splines.Splines(knots, values)",
}
"""Activations that are known but take more than a name, and what to do instead."""


def activation(name: str) -> Activation:
    """Return the activation called ``name``, for instance "relu", "elu:1.0" or "gelu:tanh".

    Parameters
    ----------
    name
        The family, after a colon its parameter.

    Raises
    ------
    InvalidNetwork
        If the family or its parameter is unknown.
    """
    family, _, parameter = str(name).partition(":")
    if family in NOT_BY_NAME:
        raise InvalidNetwork(f"activation {name!r} {NOT_BY_NAME[family]}")
    if family not in _FAMILIES:
        raise InvalidNetwork(f"unknown activation {name!r}: use one of {', '.join(_FAMILIES)}")
    if not parameter:
        return _FAMILIES[family]()
    if family == "gelu":
        return _gelu(parameter)
    if family not in ("leaky_relu", "elu"):
        raise InvalidNetwork(f"activation {family!r} takes no parameter: write {family!r}")
    try:
        return _FAMILIES[family](float(parameter))
    except ValueError:
        raise InvalidNetwork(
            f"activation {name!r} needs a number after the colon, not {parameter!r}"
        ) from None

"""Outward rounding: float64 numbers that are proven to lie on the safe side.

Everything rests on two facts of IEEE arithmetic with round to nearest, u = 2^-53:
one operation errs by at most u relatively, and a sum of products in which every product passes
through at most k roundings errs by at most gamma(k) times the sum of the products' sizes, in any
order of summation (Higham, *Accuracy and Stability of Numerical Algorithms*, section 3.1).
Gradual underflow is assumed: a program that sets the processor to flush subnormal numbers to zero
(some libraries built with -ffast-math do) breaks it, and ``lipexplore doctor`` tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

UNIT = 2.0**-53
UNDERFLOW = 2.0**-1021


def gamma(roundings: int) -> float:
    """Return an upper bound of k u / (1 - k u) for k = ``roundings`` below 2^30."""
    return roundings * UNIT * (1.0 + 2.0**-20)


def up(value: Array | float) -> Array:
    """Return the next float64 above each entry."""
    return np.nextafter(value, np.inf)


def down(value: Array | float) -> Array:
    """Return the next float64 below each entry."""
    return np.nextafter(value, -np.inf)


def sum_up(values: Iterable[float]) -> float:
    """Return a float64 not below the exact sum of non-negative ``values``."""
    try:
        return float(up(math.fsum(values)))
    except OverflowError:
        return math.inf


def sum_down(values: Iterable[float]) -> float:
    """Return a float64 not above the exact sum of non-negative ``values``, at least 0."""
    try:
        return max(0.0, float(down(math.fsum(values))))
    except OverflowError:
        return float(np.finfo(np.float64).max)


def product_error(roundings: int, magnitude: Array) -> Array:
    """Bound the error of sums of products from their computed magnitudes.

    ``magnitude`` is the same expression evaluated in float64 on absolute values; ``roundings``
    bounds the operations that any one product passes through. The factor 2 covers the rounding of
    ``magnitude`` itself, the additive term underflow.
    """
    return up(2.0 * gamma(roundings + 4) * magnitude + (roundings + 4) * UNDERFLOW)


def around(middle: Array, slack: Array) -> tuple[Array, Array]:
    """Return middle -+ slack rounded outward, infinite where one of them has overflowed."""
    finite = np.isfinite(middle) & np.isfinite(slack)
    return (
        np.where(finite, down(middle - slack), -np.inf),
        np.where(finite, up(middle + slack), np.inf),
    )


@np.errstate(over="ignore", invalid="ignore")
def affine_interval(weight: Array, bias: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """Enclose W h + b for all h with ``lower`` <= h <= ``upper``.

    Parameters
    ----------
    weight, bias
        Arrays of shape (n_out, n_in) and (n_out,).
    lower, upper
        Arrays of shape (n_in,).

    Returns
    -------
    tuple of arrays of shape (n_out,)
        Outward-rounded lower and upper ends, infinite where float64 overflows.
    """
    center = 0.5 * lower + 0.5 * upper
    radius = up(np.maximum(up(upper - center), up(center - lower)))
    absolute = np.abs(weight)
    spread = absolute @ radius
    magnitude = absolute @ (np.abs(center) + radius) + np.abs(bias)
    slack = up(spread + product_error(2 * weight.shape[1] + 4, magnitude))
    middle = weight @ center + bias
    return around(middle, slack)


def text_above(value: float, digits: int = 6) -> str:
    """Return ``value`` with so many significant digits, rounded up: the text is a bound too.

    >>> text_above(0.72058341), text_above(2.0)
    ('0.720584', '2')
    """
    return _decimal_text(value, digits, ROUND_CEILING)


def text_below(value: float, digits: int = 6) -> str:
    """Return ``value`` with so many significant digits, rounded down.

    >>> text_below(0.72058391)
    '0.720583'
    """
    return _decimal_text(value, digits, ROUND_FLOOR)


def _decimal_text(value: float, digits: int, rounding: str) -> str:
    if not math.isfinite(value):
        return str(value)
    context = Context(prec=digits, rounding=rounding)
    rounded = context.create_decimal(Decimal(float(value))).normalize()
    return f"{rounded:f}" if -5 <= rounded.adjusted() < 12 else f"{rounded:e}"

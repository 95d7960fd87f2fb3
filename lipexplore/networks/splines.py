"""Linear splines as activations: one per unit, or one that all units of a layer share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.activations import Activation
from lipexplore.rounding import Array, down, product_error, up

NAME = "spline"
LARGEST = 1e100
"""Of knots, values and slopes."""

Ends = tuple[Array, Array]


class Splines(Activation):
    """Piecewise linear functions given by their values c_k at knots t_0 < .. < t_{K-1}.

    Beyond the outer knots the first and the last slope go on: nothing is clamped, and no slope 1 is
    assumed. The function is the real one through the stored floats, so its slopes
    (c_{k+1} - c_k) / (t_{k+1} - t_k) are rational; every range of them is rounded outward, and not
    at all where the quotient is a float. They may have any sign.

    Parameters
    ----------
    knots
        Array (K,) for all units, or (units, K); rows with fewer knots end with NaN.
    values
        Array (K,) or (1, K): one spline for all units of the layer; (units, K): one for each.

    Raises
    ------
    InvalidNetwork
        If there are less than two knots, they do not increase, or a number is not finite.

    References
    ----------
    Ducotterd, Goujon, Bohra, Perdios, Neumayer, Unser, *Improving Lipschitz-constrained neural
    networks by learning activation functions*, JMLR 25 (2024) (arXiv 2210.16222), section 3.

    Examples
    --------
    >>> zigzag = Splines([-1.0, 0.0, 1.0], [1.0, 0.0, 1.0])
    >>> zigzag.value(np.array([-3.0, 0.25])), zigzag.slope_bounds
    (array([3.  , 0.25]), (-1.0, 1.0))
    """

    knots: Array
    values: Array

    def __init__(self, knots: ArrayLike, values: ArrayLike) -> None:
        t, c = _checked(knots, values)
        segments = (~np.isnan(t)).sum(axis=1) - 1
        low, high, nearest = _slopes(t, c)
        super().__init__(
            NAME,
            self._value,
            self._slope,
            (float(np.nanmin(low)), float(np.nanmax(high))),
            units=None if len(c) == 1 else len(c),
        )
        facts = {
            "knots": t,
            "values": c,
            "last": segments - 1,
            "breaks": np.where(np.isnan(t), np.inf, t)[:, 1:-1],
            "slopes": nearest,
            "lowest": low,
            "highest": high,
        }
        facts["breaks"][np.arange(t.shape[1] - 2) >= facts["last"][:, None]] = np.inf
        for name, array in facts.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    last: NDArray[np.int64]
    breaks: Array
    slopes: Array
    lowest: Array
    highest: Array

    def __reduce__(self) -> tuple[Callable[..., Activation], tuple[Array, Array]]:  # type: ignore[override]
        return Splines, (self.knots, self.values)

    def __repr__(self) -> str:
        count = "shared" if self.units is None else f"{self.units} units"
        return f"Splines({count}, {self.knots.shape[1]} knots)"

    @property
    def content(self) -> bytes:
        """Name, knots and values: what a hash of the network must cover."""
        arrays = (self.knots, self.values)
        parts = [str(a.shape).encode() + (a + 0.0).astype("<f8").tobytes() for a in arrays]
        return b"\0".join([NAME.encode(), *parts])

    def unit_slope_bounds(self, width: int) -> Ends:
        """Return each unit's smallest and largest slope on the whole line, arrays (width,)."""
        low, high = np.nanmin(self.lowest, axis=1), np.nanmax(self.highest, axis=1)
        return np.broadcast_to(low, width).copy(), np.broadcast_to(high, width).copy()

    def slope_range(self, lower: Array, upper: Array) -> Ends:
        """Enclose the slopes taken on the open interval (lower, upper), unit by unit.

        All segments with a part inside count. A knot counts for both its sides only if the interval
        is that point: comparisons of floats are exact, so no index is ever computed by rounding.
        """
        point = lower == upper
        first = np.where(point, self._passed(lower, np.less), self._passed(lower, np.less_equal))
        final = np.where(point, self._passed(upper, np.less_equal), self._passed(upper, np.less))
        final = np.maximum(first, final)
        low, high = np.full(first.shape, np.inf), np.full(first.shape, -np.inf)
        for segment in range(self.lowest.shape[1]):
            inside = (first <= segment) & (segment <= final)
            low = np.where(inside, np.fmin(low, self.lowest[:, segment]), low)
            high = np.where(inside, np.fmax(high, self.highest[:, segment]), high)
        return low, high

    @np.errstate(over="ignore", invalid="ignore")
    def value_range(self, lower: Array, upper: Array) -> Ends:
        """Enclose the values taken on [lower, upper]: at both ends and at the knots between."""
        ends = self.enclosed(lower), self.enclosed(upper)
        low, high = np.minimum(ends[0][0], ends[1][0]), np.maximum(ends[0][1], ends[1][1])
        for knot, value in self.interior():
            inside = (lower <= knot) & (knot <= upper)
            low = np.where(inside, np.minimum(low, value), low)
            high = np.where(inside, np.maximum(high, value), high)
        return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)

    def interior(self) -> Iterator[Ends]:
        """Yield the knots where slopes may change and the values there, arrays (units,) or (1,).

        Units that have no further knot get (inf, 0).
        """
        for k in range(self.breaks.shape[1]):
            knot = self.breaks[:, k]
            yield knot, np.where(np.isinf(knot), 0.0, self.values[:, k + 1])

    @np.errstate(over="ignore", invalid="ignore")
    def enclosed(self, x: Array) -> Ends:
        """Return floats below and above the exact value at x."""
        unit, segment = self._place(x)
        value, reach = self.values[unit, segment], x - self.knots[unit, segment]
        slopes = self.lowest[unit, segment], self.highest[unit, segment]
        # a knot's own value and a flat segment carry no rounding, at infinity neither
        rises = [np.where((reach == 0.0) | (s == 0.0), 0.0, reach * s) for s in slopes]
        exact = (reach == 0.0) | ((slopes[0] == 0.0) & (slopes[1] == 0.0))
        size = np.abs(value) + np.maximum(np.abs(rises[0]), np.abs(rises[1]))
        error = np.where(exact, 0.0, product_error(4, size))
        low, high = value + np.minimum(*rises), value + np.maximum(*rises)
        low, high = np.where(exact, low, down(low - error)), np.where(exact, high, up(high + error))
        return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)

    @np.errstate(over="ignore", invalid="ignore")
    def _value(self, x: Array) -> Array:
        unit, segment = self._place(x)
        rise = (x - self.knots[unit, segment]) * self.slopes[unit, segment]
        return np.asarray(self.values[unit, segment] + rise)

    def _slope(self, x: Array) -> Array:
        unit, segment = self._place(x)
        return np.asarray(self.slopes[unit, segment])

    def _place(self, x: Array) -> tuple[NDArray[np.int64] | int, NDArray[np.int64]]:
        """Return the unit of each entry and its segment, that to the right at a knot."""
        segment = np.minimum(self._passed(x, np.less_equal), self.last)
        return (0 if len(self.values) == 1 else np.arange(len(self.values))), segment

    def _passed(self, x: Array, before: np.ufunc) -> NDArray[np.int64]:
        """Count the interior knots before x."""
        shape = np.broadcast_shapes(np.shape(x), (len(self.values),) if self.units else ())
        count = np.zeros(shape, dtype=np.int64)
        for knot in self.breaks.T:
            count += before(knot if self.units else knot[0], x)
        return np.minimum(count, self.last if self.units else self.last[0])


def _checked(knots: ArrayLike, values: ArrayLike) -> Ends:
    try:
        c = np.atleast_2d(np.array(values, dtype=np.float64))
        t = np.atleast_2d(np.array(knots, dtype=np.float64))
    except (TypeError, ValueError):
        raise InvalidNetwork("knots and values of splines must be arrays of numbers") from None
    if c.ndim != 2 or t.ndim != 2 or c.shape[1] != t.shape[1] or len(t) not in (1, len(c)):
        raise InvalidNetwork(
            f"splines need values (units, knots) and as many knots, not {c.shape} and {t.shape}"
        )
    t = np.broadcast_to(t, c.shape).copy()
    there = ~np.isnan(t)
    if (there.sum(axis=1) < 2).any() or (there[:, 1:] & ~there[:, :-1]).any():
        raise InvalidNetwork("each spline needs at least two knots, with NaN after the last only")
    if (np.diff(t, axis=1)[there[:, 1:]] <= 0.0).any():
        raise InvalidNetwork("the knots of a spline must increase")
    if not (np.isfinite(c[there]).all() and np.isfinite(t[there]).all()):
        raise InvalidNetwork("a spline holds NaN or infinite values: store finite ones")
    if max(np.abs(c[there]).max(), np.abs(t[there]).max()) > LARGEST:
        raise InvalidNetwork(f"a spline holds numbers above {LARGEST:g}: rescale the network")
    return t, np.where(there, c, np.nan)


def _slopes(knots: Array, values: Array) -> tuple[Array, Array, Array]:
    """Return the slopes of all segments rounded down, up and to nearest; NaN where there is none.

    Quotients of rationals: in floating point a slope of exactly 1 would leave [-1, 1].
    """
    results = np.full((3, len(knots), knots.shape[1] - 1), np.nan)
    for unit, (t, c) in enumerate(zip(knots.tolist(), values.tolist(), strict=True)):
        points = [(Fraction(a), Fraction(b)) for a, b in zip(t, c, strict=True) if a == a]
        for k, ((a, x), (b, y)) in enumerate(pairwise(points)):
            exact = (y - x) / (b - a)
            if abs(exact) > LARGEST:
                raise InvalidNetwork(f"a spline has a slope above {LARGEST:g}: move its knots")
            nearest = float(exact)
            low = nearest if Fraction(nearest) <= exact else float(down(nearest))
            high = nearest if Fraction(nearest) >= exact else float(up(nearest))
            results[:, unit, k] = low, high, nearest
    return results[0], results[1], results[2]

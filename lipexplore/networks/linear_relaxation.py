"""Tighter ranges of pre-activations by back-substituting a line above and below each activation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.networks.activations import Activation
from lipexplore.networks.feedforward import Network
from lipexplore.networks.splines import Splines
from lipexplore.regions import Region
from lipexplore.rounding import UNIT, Array, affine_interval, down, product_error, up

Ranges = list[tuple[Array, Array]]


@dataclass(frozen=True, eq=False)
class Lines:
    """Proven lines lower_slope z + lower_offset <= sigma(z) <= upper_slope z + upper_offset."""

    lower_slope: Array
    lower_offset: Array
    upper_slope: Array
    upper_offset: Array


@np.errstate(over="ignore", invalid="ignore")
def back_substituted_ranges(network: Network, region: Region) -> Ranges:
    """Enclose the pre-activations of each hidden layer over a bounded region.

    Every pre-activation is a linear function of the layer before, whose activations are replaced by
    lines above or below according to the sign of the coefficient, and so on down to the input,
    where the region is maximised over exactly. Every rounding of a coefficient is charged with the
    largest size of what it multiplies, so the result is a theorem; it is intersected with interval
    propagation, hence never wider.

    References
    ----------
    Zhang et al., *Efficient neural network robustness certification with general activation
    functions* (CROWN), NeurIPS 2018 (arXiv 1811.00866).
    """
    ranges: Ranges = []
    lines: list[Lines] = []
    for layer in range(network.depth):
        weight, bias = network.weights[layer], network.biases[layer]
        if layer == 0:
            low, high = region.affine_bounds(weight, bias)
        else:
            hidden = network.activations[layer - 1].value_range(*ranges[-1])
            low, high = affine_interval(weight, bias, *hidden)
            # NaN where products overflow: fmin and fmax then keep the interval
            high = np.fmin(high, _largest(network, region, ranges, lines, weight, bias))
            low = np.fmax(low, -_largest(network, region, ranges, lines, -weight, -bias))
        ranges.append((low, high))
        lines.append(activation_lines(network.activations[layer], low, high))
    return ranges


def _largest(
    network: Network, region: Region, ranges: Ranges, lines: list[Lines], rows: Array, offset: Array
) -> Array:
    """Return a proven upper bound of rows h + offset, h the activations of the last known layer."""
    slack = np.zeros(len(rows))
    for layer in range(len(lines) - 1, -1, -1):
        line, weight, bias = lines[layer], network.weights[layer], network.biases[layer]
        positive, negative = np.maximum(rows, 0.0), np.minimum(rows, 0.0)
        on_z = positive * line.upper_slope + negative * line.lower_slope
        moved = positive @ line.upper_offset + negative @ line.lower_offset + on_z @ bias
        sizes = (
            np.abs(rows) @ np.maximum(np.abs(line.upper_offset), np.abs(line.lower_offset))
            + np.abs(on_z) @ np.abs(bias)
            + np.abs(offset)
        )
        n_units = len(bias)
        charges = (
            slack,
            (UNIT * np.abs(on_z) + 2.0**-1070) @ _size(ranges[layer]),
            product_error(n_units, np.abs(on_z) @ np.abs(weight))
            @ _size(_inputs(network, region, ranges, layer)),
            product_error(2 * n_units + 4, sizes),
        )
        slack = up(sum(charges, np.zeros(len(rows))) * (1.0 + 2.0**-20))
        rows, offset = on_z @ weight, offset + moved
    return up(region.affine_bounds(rows, offset)[1] + slack)


def _inputs(network: Network, region: Region, ranges: Ranges, layer: int) -> tuple[Array, Array]:
    """Return the box of what weight layer ``layer`` (from 0) multiplies."""
    if layer == 0:
        return region.box()
    return network.activations[layer - 1].value_range(*ranges[layer - 1])


def _size(ends: tuple[Array, Array]) -> Array:
    return np.maximum(np.abs(ends[0]), np.abs(ends[1]))


@np.errstate(over="ignore", invalid="ignore")
def activation_lines(act: Activation, low: Array, high: Array) -> Lines:
    """Return a line above and a line below the activation on [low, high], entry by entry.

    A kink at 0 between slopes a <= b is convex: chord above, a z or b z below (and the reverse for
    a > b). A spline lies between two parallels to its chord through its extreme knots. Any other
    activation lies between its two extreme slopes through its midpoint, and
    the chords of these convex and concave hats bound it.
    """
    if isinstance(act, Splines):
        return _spline_lines(act, low, high)
    a, b = act.slope_range(low, high)
    if act.kinks == (0.0,) and act.piecewise_linear:
        left, right = float(act.slope(np.array(-1.0))), float(act.slope(np.array(1.0)))
        crossing = (low < 0.0) & (high > 0.0)
        hat = np.maximum if left <= right else np.minimum
        ends = hat(left * low, right * low), hat(left * high, right * high)
        chord = _chord(low, high, *ends)
        through_zero = np.where(high > -low, right, left)
        slope = np.where(crossing, chord, a)
        above = np.where(crossing, up(_offset(slope, low, high, *ends, np.maximum)), 0.0)
        below = np.where(crossing, down(_offset(slope, low, high, *ends, np.minimum)), 0.0)
        other, zero = np.where(crossing, through_zero, a), np.zeros_like(low)
        if left <= right:
            return Lines(other, zero, slope, above)
        return Lines(slope, below, other, zero)
    middle = np.clip(0.5 * low + 0.5 * high, low, high)
    value_low, value_high = act.value_range(middle, middle)
    reach_left, reach_right = up(middle - low), up(high - middle)
    above_ends = up(value_high - down(a * reach_left)), up(value_high + up(b * reach_right))
    below_ends = down(value_low - up(b * reach_left)), down(value_low + down(a * reach_right))
    upper, lower = _chord(low, high, *above_ends), _chord(low, high, *below_ends)
    return Lines(
        lower,
        _offset(lower, low, high, *below_ends, np.minimum),
        upper,
        _offset(upper, low, high, *above_ends, np.maximum),
    )


def _spline_lines(act: Splines, low: Array, high: Array) -> Lines:
    """Return parallels to the chord beyond both ends and every knot between them."""
    left, right = act.enclosed(low), act.enclosed(high)
    slope = _chord(low, high, 0.5 * left[0] + 0.5 * left[1], 0.5 * right[0] + 0.5 * right[1])
    below = _offset(slope, low, high, left[0], right[0], np.minimum)
    above = _offset(slope, low, high, left[1], right[1], np.maximum)
    for knot, value in act.interior():
        inside = (low < knot) & (knot < high)
        under = _offset(slope, knot, knot, value, value, np.minimum)
        over = _offset(slope, knot, knot, value, value, np.maximum)
        below = np.where(inside, np.minimum(below, under), below)
        above = np.where(inside, np.maximum(above, over), above)
    return Lines(slope, below, slope, above)


def _chord(low: Array, high: Array, at_low: Array, at_high: Array) -> Array:
    width = high - low
    return np.where(width > 0.0, (at_high - at_low) / np.where(width > 0.0, width, 1.0), 0.0)


def _offset(
    slope: Array, low: Array, high: Array, at_low: Array, at_high: Array, pick: np.ufunc
) -> Array:
    """Return the offset that puts a line of this slope beyond both ends, rounding included.

    ``pick`` is maximum for a line above and minimum for a line below.
    """
    raw = pick(at_low - slope * low, at_high - slope * high)
    size = np.abs(at_low) + np.abs(at_high) + np.abs(slope) * np.maximum(np.abs(low), np.abs(high))
    margin = 2.0**-49 * size + 2.0**-1020
    offset: Array = up(raw + margin) if pick is np.maximum else down(raw - margin)
    return offset

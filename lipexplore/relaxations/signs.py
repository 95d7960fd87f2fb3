"""Inequalities between slopes u_j in {0, 1} and inputs that hold for every ReLU unit.

The input is x = center + radius (2 xi - 1) with xi in [0, 1]^{n_0}. All coefficients are floats for
which the inequality holds exactly: what rounding could take away is added to the constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.polynomials.polynomial import EMPTY, Index
from lipexplore.regions import Ball, Region
from lipexplore.relaxations.moments import Inequalities
from lipexplore.rounding import Array, product_error, up


@dataclass(frozen=True, eq=False)
class PreActivations:
    """Some units' pre-activations z_j = a_j x + b_j over a region, divided by powers of two.

    Parameters
    ----------
    linear, constant
        Arrays (k, n_0) and (k,): z is within ``error`` of linear xi + constant for all xi in
        [0, 1]^{n_0}.
    lower, upper, error
        Arrays (k,): lower <= z <= upper over the region.
    """

    linear: Array
    constant: Array
    lower: Array
    upper: Array
    error: Array

    def scaled(self) -> PreActivations:
        """Divide each unit by a power of two near its largest size."""
        size = np.abs(self.linear).sum(axis=1) + np.abs(self.constant)
        by = 2.0 ** -np.frexp(size)[1].astype(np.float64)
        return PreActivations(
            self.linear * by[:, None],
            self.constant * by,
            self.lower * by - 2.0**-1000,
            self.upper * by + 2.0**-1000,
            self.error * by + self.linear.shape[1] * 2.0**-1000,
        )


def scaled_preactivations(network: Network, region: Region, units: Index) -> PreActivations:
    """Return the pre-activations of some units of the first hidden layer."""
    weight, bias = network.weights[0][units], network.biases[0][units]
    center, radii = center_and_radii(region, network.n_inputs)
    lower, upper = region.affine_bounds(weight, bias)
    absolute = np.abs(weight)
    magnitude = absolute @ (np.abs(center) + 3.0 * radii) + np.abs(bias)
    return PreActivations(
        2.0 * weight * radii,
        weight @ (center - radii) + bias,
        lower,
        upper,
        product_error(weight.shape[1] + 6, magnitude),
    ).scaled()


def center_and_radii(region: Region, n_inputs: int) -> tuple[Array, Array]:
    """Return floats such that every x of the region has |x_i - center_i| <= radius_i."""
    if isinstance(region, Ball):
        return region.center, np.full(n_inputs, region.radius)
    lower, upper = region.box()
    center = 0.5 * lower + 0.5 * upper
    return center, np.maximum(up(upper - center), up(center - lower))


def sign_inequalities(z: PreActivations, slopes: Index, inputs: Index) -> Inequalities:
    """Return u z >= 0 and (1 - u) (-z) >= 0 for each unit."""
    above = _if_on(z.linear, up(z.constant + z.error), slopes, inputs)
    return above.joined(_if_off(-z.linear, up(z.error - z.constant), slopes, inputs))


def bound_inequalities(z: PreActivations, slopes: Index, inputs: Index) -> Inequalities:
    """Return u (upper - z) >= 0 and (1 - u) (z - lower) >= 0 for each unit."""
    below = up(up(z.upper - z.constant) + z.error)
    above = up(up(z.constant - z.lower) + z.error)
    return _if_on(-z.linear, below, slopes, inputs).joined(_if_off(z.linear, above, slopes, inputs))


def secant_inequalities(z: PreActivations, slopes: Index, inputs: Index) -> Inequalities:
    """Return z (upper u + lower (1 - u) - z) >= 0 for each unit.

    Where u = 1, z lies in [0, upper]; where u = 0, in [lower, 0]: both factors have one sign.
    """
    a, g, low = z.linear, z.constant, z.lower
    count, n_0 = a.shape
    width = up(z.upper - low)
    left, right = np.array([*combinations(range(n_0), 2)], dtype=np.int64).reshape(-1, 2).T
    size = np.abs(a).sum(axis=1) + np.abs(g) + np.abs(low) + np.abs(z.upper)
    slack = up(product_error(8, 4.0 * size**2) + up(z.error * up(4.0 * size + z.error)))
    coefficients = [
        ((low - g) * g + slack)[:, None],
        (width * g)[:, None],
        width[:, None] * a,
        (low - 2.0 * g)[:, None] * a,
        -(a**2),
        -2.0 * a[:, left] * a[:, right],
    ]
    own = np.repeat(slopes[:, None], n_0, axis=1)
    each = np.tile(inputs, (count, 1))
    blank = np.full_like(slopes[:, None], EMPTY)
    terms = [
        _pairs(blank, blank),
        _pairs(blank, slopes[:, None]),
        _pairs(own, each),
        _pairs(np.full_like(each, EMPTY), each),
        _pairs(each, each),
        _pairs(each[:, left], each[:, right]),
    ]
    return _inequalities(terms, coefficients)


def times_other_slopes(inequalities: Inequalities, slopes: Index) -> Inequalities:
    """Return u_k h >= 0 and (1 - u_k) h >= 0 for each h >= 0 and each unit k that h is not about.

    Parameters
    ----------
    inequalities
        Those of all units in order, perhaps several times over: column c is about unit c mod k.
    """
    total = Inequalities.none()
    for number, slope in enumerate(slopes):
        other = inequalities.columns % len(slopes) != number
        _, columns = np.unique(inequalities.columns[other], return_inverse=True)
        terms, values = inequalities.terms[other], inequalities.coefficients[other]
        count = int(columns.max(initial=-1)) + 1
        joint = np.sort(np.column_stack([terms, np.full(len(terms), slope)]), axis=1)
        alone = np.column_stack([np.full(len(terms), EMPTY), terms])
        on = Inequalities(columns, joint, values, count)
        both = np.concatenate([columns, columns]), np.concatenate([alone, joint])
        off = Inequalities(*both, np.concatenate([values, -values]), count)
        total = total.joined(on).joined(off)
    return total


def joint_bounds(slopes: Index, inputs: Index) -> Inequalities:
    """Return u_j u_k xi_i >= 0 and u_j u_k (1 - xi_i) >= 0 for all j < k and all i.

    The products of :func:`times_other_slopes` alone do not bound every such moment.
    """
    first, second = np.array([*combinations(slopes, 2)], dtype=np.int64).reshape(-1, 2).T
    first, second = np.repeat(first, len(inputs)), np.repeat(second, len(inputs))
    each = np.resize(inputs, len(first))
    count = len(first)
    with_input = np.column_stack([first, second, each])
    without = np.column_stack([np.full(count, EMPTY), first, second])
    columns = np.arange(count, dtype=np.int64)
    return Inequalities(
        np.concatenate([columns, columns + count, columns + count]),
        np.concatenate([with_input, without, with_input]),
        np.repeat([1.0, 1.0, -1.0], count),
        2 * count,
    )


def ball_inequalities(inputs: Index, *, within_l2: bool) -> Inequalities:
    """Return xi (1 - xi) >= 0 for each input, and |2 xi - 1|_2 <= 1 squared for round balls."""
    n_0 = len(inputs)
    square = np.column_stack([inputs, inputs])
    single = np.column_stack([np.full_like(inputs, EMPTY), inputs])
    terms = np.concatenate([single, square])
    signs = np.repeat([1.0, -1.0], n_0)
    box = Inequalities(np.tile(np.arange(n_0), 2), terms, signs, n_0)
    if not within_l2:
        return box
    terms = np.concatenate([np.full((1, 2), EMPTY, dtype=np.int64), terms])
    constant = -0.25 * (n_0 - 1)
    columns = np.zeros(len(terms), dtype=np.int64)
    return box.joined(Inequalities(columns, terms, np.concatenate([[constant], signs]), 1))


def _if_on(linear: Array, constant: Array, slopes: Index, inputs: Index) -> Inequalities:
    """Return u_j (linear_j xi + constant_j) >= 0 for each unit."""
    blank = np.full_like(slopes[:, None], EMPTY)
    own, each = _grid(slopes, inputs)
    return _inequalities(
        [_pairs(own, each), _pairs(blank, slopes[:, None])], [linear, constant[:, None]]
    )


def _if_off(linear: Array, constant: Array, slopes: Index, inputs: Index) -> Inequalities:
    """Return (1 - u_j) (linear_j xi + constant_j) >= 0 for each unit."""
    own, each = _grid(slopes, inputs)
    blank = np.full_like(slopes[:, None], EMPTY)
    return _inequalities(
        [
            _pairs(np.full_like(each, EMPTY), each),
            _pairs(own, each),
            _pairs(blank, blank),
            _pairs(blank, slopes[:, None]),
        ],
        [linear, -linear, constant[:, None], -constant[:, None]],
    )


def _grid(slopes: Index, inputs: Index) -> tuple[Index, Index]:
    """Return arrays (units, inputs) of the slope's and of the input's variable."""
    own, each = np.meshgrid(slopes, inputs, indexing="ij")
    return own, each


def _pairs(left: Index, right: Index) -> Index:
    """Return monomials of two variables, left before right: array (units, entries, 2)."""
    return np.stack([left, right], axis=-1)


def _inequalities(terms: list[Index], coefficients: list[Array]) -> Inequalities:
    """Return one inequality per unit from its monomials and coefficients."""
    stacked = np.concatenate(terms, axis=1)
    values = np.concatenate(coefficients, axis=1)
    count, entries = values.shape
    columns = np.repeat(np.arange(count), entries)
    return Inequalities(columns, stacked.reshape(-1, 2), values.ravel(), count)

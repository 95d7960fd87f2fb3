"""Expanding the gradient of a network, one polynomial in the slopes per unit of a layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.errors import RelaxationTooLarge, UnsupportedQuestion
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.polynomials.polynomial import EMPTY, Index, Polynomial, row_keys
from lipexplore.rounding import Array, product_error

LARGEST_TERM_COUNT = 20_000_000
LARGEST_GROWTH = 2.0**400


def gradient_expansion(network: Network, slopes: SlopeRanges) -> Expansion:
    """Return W_1^T D_1 ... D_d w as one polynomial in x per input, with s = l + (u - l) x.

    Raises
    ------
    UnsupportedQuestion
        If products of the weights leave the range of float64.
    RelaxationTooLarge
        If there would be more than 20 million terms.
    """
    underflow_error(network, slopes)
    _check_count(network, slopes)
    expansion = _output_expansion(network)
    for layer in range(network.depth, 0, -1):
        low, high = slopes.lower[layer - 1], slopes.upper[layer - 1]
        expansion = expansion.times_affine(low, high - low, sum(network.widths[:layer])).through(
            network.weights[layer - 1]
        )
    return expansion


def count_terms(network: Network, slopes: SlopeRanges) -> int:
    """Return an upper bound of the number of terms, from the paths alone."""
    reach = (network.weights[-1][0] != 0.0).astype(np.float64)
    for weight, low, high in zip(
        network.weights[-2::-1], reversed(slopes.lower), reversed(slopes.upper), strict=True
    ):
        kinds = ((low != 0.0) & (low != high)).astype(np.float64) + ((high != 0.0) | (low != 0.0))
        reach = (reach * kinds) @ (weight != 0.0).astype(np.float64)
    return int(min(2.0 * reach.sum() + 1.0, 2.0**62))


def underflow_error(network: Network, slopes: SlopeRanges) -> float:
    """Bound what underflow anywhere can add to a coefficient: 2^-1060 times the largest growth."""
    growth = 1.0
    for weight, slope in zip(network.weights, (*slopes.largest, 1.0), strict=True):
        growth *= max(1.0, 2.0 * weight.size * float(np.abs(weight).max()) * max(1.0, slope))
    if growth > LARGEST_GROWTH:
        raise UnsupportedQuestion(
            "products of the largest weights leave the range of float64: rescale the network"
        )
    return 2.0**-1060 * growth


def _check_count(network: Network, slopes: SlopeRanges) -> None:
    count = count_terms(network, slopes)
    if count > LARGEST_TERM_COUNT:
        raise RelaxationTooLarge(
            f"the gradient polynomial has up to {count:.3g} terms, more than "
            f"{LARGEST_TERM_COUNT:.3g}: choose fewer layers, prune the network or another method"
        )


@dataclass(frozen=True, eq=False)
class Expansion:
    """One polynomial per unit of a layer, as rows (unit, ascending variables, coefficient).

    ``magnitudes`` are the coefficients of the same computation on absolute values and ``roundings``
    bounds the operations that any product went through.
    """

    units: Index
    terms: Index
    values: Array
    magnitudes: Array
    roundings: int

    def times_affine(self, constant: Array, factor: Array, first_variable: int) -> Expansion:
        """Multiply unit j's polynomial by constant_j + factor_j x_{first_variable + j}."""
        fixed, moving = constant[self.units] != 0.0, factor[self.units] != 0.0
        blank = np.full((int(fixed.sum()), 1), EMPTY, dtype=np.int64)
        variable = (self.units[moving] + first_variable)[:, None]
        units = np.concatenate([self.units[fixed], self.units[moving]])
        scale = np.concatenate([constant[self.units[fixed]], factor[self.units[moving]]])
        return Expansion(
            units,
            np.concatenate(
                [
                    np.hstack([blank, self.terms[fixed]]),
                    _insert_front(variable, self.terms[moving]),
                ]
            ),
            np.concatenate([self.values[fixed], self.values[moving]]) * scale,
            np.concatenate([self.magnitudes[fixed], self.magnitudes[moving]]) * np.abs(scale),
            self.roundings + 2,
        )

    def through(self, weight: Array) -> Expansion:
        """Pass to the previous layer: unit i receives sum_j W_ji times unit j's polynomial."""
        rows, columns = np.nonzero(weight)
        first = np.searchsorted(rows, self.units, side="left")
        count = np.searchsorted(rows, self.units, side="right") - first
        source = np.repeat(np.arange(len(self.units)), count)
        step = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
        entry = first[source] + step
        weights = weight[rows[entry], columns[entry]]
        return Expansion(
            columns[entry],
            self.terms[source],
            self.values[source] * weights,
            self.magnitudes[source] * np.abs(weights),
            self.roundings + 1,
        ).merged()

    def merged(self) -> Expansion:
        """Add up rows of equal unit and monomial."""
        if len(self.units) == 0:
            return self
        keys = row_keys(np.column_stack([self.units, self.terms]))
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=keys[order[0]] - 1))
        longest = int(np.diff(starts, append=len(keys)).max())
        return Expansion(
            self.units[order][starts],
            self.terms[order][starts],
            np.add.reduceat(self.values[order], starts),
            np.add.reduceat(self.magnitudes[order], starts),
            self.roundings + longest - 1,
        )

    def closed(self, underflow: float) -> Polynomial:
        """Add up over units and bound the coefficients' errors."""
        whole = Expansion(
            np.zeros(len(self.units), dtype=np.int64),
            self.terms,
            self.values,
            self.magnitudes,
            self.roundings,
        ).merged()
        errors = product_error(whole.roundings, whole.magnitudes) + underflow
        return Polynomial(whole.terms, whole.values, errors)


def _insert_front(variable: Index, terms: Index) -> Index:
    """Put a variable smaller than all others behind the padding of each row.

    Layers are walked from the output to the input, so each new variable is the smallest.
    """
    widened = np.hstack([np.full_like(variable, EMPTY), terms])
    padding = (widened == EMPTY).sum(axis=1) - 1
    widened[np.arange(len(widened)), padding] = variable[:, 0]
    return widened


def _output_expansion(network: Network) -> Expansion:
    """Start at the last hidden layer with the head's row, which may carry one rounding."""
    row = network.weights[-1][0]
    units = np.flatnonzero(row)
    return Expansion(
        units,
        np.empty((len(units), 0), dtype=np.int64),
        row[units],
        np.abs(row[units]),
        1,
    )

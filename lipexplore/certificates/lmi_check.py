"""Check the multipliers of a slope LMI against the network, in rationals up to a certain order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from lipexplore.certificates.lmi import n_input_multipliers, slope_matrix
from lipexplore.certificates.psd import is_exactly_semidefinite, is_proven_semidefinite
from lipexplore.errors import InvalidCertificate
from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.networks.slope_system import SectorSystem, sector_system, slope_system
from lipexplore.norms import Norm

LARGEST_EXACT_ORDER = 60

Row = dict[int, Fraction]


def with_one_input(network: Network, k: int) -> Network:
    """Return the network as a function of input k alone: P* for l_1 is the largest of theirs."""
    first, *others = network.weights
    return Network([first[:, [k]], *others], network.biases, network.activations)


def proven_square(
    network: Network,
    slopes: SlopeRanges,
    norm: Norm,
    output: int | str,
    minus: int | None,
    outer: Any,
    inputs: Sequence[Any],
    units: Sequence[Any],
) -> Fraction:
    """Return lambda sum(mu) 4^exponent, at least P*^2, if M(lambda, mu, t) >= 0; else refuse.

    Up to order 60 the matrix is formed from weights and slopes and decomposed in rationals, beyond
    that the same floating-point proof as at the start is given once more.

    Raises
    ------
    InvalidCertificate
        If the matrix is not proven to be positive semidefinite.
    ValueError
        If the multipliers are not finite non-negative numbers, as many as the question needs.
    """
    head = network if output == "all" else network.head(output, minus)  # type: ignore[arg-type]
    if norm is Norm.L1:
        raise ValueError("there is no such certificate for the l1 norm")
    if output == "all" and (norm is not Norm.L2 or minus is not None):
        raise ValueError("all outputs are bounded jointly for the l2 norm only")
    system = sector_system(slope_system(head, slopes))
    if (len(inputs), len(units)) != (n_input_multipliers(system, norm), system.n_units):
        raise ValueError("the number of multipliers does not fit the network")
    for number in (outer, *inputs, *units):
        if type(number) is not float or not 0.0 <= number < math.inf:
            raise ValueError("a multiplier is no finite non-negative float")
    if system.n_outputs + system.n_inputs + system.n_units <= LARGEST_EXACT_ORDER:
        last = _last_rows(network, output, minus)
        proven = is_exactly_semidefinite(
            _exact_matrix(network, slopes, last, system, outer, inputs, units)
        )
    else:
        proven = is_proven_semidefinite(
            *slope_matrix(system, norm, outer, np.array(inputs), np.array(units))
        )
    if not proven:
        raise InvalidCertificate("the matrix of the multipliers is not positive semidefinite")
    return Fraction(outer) * sum(map(Fraction, inputs)) * Fraction(4) ** system.exponent


def _last_rows(network: Network, output: int | str, minus: int | None) -> list[list[Fraction]]:
    """Return the last weights of the outputs in question, a difference without any rounding."""
    rows = [[Fraction(weight) for weight in row] for row in network.weights[-1].tolist()]
    if output == "all":
        return rows
    row = rows[int(output)]
    return [row if minus is None else [a - b for a, b in zip(row, rows[minus], strict=True)]]


def _exact_matrix(
    network: Network,
    slopes: SlopeRanges,
    last: list[list[Fraction]],
    system: SectorSystem,
    outer: float,
    inputs: Sequence[float],
    units: Sequence[float],
) -> list[list[Fraction]]:
    """Return M in the coordinates (y, x, w) of the unscaled network.

    A multiplier of the scaled system, whose w_j counts in units of 2^e_j, counts 4^-e_j here.
    """
    inner, outgoing = _exact_rows(network, slopes, last, system.units.tolist())
    first, start = len(last), len(last) + network.n_inputs
    size = start + len(units)
    matrix = [[Fraction(0)] * size for _ in range(size)]
    mu = [Fraction(number) for number in inputs]
    spread = mu * network.n_inputs if len(mu) == 1 else mu
    for i in range(start):
        matrix[i][i] = Fraction(outer) if i < first else spread[i - first]
    for i, row in enumerate(outgoing):
        for column, weight in row.items():
            entry = -weight / Fraction(2) ** system.exponent
            matrix[i][first + column] = matrix[first + column][i] = entry
    for j, (width, row) in enumerate(inner):
        t = Fraction(units[j]) / Fraction(4) ** int(system.exponents[j])
        matrix[start + j][start + j] = t
        for column, weight in row.items():
            entry = -t * width * weight / 2
            matrix[start + j][first + column] = matrix[first + column][start + j] = entry
    return matrix


def _exact_rows(
    network: Network, slopes: SlopeRanges, last: list[list[Fraction]], kept: list[int]
) -> tuple[list[tuple[Fraction, Row]], list[Row]]:
    """Return (width_j, v_j) of the kept units and the outputs as rows over (x, w).

    With z_j = lower_j v_j + w_j, layer by layer; a unit that was dropped must have w_j = 0.
    """
    places = {unit: network.n_inputs + place for place, unit in enumerate(kept)}
    hidden: list[Row] = [{i: Fraction(1)} for i in range(network.n_inputs)]
    inner: list[tuple[Fraction, Row]] = []
    unit = 0
    for weight, lower, upper in zip(network.weights[:-1], slopes.lower, slopes.upper, strict=True):
        following: list[Row] = []
        for numbers, low, high in zip(weight.tolist(), lower.tolist(), upper.tolist(), strict=True):
            row = _combined([Fraction(number) for number in numbers], hidden)
            width = Fraction(high) - Fraction(low)
            output = {i: Fraction(low) * entry for i, entry in row.items()} if low else {}
            if unit in places:
                inner.append((width, row))
                output[places[unit]] = Fraction(1)
            elif width and row:
                raise InvalidCertificate(f"the certificate leaves out unit {unit}")
            following.append(output)
            unit += 1
        hidden = following
    return inner, [_combined(row, hidden) for row in last]


def _combined(weights: Sequence[Fraction], rows: Sequence[Row]) -> Row:
    total: Row = {}
    for weight, row in zip(weights, rows, strict=True):
        if weight:
            for column, entry in row.items():
                total[column] = total.get(column, Fraction(0)) + weight * entry
    return {column: entry for column, entry in total.items() if entry}

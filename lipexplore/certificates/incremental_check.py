"""Check an incremental quadratic constraint against the map, in rationals up to a certain order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from lipexplore.certificates.incremental import (
    IncrementalCertificate,
    incremental_matrix,
    is_proven_contracting,
)
from lipexplore.certificates.psd import is_exactly_semidefinite, is_proven_semidefinite
from lipexplore.errors import InvalidCertificate
from lipexplore.networks.sector_loops import any_sector_system
from lipexplore.networks.slope_system import SectorSystem, SlopeSystem
from lipexplore.rounding import Array

LARGEST_EXACT_ORDER = 40

Matrix = list[list[Fraction]]


def check_incremental(system: SlopeSystem, proof: IncrementalCertificate) -> None:
    """Prove once more, from the slope system and the multipliers alone, what a certificate says.

    Up to order 40 the matrix is formed and decomposed in rationals, without any rounding; beyond,
    the floating-point proof is given once more.

    Raises
    ------
    InvalidCertificate
        If the multipliers do not prove the level, or do not fit the system.
    """
    sectors = any_sector_system(system)
    _check_numbers(sectors, proof)
    if sectors.n_inputs + sectors.n_units <= LARGEST_EXACT_ORDER:
        proven = is_exactly_semidefinite(exact_matrix(system, sectors, proof))
    else:
        proven = is_proven_semidefinite(
            *incremental_matrix(sectors, proof.supply, proof.metric, proof.level, proof.units)
        )
    if not proven:
        raise InvalidCertificate("the matrix of the multipliers is not positive semidefinite")


def check_well_posed(system: SlopeSystem, units: Array) -> None:
    """Prove once more that every input has exactly one equilibrium.

    Raises
    ------
    InvalidCertificate
        If the multipliers do not prove it.
    """
    if not is_proven_contracting(any_sector_system(system), units):
        raise InvalidCertificate("the multipliers do not prove a single equilibrium")


def exact_matrix(
    system: SlopeSystem, sectors: SectorSystem, proof: IncrementalCertificate
) -> Matrix:
    """Return M in rationals, in the coordinates (dx, w) of the unscaled system."""
    inner, outer, width = _exact_sectors(system, sectors)
    count = system.n_inputs
    supply, metric = _rationals(proof.supply), _rationals(proof.metric)
    level = Fraction(proof.level)
    order = count + len(inner)
    lifted = [[Fraction(int(i == j)) for j in range(order)] for i in range(count)] + outer
    matrix = _product(_transposed(lifted), _product(supply, lifted))
    for i in range(count):
        for j in range(count):
            matrix[i][j] -= level * metric[i][j]
    for j, row in enumerate(inner):
        t = Fraction(float(proof.units[j])) / Fraction(4) ** int(sectors.exponents[j])
        place = count + j
        matrix[place][place] += t
        for k, entry in enumerate(row):
            matrix[place][k] -= t * width[j] * entry / 2
            matrix[k][place] -= t * width[j] * entry / 2
    return matrix


def _exact_sectors(
    system: SlopeSystem, sectors: SectorSystem
) -> tuple[Matrix, Matrix, list[Fraction]]:
    """Return V and F over (x, w), and the widths, of the units that were kept."""
    count, kept = system.n_inputs, sectors.units.tolist()
    incoming, outgoing = (_rationals(m.toarray()) for m in (system.incoming, system.outgoing))
    base = [Fraction(number) for number in system.lower.tolist()]
    columns = [*range(count), *(count + unit for unit in kept)]
    left = [
        [Fraction(int(i == j)) - entry * base[j] for j, entry in enumerate(row[count:])]
        for i, row in enumerate(incoming)
    ]
    rows = _solution(left, [[row[column] for column in columns] for row in incoming])
    outer = [
        [
            row[column]
            + sum(row[count + j] * base[j] * rows[j][k] for j in range(len(rows)) if base[j])
            for k, column in enumerate(columns)
        ]
        for row in outgoing
    ]
    widths = [Fraction(float(b)) - base[j] for j, b in enumerate(system.upper)]
    for j, row in enumerate(rows):
        if j not in kept and widths[j] and any(row):
            raise InvalidCertificate(f"the certificate leaves out unit {j}")
    return [rows[unit] for unit in kept], outer, [widths[unit] for unit in kept]


def _solution(left: Matrix, right: Matrix) -> Matrix:
    """Solve A X = B by elimination."""
    rows = [[*a, *b] for a, b in zip(left, right, strict=True)]
    size = len(rows)
    for k in range(size):
        pivot = next((i for i in range(k, size) if rows[i][k]), None)
        if pivot is None:
            raise InvalidCertificate("the system has no unique state")
        rows[k], rows[pivot] = rows[pivot], rows[k]
        head = rows[k][k]
        rows[k] = [entry / head for entry in rows[k]] if head != 1 else rows[k]
        for i in range(size):
            factor = rows[i][k]
            if i != k and factor:
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]


def _check_numbers(sectors: SectorSystem, proof: IncrementalCertificate) -> None:
    count, outputs = sectors.n_inputs, sectors.n_outputs
    shapes = (
        (proof.supply, (count + outputs,) * 2),
        (proof.metric, (count, count)),
        (proof.units, (sectors.n_units,)),
    )
    for array, shape in shapes:
        if np.shape(array) != shape or not np.isfinite(array).all():
            raise InvalidCertificate("the certificate's arrays do not fit the map")
    if not np.isfinite(proof.level) or (proof.units < 0.0).any():
        raise InvalidCertificate("a multiplier is negative, or nothing is claimed")
    for matrix in (proof.supply, proof.metric):
        if not np.array_equal(matrix, matrix.T):
            raise InvalidCertificate("a matrix of the certificate is not symmetric")


def _rationals(matrix: Array) -> Matrix:
    return [[Fraction(entry) for entry in row] for row in np.asarray(matrix).tolist()]


def _transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _product(left: Matrix, right: Matrix) -> Matrix:
    columns = _transposed(right)
    return [
        [
            sum((a * b for a, b in zip(row, column, strict=True) if a and b), Fraction(0))
            for column in columns
        ]
        for row in left
    ]

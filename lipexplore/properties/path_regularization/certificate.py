"""A proven lower bound of the optimum: a dual variable, with every rounding counted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from lipexplore.properties.path_regularization.blocks import Block
from lipexplore.properties.path_regularization.columns import project
from lipexplore.rounding import UNDERFLOW, UNIT, Array, down, product_error, up


def lower_bound(blocks: Sequence[Block], targets: Array, beta: float, dual: Array) -> float:
    """Return s v^T y - s^2/2 |v|^2 with s = min(1, beta / largest), rounded down.

    ``largest`` bounds max g . z with g = +-A^T v over all blocks and all z in the cone with
    |z| <= 1. For any multipliers t >= 0 that is at most |g + cone^T t|, since cone z >= 0 (weak
    duality). The multipliers come from a projection; whatever they are, the bound holds.

    Parameters
    ----------
    blocks
        All blocks. With a block missing the number proves nothing.
    targets, dual
        y and v, arrays (n,).
    beta
        Weight of the regulariser.

    References
    ----------
    Ergen and Pilanci, NeurIPS 2023 (arXiv 2110.09548), the dual of their convex program.
    """
    if not np.isfinite(dual).all():
        return 0.0
    largest = max(
        (_length_above(block, s * dual) for block in blocks for s in (1, -1)), default=0.0
    )
    if not math.isfinite(largest):
        return 0.0
    scale = Fraction(beta) / Fraction(largest) if largest > beta else Fraction(1)
    v, y = ([Fraction(value) for value in array.tolist()] for array in (dual, targets))
    product = sum((a * b for a, b in zip(v, y, strict=True)), Fraction(0))
    square = sum((a * a for a in v), Fraction(0))
    value = scale * product - scale * scale * square / 2
    return max(0.0, float(down(float(value)))) if value > 0 else 0.0


@np.errstate(over="ignore", invalid="ignore")
def _length_above(block: Block, dual: Array) -> float:
    """Bound max dual^T A z over |z| <= 1 with cone z >= 0; infinite where float64 overflows."""
    direction = block.operator.T @ dual
    if not np.isfinite(direction).all():
        return math.inf
    _, multipliers = project(block.cone, direction)
    multipliers = np.where(multipliers > 0.0, multipliers, 0.0)
    matrix = np.concatenate([block.operator, block.cone])
    factors = np.concatenate([dual, multipliers])
    rest = matrix.T @ factors
    error = product_error(len(matrix) + 2, np.abs(matrix).T @ np.abs(factors))
    entries = up(np.abs(rest) + error)
    length = float(np.sqrt(np.square(entries).sum()))
    value = float(up(length * (1.0 + (len(entries) + 8) * UNIT) + math.sqrt(UNDERFLOW)))
    return value if math.isfinite(value) else math.inf

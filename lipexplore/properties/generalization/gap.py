"""The generalization gap of a class of clipped networks, with every term of its bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.properties.generalization.blocks import (
    LOG_ERROR,
    Block,
    above,
    exact,
    log_above,
    moving,
    ratios,
    root_above,
    rounded_product,
)
from lipexplore.rounding import gamma, sum_up, up

CELLS = 10_000
SMALLEST = 1e-14
"""Where the integral begins to be summed in cells, as a share of its upper end."""


@dataclass(frozen=True)
class Term:
    """One summand of the bound.

    Parameters
    ----------
    name
        The block's, or "confidence".
    value
        Its share of the joint form: the root of a sum, divided as the summands are.
    alone
        Its summand in the split form.
    dimension, logarithm
        k_j and log(e (1 + 4 r_j J K_j / (sqrt(m) B_out))); 0 for the confidence.
    """

    name: str
    value: float
    alone: float
    dimension: int = 0
    logarithm: float = 0.0


@dataclass(frozen=True)
class GapBound:
    """A bound of sup_h (L(h) - Lhat(h)) that holds with probability 1 - delta; all rounded up.

    Parameters
    ----------
    joint, split, integral
        Its closed form, the sum over blocks apart, and the numerical integral: three valid bounds,
        the confidence term included.
    rademacher
        A bound of the empirical Rademacher complexity of the losses, from the integral.
    terms
        Of the joint form (they sum to it) and of the split form.
    trivial
        The loss lies between 0 and this number, so a larger bound says nothing.
    """

    joint: float
    split: float
    integral: float
    rademacher: float
    terms: tuple[Term, ...]
    trivial: float
    samples: int

    @property
    def value(self) -> float:
        """The smallest of the three."""
        return min(self.joint, self.split, self.integral)

    @property
    def vacuous(self) -> bool:
        """Whether the bound is above what the loss can be at all."""
        return self.value >= self.trivial

    @property
    def dominating(self) -> Term:
        """The largest term."""
        return max(self.terms, key=lambda term: term.value)


def generalization_gap(
    blocks: Sequence[Block],
    samples: int,
    *,
    input_radius: float,
    output_radius: float,
    delta: float = 0.05,
    loss: str = "norm",
    cells: int = CELLS,
) -> GapBound:
    """Bound L(h) - Lhat(h) for all networks h of a class at once.

    If the signals obey |x| <= B_in almost surely and every output |h(y)| <= B_out (the clip), then
    with probability at least 1 - delta over m samples, for all h of the class,

        L(h) - Lhat(h) <= 8 c_1 B_out sqrt((1/m) sum_j k_j log(e (1 + 4 r_j J K_j / (sqrt(m)
        B_out)))) + 4 c sqrt(2 log(4 / delta) / m)

    for the loss |h(y) - x| (c_1 = 1, c = B_in + B_out) or its square (c_1 = 2 (B_in + B_out),
    c = (B_in + B_out)^2). Derived anew: the constants are not those of the paper.

    Parameters
    ----------
    blocks
        Of :meth:`.IstaClass.blocks` or :meth:`.LayerwiseClass.blocks`, for the data at hand.
    samples
        m.
    input_radius
        B_in.
    output_radius
        B_out.
    delta
        The probability with which the statement may fail.
    loss
        "norm" or "squared".
    cells
        Of the numerical integral; 0 leaves it out (inf).

    Raises
    ------
    InvalidSetting
        If a number is out of range; without a bound of |x| and a clip there is no theorem.

    References
    ----------
    Shalev-Shwartz, Ben-David, *Understanding Machine Learning* (2014), theorem 26.5; Maurer, ALT
    2016 (arXiv 1605.00251); Foucart, Rauhut (2013), theorem 8.23; Schnoor, Behboodi, Rauhut 2021
    (arXiv 2112.04364).
    """
    _check(samples, input_radius, output_radius, delta, loss)
    total = exact(input_radius) + exact(output_radius)
    steep, most = (Fraction(1), total) if loss == "norm" else (2 * total, total * total)
    free, widths = moving(blocks), ratios(blocks)
    end = rounded_product(0.5 * output_radius, root_above(float(samples)))
    logs = [_plus_one(log_above(_below_ratio(width, end), 1.0)) for width in widths]
    squares = [rounded_product(b.dimension, log) for b, log in zip(free, logs, strict=True)]
    scale = above(8 * steep * exact(output_radius))
    alone = [_scaled_root(scale, square, samples) for square in squares]
    joint = _scaled_root(scale, sum_up(squares), samples)
    sure = _confidence(above(4 * most), delta, samples)
    integral = _integral(free, widths, end, cells)
    rademacher = rounded_product(above(8 * steep / samples), integral)
    share = joint / sum_up(squares) if squares and math.isfinite(joint) else 1.0
    terms = [
        Term(b.name, square * share, own, b.dimension, log)
        for b, square, own, log in zip(free, squares, alone, logs, strict=True)
    ]
    return GapBound(
        joint=sum_up([joint, sure]),
        split=sum_up([*alone, sure]),
        integral=sum_up([2.0 * rademacher, sure]),
        rademacher=rademacher,
        terms=(*terms, Term("confidence", sure, sure)),
        trivial=above(most),
        samples=samples,
    )


def _below_ratio(width: float, end: float) -> float:
    """Return b / a, rounded up, for a = sqrt(m) B_out / 2 of which ``end`` is rounded up."""
    return float(up(width / end * (1.0 + 2.0**-50)))


def _plus_one(log: float) -> float:
    return float(up(1.0 + log))


def _scaled_root(scale: float, square: float, samples: int) -> float:
    """Return scale sqrt(square / m), rounded up."""
    return rounded_product(scale, root_above(float(up(square / samples)))) if square else 0.0


def _confidence(scale: float, delta: float, samples: int) -> float:
    """Return scale sqrt(2 log(4 / delta) / m), rounded up."""
    log = float(up(math.log(float(up(4.0 / delta))) * (1.0 + LOG_ERROR)))
    return _scaled_root(scale, 2.0 * log, samples)


@np.errstate(over="ignore")
def _integral(blocks: Sequence[Block], widths: Sequence[float], end: float, cells: int) -> float:
    """Bound int_0^a sqrt(sum_j k_j log(1 + b_j / t)) dt from above.

    On [s, t] the integral of the root is at most the root of (t - s) times that of the square
    (Cauchy-Schwarz), and the square is convex, so the trapezoid rule is above it. The first cell
    takes int_0^t k log(1 + b / t) <= k t log(e (1 + b / t)).
    """
    if not blocks:
        return 0.0
    if cells < 1:
        return math.inf
    grid = end * np.geomspace(SMALLEST, 1.0, cells + 1)
    counts = np.array([float(block.dimension) for block in blocks])
    logs = np.log1p(np.array(widths)[:, None] / grid)
    squares = counts @ logs
    areas = np.diff(grid) * np.sqrt(0.5 * (squares[:-1] + squares[1:]))
    first = grid[0] * math.sqrt(float(counts @ (1.0 + logs[:, 0])))
    total = first + float(areas.sum())
    return float(up(total * (1.0 + gamma(cells + len(blocks) + 100))))


def _check(
    samples: int, input_radius: float, output_radius: float, delta: float, loss: str
) -> None:
    if samples < 1:
        raise InvalidSetting(f"there must be at least one sample, not {samples}")
    for name, radius in (("B_in", input_radius), ("B_out", output_radius)):
        if not 0.0 < radius < math.inf:
            raise InvalidSetting(
                f"{name} must be positive and finite, not {radius}: the theorem needs bounded "
                "signals and a clipped output"
            )
    if not 0.0 < delta < 1.0:
        raise InvalidSetting(f"delta must be in (0, 1), not {delta}")
    if loss not in ("norm", "squared"):
        raise InvalidSetting(f"loss must be 'norm' or 'squared', not {loss!r}")

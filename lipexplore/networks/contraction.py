"""Weighted matrix measures: proofs that z = phi(A z + q) has exactly one solution."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidSetting, NoContraction
from lipexplore.norms import Norm
from lipexplore.rounding import UNIT, Array, product_error, up

LARGE = 300
"""Beyond so many states the first weights that prove a contraction are kept."""

MOST_STEPS = 12


@dataclass(frozen=True, eq=False)
class Contraction:
    """Weights eta for which the matrix measure of A is proven to be below 1.

    For l_inf the norm is ``|z|_eta = max |z_i| / eta_i``; for l_1, ``sum eta_i |v_i|``, in which
    v = A phi(v) + q contracts instead of z = phi(A z + q).

    Parameters
    ----------
    weights
        eta, array (n,), positive.
    rows
        Array (n,): proven upper bounds of the row measures (for l_1 column measures) of s A, where
        s is the activation's largest slope.
    step
        The largest step a* = 1 / (1 - min_i min(s a_ii, 0)) for which the averaged iteration
        z <- (1 - a) z + a phi(A z + q) keeps order and contracts.
    """

    weights: Array
    rows: Array
    step: float
    norm: Norm = Norm.LINF
    measure: float = field(init=False)
    """Proven upper bound of mu_eta(s A), below 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "measure", float(self.rows.max()))

    @property
    def factor(self) -> float:
        """Contraction factor 1 - a* (1 - max(mu, 0)) of one averaged step."""
        return 1.0 - self.step * (1.0 - max(self.measure, 0.0))


def majorant(matrix: Array) -> Array:
    """Return M(A): ``|a_ij|`` off the diagonal and a_ii on it."""
    result = np.abs(matrix)
    np.fill_diagonal(result, np.diagonal(matrix))
    return result


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def row_measures(matrix: Array, weights: Array, slope: float | Array = 1.0) -> Array:
    """Return proven upper bounds of s_i (a_ii + sum_j |a_ij| eta_j / eta_i), shape (n,).

    Each sum passes through n + 1 roundings of its products, counted by their sizes; what overflows
    is infinite.
    """
    sums = majorant(matrix) @ weights
    error = product_error(len(matrix) + 2, np.abs(matrix) @ weights)
    rows = up(up(up(sums + error) / weights) * slope)
    return np.where(np.isnan(rows), np.inf, rows)


def matrix_measure(
    matrix: ArrayLike, weights: ArrayLike | None = None, norm: str = "linf"
) -> float:
    """Return a proven upper bound of mu_eta(A); it may be negative.

    For l_inf max_i (a_ii + sum_{j != i} |a_ij| eta_j / eta_i), for l_1 the same of the transpose.

    Examples
    --------
    >>> matrix_measure([[-3.0, 1.0], [0.0, 0.5]]) < 0.5 + 1e-12
    True

    References
    ----------
    Jafarpour, Davydov, Proskurnikov, Bullo, NeurIPS 2021 (arXiv 2106.03194).
    """
    array = np.asarray(matrix, dtype=np.float64)
    given = np.ones(len(array)) if weights is None else positive_weights(weights, len(array))
    turned = array.T if _contracting_norm(norm) is Norm.L1 else array
    return float(row_measures(turned, given).max())


def contraction(
    matrix: Array, slope: float = 1.0, weights: ArrayLike | None = None, norm: str = "linf"
) -> Contraction:
    """Prove mu_eta(s A) < 1, for the given weights or the best that are found.

    Weights exist if and only if I - s M(A) is a nonsingular M-matrix. The first candidate is
    (I - s M)^-1 1; up to 300 states Noda's iteration improves it towards the Perron vector, whose
    measure is the spectral abscissa of s M(A), the least of all. Whatever the linear solver
    answers, the proof is :func:`row_measures`, not an eigenvalue.

    Parameters
    ----------
    matrix
        A, shape (n, n).
    slope
        s, the largest slope of the activation.
    weights
        eta, shape (n,); the best that are found where left out.
    norm
        "linf" or "l1".

    Raises
    ------
    NoContraction
        If no weights prove it.
    InvalidSetting
        If the weights are not positive or the norm is l_2.

    References
    ----------
    Jafarpour, Davydov, Proskurnikov, Bullo, NeurIPS 2021 (arXiv 2106.03194); Noda, Numer. Math. 17
    (1971).
    """
    kind = _contracting_norm(norm)
    turned = matrix.T if kind is Norm.L1 else matrix
    if weights is None:
        chosen = _found_weights(turned, slope)
    else:
        chosen = positive_weights(weights, len(matrix))
    rows = row_measures(turned, chosen, slope)
    if not rows.max() < 1.0:
        raise NoContraction(
            f"no certificate: the matrix measure with {'these' if weights is not None else 'the'} "
            f"weights{'' if weights is not None else ' found'} is {rows.max():.6g}, and one below "
            "1 would prove that there is a single equilibrium: scale A down, or lower its diagonal"
        )
    lowest = min(0.0, float(np.diagonal(matrix).min()) * slope)
    return Contraction(chosen, rows, 1.0 / (1.0 - lowest), kind)


def positive_weights(weights: ArrayLike, count: int) -> Array:
    """Return weights as an array (count,).

    Raises
    ------
    InvalidSetting
        Unless there are ``count`` positive finite numbers.
    """
    array = np.array(weights, dtype=np.float64)
    if array.shape != (count,) or not ((array > 0.0) & np.isfinite(array)).all():
        raise InvalidSetting(f"weights must be {count} positive finite numbers")
    return array


def _contracting_norm(norm: str | Norm) -> Norm:
    kind = Norm.parse(norm)
    if kind is Norm.L2:
        raise InvalidSetting("a contraction is proven in the norm 'linf' or 'l1', not 'l2'")
    return kind


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _found_weights(matrix: Array, slope: float) -> Array:
    """Return the weights with the smallest measure that a few runs of Noda's iteration meet.

    Lower levels than 1 serve where weights must differ by more than 1 / u, as in deep networks.
    """
    metzler = slope * majorant(matrix)
    best = np.ones(len(matrix))
    least = float((metzler @ best).max())
    for level in (1.0, 0.5, 0.9, least):
        weights, measure = _noda(metzler, level)
        if measure < least:
            best, least = weights, measure
        if least < 1.0 - 4.0 * len(matrix) * UNIT:
            break
    return best


def _noda(metzler: Array, level: float) -> tuple[Array, float]:
    """Improve weights by x <- (level I - M)^-1 x, level <- max_i (M x)_i / x_i, from a level."""
    vector = best = np.ones(len(metzler))
    least = np.inf
    for _ in range(MOST_STEPS):
        resolved = _resolved(metzler, level, vector)
        if resolved is None:
            break
        vector = resolved
        ratios = (metzler @ vector) / vector
        level = float(ratios.max())
        spread = float(vector.max() / vector.min())
        if not level < least or spread > _allowed_spread(least):
            break
        best, least = vector, level
        settled = level - float(ratios.min()) <= 1e-9 * (1.0 + abs(level))
        if settled or (level < 1.0 and len(metzler) > LARGE):
            break
    return best, least


def _allowed_spread(measure: float) -> float:
    """Return how far better weights may differ: errors of equilibria are in their units."""
    return np.inf if measure >= 1.0 else 1e8 if measure > 0.0 else 1e4


def _resolved(metzler: Array, level: float, vector: Array) -> Array | None:
    """Return (level I - M)^-1 vector, largest entry 1; None unless it is positive and finite."""
    try:
        result = np.linalg.solve(level * np.eye(len(metzler)) - metzler, vector)
    except np.linalg.LinAlgError:
        return None
    largest = float(result.max())
    if not (np.isfinite(result).all() and result.min() > 0.0):
        return None
    return np.asarray(result / largest)

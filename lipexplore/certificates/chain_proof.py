"""A floating-point proof that multipliers of a slope chain bound its gain.

The chain is z_l = s_l (W_l z_{l-1}) with any slopes s_l in [a_l, b_l], x = W_{d+1} z_d. Going from
the output to the input, symmetric matrices Q_d, .., Q_0 are built such that, for all slopes,

    |x|^2 <= lambda z_l^T Q_l z_l        for every vector z_l.                                  (*)

Then Q_0 <= Diag(mu) proves |x|^2 <= lambda t^T Diag(mu) t. Q_d = W_{d+1}^T W_{d+1} / lambda.

**One layer.** Let c be the slope in [a, b] nearest to 0 and w = z - c g, g = W y, y = z_{l-1}. A
fixed unit has w = 0; every other one contributes w (w - (a+b-2c) g) + (a-c)(b-c) g^2 <= 0. So for
tau > 0, D = 2 Diag(tau), over the undecided units U and J = {c != 0}, z^T Q z is at most

    -w^T T w + 2 w^T B y + y^T V y,     T = D - Q_UU,    B = D/2 Diag(a+b-2c) W_U + Q_UJ G,
                                        G = (Diag(c) W)_J,
                                        V = G^T Q_JJ G - W_U^T D Diag((a-c)(b-c)) W_U,

all of whose terms are non-negative since (a-c)(b-c) <= 0. In exact arithmetic Q_{l-1} = V + B^T
T^{-1} B is the maximum over w: this is a block Cholesky factorisation of the block-tridiagonal
matrix of LipSDP from its last block to its first, in which fixed units cost nothing.

**Rounding.** Let L be the floating Cholesky factor of T - k D, L Y = B the floating triangular
solution, E = B - L Y the residual, and F = T - L L^T. Without rounding in B and V,

    -w^T T w + 2 w^T B y = -|L^T w - Y y|^2 + y^T Y^T Y y - w^T F w + 2 w^T E y.

With g(k) = k u / (1 - k u): |F - k D|_ij <= 2 g(n+1) sqrt(D_i D_j) (Demmel; Higham, theorem 10.3
with |L|_i|L|_j <= sqrt(T_ii T_jj) up to a factor 1 - g(n+1), and T_ii <= D_i because Q >= 0), and
|E|_ij <= g(n+1) sqrt(D_i) |Y_j| (Higham, theorem 8.5), Y_j being a column. Since
2 sum_ij p_i q_j <= n_p sum p_i^2 + n_q sum q_j^2, both are absorbed by k = O(n g(n)) and by adding
O(n g(n)) |Y_j|^2 to the diagonal of Q_{l-1}. **No condition number enters**: that is why the proof
goes through next to the optimum, where T is nearly singular. Gram matrices Y^T Y are formed with an
error of at most g(n) |Y_i||Y_j|, absorbed alike. The products with G and Q err by at most g(2n+8)
|N|^T |Q| |N|, N being the map (w, y) -> z; such an error M is at most Diag((M p)_i / p_i) for every
p > 0 (diagonal dominance after scaling by p). All constants are rounded up generously; the order of
summation is free, so conventional BLAS and LAPACK do.

**Underflow.** Q_l carries a power of two by which the largest entry of D (for the inputs, of mu) is
in [1/2, 1). The smallest must stay above 2^-200, Q below 2^200, weights and slopes below 2^100.
Then all that underflows, errors of the weights below 2^-900 included, is less than 2^-300 in every
entry of B and V, and is absorbed by 2^-300, added to the diagonal of Q_{l-1}, and by k.

References: Rump, *Verification of positive definiteness*, BIT 46 (2006); Higham, *Accuracy and
Stability of Numerical Algorithms*, 2nd ed.; Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.linalg.blas import dtrsm
from scipy.linalg.lapack import dpotrf

from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.rounding import Array, gamma

TINY = 2.0**-300
LARGEST = 2.0**200
LARGEST_WEIGHT = 2.0**100
LARGEST_ABSOLUTE_ERROR = 2.0**-900

Scaled = tuple[Array, int]
Layer = tuple[Array, Array, Array, Array]


@np.errstate(all="ignore")
def is_proven_gain(
    chain: SlopeChain, inputs: Array, outer: float, units: Sequence[Array], safety: float = 1.0
) -> bool:
    """Prove |x|^2 <= lambda sum_k mu_k t_k^2 for every input and all slopes of the chain.

    Parameters
    ----------
    chain
        W_1, .., W_{d+1} and the slopes.
    inputs, outer, units
        mu > 0 of shape (n_0,), lambda > 0 and per layer tau > 0 of shape (n_l,), of which only
        those of undecided units count. False if they are anything else.
    safety
        At least 1. True with 3 means that a proof with 1 succeeds in any order of summation, on
        whatever machine.
    """
    if not (outer > 0.0 and _usable(chain)):
        return False
    layers, last = _alive(chain, units)
    if _has_zero(layers, last, chain.absolute_errors):
        return True
    scales = _scales(layers, inputs)
    cost, power = _head(last, outer, chain.last_error, safety)
    for position in reversed(range(len(layers))):
        below, above = scales[position], scales[position + 1]
        step = _eliminated(cost, power, layers[position], below, above, safety)
        if step is None:
            return False
        cost, power = step
    cost, mu, _ = _rescaled(cost, power, inputs)
    return _cholesky(cost, mu, safety * _margin(len(cost)) * mu) is not None


def is_zero(chain: SlopeChain) -> bool:
    """Tell whether a layer of the chain has no slopes or no weights but zeros, for certain."""
    return _has_zero(*_alive(chain, chain.upper), chain.absolute_errors)


def _has_zero(layers: Sequence[Layer], last: Array, errors: Sequence[float]) -> bool:
    pairs = zip([*(layer[0] for layer in layers), last], errors, strict=True)
    return any(not weight.any() and (error == 0.0 or not weight.size) for weight, error in pairs)


def _usable(chain: SlopeChain) -> bool:
    """Tell whether the numbers of the chain are within the range that the proof assumes."""
    arrays = (*chain.weights, *chain.lower, *chain.upper)
    return (
        all(float(np.abs(array).max(initial=0.0)) < LARGEST_WEIGHT for array in arrays)
        and all(bool((a <= b).all()) for a, b in zip(chain.lower, chain.upper, strict=True))
        and max(chain.absolute_errors) <= LARGEST_ABSOLUTE_ERROR
    )


def _alive(chain: SlopeChain, units: Sequence[Array]) -> tuple[list[Layer], Array]:
    """Return per layer W, a, b and 2 tau without the units whose slope is 0, and W_{d+1}."""
    layers: list[Layer] = []
    kept: Array | slice = slice(None)
    for weight, low, high, tau in zip(
        chain.weights[:-1], chain.lower, chain.upper, units, strict=True
    ):
        alive = (low != 0.0) | (high != 0.0)
        rows = slice(None) if alive.all() else alive
        layers.append((weight[rows][:, kept], low[rows], high[rows], 2.0 * tau[rows]))
        kept = rows
    return layers, chain.weights[-1][:, kept]


def _scales(layers: Sequence[Layer], inputs: Array) -> list[Array]:
    """Return per layer, the inputs first, the vectors p > 0 by which errors are weighed.

    Any positive numbers would do; these are near the size of each coordinate of K^{-1/2}.
    """
    scales = [1.0 / np.sqrt(inputs)]
    for weight, low, high, twice in layers:
        free = high > low
        scale = 1.0 / np.sqrt(np.where(free, twice, 1.0))
        if not free.all():
            carried = np.linalg.norm(low[:, None] * weight * scales[-1], axis=1)
            smallest = 1e-12 * carried.max(initial=0.0) or 1.0
            scale = np.where(free, scale, np.maximum(carried, smallest))
        scales.append(scale)
    return scales


def _head(weight: Array, outer: float, error: float, safety: float) -> Scaled:
    """Return Q_d >= W^T W / lambda for every W within the relative error."""
    mantissa, power = math.frexp(outer)
    gram = (weight.T @ weight) / mantissa
    roundings = gamma(len(weight) + 8) + 3.0 * error
    return widened(gram, safety * len(gram) * roundings * np.diagonal(gram)), -power


def _eliminated(
    cost: Array, power: int, layer: Layer, below: Array, above: Array, safety: float
) -> Scaled | None:
    """Return Q_{l-1} and its power of two, given those of Q_l; None if T is not proven > 0."""
    weight, low, high, twice = layer
    near = np.clip(0.0, low, high)
    free, linear = high > low, near != 0.0
    all_free = bool(free.all())
    inner = weight if all_free else weight[free]
    cost, weighing, power = _rescaled(cost, power, twice[free])
    low, high = (low - near)[free], (high - near)[free]
    coupling = (0.5 * weighing * (low + high))[:, None] * inner
    slack = safety * _margin(len(inner)) * weighing
    through: Array | None = None
    if linear.any():
        carried = near[linear, None] * weight[linear]
        paths = cost[:, linear] @ carried
        coupling = coupling + paths[free]
        through = carried.T @ paths[linear]
        sizes = np.where(free, above, 0.0)
        sizes[linear] += np.abs(carried) @ below
        spread = safety * gamma(2 * len(cost) + 20) * (np.abs(cost) @ sizes)
        slack += spread[free] / above[free]
        extra = (np.abs(carried).T @ spread[linear]) / below
    factor = _cholesky(cost if all_free else cost[free][:, free], weighing, slack)
    if factor is None:
        return None
    rows = _solved(factor, coupling)
    product = low * high
    if product.any():
        rows = np.vstack([rows, np.sqrt(-weighing * product)[:, None] * inner])
    gram = rows.T @ rows
    error = safety * len(gram) * gamma(3 * len(rows) + 24) * np.diagonal(gram)
    if through is not None:
        gram, error = gram + 0.5 * (through + through.T), error + extra
    return widened(gram, error), power


def _margin(size: int) -> float:
    """Return k such that k D absorbs the rounding of a Cholesky factorisation and a solution."""
    return (size + 1) * gamma(4 * size + 24)


def widened(matrix: Array, error: Array) -> Array:
    """Add the error and TINY to the diagonal in place, rounded up."""
    diagonal = np.einsum("ii->i", matrix)
    diagonal += error + TINY
    diagonal *= 1.0 + 2.0**-50
    return matrix


def _rescaled(cost: Array, power: int, diagonal: Array) -> tuple[Array, Array, int]:
    """Return Q and D over the power of two that brings the largest D to [1/2, 1), and the power.

    If there is no D, it is the power that fits Q.
    """
    if len(diagonal):
        wanted = math.frexp(diagonal.max())[1]
    else:
        wanted = power + math.frexp(np.diagonal(cost).max(initial=0.0))[1]
    return np.ldexp(cost, power - wanted), np.ldexp(diagonal, -wanted), wanted


def _cholesky(cost: Array, diagonal: Array, slack: Array) -> Array | None:
    """Return the lower factor of Diag(diagonal - slack) - Q; None if there is none, or NaN."""
    if not (
        diagonal.min(initial=1.0) > 1.0 / LARGEST and np.diagonal(cost).max(initial=0.0) < LARGEST
    ):
        return None
    if not len(cost):
        return cost
    matrix = np.negative(cost)
    order = np.einsum("ii->i", matrix)
    order += diagonal
    order -= slack
    factor, failure = dpotrf(matrix.T, lower=1, clean=0, overwrite_a=1)
    if failure or not np.isfinite(np.diagonal(factor)).all():  # LAPACK lets NaN pass
        return None
    return np.asarray(factor)


def _solved(factor: Array, rows: Array) -> Array:
    """Return L^{-1} B by substitution."""
    if not rows.size:
        return rows
    return np.asarray(dtrsm(1.0, factor, np.asfortranarray(rows), lower=1, overwrite_b=1))

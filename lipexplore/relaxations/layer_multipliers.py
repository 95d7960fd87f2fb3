"""LipSDP-Layer: the best slope multipliers with one number per layer, by a pass over vectors.

Tie tau_j = theta_l / r_j for all units of layer l in the slope LMI, where r_j is half the length of
the slope range: one number per layer for one activation over the whole space. Over a region the
factor 1 / r_j makes the bound monotone, since [a, b] within [a', b'] gives
(z - a g)(z - b g) / r >= (z - a' g)(z - b' g) / r' for all z and g; equal tau_j would not.

The dual is a network whose units carry vectors, Z_l of shape (n_l, k), with ||Z_0||_F <= 1 and one
inequality per layer instead of one per unit, m_j being the middle of the slope range:

    sum_j (|z_j - m_j g_j|^2 / r_j - r_j |g_j|^2) <= 0,   G_l = W_l Z_{l-1}.

That is Z_l = m G_l + s ||s G_l||_F V_l with s = sqrt(r) and ||V_l||_F <= 1. The value
||W_{d+1} Z_d||_F is what LipSDP-Layer bounds. A backward pass A_l finds the best
V_l = s A_l / ||s A_l||_F for all else fixed, and the multipliers
theta_l = ||s A_l||_F / (2 ||s G_l||_F), mu = ||A_0||_F. No step can lower the value.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.relaxations.stage_multipliers import (
    Stage,
    chain_value,
    closed_form,
    stage_multipliers,
)
from lipexplore.rounding import Array

FIRST_CHECK, LARGEST_SWEEPS = 25, 3200
SMALLEST_RANK = 4
DECREASES = (0.0, *(10.0**power for power in range(-12, 0)))
"""tau_l (1 - delta)^l leads back to where the LMI's matrix is definite."""

ROUNDING = 1e-15
"""A relative fall of the value that starts the momentum anew."""

Point = tuple[Array, ...]
"""Z_0, then the V_l, each of Frobenius norm 1 or 0."""


class LayerMultipliers(NamedTuple):
    """Multipliers tau of the units for mu = 1: one number per layer over the r of the units.

    ``value`` is the bound on the chain by the formula in floating point, ``reached`` what the
    vectors attain: the least value of LipSDP-Layer lies between them, but for rounding.
    """

    units: tuple[Array, ...]
    value: float
    reached: float
    sweeps: int


@np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")
def layer_multipliers(
    chain: SlopeChain,
    accuracy: float = 1e-9,
    deadline: float = math.inf,
    on_check: Callable[[int, float, float], None] | None = None,
) -> LayerMultipliers:
    """Return the best multipliers for the norm l_2 with one number per layer.

    Sweeps with Nesterov's momentum, restarted where the value falls, until bound and value agree to
    ``accuracy``, relatively, or ``deadline`` (of ``time.perf_counter``) has passed.

    Parameters
    ----------
    on_check
        Called with the number of sweeps, the value reached and the bound by the formula.

    References
    ----------
    Fazlyab et al., NeurIPS 2019 (arXiv 1906.04893), section 3.
    """
    start = stage_multipliers(chain, _tied_closed_form)
    best = LayerMultipliers(start.units, start.value, 0.0, 0)
    if chain.undecided == 0:
        return best._replace(reached=best.value)
    ascent = LayerPass(chain)
    check = FIRST_CHECK
    for sweeps in range(1, LARGEST_SWEEPS + 1):
        value = ascent.advance()
        late = time.perf_counter() > deadline
        if sweeps < check and not late:
            continue
        check += check // 2
        units, bound = _definite(chain, ascent.multipliers(start.units))
        if bound < best.value:
            best = best._replace(units=units, value=bound)
        best = best._replace(reached=value, sweeps=sweeps)
        if on_check is not None:
            on_check(sweeps, value, best.value)
        if late or best.value <= value * (1.0 + accuracy):
            break
    return best


class LayerPass:
    """The ascent over vectors; every :meth:`advance` is one forward and one backward pass."""

    def __init__(self, chain: SlopeChain) -> None:
        self.weights = (_narrowed(chain.weights[0]), *chain.weights[1:])
        pairs = list(zip(chain.lower, chain.upper, strict=True))
        self.middle = [(0.5 * low + 0.5 * high)[:, None] for low, high in pairs]
        self.radius = [(0.5 * high - 0.5 * low)[:, None] for low, high in pairs]
        self.root = [np.sqrt(radius) for radius in self.radius]
        rank = max(SMALLEST_RANK, math.isqrt(2 * (len(pairs) + 1)) + 1)
        rng = np.random.default_rng(0)
        heights = [weight.shape[1] for weight in self.weights]
        self.point = tuple(_unit(rng.standard_normal((height, rank))) for height in heights)
        self.swept = self.point
        self.value = 0.0
        self.levels = [0.0] * len(pairs)
        self.count = 0

    def advance(self) -> float:
        """Sweep once and return the value before the sweep, never above LipSDP-Layer's."""
        before, previous = self.swept, self.value
        self.value, self.swept = self._sweep(self.point)
        if self.value < previous * (1.0 - ROUNDING):
            self.count, self.point = 0, self.swept
            return self.value
        pull = self.count / (self.count + 3.0)
        moved = zip(before, self.swept, strict=True)
        self.point = tuple(_unit(new + pull * (new - old)) for old, new in moved)
        self.count += 1
        return self.value

    def _sweep(self, point: Point) -> tuple[float, Point]:
        z, units = point[0], point[1:]
        forward, sizes = [], []
        for weight, middle, root, v in zip(
            self.weights, self.middle, self.root, units, strict=False
        ):
            forward.append(weight @ z)
            sizes.append(float(np.linalg.norm(root * forward[-1])))
            z = middle * forward[-1] + sizes[-1] * (root * v)
        output = self.weights[-1] @ z
        value = float(np.linalg.norm(output))
        a = self.weights[-1].T @ _unit(output)
        swept = []
        for layer in reversed(range(len(units))):
            moving = self.root[layer] * a
            gain, size = float(np.linalg.norm(moving)), sizes[layer]
            swept.append(moving / gain if gain > 0.0 else units[layer])
            ratio = gain / size if size > 0.0 else 0.0
            self.levels[layer] = 0.5 * ratio
            b = self.middle[layer] * a + ratio * self.radius[layer] * forward[layer]
            a = self.weights[layer].T @ b
        mu = float(np.linalg.norm(a))
        self.levels = [level / mu if mu > 0.0 else 0.0 for level in self.levels]
        return value, (a / mu if mu > 0.0 else point[0], *reversed(swept))

    def multipliers(self, otherwise: tuple[Array, ...]) -> tuple[Array, ...]:
        """Return the tau_j = theta_l / r_j for mu = 1; ``otherwise`` where the pass has none."""
        return tuple(
            _tied(radius[:, 0], level) if math.isfinite(level) and level > 0.0 else tau
            for level, radius, tau in zip(self.levels, self.radius, otherwise, strict=True)
        )


def _definite(chain: SlopeChain, units: tuple[Array, ...]) -> tuple[tuple[Array, ...], float]:
    """Return the tau_l (1 - delta)^l with the least bound by the formula, and the bound."""
    best = units, math.inf
    for decrease in DECREASES:
        shrunk = tuple(tau * (1.0 - decrease) ** layer for layer, tau in enumerate(units, 1))
        value = chain_value(chain, shrunk)
        if value < best[1]:
            best = shrunk, value
        elif math.isfinite(best[1]):
            break
    return best


def _tied_closed_form(stage: Stage) -> Array:
    """Return the largest tau_j = theta / r_j below the closed form."""
    levels = closed_form(stage) * stage.radius
    return _tied(stage.radius, float(levels[stage.free].min(initial=math.inf)))


def _tied(radius: Array, level: float) -> Array:
    return np.where(radius > 0.0, level, 1.0) / np.where(radius > 0.0, radius, 1.0)


def _unit(matrix: Array) -> Array:
    size = float(np.linalg.norm(matrix))
    return matrix / size if size > 0.0 else matrix


def _narrowed(weight: Array) -> Array:
    """Return a matrix with the same W W^T and no more columns than rows."""
    if weight.shape[1] <= weight.shape[0]:
        return weight
    return np.ascontiguousarray(np.asarray(np.linalg.qr(weight.T, mode="r")).T)

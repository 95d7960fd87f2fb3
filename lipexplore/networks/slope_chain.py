"""A feedforward network as the chain z_l = s_l (W_l z_{l-1}) that its gradient runs through.

Unlike :mod:`lipexplore.networks.slope_system` nothing is substituted: the chain keeps the layers,
so that whatever works on it costs layers times width squared, not the square of all units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.networks.slope_system import HEAD_ERROR
from lipexplore.rounding import UNDERFLOW, Array


@dataclass(frozen=True, eq=False)
class SlopeChain:
    """z_0 = t, g_l = W_l z_{l-1}, z_l = s_l g_l with s_l in [lower_l, upper_l], output W_{d+1} z_d.

    Every layer's weights and slopes are scaled by powers of two, so that products over many layers
    neither overflow nor vanish: the network's Jacobian is 2^exponent times the chain's. Inputs keep
    their units.

    Parameters
    ----------
    weights
        W_1, .., W_{d+1}, arrays of shape (n_l, n_{l-1}). Where only products are needed, as in the
        vector pass, SciPy's sparse arrays and LinearOperators do as well.
    lower, upper
        Per hidden layer the ends of the slopes, arrays (n_l,). Both are 0 for units through which
        no path of non-zero weights leads: their slope does not matter, their multiplier would.
    exponent
        Power of two between the chain's Jacobian and the network's.
    absolute_errors
        Per weight matrix, a bound on the error of each non-zero entry from underflow; mostly 0.
    last_error
        Relative error of the entries of W_{d+1} (a margin of two outputs is rounded once).
    """

    weights: tuple[Array, ...]
    lower: tuple[Array, ...]
    upper: tuple[Array, ...]
    exponent: int
    absolute_errors: tuple[float, ...]
    last_error: float

    @property
    def depth(self) -> int:
        """Number d of hidden layers."""
        return len(self.lower)

    @property
    def widths(self) -> tuple[int, ...]:
        """Sizes n_0, n_1, .., n_d, p."""
        return (self.weights[0].shape[1], *(weight.shape[0] for weight in self.weights))

    @property
    def undecided(self) -> int:
        """Number of units whose slope is not fixed."""
        pairs = zip(self.lower, self.upper, strict=True)
        return sum(int((low < high).sum()) for low, high in pairs)


def slope_chain(network: Network, slopes: SlopeRanges) -> SlopeChain:
    """State a network's slopes as a chain.

    Examples
    --------
    >>> from lipexplore import WHOLE_SPACE
    >>> from lipexplore.networks.slope_ranges import slope_ranges
    >>> network = Network([[[8.0, -16.0]], [[0.25]]])
    >>> chain = slope_chain(network, slope_ranges(network, WHOLE_SPACE))
    >>> chain.weights[0].tolist(), chain.weights[1].tolist(), chain.exponent
    ([[0.5, -1.0]], [[1.0]], 2)
    """
    weights, lost, weight_powers = zip(*map(_scaled_weight, network.weights), strict=True)
    ends, powers = _scaled_slopes(slopes)
    chain = SlopeChain(
        weights=weights,
        lower=tuple(low for low, _ in ends),
        upper=tuple(high for _, high in ends),
        exponent=sum(weight_powers) + sum(powers),
        absolute_errors=lost,
        last_error=HEAD_ERROR if network.n_outputs == 1 else 0.0,
    )
    return without_idle_units(chain)


def without_idle_units(chain: SlopeChain) -> SlopeChain:
    """Fix the slopes of units that no path leads through at 0, which changes no gradient.

    A chain whose weights carry absolute errors is returned as it is: a zero may hide a path.
    """
    if chain.depth == 0 or any(chain.absolute_errors):
        return chain
    present = [weight != 0.0 for weight in chain.weights]
    moving = [(a != 0.0) | (b != 0.0) for a, b in zip(chain.lower, chain.upper, strict=True)]
    reached = [np.ones(chain.widths[0], dtype=bool)]
    for rows, moves in zip(present, moving, strict=False):
        reached.append((rows & reached[-1]).any(axis=1) & moves)
    leaving = [present[-1].any(axis=0)]
    for rows, moves in zip(present[:0:-1][1:], reversed(moving[1:]), strict=True):
        leaving.append((rows & (leaving[-1] & moves)[:, None]).any(axis=0))
    alive = [a & b for a, b in zip(reached[1:], reversed(leaving), strict=True)]
    return replace(
        chain,
        lower=tuple(np.where(on, low, 0.0) for on, low in zip(alive, chain.lower, strict=True)),
        upper=tuple(np.where(on, high, 0.0) for on, high in zip(alive, chain.upper, strict=True)),
    )


def _scaled_weight(weight: Array) -> tuple[Array, float, int]:
    """Return the weight over a power of two near its rows' norm, the error, and that power."""
    largest = float(np.abs(weight).max(initial=0.0))
    if largest == 0.0:
        return weight, 0.0, 0
    shrunk = weight / largest
    mean_row = math.sqrt(float(np.square(shrunk).sum()) / len(weight))
    power = math.frexp(largest)[1] + math.frexp(mean_row)[1] - 2
    scaled = np.ldexp(weight, -power)
    exact = bool((np.ldexp(scaled, power) == weight).all())
    return scaled, 0.0 if exact else UNDERFLOW, power


def _scaled_slopes(slopes: SlopeRanges) -> tuple[list[tuple[Array, Array]], list[int]]:
    """Return the ranges with the largest slope of each layer in [1, 2), outward-rounded."""
    ends, powers = [], []
    for low, high, largest in zip(slopes.lower, slopes.upper, slopes.largest, strict=True):
        power = math.frexp(largest)[1] - 1 if largest > 0.0 else 0
        below, above = np.ldexp(low, -power), np.ldexp(high, -power)
        below = np.where(np.ldexp(below, power) > low, np.nextafter(below, -np.inf), below)
        above = np.where(np.ldexp(above, power) < high, np.nextafter(above, np.inf), above)
        ends.append((below, above))
        powers.append(power)
    return ends, powers

"""RecurJac: signs of the outer gradient decide slopes, and what they fix is recursed upon."""

from __future__ import annotations

import numpy as np

from lipexplore.networks.feedforward import Network
from lipexplore.networks.jacobian_enclosure import jacobian_enclosure
from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.rounding import UNIT, Array, product_error, up


@np.errstate(over="ignore", invalid="ignore")
def recursive_enclosure(network: Network, slopes: SlopeRanges) -> tuple[Array, Array]:
    """Enclose W_{d+1} D_d ... D_1 W_1 entry by entry, never wider than :func:`jacobian_enclosure`.

    Let Y_l = W_{d+1} D_d ... W_{l+1} be enclosed. An entry of Y_l D_l W_l is sum_i Y_i d_i w_i with
    w a column of W_l. Where the sign of Y_i is known the best slope d_i is, and the sum over these
    units is Y_l v with the fixed vector v_i = d_i w_i: the same problem one layer up, for the
    vector W_{l+1} v, instead of interval arithmetic with Y_l. Other units take their worst corner.

    Returns
    -------
    tuple of arrays of shape (m, n_0)
        Outward-rounded lower and upper ends.

    References
    ----------
    Zhang, Zhang, Hsieh, *RecurJac: an efficient recursive algorithm for bounding Jacobian matrix of
    neural networks and its applications*, AAAI 2019 (arXiv 1810.11783).
    """
    plain = jacobian_enclosure(network, slopes)
    rows = []
    for index, row in enumerate(network.weights[-1]):
        outer = _Row(network, slopes, row)
        for layer in range(network.depth - 1, -1, -1):
            outer.extend(layer)
        low, high = outer.ends[0]
        rows.append((np.fmax(low, plain[0][index]), np.fmin(high, plain[1][index])))
    return np.array([low for low, _ in rows]), np.array([high for _, high in rows])


TINY = 2.0**-1000
"""Added to sizes, so that a product that underflows is counted too."""


class _Row:
    """One output's gradient; ``ends[l]`` encloses it with respect to the values of layer l."""

    def __init__(self, network: Network, slopes: SlopeRanges, row: Array) -> None:
        self.network, self.slopes, self.last = network, slopes, row
        slack = up(2.0 * UNIT * np.abs(row)) if network.n_outputs == 1 else np.zeros_like(row)
        self.ends = {network.depth: (row - slack, row + slack)}

    def extend(self, layer: int) -> None:
        """Enclose the gradient one layer further down."""
        weight = self.network.weights[layer]
        self.ends[layer] = (
            -self._largest(layer + 1, -weight),
            self._largest(layer + 1, weight),
        )

    def _largest(self, layer: int, columns: Array) -> Array:
        """Bound max Y_l D_l w from above for each column w of an array (n_l, count)."""
        total = np.zeros(columns.shape[1])
        for current in range(layer, self.network.depth + 1):
            low, high = (end[:, None] for end in self.ends[current])
            size = np.maximum(np.abs(low), np.abs(high))
            bottom = self.slopes.lower[current - 1][:, None]
            top = self.slopes.upper[current - 1][:, None]
            slope_size = np.maximum(np.abs(bottom), np.abs(top))
            settled = (low >= 0.0) | (high <= 0.0) | (bottom == top)
            best = np.where((low >= 0.0) == (columns > 0.0), top, bottom)
            chosen = np.where(settled, best * columns, 0.0)
            pairs = [(a, b) for a in (low, high) for b in (bottom, top)]
            worst = np.maximum.reduce([_product(_product(a, b), columns) for a, b in pairs])
            worst = np.where(settled, 0.0, worst)
            magnitude = (_product(size, slope_size) + TINY).T @ np.abs(columns)
            total = total + worst.sum(axis=0)
            total = total + product_error(len(columns) + 8, magnitude[0] + np.abs(total))
            if current == self.network.depth:
                total = total + self._outermost(chosen, size)
            else:
                following = self.network.weights[current]
                columns = following @ chosen
                sizes = np.abs(following) @ (np.abs(chosen) + TINY)
                error = product_error(len(chosen) + 4, sizes)
                total = total + self._charge(current + 1, error)
        return np.where(np.isnan(total), np.inf, up(total))

    def _outermost(self, chosen: Array, size: Array) -> Array:
        """Bound the last weights times fixed vectors."""
        magnitude = size[:, 0] @ (np.abs(chosen) + TINY)
        return self.last @ chosen + product_error(len(chosen) + 8, magnitude)

    def _charge(self, layer: int, error: Array) -> Array:
        """Bound what an entrywise error of the vectors changes."""
        low, high = self.ends[layer]
        bottom, top = self.slopes.lower[layer - 1], self.slopes.upper[layer - 1]
        slope = np.maximum(np.abs(bottom), np.abs(top))
        reach = _product(np.maximum(np.abs(low), np.abs(high)), slope) + TINY
        charge: Array = up((reach @ error) * (1.0 + 2.0**-20) + TINY)
        return charge


def _product(a: Array, b: Array) -> Array:
    """Return a b, with 0 times infinity 0."""
    return np.where((a == 0.0) | (b == 0.0), 0.0, a * b)

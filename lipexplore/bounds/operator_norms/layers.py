"""Upper bounds of the operator norms of layers with structure, without their dense matrices."""

from __future__ import annotations

import math

import numpy as np

from lipexplore.bounds.operator_norms.convolutions import convolution_norm_above
from lipexplore.bounds.operator_norms.matrices import last_norm_above, pair_norm_above
from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.networks.jacobian_enclosure import norm_above
from lipexplore.networks.layers import AveragePool, Convolution, Dense, Layer, Scaling
from lipexplore.networks.unrolling import Axis
from lipexplore.norms import Norm
from lipexplore.rounding import UNIT, Array, gamma, up

LARGEST_AXIS = 1024
"""Up to so many pixels the norm of an average pool along one axis is that of its matrix."""


def layer_norm_above(layer: Layer, start: Norm, end: Norm) -> float:
    """Return a float not below max ||W x||_end over ||x||_start <= 1.

    As :func:`pair_norm_above`: exact but for rounding from l_1 and to l_inf; from l_2 to l_2 the
    least of what is proven for the layer's kind; entrywise bounds for the three NP-hard pairs.
    """
    if isinstance(layer, Dense):
        return pair_norm_above(layer.weight, start, end)
    sums = LayerSums(layer)
    if sums.top == 0.0:
        return 0.0
    if start is end is Norm.L2:
        return _spectral_above(layer, sums)
    if start is Norm.L1:
        return sums.largest(end, "columns")
    if end is Norm.LINF:
        return sums.largest(start.dual, "rows")
    if start is Norm.L2:
        return norm_above(sums.each("columns"), Norm.L2)
    return norm_above(sums.each("rows"), end)


def last_layer_norm_above(layer: Layer, start: Norm, end: Norm) -> float:
    """Bound the last layer: a single row may carry the one rounding of :meth:`Network.head`."""
    if isinstance(layer, Dense) or layer.n_outputs == 1:
        return last_norm_above(layer.dense, start, end)
    return layer_norm_above(layer, start, end)


class LayerSums:
    """Sums of |entry|^p over the rows or the columns of a layer's matrix, rounded up."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        entries = layer.table if isinstance(layer, Convolution) else layer.matrix.data
        self.top = float(np.abs(entries).max(initial=0.0))
        self.scale = 2.0 ** (math.frexp(self.top)[1] - 1) if self.top else 1.0

    def largest(self, norm: Norm, direction: str) -> float:
        """Return the largest ``norm`` of a row or column."""
        if norm is Norm.LINF:
            return self.top
        if norm is Norm.L1:
            return float(self.each(direction).max())
        square = float(self._scaled(direction, 2).max())
        return float(up(up(math.sqrt(square)) * self.scale))

    def each(self, direction: str) -> Array:
        """Return the l_1 norm of each row or column."""
        return up(self._scaled(direction, 1) * self.scale)

    def _scaled(self, direction: str, power: int) -> Array:
        """Return the sums in units of scale^power: the largest entry lies in [1, 2)."""
        if isinstance(self.layer, Convolution):
            sums, count = self._of_kernel(self.layer, direction, power)
        else:
            sums, count = self._of_matrix(self.layer, direction, power)
        return up(sums * (1.0 + 2.0 * gamma(count + 16)) + 2.0**-1000)

    def _of_kernel(self, layer: Convolution, direction: str, power: int) -> tuple[Array, int]:
        table = (np.abs(layer.table) / self.scale) ** power
        rows, columns = layer.axes
        if direction == "rows":
            planes = table.sum(axis=1)
            reads = (rows.reads, columns.reads)
        else:
            planes = table.reshape(layer.groups, -1, *table.shape[1:]).sum(axis=1)
            planes = planes.reshape(-1, *table.shape[2:])
            reads = (rows.read_by, columns.read_by)
        sums = reads[0] @ planes @ reads[1].T
        return sums.ravel(), len(table) + table.shape[1] + planes[0].size

    def _of_matrix(self, layer: Layer, direction: str, power: int) -> tuple[Array, int]:
        entries = layer.matrix.tocoo()
        places, length = entries.row, layer.n_outputs
        if direction == "columns":
            places, length = entries.col, layer.n_inputs
        sums = np.zeros(length)
        np.add.at(sums, places, (np.abs(entries.data) / self.scale) ** power)
        return sums, max(layer.n_outputs, layer.n_inputs)


def _spectral_above(layer: Layer, sums: LayerSums) -> float:
    if isinstance(layer, Scaling):
        return float(np.abs(layer.factor).max())
    product = sums.largest(Norm.L1, "rows") * sums.largest(Norm.L1, "columns")
    values = [float(up(up(math.sqrt(up(product)))))]
    if isinstance(layer, AveragePool):
        values.append(_pool_above(layer))
    if isinstance(layer, Convolution):
        values.append(convolution_norm_above(layer))
    return min(values)


def _pool_above(layer: AveragePool) -> float:
    """Bound the norm of a pool, the product of its axes' norms.

    Entries are at most those of the Kronecker product times 1 + 4 u, and the norm of a matrix
    without negative entries grows with them.
    """
    height, width = (
        _axis_above(axis, taps if layer.count_padding else None)
        for axis, taps in zip(layer.axes, layer.window, strict=True)
    )
    return float(up(height * width * (1.0 + 16.0 * UNIT)))


def _axis_above(axis: Axis, taps: int | None) -> float:
    """Bound the norm of the means over windows: 1 / taps, or 1 / (number of pixels inside)."""
    used = axis.pixels >= 0
    counts = used.sum(axis=1)
    shares = up(1.0 / (counts if taps is None else np.full(len(counts), float(taps))))
    if axis.read_by.sum(axis=1).max() == 1.0:  # windows apart: rows are orthogonal
        return float(up((up(np.sqrt(counts)) * shares).max()))
    if max(len(counts), axis.size) > LARGEST_AXIS:
        columns = np.zeros(axis.size)
        np.add.at(columns, axis.pixels[used], np.broadcast_to(shares[:, None], used.shape)[used])
        square = (counts * shares).max() * columns.max() * (1.0 + 4.0 * gamma(axis.size + 8))
        return float(up(math.sqrt(square)))
    matrix = np.zeros((len(counts), axis.size))
    matrix[np.nonzero(used)[0], axis.pixels[used]] = np.repeat(shares, counts)
    return spectral_norm_above(matrix)

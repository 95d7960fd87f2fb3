"""Linear maps of one layer, applied to a whole tensor (r, B, n) of vectors at once."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from lipexplore.networks.slope_chain import SlopeChain
from lipexplore.norms import Norm
from lipexplore.rounding import Array


class LayerMap(Protocol):
    """z (r, B, n_in) -> (r, B, n_out) and its transpose."""

    @property
    def n_inputs(self) -> int:
        """Number of entries that the map reads."""

    def forward(self, z: Array) -> Array:
        """Apply the map to each of the r B rows."""

    def backward(self, a: Array) -> Array:
        """Apply the transposed map."""

    def take(self, problems: Any) -> LayerMap:
        """Return the map of some problems."""


class SharedMap:
    """One matrix for all problems: a NumPy or SciPy sparse array, or a LinearOperator."""

    def __init__(self, weight: Any) -> None:
        self.weight, self.transpose = weight, weight.T
        self.n_inputs = int(weight.shape[1])

    def forward(self, z: Array) -> Array:
        """Return W z."""
        return _applied(self.weight, self.transpose, z)

    def backward(self, a: Array) -> Array:
        """Return W^T a."""
        return _applied(self.transpose, self.weight, a)

    def take(self, problems: Any) -> SharedMap:
        """Return the map itself."""
        del problems
        return self


class ColumnMap:
    """Problem b reads one number and sees row b of ``columns`` (B, n_out)."""

    n_inputs = 1

    def __init__(self, columns: Array) -> None:
        self.columns = columns

    def forward(self, z: Array) -> Array:
        """Return columns[b] z[:, b, 0]."""
        result: Array = self.columns * z
        return result

    def backward(self, a: Array) -> Array:
        """Return columns[b] . a[:, b]."""
        result: Array = np.einsum("bn,rbn->rb", self.columns, a)[:, :, None]
        return result

    def take(self, problems: Any) -> ColumnMap:
        """Return the map of some problems."""
        return ColumnMap(self.columns[problems])


class RowMap:
    """Problem b has one output, row b of ``rows`` (B, n_in)."""

    def __init__(self, rows: Array) -> None:
        self.rows = rows
        self.n_inputs = int(rows.shape[1])

    def forward(self, z: Array) -> Array:
        """Return rows[b] . z[:, b]."""
        result: Array = np.einsum("bn,rbn->rb", self.rows, z)[:, :, None]
        return result

    def backward(self, a: Array) -> Array:
        """Return rows[b] a[:, b, 0]."""
        result: Array = self.rows * a
        return result

    def take(self, problems: Any) -> RowMap:
        """Return the map of some problems."""
        return RowMap(self.rows[problems])


def layer_maps(
    chain: SlopeChain, norm: Norm, outputs: Array | None, columns: Any
) -> tuple[LayerMap, ...]:
    """Return one map per weight matrix.

    Problem b ends in row b of ``outputs`` if these are given, and starts, for l_1, at input
    ``columns[b]`` alone. For l_2 a wide W_1 is replaced by a square matrix with the same W_1 W_1^T,
    on which alone everything but the inputs depends.
    """
    maps: list[LayerMap] = [SharedMap(weight) for weight in chain.weights]
    if outputs is not None:
        maps[-1] = RowMap(outputs)
    first = maps[0]
    if norm is Norm.L1:
        if isinstance(first, RowMap):
            maps[0] = ColumnMap(first.rows[np.arange(len(columns)), columns][:, None])
        else:
            maps[0] = ColumnMap(_columns(chain.weights[0], columns))
    elif norm is Norm.L2 and isinstance(first, SharedMap):
        maps[0] = SharedMap(_narrowed(first.weight))
    return tuple(maps)


def _columns(weight: Any, chosen: Any) -> Array:
    """Return the chosen columns of a matrix or operator as the rows of an array."""
    units = np.zeros((weight.shape[1], len(chosen)))
    units[chosen, np.arange(len(chosen))] = 1.0
    dense = weight[:, chosen] if isinstance(weight, np.ndarray) else weight @ units
    return np.ascontiguousarray(np.asarray(dense).T)


def _narrowed(weight: Any) -> Any:
    """Return the Cholesky factor of W W^T for a wide dense W, made without squaring it."""
    if not isinstance(weight, np.ndarray) or weight.shape[1] <= weight.shape[0]:
        return weight
    triangle: Array = np.linalg.qr(weight.T, mode="r")  # type: ignore[assignment]
    signs = np.where(np.diag(triangle) < 0.0, -1.0, 1.0)
    return np.ascontiguousarray((triangle * signs[:, None]).T)


def _applied(weight: Any, transpose: Any, z: Array) -> Array:
    rank, problems, width = z.shape
    flat = z.reshape(rank * problems, width)
    product = flat @ transpose if isinstance(weight, np.ndarray) else (weight @ flat.T).T
    return np.ascontiguousarray(product).reshape(rank, problems, -1)

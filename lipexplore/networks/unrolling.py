"""A convolution as a sparse (doubly block Toeplitz) matrix, axis by axis.

Along one axis, tap a of output i reads position s i + d a - p. The padding mode says which pixel
that is; where several taps of one output read the same pixel, their weights add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.arguments import LARGEST_SIZE
from lipexplore.rounding import Array

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Integers = NDArray[np.int64]

PADDING_MODES = ("zeros", "circular", "replicate", "reflect")


@dataclass(frozen=True, eq=False)
class Axis:
    """Which pixels each output reads along one axis, and through which set of taps.

    Parameters
    ----------
    size
        Number of pixels.
    pixels
        Pixels of each output in ascending order, filled up with -1; shape (outputs, most).
    sets
        Number of the set of taps that reads that pixel; 0 where there is none.
    members
        Whether a set holds a tap, shape (sets, taps).
    """

    size: int
    pixels: Integers
    sets: Integers
    members: NDArray[np.bool_]

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return len(self.pixels)

    @cached_property
    def reads(self) -> Array:
        """How often each output reads through each set, shape (outputs, sets)."""
        return self._counts(np.indices(self.pixels.shape)[0], self.n_outputs)

    @cached_property
    def read_by(self) -> Array:
        """How often each pixel is read through each set, shape (size, sets)."""
        return self._counts(self.pixels, self.size)

    @cached_property
    def through_sets(self) -> Array:
        """What each set of taps reads: 0 or 1, shape (sets, outputs, size)."""
        reads = np.zeros((len(self.members), self.n_outputs, self.size))
        output, place = np.nonzero(self.pixels >= 0)
        reads[self.sets[output, place], output, self.pixels[output, place]] = 1.0
        return reads

    @cached_property
    def through_taps(self) -> Array:
        """What each tap reads: 0 or 1, shape (taps, outputs, size)."""
        return np.tensordot(self.members.T.astype(np.float64), self.through_sets, 1)

    def _counts(self, places: Integers, length: int) -> Array:
        counts, used = np.zeros((length, len(self.members))), self.pixels >= 0
        np.add.at(counts, (places[used], self.sets[used]), 1.0)
        return counts


@lru_cache(maxsize=256)
def axis_of(
    size: int, taps: int, stride: int, padding: tuple[int, int], dilation: int, mode: str
) -> Axis:
    """Return the axis of a convolution with so many taps on so many pixels.

    Raises
    ------
    InvalidNetwork
        If the taps do not fit into the padded input, or a reflection would leave it.
    """
    before, after = padding
    outputs = (size + before + after - dilation * (taps - 1) - 1) // stride + 1
    if outputs < 1:
        raise InvalidNetwork(
            f"{taps} taps with dilation {dilation} do not fit into {size} pixels with padding "
            f"{before} and {after}"
        )
    if outputs * taps > LARGEST_SIZE or size + before + after > LARGEST_SIZE:
        raise InvalidNetwork(f"{taps} taps on {outputs} outputs are above {LARGEST_SIZE:,} numbers")
    if mode == "reflect" and max(padding) >= size:
        raise InvalidNetwork(f"reflecting {size} pixels allows a padding below {size}")
    position = stride * np.arange(outputs)[:, None] + dilation * np.arange(taps) - before
    return _merged(size, _pixels_at(position, size, mode))


def _pixels_at(position: Integers, size: int, mode: str) -> Integers:
    match mode:
        case "circular":
            return position % size
        case "replicate":
            return np.clip(position, 0, size - 1)
        case "reflect":
            mirrored = np.abs(position)
            return np.where(mirrored >= size, 2 * (size - 1) - mirrored, mirrored)
        case _:
            return np.where((position >= 0) & (position < size), position, -1)


def _merged(size: int, pixels: Integers) -> Axis:
    """Gather the taps of every output that read the same pixel."""
    output, tap = np.nonzero(pixels >= 0)
    keys, entry, counts = np.unique(
        output * size + pixels[output, tap], return_inverse=True, return_counts=True
    )
    sets, joint = np.zeros(len(keys), dtype=np.int64), counts[entry] > 1
    single, sets[entry[~joint]] = np.unique(tap[~joint], return_inverse=True)
    several = np.flatnonzero(counts > 1)
    members = np.zeros((len(several), pixels.shape[1]), dtype=bool)
    members[np.searchsorted(several, entry[joint]), tap[joint]] = True
    members, which = np.unique(members, axis=0, return_inverse=True)
    sets[several] = len(single) + which.ravel()
    members = np.vstack([single[:, None] == np.arange(pixels.shape[1]), members])
    output, pixel = np.divmod(keys, size)
    rank = np.arange(len(keys)) - np.searchsorted(output, output)
    table = np.full((2, len(pixels), int(rank.max(initial=0)) + 1), -1)
    table[0, output, rank], table[1, output, rank] = pixel, sets
    return Axis(size, table[0], np.maximum(table[1], 0), members)


def merged_kernel(kernel: Array, rows: Axis, columns: Axis) -> Array:
    """Return the weight of each pair of tap sets, shape (c_out, c_in / groups, sets, sets).

    Each is the sum over the sets' taps, first along the height, then along the width, in ascending
    order: the same bits everywhere. It differs from the exact sum by at most
    gamma(taps) times the sum of sizes, and not at all where a set is a single tap.
    """
    return _summed(_summed(kernel, rows.members, 2), columns.members, 3)


def _summed(kernel: Array, members: NDArray[np.bool_], axis: int) -> Array:
    taps = np.moveaxis(kernel, axis, 0)
    sums = np.zeros((len(members), *taps.shape[1:]))
    for tap, weights in enumerate(taps):
        sums[members[:, tap]] += weights
    return np.moveaxis(sums, 0, axis)


def windows(images: Array, through_rows: Array, through_columns: Array) -> Array:
    """Return what taps (or sets of them) read, shape (..., a, outputs, b, outputs).

    Parameters
    ----------
    images
        Shape (..., height, width).
    through_rows, through_columns
        As of an :class:`Axis`.
    """
    down, right = (reads.reshape(-1, reads.shape[2]) for reads in (through_rows, through_columns))
    shape = (*through_rows.shape[:2], *through_columns.shape[:2])
    return np.asarray(down @ images @ right.T).reshape(*images.shape[:-2], *shape)


def count_entries(kernel_shape: tuple[int, ...], rows: Axis, columns: Axis) -> int:
    """Return the number of entries of the unrolled matrix before it is built."""
    plane = int((rows.pixels >= 0).sum()) * int((columns.pixels >= 0).sum())
    return kernel_shape[0] * kernel_shape[1] * plane


def unrolled(table: Array, groups: int, rows: Axis, columns: Axis) -> csr_array:
    """Return the matrix of a convolution, rows (o, i, j) and columns (c, y, x) in C order.

    Parameters
    ----------
    table
        As :func:`merged_kernel` returns it.
    """
    from scipy.sparse import csr_array

    n_out, n_in = table.shape[:2]
    plane = rows.size * columns.size
    used = _outer(rows.pixels >= 0, columns.pixels >= 0, np.logical_and)
    pixel = _outer(rows.pixels * columns.size, columns.pixels, np.add)
    pair = _outer(rows.sets * len(columns.members), columns.sets, np.add)
    channel = np.arange(n_in)[:, None]
    mask = np.broadcast_to(used[:, None, :], (len(used), n_in, used.shape[1]))
    place = (pixel[:, None, :] + plane * channel)[mask]
    weight = (pair[:, None, :] + table[0, 0].size * channel)[mask]
    entries, n_columns = n_out * len(place), groups * n_in * plane
    integer = np.int32 if max(entries, n_columns) < 2**31 else np.int64
    first = (np.arange(n_out) // (n_out // groups) * (n_in * plane)).astype(integer)
    ends = np.cumsum(np.tile(n_in * used.sum(axis=1), n_out), dtype=integer)
    matrix = csr_array(
        (
            table.reshape(n_out, -1)[:, weight].ravel(),
            (place.astype(integer) + first[:, None]).ravel(),
            np.concatenate([np.zeros(1, dtype=integer), ends]),
        ),
        shape=(n_out * len(used), n_columns),
    )
    matrix.has_canonical_format = True
    if not table.all():
        matrix.eliminate_zeros()
    return matrix


def _outer(rows: NDArray, columns: NDArray, operation: np.ufunc) -> NDArray:  # type: ignore[type-arg]
    """Combine entries of every pair of outputs, shape (outputs, entries of both)."""
    grid = operation(rows[:, None, :, None], columns[None, :, None, :])
    return np.asarray(grid.reshape(len(rows) * len(columns), -1))

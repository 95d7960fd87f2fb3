"""Arguments of unfolded networks, checked with one message each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.arguments import finite_array, integers
from lipexplore.rounding import Array

Pattern = tuple[int, ...]


class Sharing(NamedTuple):
    """For every layer, which G, which H and which thresholds it uses, counted from 0."""

    G: Pattern
    H: Pattern
    thresholds: Pattern


def threshold_array(values: ArrayLike, number: int, count: int) -> Array:
    """Return thresholds as an array (1,) or (N,); refuse negative ones."""
    found = finite_array(np.atleast_1d(np.asarray(values)), f"threshold_{number}", 1)
    if len(found) not in (1, count):
        raise InvalidNetwork(f"threshold_{number} must be one number or {count}, not {len(found)}")
    if (found < 0.0).any():
        raise InvalidNetwork(
            f"threshold_{number} is negative: then soft thresholding has a jump and no Lipschitz "
            "constant; project thresholds on [0, inf)"
        )
    return found


def check_shapes(G: Sequence[Array], H: Sequence[Array], count: int) -> None:
    """Refuse matrices that do not fit the N columns of Phi or each other."""
    if not G or not H:
        raise InvalidNetwork("an unfolded network needs at least one G, one H and one threshold")
    for key, arrays, columns in (("G", G, count), ("H", H, H[0].shape[1])):
        for number, array in enumerate(arrays, 1):
            if array.shape != (count, columns):
                raise InvalidNetwork(
                    f"{key}_{number} must have shape {(count, columns)} because Phi has {count} "
                    f"columns, but it has {array.shape}"
                )


def checked_sharing(given: Sequence[Sequence[int]] | None, counts: tuple[int, ...]) -> Sharing:
    """Return the three patterns, of each layer its own where none are given."""
    if given is None:
        given = [tuple(range(count)) for count in counts]
    if len(given) != 3:
        raise InvalidNetwork("sharing must hold three patterns: of G, H and the thresholds")
    patterns = [integers(pattern, "sharing", 0, (1,)) for pattern in given]
    if len({len(pattern) for pattern in patterns}) > 1:
        raise InvalidNetwork("sharing must name one G, one H and one threshold for every layer")
    for pattern, count in zip(patterns, counts, strict=True):
        if set(pattern) != set(range(count)):
            raise InvalidNetwork(
                f"a pattern of sharing must use each of 0 to {count - 1}, but it is {pattern}"
            )
    return Sharing(*patterns)

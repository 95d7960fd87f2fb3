"""Unfolded networks in the common form: y feeds every layer, and each layer the next one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array, hstack, vstack

from lipexplore.networks.slope_ranges import SlopeRanges
from lipexplore.networks.slope_system import SlopeSystem
from lipexplore.rounding import Array


def chained_system(
    layers: Sequence[tuple[Array, Array, Array]], synthesis: Array, ranges: SlopeRanges
) -> SlopeSystem:
    """Put G below the diagonal of W, H in every block of U and Phi at the end of C.

    Parameters
    ----------
    layers
        (G, H, theta) of every layer.
    synthesis
        Phi, shape (p, N).
    ranges
        Slopes of every layer, of which the first N entries are its codes'.
    """
    count, inputs = layers[0][1].shape
    total = count * len(layers)
    rows = []
    for layer, (G, H, _) in enumerate(layers):
        before = [csr_array((count, count * (layer - 1))), csr_array(G)] if layer else []
        after = csr_array((count, total - count * layer))
        rows.append(hstack([csr_array(H), *before, after], format="csr"))
    through = csr_array((len(synthesis), inputs + total - count))
    return SlopeSystem(
        incoming=vstack(rows, format="csr"),
        outgoing=hstack([through, csr_array(synthesis)], format="csr"),
        lower=np.concatenate([low[:count] for low in ranges.lower]),
        upper=np.concatenate([high[:count] for high in ranges.upper]),
        layers=(count,) * len(layers),
    )

"""How many samples a bound needs: the class's sample complexity."""

from __future__ import annotations

from collections.abc import Callable

from lipexplore.errors import InvalidSetting
from lipexplore.properties.generalization.blocks import root_above, rounded_product
from lipexplore.properties.generalization.classes import IstaClass
from lipexplore.properties.generalization.gap import GapBound, generalization_gap
from lipexplore.properties.generalization.layerwise import LayerwiseClass

MOST = 2**62


Family = IstaClass | LayerwiseClass


def joint_gap(family: Family, data_radius: float, radius: float) -> Callable[[int], GapBound]:
    """Return m -> the closed form of the gap for data with |Y|_F = sqrt(m) ``data_radius``.

    ``radius`` is both B_in and B_out.
    """

    def gap_of(samples: int) -> GapBound:
        size = rounded_product(data_radius, root_above(float(samples)))
        blocks = family.blocks(size, samples)
        return generalization_gap(
            blocks, samples, input_radius=radius, output_radius=radius, cells=0
        )

    return gap_of


def samples_needed(gap_of: Callable[[int], GapBound], wanted: float) -> int:
    """Return the least m whose closed form is at most ``wanted``, by bisection.

    ``gap_of(m)`` must not grow with m, as that of :func:`joint_gap` does not.

    Parameters
    ----------
    gap_of
        The bound as a function of m.
    wanted
        The largest gap that is accepted.

    Raises
    ------
    InvalidSetting
        If even 2^62 samples do not do.
    """
    low, high = 0, 1
    while gap_of(high).joint > wanted:
        low, high = high, 2 * high
        if high > MOST:
            raise InvalidSetting(f"no number of samples up to 2^62 proves a gap of {wanted:g}")
    while high - low > 1:
        middle = (low + high) // 2
        if gap_of(middle).joint > wanted:
            low = middle
        else:
            high = middle
    return high

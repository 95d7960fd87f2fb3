"""GroupSort of pairs (MaxMin) as a layer of splines: identities and absolute values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.errors import InvalidNetwork
from lipexplore.networks.feedforward import Network
from lipexplore.networks.spline_expansion import exact_array, floats
from lipexplore.networks.splines import Splines

PAIR_KNOTS = (-1.0, 0.0, 1.0)
PAIR_VALUES = ((-1.0, 0.0, 1.0), (1.0, 0.0, 1.0))
"""Identity and absolute value."""


def group_sort_network(
    weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], name: str = "network"
) -> Network:
    """Return the network whose hidden layers sort neighbouring pairs of units, larger first.

    Sorting is no function of one unit, so no range of slopes per unit describes it. But with
    p = (a + b) / 2 and q = (a - b) / 2

        max(a, b) = p + |q|,    min(a, b) = p - |q|,

    so a layer of identities and absolute values between two rotated weight matrices is the same
    network, without rounding. The rotations multiply ||W||_2 by 1/sqrt(2) and sqrt(2): the product
    of l_2 norms stays. In l_inf it may double per layer, because ||[1 1; 1 -1]||_inf = 2: there the
    product of the given weights' norms, valid since sorting is 1-Lipschitz, is the better bound.

    Parameters
    ----------
    weights
        Arrays (n_l, n_{l-1}).
    biases
        Arrays (n_l,).
    name
        The network's name.

    Raises
    ------
    InvalidNetwork
        If a hidden layer has an odd number of units.
    UnsupportedQuestion
        If a sum of two weights is no float; weights on a grid are fine.

    References
    ----------
    Anil, Lucas, Grosse, *Sorting out Lipschitz function approximation*, ICML 2019 (arXiv
    1811.05381), for GroupSort.
    """
    plain = Network(weights, biases, "identity")
    exact = list(map(exact_array, plain.weights))
    offsets = list(map(exact_array, plain.biases))
    for layer, width in enumerate(plain.widths[1:-1]):
        if width % 2:
            raise InvalidNetwork(f"hidden layer {layer + 1} has {width} units: sorting takes pairs")
        for arrays in (exact, offsets):
            first, second = arrays[layer][0::2], arrays[layer][1::2]
            both = np.empty_like(arrays[layer])
            both[0::2], both[1::2] = (first + second) / 2, (first - second) / 2
            arrays[layer] = both
        larger, smaller = exact[layer + 1][:, 0::2], exact[layer + 1][:, 1::2]
        both = np.empty_like(exact[layer + 1])
        both[:, 0::2], both[:, 1::2] = larger + smaller, larger - smaller
        exact[layer + 1] = both
    acts = [
        Splines(PAIR_KNOTS, np.tile(PAIR_VALUES, (width // 2, 1))) for width in plain.widths[1:-1]
    ]
    return Network(floats(exact), floats(offsets), acts, name)

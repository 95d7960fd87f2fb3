"""What single networks obey: growth, change of the output with the input and with parameters."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import numpy as np

from lipexplore.certificates.psd import spectral_norm_above
from lipexplore.errors import InvalidSetting
from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.networks.unfolded_arguments import Pattern
from lipexplore.properties.generalization.blocks import above, exact, root_above
from lipexplore.properties.generalization.layerwise import difference_above
from lipexplore.rounding import Array


def growth_bound(network: UnfoldedNetwork, data_norm: float) -> list[float]:
    """Return Z_1, .., Z_L with |z_l|_F <= Z_l = ||G_l|| Z_{l-1} + ||H_l|| |Y|_F, rounded up.

    Soft thresholding moves every number towards 0: |S(v)| <= |v|.

    Parameters
    ----------
    network
        Layers G_l and H_l.
    data_norm
        |Y|_F of the measurements.
    """
    size, sizes = exact(data_norm), [Fraction(0)]
    for G, H, _ in network.layers:
        sizes.append(_norm(G) * sizes[-1] + _norm(H) * size)
    return [above(size) for size in sizes[1:]]


def input_lipschitz(network: UnfoldedNetwork) -> float:
    """Return ||Phi|| sum_k ||H_k|| prod_{i>k} ||G_i||, rounded up: the naive l2 bound of y -> x.

    The linear network with all units active is *no* bound: a pattern of slopes 0 and 1 can have a
    larger norm. Tighter bounds: :func:`lipexplore.properties.incremental_qc.lipschitz` of the
    unclipped network, and every method of :func:`lipexplore.bound` of ``network.to_network()``.

    Parameters
    ----------
    network
        Layers G_l, H_l and the output Phi.
    """
    total = Fraction(0)
    for G, H, _ in network.layers:
        total = _norm(G) * total + _norm(H)
    return above(_norm(network.Phi) * total)


def sampled_lipschitz(network: UnfoldedNetwork, count: int = 2000, seed: int = 0) -> float:
    """Estimate the l2 Lipschitz constant of y -> x from below: the largest sampled Jacobian.

    It is no bound. Points are drawn at three scales, since large ones make every unit active.
    """
    rng = np.random.default_rng(seed)
    points = (
        rng.standard_normal((count, network.n_inputs))
        * np.logspace(-1, 1, 3).repeat(-(-count // 3))[:count, None]
    )
    return float(np.linalg.norm(network.jacobian(points), 2, axis=(-2, -1)).max())


def all_active_norm(network: UnfoldedNetwork) -> float:
    """Return the norm of the linear network in which every unit is active: *not* a bound."""
    total = np.zeros((network.n_codes, network.n_inputs))
    for G, H, _ in network.layers:
        total = G @ total + H
    return float(np.linalg.norm(network.Phi @ total, 2))


def perturbation_bound(
    first: UnfoldedNetwork, second: UnfoldedNetwork, data_norm: float, samples: int
) -> float:
    """Bound |h(Y) - h'(Y)|_F of two networks of the same sizes, rounded up.

    Before the output sum_l (prod_{i>l} g_i) [||G_l - G_l'|| Z_{l-1} + ||H_l - H_l'|| |Y|_F +
    sqrt(m) |theta_l - theta_l'|], where g, h and Z are the larger of both networks' norms; then
    ||Phi|| times that, and ||Phi - Phi'|| Z_L. Clips of the same radius do not enlarge it.

    Parameters
    ----------
    first, second
        The networks h and h'.
    data_norm
        |Y|_F of the measurements.
    samples
        m, the number of measurements.

    Raises
    ------
    InvalidSetting
        If the sizes, the numbers of layers or the clips differ.
    """
    shapes = [(net.n_inputs, net.n_codes, net.n_outputs, net.n_layers) for net in (first, second)]
    if shapes[0] != shapes[1] or first.clip != second.clip:
        raise InvalidSetting("both networks must have the same sizes, layers and clip")
    size, wide = exact(data_norm), exact(root_above(float(samples)))

    @cache
    def larger(key: str, one: int, two: int) -> Fraction:
        return max(_norm(getattr(first, key)[one]), _norm(getattr(second, key)[two]))

    @cache
    def moved(key: str, one: int, two: int) -> Fraction:
        a, b = getattr(first, key)[one], getattr(second, key)[two]
        if key == "thresholds":
            a, b = (np.broadcast_to(theta, first.n_codes) for theta in (a, b))
        return exact(difference_above(a, b))

    change, reach = Fraction(0), Fraction(0)
    for g, h, theta in zip(*map(_paired, first.sharing, second.sharing), strict=True):
        own = moved("G", *g) * reach + moved("H", *h) * size + moved("thresholds", *theta) * wide
        change = larger("G", *g) * change + own
        reach = larger("G", *g) * reach + larger("H", *h) * size
    out = max(_norm(first.Phi), _norm(second.Phi))
    total = out * change + exact(difference_above(first.Phi, second.Phi)) * reach
    return min(above(total), _clip_limit(first.clip, samples))


def _paired(first: Pattern, second: Pattern) -> list[tuple[int, int]]:
    return list(zip(first, second, strict=True))


def _clip_limit(clip: float, samples: int) -> float:
    """Two clipped outputs are never further apart than 2 sqrt(m) B_out."""
    if math.isinf(clip):
        return math.inf
    return above(2 * exact(clip) * exact(root_above(float(samples))))


def _norm(matrix: Array) -> Fraction:
    return exact(spectral_norm_above(matrix))

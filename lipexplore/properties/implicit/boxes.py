"""Other boxes of outputs: by a Lipschitz matrix, by unrolling the iteration, by sampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.properties.implicit.gain import all_slopes, closed_gain
from lipexplore.properties.reachability import output_box
from lipexplore.rounding import Array, affine_interval, down, product_error, up

UNROLLED = 60
"""Steps of the iteration through which intervals are propagated; every number of them is sound."""


def lipschitz_box(
    network: ImplicitNetwork, lower: ArrayLike, upper: ArrayLike
) -> tuple[Array, Array]:
    """Return proven ends (p,) of the outputs: y(centre) -+ K times half the widths of the box.

    K = |C| (I - M)^-1 |B| + |D| is :func:`.closed_gain`. The embedded network's box is never wider.
    """
    low, high = (np.asarray(end, dtype=np.float64) for end in (lower, upper))
    center = np.clip(0.5 * low + 0.5 * high, low, high)
    half = up(np.maximum(up(high - center), up(center - low)))
    gain = closed_gain(network, all_slopes(network))
    moved = gain @ half
    spread = up(moved + product_error(network.n_inputs + 2, moved))
    below, above = output_box(network, network.equilibrium(center).box, (center, center))
    return down(below - spread), up(above + spread)


def unrolled_box(
    network: ImplicitNetwork, lower: ArrayLike, upper: ArrayLike, steps: int = UNROLLED
) -> tuple[Array, Array]:
    """Return proven ends (p,) by interval propagation through the averaged iteration.

    From z_0, the equilibrium at the centre, the k-th iterate lies in an interval, and is at most
    f^k |z_0 - phi(A z_0 + B x + b)|_eta / (1 - max(mu, 0)) from the equilibrium, with the factor f
    of the iteration. All k up to ``steps`` are sound; their intersection is returned. Intervals
    forget that both ends are the same state, so they grow with every step, the more the more
    negative the diagonal is.
    """
    low, high = (np.asarray(end, dtype=np.float64) for end in (lower, upper))
    proof = network.contraction
    room, step = down(1.0 - max(proof.measure, 0.0)), proof.step * (1.0 - 2.0**-50)
    factor = float(up(1.0 - down(step * room)))
    state = network.equilibrium(np.clip(0.5 * low + 0.5 * high, low, high)).state
    ends = state, state
    first = _images(network, ends, low, high)
    distance = up(np.maximum(up(first[1] - state), up(state - first[0])))
    away = float(up(up(distance / proof.weights).max() / room))
    best = _moved(ends, away, proof.weights)
    for _ in range(steps):
        ends = _averaged(ends, _images(network, ends, low, high), step)
        away = float(up(away * factor))
        box = _moved(ends, away, proof.weights)
        best = np.maximum(best[0], box[0]), np.minimum(best[1], box[1])
    return output_box(network, best, (low, high))


def _images(
    network: ImplicitNetwork, ends: tuple[Array, Array], low: Array, high: Array
) -> tuple[Array, Array]:
    """Enclose phi(A z + B x + b) for independent z and x in their intervals."""
    lower, upper = np.concatenate([ends[0], low]), np.concatenate([ends[1], high])
    inner = affine_interval(network.incoming, network.b, lower, upper)
    return network.activation.value_range(*inner)


def _averaged(
    ends: tuple[Array, Array], images: tuple[Array, Array], step: float
) -> tuple[Array, Array]:
    """Enclose (1 - a) z + a f for independent z and f in their intervals."""
    kept = down(1.0 - step), up(1.0 - step)
    lower = np.minimum(kept[0] * ends[0], kept[1] * ends[0])
    upper = np.maximum(kept[0] * ends[1], kept[1] * ends[1])
    return (
        down(down(lower) + down(step * images[0])),
        up(up(upper) + up(step * images[1])),
    )


def _moved(ends: tuple[Array, Array], away: float, weights: Array) -> tuple[Array, Array]:
    spread = up(away * weights)
    return down(ends[0] - spread), up(ends[1] + spread)


def sampled_box(
    network: ImplicitNetwork, lower: ArrayLike, upper: ArrayLike, count: int = 1000, seed: int = 0
) -> tuple[Array, Array]:
    """Return outputs (count, p) at random inputs of a box, and how far each is from the truth.

    Half of the inputs are corners of the box. ``|y - y*| <= error`` entry by entry is proven but
    for the rounding of C z + D x + c.
    """
    low, high = (np.asarray(end, dtype=np.float64) for end in (lower, upper))
    rng = np.random.default_rng(seed)
    share = rng.random((count, network.n_inputs))
    share[: count // 2] = share[: count // 2] > 0.5
    points = np.clip(low + share * (high - low), low, high)
    found = network.equilibrium(points)
    outputs = found.state @ network.C.T + points @ network.D.T + network.c
    return outputs, found.error @ np.abs(network.C).T

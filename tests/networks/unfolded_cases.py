"""Unfolded networks for tests, and their map written out again without the package."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from lipexplore.networks.unfolded import UnfoldedNetwork


def spec_arrays():
    """Return A, Phi, Y and tau of the case ista_60: n, N, L, m = 5, 8, 4, 20."""
    rng = np.random.default_rng(60)
    A = rng.standard_normal((5, 8)) / np.sqrt(5)
    Phi = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    return A, Phi, rng.standard_normal((5, 20)), 0.9 / np.linalg.norm(A, 2) ** 2


def spec_ista(clip: float = np.inf):
    """Return ISTA of the case ista_60 with lambda = 0.05, and its measurements."""
    A, Phi, Y, tau = spec_arrays()
    return UnfoldedNetwork.ista(A, Phi, 4, tau, 0.05 * tau, clip=clip), Y


def random_pattern(rng, layers: int) -> tuple[int, ...]:
    """Return a pattern that uses 0, 1, .. up to some number."""
    names: dict[int, int] = {}
    drawn = rng.integers(0, layers, layers).tolist()
    return tuple(names.setdefault(number, len(names)) for number in drawn)


def random_unfolded(seed, sizes=None, clip=np.inf, pattern=None) -> UnfoldedNetwork:
    """Return a network with random sizes (n, N, p, L), sharing, and thresholds, zeros included."""
    rng = np.random.default_rng(seed)
    drawn = (*rng.integers(1, 6, 3).tolist(), int(rng.integers(1, 6)))
    n, N, p, layers = sizes or drawn
    sharing = pattern or [random_pattern(rng, layers) for _ in range(3)]
    counts = [max(own) + 1 for own in sharing]
    scale = rng.uniform(0.3, 1.2)
    thresholds = [
        rng.uniform(0.0, 0.5, N) * (rng.random(N) < 0.8) if rng.random() < 0.5 else rng.random()
        for _ in range(counts[2])
    ]
    return UnfoldedNetwork(
        [scale * rng.standard_normal((N, N)) / np.sqrt(N) for _ in range(counts[0])],
        [rng.standard_normal((N, n)) / np.sqrt(n) for _ in range(counts[1])],
        thresholds,
        rng.standard_normal((p, N)) / np.sqrt(N),
        sharing,
        clip,
        f"random {seed}",
    )


def direct(net: UnfoldedNetwork, y):
    """Return x by the textbook's formula, one sample and one layer at a time."""
    results = []
    for sample in y:
        z = np.zeros(net.Phi.shape[1])
        for g, h, t in zip(*net.sharing, strict=True):
            v = net.G[g] @ z + net.H[h] @ sample
            z = np.sign(v) * np.maximum(np.abs(v) - net.thresholds[t], 0.0)
        x = net.Phi @ z
        size = np.sqrt(x @ x)
        results.append(x if size <= net.clip else x * net.clip / size)
    return np.array(results)


def all_patterns(net: UnfoldedNetwork) -> Iterator[np.ndarray]:
    """Yield the Jacobian of every choice of slopes 0 and 1 (1 where the threshold is 0)."""
    free = [np.broadcast_to(theta, net.n_codes) > 0.0 for _, _, theta in net.layers]
    for bits in product((0.0, 1.0), repeat=net.n_codes * net.n_layers):
        change = np.zeros((net.n_codes, net.n_inputs))
        for (G, H, _), own, may in zip(
            net.layers, np.split(np.array(bits), net.n_layers), free, strict=True
        ):
            change = np.where(may, own, 1.0)[:, None] * (G @ change + H)
        yield net.Phi @ change

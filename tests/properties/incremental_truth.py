"""Maps and true numbers for the incremental properties: enumeration, no code of the package."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np

import lipexplore
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.residual import ResidualMap

NUMBERS = ("lipschitz", "one-sided-upper", "one-sided-lower", "inverse")

IQC = {
    # args of the recipe: seed, inputs, units, skip; then rho of the four rows, and by enumeration
    (40, 3, 8, 1.5): (
        (11.8620739, 3.3910938, 0.911808781, 0.863423404),
        (11.8620739, 3.3910938, 0.912028399, 0.863423404),
    ),
    (41, 3, 8, -2.0): (
        (7.39818438, -0.903710382, -2.68724982, 0.884012159),
        (7.39430033, -0.905951111, -2.68270464, 0.886558878),
    ),
}
LOCAL = [
    ("relu", 0.05, "linf", 5, 1.19620938),
    ("relu", 0.05, "l2", 3, 1.15254031),
    ("relu", 0.3, "linf", 13, 1.44267708),
    ("relu", 0.3, "l2", 11, 1.44215591),
    ("tanh", 0.05, "linf", 22, 1.05328419),
    ("tanh", 0.05, "l2", 22, 0.977573332),
    ("tanh", 0.3, "linf", 22, 1.47420814),
    ("tanh", 0.3, "l2", 22, 1.32708948),
]
LOCAL_JACOBIAN = {"relu": 0.628623508, "tanh": 0.846195016}
LOCAL_GLOBAL = 2.13991773
LIPSDP = [
    ((3, 5, 4, 2), 0, 1.318984701304),
    ((6, 10, 1), 1, 0.615952894),
    ((5, 6, 5, 1), 7, 0.580383634),
    ((5, 16, 16, 16, 4), 5, 2.76711394),
]
LBEN_ANALYSIS, LBEN_FORMAL, LBEN_DESIGN = 1.37097676, 1.29652786, 1.5


def normal(widths, seed, biases=False, act="relu"):
    """Return the recipe's network: weights N(0, 1 / fan-in), then biases 0.3 N(0, 1)."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    offsets = [0.3 * rng.standard_normal(b) for b in widths[1:]] if biases else ()
    return lipexplore.Network(weights, offsets, act)


def residual(seed, inputs, units, skip):
    """Return f(x) = W2 relu(W1 x) + skip x."""
    return ResidualMap(normal((inputs, units, inputs), seed), skip)


def lben():
    """Return the recipe's equilibrium network of design gamma 1.5."""
    rng = np.random.default_rng(50)
    n, m, p, gamma = 8, 3, 2, 1.5
    v, s = (0.5 * rng.standard_normal((n, n)) for _ in range(2))
    psi = np.exp(0.4 * rng.standard_normal(n))
    u, g = rng.standard_normal((n, m)), rng.standard_normal((p, n))
    inner = (u / psi[:, None]) @ (u / psi[:, None]).T
    core = (g.T @ g + inner) / (2 * gamma) + v.T @ v + 1e-3 * np.eye(n) + s - s.T
    return ImplicitNetwork(np.eye(n) - psi[:, None] * core, u, None, g)


def pattern_jacobians(weights, slopes, skip=0.0):
    """Return skip + W_d D .. W_1 for every choice of slopes from the two ends given per layer."""
    sizes = [len(w) for w in weights[:-1]]
    found = []
    for choice in product(*[(0, 1)] * sum(sizes)):
        ends, matrix, first = np.array(choice), weights[0], 0
        for size, weight, (low, high) in zip(sizes, weights[1:], slopes, strict=True):
            chosen = np.where(ends[first : first + size], high, low)
            matrix, first = weight @ (chosen[:, None] * matrix), first + size
        found.append(matrix)
    return np.array(found) + skip


def numbers_of(jacobians):
    """Return L, m+, m- and the least singular value over a set of Jacobians."""
    values = np.linalg.svd(jacobians, compute_uv=False)
    symmetric = np.linalg.eigvalsh(0.5 * (jacobians + jacobians.transpose(0, 2, 1)))
    return {
        "lipschitz": values[:, 0].max(),
        "one-sided-upper": symmetric[:, -1].max(),
        "one-sided-lower": symmetric[:, 0].min(),
        "inverse": values[:, -1].min(),
    }

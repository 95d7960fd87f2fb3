"""Slope chains of every kind, and what is true of them; only the record comes from the package."""

import math
from fractions import Fraction
from itertools import pairwise, product

import numpy as np

from lipexplore.networks.slope_chain import SlopeChain
from tests.oracles import rational

SLOPES = {
    "global": lambda rng, n: (np.zeros(n), np.ones(n)),
    "silu": lambda rng, n: (np.full(n, -0.0998), np.full(n, 1.0998)),
    "mixed": lambda rng, n: np.sort(rng.uniform(-0.5, 1.7, (2, n)), axis=0),
    "across zero": lambda rng, n: (-rng.uniform(0.1, 1.0, n), rng.uniform(0.2, 1.2, n)),
    "positive": lambda rng, n: np.sort(rng.uniform(0.05, 1.6, (2, n)), axis=0),
    "negative": lambda rng, n: np.sort(rng.uniform(-1.6, -0.05, (2, n)), axis=0),
    "symmetric": lambda rng, n: (lambda s: (-s, s))(rng.uniform(0.2, 1.5, n)),
    "nearly fixed": lambda rng, n: (lambda s: (s, s + 1e-5))(rng.uniform(-1.0, 1.0, n)),
    "some fixed": lambda rng, n: fixed(rng, *np.sort(rng.uniform(-0.5, 1.7, (2, n)), axis=0)),
    "half decided": lambda rng, n: decided(rng, np.zeros(n), np.ones(n)),
}


def fixed(rng, low, high):
    """Fix 35 % of the slopes somewhere within their range."""
    return low, np.where(rng.random(len(low)) < 0.35, low, high)


def decided(rng, low, high):
    """Fix half of the slopes at one end or the other."""
    choice = rng.integers(0, 4, len(low))
    return np.where(choice == 0, high, low), np.where(choice == 1, low, high)


def chain_of(weights, lower, upper):
    """Return the chain of arrays as they are, without any scaling."""
    return SlopeChain(tuple(weights), tuple(lower), tuple(upper), 0, (0.0,) * len(weights), 0.0)


def random_weights(widths, seed):
    """Return N(0, 1) / sqrt(fan-in)."""
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal((rows, columns)) / math.sqrt(columns)
        for columns, rows in pairwise(widths)
    ]


def random_chain(widths, seed, slopes):
    """Return a chain with random weights and slopes of one kind."""
    rng = np.random.default_rng([seed, 1])
    ends = [SLOPES[slopes](rng, width) for width in widths[1:-1]]
    return chain_of(random_weights(widths, seed), [a for a, _ in ends], [b for _, b in ends])


def vertex_maximum(chain, norm):
    """Return the largest gain over all ends of the slopes, by enumeration in float64."""
    pairs = [
        [(a,) if a == b else (a, b) for a, b in zip(low, high, strict=True)]
        for low, high in zip(chain.lower, chain.upper, strict=True)
    ]
    largest = 0.0
    for slopes in product(*(product(*layer) for layer in pairs)):
        jacobian = chain.weights[0]
        for weight, slope in zip(chain.weights[1:], slopes, strict=True):
            jacobian = weight @ (np.array(slope)[:, None] * jacobian)
        largest = max(largest, gain(jacobian, norm))
    return largest


def gain(jacobian, norm):
    """Return the norm of a Jacobian, its outputs measured in l_2; for l_inf there is one output."""
    if norm == "linf":
        return float(np.abs(jacobian).sum())
    if norm == "l1":
        return float(np.linalg.norm(jacobian, axis=0).max())
    return float(np.linalg.norm(jacobian, 2))


def vector_iteration(chain, norm, sweeps=250, rank=8, seed=0):
    """Return value, mu and tau of the program whose units carry vectors, with momentum.

    The value is attained by vectors: the relaxation's optimum is not below it.
    """
    rng = np.random.default_rng(seed)
    middle = [(a + b) / 2 for a, b in zip(chain.lower, chain.upper, strict=True)]
    half = [(b - a) / 2 for a, b in zip(chain.lower, chain.upper, strict=True)]

    def lengths(rows):
        return np.linalg.norm(rows, axis=1)

    def unit(rows):
        return rows / np.maximum(lengths(rows), 1e-150)[:, None]

    def ball(rows):
        return unit(rows) if norm == "linf" else rows / max(np.linalg.norm(rows), 1e-150)

    def sweep(t, free):
        forward, z = [], t
        for weight, m, h, v in zip(chain.weights, middle, half, free, strict=False):
            forward.append(weight @ z)
            z = m[:, None] * forward[-1] + (h * lengths(forward[-1]))[:, None] * v
        x = chain.weights[-1] @ z
        value = np.linalg.norm(x)
        a, taus, following = chain.weights[-1].T @ x / max(value, 1e-150), [], []
        for layer in reversed(range(chain.depth)):
            g, m, h = forward[layer], middle[layer], half[layer]
            following.append(unit(a))
            taus.append(lengths(a) / np.maximum(2 * h * lengths(g), 1e-150))
            b = m[:, None] * a + (h * lengths(a))[:, None] * unit(g)
            a = chain.weights[layer].T @ b
        mu = lengths(a) if norm == "linf" else np.array([np.linalg.norm(a)])
        return value, (ball(a), following[::-1]), mu, tuple(taus[::-1])

    point = (
        ball(rng.standard_normal((chain.widths[0], rank))),
        [unit(rng.standard_normal((len(m), rank))) for m in middle],
    )
    last, previous, steps, best = point, 0.0, 0, 0.0
    for _ in range(sweeps):
        value, new, _, _ = sweep(*point)
        best = max(best, value)
        if value < previous:
            steps, point = 0, new
        else:
            k = steps / (steps + 3)
            t = ball(new[0] + k * (new[0] - last[0]))
            pairs = zip(new[1], last[1], strict=True)
            point, steps = (t, [unit(v + k * (v - w)) for v, w in pairs]), steps + 1
        last, previous = new, value
    value, _, mu, tau = sweep(*last)
    return float(max(best, value)), mu, tau


def exact_matrix(chain, inputs, outer, units):
    """Return the matrix of lambda (sum mu t^2 + 2 sum tau (z - a g)(z - b g)) - |x|^2 exactly.

    Over the inputs and the undecided units; a fixed unit is z = a g.
    """
    n_inputs = chain.widths[0]
    size = n_inputs + chain.undecided
    matrix = [[Fraction(0)] * size for _ in range(size)]
    outer = Fraction(float(outer))
    for k, mu in enumerate(inputs):
        matrix[k][k] = outer * Fraction(float(mu))
    rows = [[Fraction(int(i == k)) for k in range(size)] for i in range(n_inputs)]
    place = n_inputs
    for weight, low, high, tau in zip(
        chain.weights[:-1], chain.lower, chain.upper, units, strict=True
    ):
        outgoing = []
        for row, a, b, t in zip(rational(weight), rational(low), rational(high), tau, strict=True):
            g = [sum(w * r[k] for w, r in zip(row, rows, strict=True)) for k in range(size)]
            if a == b:
                outgoing.append([a * entry for entry in g])
                continue
            z = [Fraction(int(k == place)) for k in range(size)]
            one = [p - a * q for p, q in zip(z, g, strict=True)]
            two = [p - b * q for p, q in zip(z, g, strict=True)]
            add(matrix, one, two, outer * Fraction(float(t)))
            add(matrix, two, one, outer * Fraction(float(t)))
            outgoing.append(z)
            place += 1
        rows = outgoing
    for row in rational(chain.weights[-1]):
        x = [sum(w * r[k] for w, r in zip(row, rows, strict=True)) for k in range(size)]
        add(matrix, x, x, Fraction(-1))
    return matrix


def add(matrix, left, right, factor):
    """Add factor left right^T in place."""
    for i, p in enumerate(left):
        if p:
            for j, q in enumerate(right):
                matrix[i][j] += factor * p * q

"""Implicit networks of the specification, random certified ones, and independent truths."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lipexplore.networks.implicit import ImplicitNetwork


def contracting(free, weights, gamma):
    """A with mu_eta(A) = gamma: diag(eta) (T - diag(|T| 1)) diag(eta)^-1 + gamma I, or below."""
    inner = free - np.diag(np.abs(free).sum(axis=1))
    return weights[:, None] * inner / weights + gamma * np.eye(len(free))


@dataclass(frozen=True)
class Case:
    network: ImplicitNetwork
    weights: np.ndarray
    x: np.ndarray


def nemon(seed, n, m, p, gamma):
    """The specification's recipe, in its order of draws."""
    rng = np.random.default_rng(seed)
    free = rng.standard_normal((n, n))
    weights = np.exp(0.5 * rng.standard_normal(n))
    B, C = rng.standard_normal((n, m)), rng.standard_normal((p, n))
    D = 0.1 * rng.standard_normal((p, m))
    b, x = 1.5 + rng.standard_normal(n), rng.standard_normal(m)
    A = contracting(free, weights, gamma)
    return Case(ImplicitNetwork(A, B, b, C, D), weights, x)


def lben(seed, n, m, p, gamma, eps=1e-3):
    """A Lipschitz-bounded equilibrium network of the specification, and diag(Psi)."""
    rng = np.random.default_rng(seed)
    V, S = 0.5 * rng.standard_normal((n, n)), 0.5 * rng.standard_normal((n, n))
    psi = np.exp(0.4 * rng.standard_normal(n))
    U, G = rng.standard_normal((n, m)), rng.standard_normal((p, n))
    inner = G.T @ G / (2 * gamma) + (U / psi[:, None]) @ (U / psi[:, None]).T / (2 * gamma)
    W = np.eye(n) - psi[:, None] * (inner + V.T @ V + eps * np.eye(n) + S - S.T)
    return ImplicitNetwork(W, U, None, G), psi


def random_certified(rng, activation="relu", largest=12):
    """A random network with a certificate, of random sizes."""
    n, m, p = rng.integers(1, largest + 1), rng.integers(1, 5), rng.integers(1, 4)
    free = rng.standard_normal((n, n)) * (rng.random((n, n)) < rng.uniform(0.2, 1.0))
    weights = np.exp(rng.uniform(0.0, 1.0) * rng.standard_normal(n))
    slope = {"elu:2.0": 2.0, "sigmoid": 0.25}.get(activation, 1.0)
    A = contracting(free, weights, rng.uniform(-2.0, 0.95)) / slope
    return ImplicitNetwork(
        A,
        rng.standard_normal((n, m)),
        rng.standard_normal(n),
        rng.standard_normal((p, n)),
        rng.standard_normal((p, m)) * (rng.random() < 0.5),
        rng.standard_normal(p),
        activation,
    )


def brute_force(network, norm, lower=0.0, upper=1.0):
    """Largest |C (I - S A)^-1 S B + D| over the vertices of the slopes, from l_p to l_p."""
    n = len(network.A)
    ends = list(zip(np.broadcast_to(lower, n), np.broadcast_to(upper, n), strict=True))
    best = 0.0
    for slopes in itertools.product(*[sorted(set(pair)) for pair in ends]):
        S = np.diag(slopes)
        J = network.C @ np.linalg.inv(np.eye(n) - S @ network.A) @ S @ network.B + network.D
        best = max(best, np.linalg.norm(J, {"l1": 1, "l2": 2, "linf": np.inf}[norm]))
    return best


def picard(network, x, count):
    """Plain iterates of phi(A z + B x + b) from 0."""
    state, states = np.zeros(len(network.A)), []
    for _ in range(count):
        state = network.activation.value(network.A @ state + network.B @ x + network.b)
        states.append(state)
    return np.array(states)


def exact_equilibrium(network, state, x):
    """The equilibrium of a ReLU network in rationals, for the active set of an approximate one."""
    n = len(network.A)
    A = [[Fraction(v) for v in row] for row in network.A.tolist()]
    inputs = [Fraction(v) for v in x.tolist()]
    drive = [
        sum(Fraction(w) * v for w, v in zip(row, inputs, strict=True)) + Fraction(bias)
        for row, bias in zip(network.B.tolist(), network.b.tolist(), strict=True)
    ]
    active = [i for i in range(n) if (network.A[i] @ state + network.B[i] @ x + network.b[i]) > 0]
    matrix = [[Fraction(i == j) - A[i][j] for j in active] for i in active]
    values = solve(matrix, [drive[i] for i in active])
    result = [Fraction(0)] * n
    for i, value in zip(active, values, strict=True):
        result[i] = value
    for i in range(n):  # it is the equilibrium
        inner = sum(a * z for a, z in zip(A[i], result, strict=True)) + drive[i]
        assert result[i] == max(inner, 0)
    return result


def solve(matrix, right):
    """Gaussian elimination in rationals."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(len(rows)):
        pivot = next(i for i in range(k, len(rows)) if rows[i][k] != 0)
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(len(rows)):
            if i != k and rows[i][k] != 0:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


NEMON_10 = {
    "args": (10, 6, 3, 2, 0.4),
    "A00": -3.95554643,
    "mu_eta": 0.4,
    "mu_plain": 1.49677165,
    "abscissa_majorant": -0.201418226,
    "alpha_star": 0.160470883,
    "factor": 0.90371747,
    "paper": 52.420038,
    "sharp": 52.420038,
    "row": 52.420038,
    "closed-form": 10.9136386,
    "slope-lmi": 1.68572418,
    "patterns": 1.60466479,
    "x": (0.298323137, 0, 0, 0.116117609, 0, 0.297931522),
    "y": (-0.753496071, -0.15623507),
    "apost_error_k20": 1.39378455e-06,
    "true_error_k20": 2.63601657e-07,
    "x_lo": (0.258963629, 0, 0, 0.0870900566, 0, 0.251621932),
    "x_hi": (0.337682646, 0, 0, 0.145145162, 0, 0.344241111),
    "y_lo": (-0.922098978, -0.235572865),
    "y_hi": (-0.584893164, -0.0768972744),
    "rel01": -0.718551736,
    "plain01": -0.845201704,
}
NEMON_11 = {
    "args": (11, 6, 3, 2, -0.7),
    "A00": -4.6201294,
    "mu_eta": -0.7,
    "mu_plain": 3.52197211,
    "abscissa_majorant": -1.74061078,
    "alpha_star": 0.109688092,
    "factor": 0.890311908,
    "paper": 11.4010268,
    "sharp": 6.88139919,
    "row": 5.51536129,
    "closed-form": 3.6398151,
    "slope-lmi": 1.50022233,
    "patterns": 1.49770588,
    "x": (1.0841227, 0.490593764, 0.508484013, 0.264034426, 0.0467557975, 1.14971683),
    "y": (-1.26995073, 1.9148828),
    "apost_error_k20": 0.00424725263,
    "true_error_k20": 0.000952872214,
    "x_lo": (0.954903026, 0.367342799, 0.422432653, 0.218884604, 0, 1.04761131),
    "x_hi": (1.21442463, 0.625680381, 0.598955186, 0.310045793, 0.127852445, 1.25539494),
    "y_lo": (-1.56879565, 1.60190444),
    "y_hi": (-0.955440006, 2.268457),
    "rel01": -3.77409275,
    "plain01": -3.83725265,
}
LBEN_50 = {
    "args": (50, 8, 3, 2, 1.5),
    "W00": -1.64145669,
    "lmi_min_eig": 0.00204885371,
    "from_design_T": 1.49943172,
    "analysis": 1.37097676,
    "formal": 1.29652786,
    "mu_inf": 8.62543944,
    "abscissa_majorant": 5.88523098,
}
"""The specification's checks: rtol 1e-6 (closed forms, enumerations), 2e-5 (programs)."""

"""Implicit networks with a chosen matrix measure."""

from __future__ import annotations

import numpy as np

from lipexplore.networks.contraction import matrix_measure
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.rounding import Array


def contracting_matrix(free: Array, weights: Array, gamma: float) -> Array:
    """Return diag(eta) (T - diag(|T| 1)) diag(eta)^-1 + gamma I, whose measure is at most gamma.

    Every matrix A with mu_eta(A) <= gamma is of this form: T_ij = eta_j A_ij / eta_i off the
    diagonal, and T_ii halves what row i leaves. Exact but for rounding.
    """
    inner = free - np.diag(np.abs(free).sum(axis=1))
    return np.asarray(weights[:, None] * inner / weights + gamma * np.eye(len(free)))


def random_implicit(
    n_states: int, n_inputs: int, n_outputs: int, gamma: float, seed: int
) -> ImplicitNetwork:
    """Return a random network with ReLU states and mu_eta(A) about ``gamma``.

    Parameters
    ----------
    n_states, n_inputs, n_outputs
        Sizes n, m and p.
    gamma
        The matrix measure, below 1 for a well-posed network.
    seed
        Of all matrices.
    """
    rng = np.random.default_rng(seed)
    free = rng.standard_normal((n_states, n_states)) / np.sqrt(n_states)
    weights = np.exp(0.5 * rng.standard_normal(n_states))
    return ImplicitNetwork(
        contracting_matrix(free, weights, gamma),
        rng.standard_normal((n_states, n_inputs)) / np.sqrt(n_inputs),
        0.5 * rng.standard_normal(n_states),
        rng.standard_normal((n_outputs, n_states)) / np.sqrt(n_states),
        name=f"random {n_inputs}-{n_states}-{n_outputs}",
    )


def with_measure(network: ImplicitNetwork, gamma: float, weights: Array) -> ImplicitNetwork:
    """Return the network with A + (gamma - mu_eta(A)) I in place of A."""
    shift = gamma - matrix_measure(network.A, weights)
    state = network.A + shift * np.eye(network.n_states)
    rest = (network.B, network.b, network.C, network.D, network.c)
    return ImplicitNetwork(state, *rest, network.activation, network.name)

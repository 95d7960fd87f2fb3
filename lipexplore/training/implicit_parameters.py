"""Free parameters of implicit networks: every choice of them is well-posed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.networks.contraction import row_measures
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.rounding import Array
from lipexplore.training.feedforward import GRID


@dataclass(frozen=True, eq=False)
class ImplicitParameters:
    """Free parameters of z = relu(A z + B x + b), y = C z + c with mu_eta(A) <= gamma < 1.

    A = diag(eta) (T - diag(|T| 1)) diag(eta)^-1 + gamma I with eta = exp(log_eta): row i has
    a_ii + sum_{j != i} |a_ij| eta_j / eta_i = t_ii - |t_ii| + gamma, and every A with
    mu_eta(A) <= gamma is reached.

    Parameters
    ----------
    T, log_eta
        Shapes (n, n) and (n,).
    B, b
        Shapes (n, n_0) and (n,).
    C, c
        Shapes (m, n) and (m,).
    gamma
        The bound of the matrix measure, a number below 1.

    Raises
    ------
    InvalidSetting
        If gamma is not below 1, or the shapes do not fit.

    References
    ----------
    Jafarpour, Davydov, Proskurnikov, Bullo, NeurIPS 2021 (arXiv 2106.03194).
    """

    T: Array
    log_eta: Array
    B: Array
    b: Array
    C: Array
    c: Array
    gamma: float = 0.0

    def __post_init__(self) -> None:
        if not self.gamma < 1.0:
            raise InvalidSetting(f"gamma must be below 1, not {self.gamma}")
        n = len(self.T)
        shapes = [array.shape for array in self.arrays]
        n_inputs, n_outputs = self.B.shape[-1], len(self.C)
        if shapes != [(n, n), (n,), (n, n_inputs), (n,), (n_outputs, n), (n_outputs,)]:
            raise InvalidSetting(f"shapes of T, log_eta, B, b, C, c do not fit: {shapes}")

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Return (T, log_eta, B, b, C, c)."""
        return self.T, self.log_eta, self.B, self.b, self.C, self.c

    @property
    def A(self) -> Array:
        """Return the state matrix (n, n)."""
        eta = np.exp(self.log_eta)
        matrix = self.T * (eta[:, None] / eta)
        np.fill_diagonal(matrix, np.diag(self.T) - np.abs(self.T).sum(axis=1) + self.gamma)
        return matrix

    @property
    def vector(self) -> Array:
        """Return all numbers (P,), in the order of ``arrays``."""
        return np.concatenate([array.ravel() for array in self.arrays])

    def with_vector(self, vector: Array) -> ImplicitParameters:
        """Return parameters of the same shapes with the numbers of ``vector`` (P,)."""
        ends = np.cumsum([array.size for array in self.arrays])[:-1]
        parts = zip(np.split(vector, ends), self.arrays, strict=True)
        T, log_eta, B, b, C, c = (part.reshape(array.shape) for part, array in parts)
        return ImplicitParameters(T, log_eta, B, b, C, c, self.gamma)

    def network(self, name: str = "implicit") -> ImplicitNetwork:
        """Return the network with all numbers on the grid 2^-20 and mu_eta(A) <= gamma proven.

        Rounding A can lift a row's measure above gamma; its diagonal entry is then lowered by steps
        of the grid until the upwards rounded measure is not above gamma.
        """
        A, B, b, C, c = (np.round(array / GRID) * GRID for array in (self.A, *self.arrays[2:]))
        eta = np.exp(self.log_eta)
        while (above := _measures(A, eta) - self.gamma).max() > 0.0:
            A[np.diag_indices(len(A))] -= np.ceil(np.maximum(above, 0.0) / GRID) * GRID
        return ImplicitNetwork(A, B, b, C, None, c, "relu", name)


def _measures(A: Array, eta: Array) -> Array:
    """Return upper bounds of the row measures, exactly 0 for rows of zeros."""
    return np.where(A.any(axis=1), row_measures(A, eta), 0.0)


def initial_parameters(
    n_inputs: int, n: int, n_outputs: int, gamma: float = 0.0, seed: int = 0
) -> ImplicitParameters:
    """Return parameters to start from: uniform T on +-1/n, B on +-sqrt(6/n_0), C on +-sqrt(6/n).

    eta = 1, b = 1/2 and c = 0, as :func:`.initial_network` does: on pixels, which are not negative,
    units that start from 0 can be silent on every image.
    """
    rng = np.random.default_rng(seed)
    scales = [((n, n), 1.0 / n), ((n, n_inputs), (6.0 / n_inputs) ** 0.5)]
    scales.append(((n_outputs, n), (6.0 / n) ** 0.5))
    T, B, C = ((2.0 * rng.random(shape) - 1.0) * scale for shape, scale in scales)
    return ImplicitParameters(
        T, np.zeros(n), B, np.full(n, 0.5), C, np.zeros(n_outputs), float(gamma)
    )

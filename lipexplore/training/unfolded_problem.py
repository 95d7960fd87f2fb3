"""Synthetic compressed sensing, seeded, and the two iterations that need no training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.networks.unfolded import UnfoldedNetwork
from lipexplore.networks.unfolded_soft import soft_value
from lipexplore.rounding import Array

Samples = tuple[Array, Array]


@dataclass(frozen=True, eq=False)
class RecoveryProblem:
    """Signals x = Phi z with s-sparse z, measured as y = A x + noise.

    Parameters
    ----------
    measurements
        A, shape (n, N).
    dictionary
        The true Phi, orthogonal, shape (N, N).
    sparsity
        s, the number of entries of z that are not 0; they are normal with variance 1 / s.
    noise
        Standard deviation of each number of the noise.
    radius
        B_in: signals outside this ball are moved to its surface, so |x| <= B_in almost surely.
    """

    measurements: Array
    dictionary: Array
    sparsity: int
    noise: float = 0.01
    radius: float = 1.0

    @classmethod
    def random(
        cls, codes: int, measurements: int, sparsity: int, *, seed: int = 0
    ) -> RecoveryProblem:
        """Draw A with independent normal entries of variance 1 / n, and Phi from a QR.

        Raises
        ------
        InvalidSetting
            If a size is below 1, or there are more measurements or non-zeros than codes.
        """
        if not (1 <= measurements <= codes and 1 <= sparsity <= codes):
            raise InvalidSetting(
                f"measurements and sparsity must be in 1..{codes}, not {measurements}, {sparsity}"
            )
        rng = np.random.default_rng(seed)
        A = rng.standard_normal((measurements, codes)) / np.sqrt(measurements)
        return cls(A, np.linalg.qr(rng.standard_normal((codes, codes)))[0], sparsity)

    def sample(self, count: int, rng: np.random.Generator) -> Samples:
        """Return measurements (count, n) and signals (count, N)."""
        codes = self.dictionary.shape[1]
        z = rng.standard_normal((count, codes)) / np.sqrt(self.sparsity)
        order = rng.random((count, codes)).argsort(axis=1)
        z[order >= self.sparsity] = 0.0
        x = z @ self.dictionary.T
        sizes = np.linalg.norm(x, axis=1, keepdims=True)
        x = x * (self.radius / np.maximum(sizes * (1.0 + 1e-12), self.radius))
        noise = self.noise * rng.standard_normal((count, len(self.measurements)))
        return x @ self.measurements.T + noise, x

    @property
    def usual_step(self) -> float:
        """0.99 / ||A||^2: with it ISTA never increases its objective."""
        return float(0.99 / np.linalg.norm(self.measurements, 2) ** 2)

    def ista(self, layers: int, step: float, weight: float) -> UnfoldedNetwork:
        """Unfold ISTA for |y - A Phi z|^2 / 2 + weight |z|_1 with the true dictionary."""
        return UnfoldedNetwork.ista(
            self.measurements, self.dictionary, layers, step, step * weight, clip=self.radius
        )

    def fista(self, y: Array, layers: int, step: float, weight: float) -> Array:
        """Return the codes of FISTA after 1, .., L steps, shape (L, count, N).

        References
        ----------
        Beck, Teboulle, SIAM J. Imaging Sciences 2 (2009), section 4.
        """
        M = self.measurements @ self.dictionary
        code = ahead = np.zeros((len(y), M.shape[1]))
        found, momentum = [], 1.0
        for _ in range(layers):
            before = code
            inner = ahead + step * (y - ahead @ M.T) @ M
            code = soft_value(inner, np.array([step * weight]))
            following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            ahead = code + (momentum - 1.0) / following * (code - before)
            momentum = following
            found.append(code)
        return np.array(found)


def layer_errors(recovered: Array, x: Array) -> Array:
    """Return the mean error |x_l - x| over the mean size |x| for signals (L, count, N)."""
    errors = np.linalg.norm(recovered - x, axis=-1).mean(axis=-1)
    return np.asarray(errors / np.linalg.norm(x, axis=-1).mean())

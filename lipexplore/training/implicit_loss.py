"""Loss of an implicit network and its gradient by the implicit function theorem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipexplore.errors import InvalidSetting
from lipexplore.rounding import Array
from lipexplore.training.feedforward import Labels, softmax_loss
from lipexplore.training.implicit_parameters import ImplicitParameters

TOLERANCE = 1e-13
LARGEST_COUNT = 10_000


@dataclass(frozen=True)
class ImplicitLoss:
    """(1 - kappa) CE(y) + kappa CE(worst logits) + lipschitz L.

    CE is the mean softmax cross-entropy. The worst logit of class j is minus the lower bound of
    y_label - y_j that the embedded network proves on the l_inf ball of radius ``radius``; L is the
    closed form max_r (|C| (I - M)^-1 |B| 1)_r, M = |A| with the diagonal of A, an l_inf Lipschitz
    bound.

    Parameters
    ----------
    kappa
        Share of the worst logits, in [0, 1].
    radius
        Radius of the ball of inputs, at least 0.
    lipschitz
        Weight of the penalty, at least 0.

    References
    ----------
    Jafarpour, Davydov, Abate, Bullo, Coogan, "Robust Training and Verification of Implicit Neural
    Networks: A Non-Euclidean Contractive Approach", 2022 (arXiv 2208.03889).
    """

    kappa: float = 0.0
    radius: float = 0.0
    lipschitz: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.kappa <= 1.0 or not min(self.radius, self.lipschitz) >= 0.0:
            raise InvalidSetting(f"kappa must be in [0, 1], the others at least 0: {self}")

    def value_and_gradient(
        self, parameters: ImplicitParameters, images: Array, labels: Labels
    ) -> tuple[float, Array]:
        """Return the loss on images (count, n_0), labels (count,) and its gradient (P,).

        The gradient is with respect to ``parameters.vector``.
        """
        total, parts = 0.0, _zeros(parameters)
        for share, radius in ((1.0 - self.kappa, 0.0), (self.kappa, self.radius)):
            if share > 0.0:
                value, gradient = _worst_cross_entropy(parameters, images, labels, radius)
                total += share * value
                parts = [old + share * new for old, new in zip(parts, gradient, strict=True)]
        if self.lipschitz > 0.0:
            value, gradient = lipschitz_and_gradient(parameters)
            total += self.lipschitz * value
            parts = [old + self.lipschitz * new for old, new in zip(parts, gradient, strict=True)]
        dA, *others = parts
        pieces = [*_chain(parameters, dA), *others]
        return total, np.concatenate([piece.ravel() for piece in pieces])


def fixed_points(W: Array, offsets: Array) -> Array:
    """Return z = relu(W z + q) for every row q of ``offsets`` (count, n), to about 1e-13.

    z is the fixed point of relu((V z + q) / (1 - diag W)) with V = W off the diagonal, a
    contraction with factor max_i (mu - w_ii) / (1 - w_ii) where mu < 1 is a matrix measure of W.

    Raises
    ------
    InvalidSetting
        If the iteration does not converge.
    """
    scale = 1.0 - np.diag(W)
    matrix, start = _off_diagonal(W).T / scale, offsets / scale
    states = np.maximum(start, 0.0)
    for _ in range(LARGEST_COUNT):
        new = np.maximum(states @ matrix + start, 0.0)
        if np.abs(new - states).max() <= TOLERANCE * (1.0 + new.max()):
            return new
        states = new
    raise InvalidSetting("the equilibrium was not reached: choose a smaller gamma")


def adjoints(W: Array, states: Array, errors: Array) -> Array:
    """Return v = d (I - W^T d)^-1 e for every row e of ``errors``, d = 1 where ``states`` > 0.

    v is the derivative, with respect to the offsets q, of a loss whose derivative with respect to
    z is e.
    """
    active = (states > 0.0) / (1.0 - np.diag(W))
    matrix = _off_diagonal(W)
    result = active * errors
    for _ in range(LARGEST_COUNT):
        new = active * (errors + result @ matrix)
        if np.abs(new - result).max() <= TOLERANCE * np.abs(new).max():
            return new
        result = new
    raise InvalidSetting("the adjoint was not reached: choose a smaller gamma")


def embedded_matrix(A: Array) -> Array:
    """Return [P N; N P] (2n, 2n): N the negative entries off the diagonal of A, P the others."""
    positive = np.where((A > 0.0) | np.eye(len(A), dtype=bool), A, 0.0)
    return np.block([[positive, A - positive], [A - positive, positive]])


def lipschitz_and_gradient(parameters: ImplicitParameters) -> tuple[float, list[Array]]:
    """Return L = max_r (|C| (I - M)^-1 |B| 1)_r and its derivatives for A, B, b, C, c."""
    A, B, C = parameters.A, parameters.B, parameters.C
    off = _off_diagonal(A)
    matrix = np.eye(len(A)) - np.abs(off) - np.diag(np.diag(A))
    inner = np.linalg.solve(matrix, np.abs(B).sum(axis=1))
    row = int((np.abs(C) @ inner).argmax())
    outer = np.linalg.solve(matrix.T, np.abs(C[row]))
    result = _zeros(parameters)
    result[0] = np.outer(outer, inner) * (np.sign(off) + np.eye(len(A)))
    result[1] = np.sign(B) * outer[:, None]
    result[3][row] = np.sign(C[row]) * inner
    return float(np.abs(C[row]) @ inner), result


def _worst_cross_entropy(
    parameters: ImplicitParameters, images: Array, labels: Labels, radius: float
) -> tuple[float, list[Array]]:
    """Return CE(worst logits) on balls of that radius and its derivatives for A, B, b, C, c."""
    A, B, C, n = parameters.A, parameters.B, parameters.C, len(parameters.T)
    middle, spread = images @ B.T + parameters.b, radius * np.abs(B).sum(axis=1)
    W = embedded_matrix(A)
    states = fixed_points(W, np.hstack([middle - spread, middle + spread]))
    lower, upper = states[:, None, :n], states[:, None, n:]
    rows = C[labels][:, None] - C
    above = rows > 0.0
    worst = -(rows * np.where(above, lower, upper)).sum(axis=2)
    worst += parameters.c - parameters.c[labels][:, None]
    value, error = softmax_loss(worst, labels)
    down = -(error[:, :, None] * rows)
    v = adjoints(W, states, np.hstack([(down * above).sum(axis=1), (down * ~above).sum(axis=1)]))
    vl, vu = v[:, :n], v[:, n:]
    same = vl.T @ states[:, :n] + vu.T @ states[:, n:]
    crossed = vl.T @ states[:, n:] + vu.T @ states[:, :n]
    dA = np.where((A > 0.0) | np.eye(n, dtype=bool), same, crossed)
    dB = (vl + vu).T @ images + radius * np.sign(B) * (vu - vl).sum(axis=0)[:, None]
    drows = -(error[:, :, None] * np.where(above, lower, upper))
    dC = -drows.sum(axis=0)
    np.add.at(dC, labels, drows.sum(axis=1))
    dc = error.sum(axis=0)
    np.add.at(dc, labels, -error.sum(axis=1))
    return value, [dA, dB, (vl + vu).sum(axis=0), dC, dc]


def _chain(parameters: ImplicitParameters, dA: Array) -> tuple[Array, Array]:
    """Turn the derivative for A into those for T and log eta."""
    eta = np.exp(parameters.log_eta)
    H = dA * (eta[:, None] / eta)
    np.fill_diagonal(H, np.diag(dA))
    dT = H - np.sign(parameters.T) * np.diag(H)[:, None]
    moved = dA * _off_diagonal(parameters.A)
    return dT, moved.sum(axis=1) - moved.sum(axis=0)


def _off_diagonal(matrix: Array) -> Array:
    return matrix - np.diag(np.diag(matrix))


def _zeros(parameters: ImplicitParameters) -> list[Array]:
    """Return zeros shaped like A, B, b, C, c."""
    return [np.zeros_like(parameters.T), *(np.zeros_like(a) for a in parameters.arrays[2:])]

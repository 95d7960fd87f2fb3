"""A primal-dual interior point method for one matrix inequality whose terms have rank two.

CVXOPT spends most of its time in singular value decompositions and in becoming feasible; with a
strictly feasible start and Cholesky factorisations alone an iteration costs a few matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpotrf, dpotri

from lipexplore.rounding import Array
from lipexplore.solvers.monitor import Monitor
from lipexplore.solvers.records import Settings, Solution
from lipexplore.solvers.structured_kkt import DiagonalProductLMI

MAX_ITERATIONS = 100
TOLERANCE = 1e-8
SHARE = 0.95
"""Which part of the way to the boundary of the cone a step may go."""

LEAST_CENTERING = 1e-6
SHORT_STEP, SHORTEST_STEP = 0.1, 1e-6
"""Below the first a step to the central path is made instead; below the second it ends."""


@dataclass(frozen=True, eq=False)
class StructuredProgram:
    """Minimise cost . c subject to S = constant + structure.value(c) >= 0 and c >= 0.

    Its dual: maximise -<constant, X> subject to A*(X) + z = cost, X >= 0 and z >= 0.
    """

    structure: DiagonalProductLMI
    constant: Array
    cost: Array


@dataclass(frozen=True, eq=False)
class Pair:
    """Points c of the program and X of its dual, with slacks S and z: all strictly positive."""

    c: Array
    slack: Array
    matrix: Array
    rest: Array

    @property
    def gap(self) -> float:
        """<S, X> + c . z, the difference of the two objectives."""
        return float(np.vdot(self.slack, self.matrix) + self.c @ self.rest)

    def moved(self, step: Pair, primal: float, dual: float) -> Pair:
        """Return the pair after a step of these two lengths."""
        return Pair(
            self.c + primal * step.c,
            self.slack + primal * step.slack,
            self.matrix + dual * step.matrix,
            self.rest + dual * step.rest,
        )

    def lengths(self, step: Pair) -> tuple[float, float]:
        """Return how far one may go in c and in X without reaching the boundary."""
        return (
            min(_to_zero(self.c, step.c), _to_singular(self.slack, step.slack)),
            min(_to_zero(self.rest, step.rest), _to_singular(self.matrix, step.matrix)),
        )


def minimise(
    program: StructuredProgram, start: Pair, settings: Settings, enough: float = -np.inf
) -> Solution:
    """Follow the central path by Mehrotra's predictor and corrector in the HKM direction.

    Every c on the way is feasible, so stopping early leaves a proof as well, a weaker one.

    Parameters
    ----------
    start
        c is strictly feasible with slack S; X and z need not solve the dual's equations.
    settings
        Time limit, iterations, tolerance (relative gap), callback and cancel event.
    enough
        Stop with the status "enough" once the objective is this small.

    References
    ----------
    Helmberg, Rendl, Vanderbei, Wolkowicz, SIAM J. Optim. 6 (1996); Borchers, CSDP (1999).
    """
    monitor = Monitor(settings.time_limit, settings.cancel, settings.on_progress)
    limit = settings.max_iterations or MAX_ITERATIONS
    tolerance = settings.tolerance or TOLERANCE
    pair, iteration, status = start, 0, ""
    while True:
        pair = _with_slacks(program, pair)
        value, gap = float(program.cost @ pair.c), pair.gap
        if iteration:
            monitor.report(iteration, value, value - gap)
        if monitor.should_stop():
            status = str(monitor.stopped)
        elif gap <= tolerance * abs(value) and _residual(program, pair) <= tolerance:
            status = "optimal"
        elif value <= enough:
            status = "enough"
        elif iteration >= limit:
            status = "iteration limit"
        if status:
            break
        following = _iterated(program, pair, gap)
        if following is None:
            status = f"failed: no progress beyond the gap {gap:.1e} at {value:.6g}"
            break
        pair, iteration = following, iteration + 1
    monitor.reraise()
    return Solution(
        status=status,
        value=value,
        primal={"c": pair.c},
        duals=(pair.rest, pair.matrix.ravel()),
        solver="structured",
        iterations=iteration,
        seconds=monitor.seconds,
    )


def _with_slacks(program: StructuredProgram, pair: Pair) -> Pair:
    """Return the pair with S of its c, so that rounding cannot add up."""
    return replace(pair, slack=program.constant + program.structure.value(pair.c))


def _residual(program: StructuredProgram, pair: Pair) -> float:
    """Return what the dual's equations lack, relatively."""
    lacking = program.cost - program.structure.adjoint(pair.matrix) - pair.rest
    return float(np.linalg.norm(lacking) / np.linalg.norm(program.cost))


def _iterated(program: StructuredProgram, pair: Pair, gap: float) -> Pair | None:
    """Return the pair after one iteration, None if it cannot move."""
    try:
        newton = _Newton(program, pair)
    except np.linalg.LinAlgError:
        return None
    count = len(pair.c) + len(pair.slack)
    predictor = newton.step(0.0)
    left = pair.moved(predictor, *pair.lengths(predictor)).gap / gap
    step = newton.step(max(min(left, 1.0) ** 2, LEAST_CENTERING) * gap / count, predictor)
    lengths = pair.lengths(step)
    if min(lengths) < SHORT_STEP:
        step = newton.step(gap / count)
        lengths = pair.lengths(step)
    return pair.moved(step, *lengths) if max(lengths) > SHORTEST_STEP else None


class _Newton:
    """One Schur complement, with P = S^-1: H_ij = <A_i, X A_j P> for A_i = e_i b_i^T + b_i e_i^T.

    It is made of elementwise products of X, B X, B X B^T, P, B P and B P B^T.
    """

    def __init__(self, program: StructuredProgram, pair: Pair) -> None:
        self.program, self.pair = program, pair
        rows, x = program.structure.rows, pair.matrix
        self.inverse = p = _inverse(pair.slack)
        left, right = rows @ x, rows @ p
        mixed = left * right.T
        dense = (left @ rows.T) * p
        dense += x * (right @ rows.T)
        dense += mixed
        dense += mixed.T
        summed = program.structure.summed
        matrix = summed(summed(dense).T)
        matrix[np.diag_indices(len(matrix))] += pair.rest / pair.c
        self.factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)

    def step(self, mu: float, predictor: Pair | None = None) -> Pair:
        """Return the direction towards S X = mu I, c z = mu, corrected to the second order."""
        pair, p, structure = self.pair, self.inverse, self.program.structure
        target = mu * p if mu else np.zeros_like(p)
        rest = mu / pair.c
        if predictor is not None:
            target -= _symmetric(predictor.matrix @ (predictor.slack @ p))
            rest = rest - predictor.rest * predictor.c / pair.c
        right = structure.adjoint(target) + rest - self.program.cost
        c = cho_solve(self.factor, right, check_finite=False)
        slack = structure.value(c)
        matrix = target - pair.matrix - _symmetric(pair.matrix @ (slack @ p))
        return Pair(c, slack, matrix, rest - pair.rest - pair.rest * c / pair.c)


def _inverse(matrix: Array) -> Array:
    factor, _ = cho_factor(matrix, lower=True, check_finite=False)
    inverse, info = dpotri(factor, lower=1)
    if info:
        raise np.linalg.LinAlgError("singular")
    low = np.tril(inverse)
    return np.asarray(low + np.tril(low, -1).T)


def _symmetric(matrix: Array) -> Array:
    return np.asarray(0.5 * (matrix + matrix.T))


def _to_zero(values: Array, step: Array) -> float:
    falling = step < 0.0
    return min(1.0, SHARE * float(np.min(-values[falling] / step[falling], initial=np.inf)))


def _to_singular(matrix: Array, step: Array) -> float:
    """Return a step length for which a Cholesky factorisation succeeds with some room, else 0."""
    length = 1.0
    while length > SHORTEST_STEP:
        if dpotrf(matrix + length / SHARE * step, lower=1, clean=0)[1] == 0:
            return length
        length *= 0.8
    return 0.0

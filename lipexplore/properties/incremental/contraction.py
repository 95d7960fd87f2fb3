"""Contraction in a quadratic norm that is found by bisection on the rate."""

from __future__ import annotations

import numpy as np

from lipexplore.certificates.incremental import STRICT, IncrementalCertificate, verified_level
from lipexplore.certificates.psd import is_proven_semidefinite
from lipexplore.networks.slope_system import SectorSystem
from lipexplore.properties.incremental.run import TOO_LARGE, Found, Run
from lipexplore.properties.incremental.table import metric_supply
from lipexplore.rounding import Array

LARGEST_ORDER = 160
LARGEST_DIMENSION = 30
BISECTIONS = 30
TOLERANCE = 1e-6
PATTERNS = 64
"""Slopes that are tried for a rate that no norm can beat."""


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def best_metric(run: Run, *, flow: bool) -> Found:
    """Return the best rate that was certified, with its norm.

    The inequality is linear in P and t for a fixed rate, so the rate is bisected, from that of the
    Euclidean norm down towards the largest spectral radius (for a flow abscissa) of a Jacobian,
    which no norm can beat. A rate counts only once it is proven; one that is not proven raises the
    lower end of the search and nothing else. In the last norm t is then improved once more.
    """
    count = run.system.n_inputs
    best = run.solved(metric_supply(np.eye(count), flow=flow), np.eye(count))
    if best.status == TOO_LARGE:
        return best
    if count + run.system.n_units > LARGEST_ORDER or count > LARGEST_DIMENSION:
        return _with_status(best, "Euclidean norm: too large for a search")
    high, low = -best.certificate.level, slowest(run.system, flow=flow)
    status, steps = "optimal", 0
    while steps < BISECTIONS and high - low > TOLERANCE * max(abs(high), abs(low), TOLERANCE):
        if run.seconds_left is not None and run.seconds_left < 2e-3:
            status = "time limit"
            break
        steps += 1
        rate = 0.5 * (low + high) if np.isfinite(high) else low + max(abs(low), 1.0) * 2.0**steps
        proof = _proof_at(run, rate, flow=flow)
        if proof is not None and -proof.level < high:
            best, high = _replaced(best, proof), -proof.level
        if proof is None or -proof.level > rate:
            low = max(low, rate) if np.isfinite(high) else low
        if run.on_progress is not None:
            run.on_progress({"iteration": steps, "primal": high, "dual": low})
    metric = best.certificate.metric
    polished = run.solved(metric_supply(metric, flow=flow), metric)
    if polished.certificate.level > best.certificate.level:
        best = polished
    size = {**best.size, "bisections": steps}
    return Found(best.certificate, best.claimed, status, size)


def slowest(system: SectorSystem, *, flow: bool) -> float:
    """Estimate a rate that no norm can beat: by some slopes, those at both ends among them."""
    count = system.n_inputs
    rng = np.random.default_rng(0)
    shares = np.vstack([np.zeros(system.n_units), np.ones(system.n_units)])
    shares = np.vstack([shares, rng.integers(0, 2, (PATTERNS, system.n_units))])
    rates = []
    outer = np.ldexp(system.outer, system.exponent)
    for share in shares:
        inner = (share * system.width)[:, None] * system.inner
        try:
            units = np.linalg.solve(np.eye(system.n_units) - inner[:, count:], inner[:, :count])
            values = np.linalg.eigvals(outer[:, :count] + outer[:, count:] @ units)
        except np.linalg.LinAlgError:
            continue
        rates.append(float(values.real.max() if flow else np.abs(values).max() ** 2))
    return max(rates, default=-np.inf if flow else 0.0)


def _proof_at(run: Run, rate: float, *, flow: bool) -> IncrementalCertificate | None:
    """Look for a norm with this rate; return what is proven in the norm that was found."""
    from lipexplore.relaxations.incremental_metric import metric_problem
    from lipexplore.solvers import solve

    system = run.system
    problem, sizes = metric_problem(system, rate, flow=flow)
    found = solve(problem, solver="cvxopt", time_limit=run.seconds_left, tolerance=1e-8).primal
    if "P" not in found or not np.isfinite(found["P"]).all():
        return None
    metric = _symmetric(found["P"], system.n_inputs)
    if not is_proven_norm(metric):
        return None
    units = np.ravel(found.get("t", np.empty(0))) / np.square(sizes)
    return verified_level(system, metric_supply(metric, flow=flow), metric, units, run.interior)


def is_proven_norm(metric: Array) -> bool:
    """Prove that P is positive definite."""
    error = STRICT * np.diag(np.abs(np.diagonal(metric)))
    return is_proven_semidefinite(metric, error)


def _symmetric(values: Array, count: int) -> Array:
    matrix = np.reshape(values, (count, count))
    return np.asarray(0.5 * (matrix + matrix.T))


def _replaced(best: Found, proof: IncrementalCertificate) -> Found:
    return Found(proof, proof.level, best.status, best.size)


def _with_status(best: Found, status: str) -> Found:
    return Found(best.certificate, best.claimed, status, best.size)

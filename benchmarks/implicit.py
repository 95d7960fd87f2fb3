"""Implicit networks: certificate, reachable box, convergence, bounds against the exact value."""

import json
import time

import numpy as np

from lipexplore.networks.contraction import contraction
from lipexplore.networks.implicit import ImplicitNetwork
from lipexplore.networks.implicit_generators import contracting_matrix, random_implicit
from lipexplore.properties.implicit.bounds import implicit_bound
from lipexplore.properties.reachability import EmbeddedNetwork, ball_box, reachable_box


def least_seconds(act, repeats: int = 5) -> float:
    """Return the shortest of a few runs."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def certificate_row() -> list[str]:
    """Time the well-posedness certificate of a thousand states."""
    rng = np.random.default_rng(0)
    weights = np.exp(rng.standard_normal(1000))
    A = contracting_matrix(rng.standard_normal((1000, 1000)), weights, 0.9)
    seconds = least_seconds(lambda: contraction(A), 3)
    return ["implicit: certificate, 1,000 states", f"{seconds:.3f} s", "< 0.3 s"]


def box_row() -> list[str]:
    """Time the reachable box of a 64-100-10 network, certificate included."""
    network = random_implicit(100, 64, 10, 0.5, 1)
    x = np.random.default_rng(0).standard_normal(64)

    def fresh() -> None:
        copy = ImplicitNetwork(network.A, network.B, network.b, network.C)
        reachable_box(copy, x, 0.05)

    return [
        "implicit: box of 64-100-10, with its certificate",
        f"{1e3 * least_seconds(fresh, 20):.1f} ms",
        "< 10 ms",
    ]


def convergence_row() -> list[str]:
    """Count random certified networks whose iteration ends with a small proven radius."""
    rng = np.random.default_rng(0)
    reached = 0
    for seed in range(1000):
        network = random_implicit(int(rng.integers(1, 40)), 4, 2, rng.uniform(-2.0, 0.95), seed)
        found = network.equilibrium(rng.standard_normal(4))
        reached += bool((found.error < 1e-8).all())
    return ["implicit: networks of 1,000 that converge", str(reached), "1000"]


def samples_row() -> list[str]:
    """Count sampled states outside the box, with their own proven errors."""
    network = random_implicit(6, 3, 2, 0.4, 10)
    box = ball_box(np.zeros(3), 0.5)
    low, high = EmbeddedNetwork(network).states(*box)
    outside, rng = 0, np.random.default_rng(0)
    for _ in range(10):
        found = network.equilibrium(box[0] + rng.random((100_000, 3)) * (box[1] - box[0]))
        error = found.error
        outside += int(((found.state + error < low) | (found.state - error > high)).any(1).sum())
    return ["implicit: samples of 1,000,000 outside the box", str(outside), "0"]


def bound_rows() -> list[list[str]]:
    """Compare the bounds with the exact formal value."""
    network = random_implicit(8, 3, 2, 0.4, 3)
    exact = implicit_bound(network, "patterns").value
    rows = []
    for method in ("paper", "closed-form", "midpoint", "slope-lmi"):
        answer = implicit_bound(network, method)
        shown = f"{answer.value / exact:.4g} {answer.seconds:.3f} s"
        rows.append([f"implicit: {method} over P*", shown, ""])
    return rows


def main() -> None:
    """Prove and time."""
    rows = [certificate_row(), box_row(), convergence_row(), samples_row(), *bound_rows()]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

"""The vector pass: random and deep networks, and the solver on the same program."""

import json
import time
from itertools import pairwise

import numpy as np

import lipexplore
from benchmarks.structured_kkt import normal_network
from lipexplore.bounds import Bound

NORMAL = (
    ((20, 20, 20, 1), "linf", 1e-5, 4.224691, ""),
    ((20, 20, 20, 1), "l2", 1e-5, 1.020037, ""),
    ((80, 80, 80, 1), "linf", 1e-5, 13.01030, ""),
    ((80, 80, 80, 1), "l2", 1e-5, 1.556501, ""),
    ((784, 200, 200, 1), "linf", 1e-5, 31.56455, "< 0.6 s"),
    ((784, 200, 200, 1), "l2", 1e-5, 1.198603, "< 0.6 s"),
    ((40, 40, 40, 40, 40, 1), "linf", 1e-5, 16.21481, ""),
    ((40, 40, 40, 40, 40, 1), "l2", 1e-5, 2.715076, ""),
)
"""Widths, norm, tolerance, value published with the method's derivation, time asked."""

DEEP = (
    (5, 20, 1e-6, 0.568873, ""),
    (10, 20, 1e-6, 0.0276409, ""),
    (20, 60, 1e-4, 1.3716e-4, "< 1 s"),
    (50, 100, 1.7e-4, 1.6815e-9, "< 6 s"),
    (100, 100, 1e-3, 2.4175e-16, "< 12 s"),
)
"""Layers, width, tolerance, bound asked, time asked."""

SOLVED = ((60, 60, 1), (20, 20, 20, 1), (40, 40, 40, 1))


def deep_network(layers: int, width: int) -> lipexplore.Network:
    """Return the ECLipsE authors' random network 4 - width - .. - 1 (arXiv 2404.04375)."""
    rng = np.random.RandomState(7 * width + 13 * layers)
    weights = []
    for n_in, n_out in pairwise([4, *[width] * (layers - 1), 1]):
        factor = rng.uniform(0.4, 1.8)
        matrix = rng.randn(n_out, n_in)
        weights.append(factor * matrix / np.linalg.norm(matrix, 2))
    return lipexplore.Network(weights)


def timed(network, method: str, norm: str, **settings) -> tuple[float, Bound]:
    """Return processor seconds and the answer."""
    start = time.process_time()
    answer = lipexplore.bound(network, method, norm, **settings)
    return time.process_time() - start, answer


def main() -> None:
    """Bound every network and compare with the solver where it can answer."""
    rows = []
    timed(normal_network((5, 5, 1), 0), "shor", "l2")
    for widths, norm, tolerance, known, asked in NORMAL:
        seconds, answer = timed(normal_network(widths, 0), "shor", norm, tolerance=tolerance)
        name = f"{'-'.join(map(str, widths))} {norm}"
        rows += [
            [f"shor {name}: {answer.value:.7g}", f"{seconds:.2f} s", asked],
            ["  above the published value by", f"{answer.value / known - 1:.0e}", "<= 1.1e-5"],
        ]
    for layers, width, tolerance, goal, asked in DEEP:
        seconds, answer = timed(deep_network(layers, width), "shor", "l2", tolerance=tolerance)
        rows += [
            [f"shor {layers} layers x {width} l2", f"{seconds:.2f} s", asked],
            ["  proven bound", f"{answer.value:.5g}", f"<= {goal:.5g}"],
        ]
    timed(normal_network((5, 5, 1), 0), "slope-lmi", "l2")
    for widths in SOLVED:
        network = normal_network(widths, 0)
        for norm in ("l2", "linf"):
            (fast, ours), (slow, solver) = (
                timed(network, method, norm) for method in ("shor", "slope-lmi")
            )
            rows += [
                [f"slope-lmi {'-'.join(map(str, widths))} {norm}", f"{slow:.2f} s", ""],
                ["  ratio slope-lmi / shor", f"{slow / fast:.0f}", ""],
                ["  proven values differ by", f"{abs(ours.value / solver.value - 1):.0e}", "1e-6"],
            ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

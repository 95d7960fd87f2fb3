"""ECLipsE and LipSDP-Layer on the deep networks of ECLipsE's recipe, l2."""

import json
from itertools import pairwise

import numpy as np

import lipexplore

CASES = (
    (5, 20, 1.4434, 0.8983),
    (10, 20, 0.13017, 0.07508),
    (20, 60, 2.6726e-3, 4.977e-4),
    (50, 100, 1.3303e-6, 2.252e-8),
    (100, 100, 1.6209e-10, 3.6746e-14),
)


def eclipse_network(layers: int, width: int) -> lipexplore.Network:
    """Return ``layers`` weight matrices, 4 inputs and 1 output, as the authors draw them."""
    rng = np.random.RandomState(7 * width + 13 * layers)
    weights = []
    for before, after in pairwise([4, *[width] * (layers - 1), 1]):
        size, weight = rng.uniform(0.4, 1.8), rng.randn(after, before)
        weights.append(size * weight / np.linalg.norm(weight, 2))
    return lipexplore.Network(weights)


def row(name: str, answer: lipexplore.Bound, asked: str) -> list[str]:
    """Return one line of the table."""
    return [name, f"{answer.value:.5g} {answer.seconds:.2f} s", asked]


def main() -> None:
    """Prove the bound of each form; the semidefinite program per layer where it is small."""
    rows = []
    lipexplore.bound(eclipse_network(2, 20), "eclipse", "l2")
    for layers, width, fast, searched in CASES:
        network, name = eclipse_network(layers, width), f"{layers} x {width}"
        for form, asked in (("fast", fast), ("line-search", searched)):
            answer = lipexplore.bound(network, "eclipse", "l2", form=form)
            rows.append(row(f"{name} eclipse {form}", answer, f"{asked:.5g}"))
        if width <= 20:
            answer = lipexplore.bound(network, "eclipse", "l2", form="stage-sdp")
            rows.append(row(f"{name} eclipse stage-sdp", answer, ""))
        answer = lipexplore.bound(network, "lipsdp-layer", "l2")
        rows.append(row(f"{name} lipsdp-layer", answer, f"<= {searched:.5g}"))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

"""The slope LMI of 784-50-10, l2 to l2, by CVXOPT: the input reduced by QR and without."""

import json

import lipexplore
from benchmarks.structured_kkt import normal_network


def main() -> None:
    """Bound all outputs jointly both ways and compare total time and verified value."""
    network = normal_network((784, 50, 10), 0)
    lipexplore.bound(normal_network((30, 5, 2), 0), "slope-lmi", "l2", output="all")
    less, whole = (
        lipexplore.bound(
            network, "slope-lmi", "l2", output="all", reduce_input=choice, solver="cvxopt"
        )
        for choice in ("yes", "no")
    )
    difference = abs(less.value / whole.value - 1)
    solving = whole.solve_seconds / less.solve_seconds
    rows = [
        [f"784-50-10 slope LMI, l2, {answer.size['inputs']} inputs", f"{answer.seconds:.2f} s", ""]
        for answer in (less, whole)
    ]
    rows += [
        ["  ratio of total times", f"{whole.seconds / less.seconds:.0f}", ">= 50"],
        ["  ratio of the solver's times", f"{solving:.0f}", ""],
        ["  verified values differ by (relative)", f"{difference:.1e}", "<= 1e-6"],
    ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

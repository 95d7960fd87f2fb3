"""Print the table of measured figures: each measurement runs in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np

MEASUREMENTS = (
    "import_time",
    "large_program",
    "cvxopt_against_highs",
    "cvxopt_kkt",
    "digits_degree_2",
    "verification",
    "structured_kkt",
    "input_reduction",
    "incremental",
    "baselines",
    "eclipse",
    "vector_pass",
    "exact",
    "implicit",
    "convolutions",
    "sweep",
)


def calibration_seconds() -> float:
    """Time a fixed loop of matrix products, so that seconds of two machines can be compared."""
    matrix = np.random.default_rng(0).standard_normal((300, 300))
    start = time.perf_counter()
    for _ in range(50):
        matrix = matrix @ matrix
        matrix /= np.abs(matrix).max()
    return time.perf_counter() - start


def main() -> None:
    """Run the measurements named on the command line, or all, and print one line per figure."""
    chosen = sys.argv[1:] or MEASUREMENTS
    print(f"calibration loop: {calibration_seconds():.3f} s")
    print(f"{'figure':58} {'measured':>14} {'asked':>14}")
    for name in chosen:
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], capture_output=True, text=True, check=True
        )
        for figure, measured, asked in json.loads(done.stdout.splitlines()[-1]):
            print(f"{figure:58} {measured:>14} {asked:>14}", flush=True)


if __name__ == "__main__":
    main()

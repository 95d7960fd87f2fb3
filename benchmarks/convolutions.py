"""Bounds of a convolution against the sparse SVD of its unrolled matrix, in one process."""

import json
import time

import numpy as np

from lipexplore.bounds.operator_norms.convolutions import convolution_norms
from lipexplore.bounds.operator_norms.kernels import (
    fine_samples,
    lip_bound,
    symbol_bound,
    symbol_estimate,
    unfolding_bound,
)
from lipexplore.bounds.operator_norms.unrolled import matrix_norm_estimate
from lipexplore.networks.convolution import Convolution

CHECKS = ((1, 1, 3), (4, 3, 3), (3, 4, 5), (4, 3, 4), (1, 6, 3))
"""Channels out and in, and taps, of the published checks."""

CHANNELS, SIZE = 64, 32


def normal_kernel(*shape: int) -> np.ndarray:
    """Return a kernel of independent normal numbers."""
    return np.random.default_rng(0).standard_normal(shape)


def seconds(work, repeats: int = 1) -> tuple[float, float]:
    """Return the least processor seconds of some runs, and the last result."""
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        value = work()
        times.append(time.process_time() - begin)
    return min(times), value


def main() -> None:
    """Time the bounds and the SVD of one layer; compare the values with the exact norm."""
    rows = []
    worst = max(
        symbol_bound(kernel) / symbol_estimate(kernel, (512, 512))
        for kernel in (normal_kernel(c_out, c_in, k, k) for c_out, c_in, k in CHECKS)
    )
    rows.append(
        ["symbol bound / supremum, 5 checks, S = 8(k-1)", f"{worst - 1:.1%} above", "<= 5 %"]
    )
    kernel = normal_kernel(CHANNELS, CHANNELS, 3, 3)
    layer = Convolution(kernel, None, (CHANNELS, SIZE, SIZE), 1, 1)
    name = f"{CHANNELS}x{CHANNELS}x3x3 on {SIZE}x{SIZE}"
    unrolling, matrix = seconds(lambda: layer.matrix)
    slow, exact = seconds(lambda: matrix_norm_estimate(matrix, 1e-4))
    rows.append([f"{name}: sparse SVD to 1e-4 (unrolling {unrolling:.1f} s)", f"{slow:.1f} s", ""])
    for label, bound, asked in (
        ("symbol", symbol_bound, ">= 50"),
        ("LipBound", lip_bound, ""),
        ("unfolding", unfolding_bound, ""),
    ):
        fast, value = seconds(lambda bound=bound: bound(kernel), 5)
        rows += [
            [f"  {label}: {value:.4g}, over the exact norm", f"{value / exact:.4f}", ""],
            ["    sparse SVD takes longer by", f"{slow / fast:.0f}", asked],
        ]
    fast, found = seconds(lambda: convolution_norms(layer, fine_samples(kernel)))
    least = min(found, key=lambda item: item.value)
    rows += [
        [f"  all bounds of the layer, least: {least.name}", f"{fast:.2f} s", ""],
        ["    over the exact norm", f"{least.value / exact:.4f}", ""],
    ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

"""The structured KKT solver against CVXOPT's default on the slope LMI of 10-n-10, l2."""

import json
import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

import lipexplore
from lipexplore.certificates.lmi import verified_bound
from lipexplore.networks.slope_ranges import slope_ranges
from lipexplore.networks.slope_system import sector_system, slope_system
from lipexplore.norms import Norm
from lipexplore.relaxations.slope_lmi import MARGIN, SlopeLMI, slope_lmi
from lipexplore.solvers import solve

TOLERANCE = 1e-8
CASES = ((200, ">= 5"), (400, ">= 10"))


def normal_network(widths: Sequence[int], seed: int) -> lipexplore.Network:
    """Return a network without biases whose weights are normal with variance 1 / fan-in."""
    rng = np.random.default_rng(seed)
    return lipexplore.Network(
        [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(widths)]
    )


def program(network: lipexplore.Network) -> SlopeLMI:
    """Return the program for all outputs jointly over the whole space."""
    slopes = slope_ranges(network, lipexplore.WHOLE_SPACE)
    return slope_lmi(sector_system(slope_system(network, slopes)), Norm.L2)


def solved(lmi: SlopeLMI, structured: bool) -> tuple[float, float]:
    """Return seconds of the solver and the verified bound."""
    problem = lmi.problem(MARGIN * TOLERANCE)
    structure = lmi.structure() if structured else None
    start = time.perf_counter()
    found = solve(problem, solver="cvxopt", tolerance=TOLERANCE, structure=structure)
    seconds = time.perf_counter() - start
    multipliers = lmi.multipliers(found.primal["c"])
    return seconds, verified_bound(lmi.source, Norm.L2, *multipliers).value


def main() -> None:
    """Solve the same program with both and compare time and verified value."""
    rows = []
    solved(program(normal_network((10, 20, 10), 0)), structured=True)
    for units, asked in CASES:
        lmi = program(normal_network((10, units, 10), 0))
        (fast, value), (slow, same) = (solved(lmi, structured) for structured in (True, False))
        rows += [
            [f"10-{units}-10 slope LMI, l2: structured KKT", f"{fast:.2f} s", ""],
            [f"10-{units}-10 slope LMI, l2: CVXOPT default", f"{slow:.2f} s", ""],
            ["  ratio default / structured", f"{slow / fast:.1f}", asked],
            ["  verified values differ by (relative)", f"{abs(value / same - 1):.1e}", "<= 1e-6"],
        ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

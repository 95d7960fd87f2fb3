"""Methods made for the slope LMI of 10-n-10, l2, against CVXOPT's default KKT solver."""

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
from lipexplore.relaxations.slope_start import start, structured_program
from lipexplore.solvers import solve
from lipexplore.solvers.records import Settings
from lipexplore.solvers.structured_ipm import minimise

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


def solved(lmi: SlopeLMI, method: str) -> tuple[float, float]:
    """Return CPU seconds of the solver and the verified bound."""
    problem = lmi.problem(MARGIN * TOLERANCE)
    structure = lmi.structure() if method == "structured KKT" else None
    begin = time.process_time()
    if method == "own method":
        found = minimise(structured_program(lmi), start(lmi), Settings(tolerance=TOLERANCE))
    else:
        found = solve(problem, solver="cvxopt", tolerance=TOLERANCE, structure=structure)
    seconds = time.process_time() - begin
    multipliers = lmi.multipliers(found.primal["c"])
    return seconds, verified_bound(lmi.source, Norm.L2, *multipliers).value


def main() -> None:
    """Solve the same program by all, the fast ones three times; compare CPU time and value."""
    rows = []
    for method in ("own method", "structured KKT"):
        solved(program(normal_network((10, 20, 10), 0)), method)
    for units, asked in CASES:
        lmi, name = program(normal_network((10, units, 10), 0)), f"10-{units}-10 slope LMI, l2"
        slow, same = solved(lmi, "CVXOPT default")
        rows.append([f"{name}: CVXOPT default", f"{slow:.2f} s", ""])
        for method in ("structured KKT", "own method"):
            runs = [solved(lmi, method) for _ in range(3)]
            times = sorted(seconds for seconds, _ in runs)
            ratios = f"{slow / times[2]:.1f} - {slow / times[0]:.1f}"
            differ = abs(runs[0][1] / same - 1)
            rows += [
                [f"{name}: {method}", f"{times[1]:.2f} s", ""],
                ["  ratio default / this, 3 runs", ratios, asked],
                ["  verified values differ by (relative)", f"{differ:.1e}", "<= 1e-6"],
            ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

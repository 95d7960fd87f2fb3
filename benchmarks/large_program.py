"""The LP of a 40-40-1 network at degree 3: size, statement, overhead of PICOS, memory."""

import json
import resource
import time

from benchmarks.programs import relaxation, solve_directly
from lipexplore.networks.generators import random_dense
from lipexplore.solvers import solve


def main() -> None:
    """State and solve through PICOS and directly, in turn; the better CPU time of two counts."""
    network = random_dense((40, 40, 1), 0)
    relaxation(network, 2).problem()  # load the libraries
    start = time.perf_counter()
    program = relaxation(network, 3)
    built = time.perf_counter()
    program.problem()
    stated = time.perf_counter()
    memory = 0.0
    picos_seconds, direct_seconds = [], []
    for _ in range(2):
        start_cpu = time.process_time()
        solution = solve(program.problem(), solver="highs")
        picos_seconds.append(time.process_time() - start_cpu)
        memory = memory or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        start_cpu = time.process_time()
        value, _ = solve_directly(program)
        direct_seconds.append(time.process_time() - start_cpu)
    through_picos, direct = min(picos_seconds), min(direct_seconds)
    difference = abs(solution.value * program.scale / value - 1)
    size = program.size
    print(
        json.dumps(
            [
                ["40-40-1 degree 3: monomials", f"{size['rows']:,}", "43,541"],
                ["40-40-1 degree 3: products", f"{size['columns']:,}", "328,640"],
                ["  matrix built", f"{built - start:.2f} s", ""],
                ["  stated in PICOS", f"{stated - built:.2f} s", "< 0.5 s"],
                ["  PICOS + plug-in, stated and solved (CPU)", f"{through_picos:.1f} s", ""],
                ["  HiGHS called directly (CPU)", f"{direct:.1f} s", ""],
                ["  ratio", f"{through_picos / direct:.3f}", "<= 1.1"],
                ["  values differ by (relative)", f"{difference:.1e}", ""],
                ["  peak memory of the process", f"{memory:.2f} GB", "< 0.8 GB"],
            ]
        )
    )


if __name__ == "__main__":
    main()

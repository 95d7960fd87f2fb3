"""CVXOPT (moment form, chol2) against HiGHS on 20-16-1 at degree 3."""

import json
import time

from benchmarks.programs import REFERENCE, relaxation
from lipexplore import load_network
from lipexplore.certificates.tables import verified_bound
from lipexplore.solvers import solve


def main() -> None:
    """Solve the same program with both, twice; the second round counts."""
    program = relaxation(load_network(REFERENCE / "dense-20-16-1.npz"), 3)
    seconds, values = {}, {}
    for solver in ("highs", "cvxopt") * 2:
        start = time.perf_counter()
        solution = solve(program.problem(), solver=solver)
        seconds[solver] = time.perf_counter() - start
        values[solver] = verified_bound(program, solution.duals[0]).value
    ratio = seconds["cvxopt"] / seconds["highs"]
    difference = abs(values["cvxopt"] / values["highs"] - 1)
    print(
        json.dumps(
            [
                ["20-16-1 degree 3: HiGHS", f"{seconds['highs']:.2f} s", ""],
                ["20-16-1 degree 3: CVXOPT chol2", f"{seconds['cvxopt']:.2f} s", ""],
                ["  ratio CVXOPT / HiGHS", f"{ratio:.2f}", "<= 3"],
                ["  verified values differ by (relative)", f"{difference:.1e}", "<= 1e-6"],
            ]
        )
    )


if __name__ == "__main__":
    main()

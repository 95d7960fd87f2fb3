"""CVXOPT with the sparse KKT solver against its default on 10-10-1 at degree 3."""

import json
import time

from benchmarks.programs import REFERENCE, relaxation
from lipexplore import load_network
from lipexplore.certificates.tables import verified_bound
from lipexplore.solvers import solve


def main() -> None:
    """Solve the same program with both and compare time and verified value."""
    import numpy as np

    program = relaxation(load_network(REFERENCE / "dense-10-10-1.npz"), 3)
    solve(program.problem(), solver="cvxopt")
    start = time.perf_counter()
    sparse = solve(program.problem(), solver="cvxopt")
    sparse_seconds = time.perf_counter() - start
    problem = program.problem()
    start = time.perf_counter()
    problem.solve(solver="cvxopt", max_iterations=60, primals=None, verbosity=-1)
    default_seconds = time.perf_counter() - start
    multipliers = np.array(next(iter(problem.constraints.values())).dual).ravel()
    values = [verified_bound(program, c).value for c in (sparse.duals[0], multipliers)]
    print(
        json.dumps(
            [
                ["10-10-1 degree 3: CVXOPT chol2", f"{sparse_seconds:.2f} s", ""],
                ["10-10-1 degree 3: CVXOPT default KKT", f"{default_seconds:.2f} s", ""],
                ["  ratio default / chol2", f"{default_seconds / sparse_seconds:.0f}", ">= 10"],
                [
                    "  verified values differ by (relative)",
                    f"{abs(values[0] / values[1] - 1):.1e}",
                    "<= 1e-6",
                ],
            ]
        )
    )


if __name__ == "__main__":
    main()

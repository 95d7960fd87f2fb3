"""The incremental matrix inequality: time per property, and against CVXOPT's default KKT solver.

The structured KKT solver against the default at 200 and 400 units, and the reduction of a wide
input by QR, are measured for the one-sided and the Lipschitz row; ``structured_kkt`` and
``input_reduction`` measure the same for the method ``slope-lmi``.
"""

import json
import time

import numpy as np

from benchmarks.structured_kkt import normal_network
from lipexplore.certificates.incremental import verified_level
from lipexplore.networks.residual import ResidualMap
from lipexplore.networks.sector_loops import any_sector_system
from lipexplore.properties.incremental.maps import system_of
from lipexplore.properties.incremental.table import PROPERTIES
from lipexplore.properties.incremental_qc import certify
from lipexplore.regions import WHOLE_SPACE
from lipexplore.relaxations.incremental_lmi import IncrementalLMI, incremental_lmi
from lipexplore.solvers import solve
from lipexplore.solvers.records import Settings
from lipexplore.solvers.structured_ipm import minimise

TOLERANCE = 1e-8
CASES = ((200, ">= 5"), (400, ">= 10"))
ROWS = ("lipschitz", "one-sided-upper", "one-sided-lower", "inverse")


def program(units: int) -> IncrementalLMI:
    """Return the one-sided row of x + net(x), 10 inputs and outputs."""
    mapping = ResidualMap(normal_network((10, units, 10), 0), 1.0)
    sectors = any_sector_system(system_of(mapping, WHOLE_SPACE))
    supply = PROPERTIES["one-sided-upper"].supply_of(10, 10)
    return incremental_lmi(sectors, supply, np.eye(10))


def solved(lmi: IncrementalLMI, method: str) -> tuple[float, float]:
    """Return CPU seconds of the solver and the verified number."""
    problem = lmi.problem()
    structure = lmi.structure() if method == "structured KKT" else None
    begin = time.process_time()
    if method == "own method":
        start = lmi.start()
        assert start is not None
        found = minimise(lmi.program(), start, Settings(tolerance=TOLERANCE))
    else:
        found = solve(problem, solver="cvxopt", tolerance=TOLERANCE, structure=structure)
    seconds = time.process_time() - begin
    units = lmi.multipliers(found.primal["c"])[1]
    assert lmi.interior is not None
    safe = lmi.interior / np.square(lmi.sizes)
    return seconds, -verified_level(lmi.source, lmi.supply, lmi.metric, units, safe).level


def kkt_rows() -> list[list[str]]:
    """Solve the same program by all three, the fast ones three times."""
    rows = []
    for units, asked in CASES:
        lmi, name = program(units), f"x + net(x), 10-{units}-10, one-sided"
        slow, same = solved(lmi, "CVXOPT default")
        rows.append([f"{name}: CVXOPT default", f"{slow:.2f} s", ""])
        for method in ("structured KKT", "own method"):
            runs = [solved(lmi, method) for _ in range(3)]
            times = sorted(seconds for seconds, _ in runs)
            differ = abs(runs[0][1] - same) / abs(same)
            rows += [
                [f"{name}: {method}", f"{times[1]:.2f} s", ""],
                ["  ratio, 3 runs", f"{slow / times[2]:.1f} - {slow / times[0]:.1f}", asked],
                ["  verified values differ by (relative)", f"{differ:.1e}", "<= 1e-6"],
            ]
    return rows


def reduction_rows() -> list[list[str]]:
    """Certify the Lipschitz constant of 784-50-10 with the input turned and without."""
    network = normal_network((784, 50, 10), 0)
    seconds, values = [], []
    for choice in ("yes", "no"):
        begin = time.process_time()
        found = certify(network, "lipschitz", reduce_input=choice, solver="cvxopt")
        seconds.append(time.process_time() - begin)
        values.append(found.value)
    return [
        ["784-50-10 Lipschitz, input reduced by QR", f"{seconds[0]:.2f} s", "< 1 s"],
        ["784-50-10 Lipschitz, 784 inputs", f"{seconds[1]:.2f} s", ""],
        ["  ratio", f"{seconds[1] / seconds[0]:.0f}", ">= 50"],
        ["  verified values differ by (relative)", f"{abs(values[0] / values[1] - 1):.1e}", ""],
    ]


def main() -> None:
    """Measure both ratios, and every row of a residual map of 100 units."""
    certify(ResidualMap(normal_network((3, 5, 3), 0)), "lipschitz", solver="cvxopt")
    rows = kkt_rows() + reduction_rows()
    mapping = ResidualMap(normal_network((10, 50, 50, 10), 0), 3.0)
    for name in ROWS:
        begin = time.process_time()
        certify(mapping, name)
        rows.append(
            [f"x -> 3x + net(x), 10-50-50-10: {name}", f"{time.process_time() - begin:.2f} s", ""]
        )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

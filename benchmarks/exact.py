"""Branch and bound for P*: random and trained networks, nodes and seconds of the processor."""

import json
import time

import numpy as np

import lipexplore
from benchmarks.structured_kkt import normal_network
from lipexplore import WHOLE_SPACE, Network, Norm
from lipexplore.bounds.margins import margins
from lipexplore.exact import branch_and_bound
from lipexplore.exact.part_sweeps import PartSweeps
from lipexplore.networks.slope_ranges import slope_ranges

UNIFORM = ((10, "linf", ""), (20, "linf", ""), (40, "linf", "< 0.1 s"), (40, "l2", ""))
"""Widths n of n-n-1, norm, time asked; r = default_rng(0), r.uniform(-1, 1) / sqrt(fan-in)."""

NORMAL = (
    ((8, 8, 8, 1), 1, "linf", ""),
    ((8, 8, 8, 1), 1, "l2", ""),
    ((20, 20, 20, 1), 0, "linf", ""),
    ((20, 20, 20, 1), 0, "l2", ""),
    ((40, 40, 40, 1), 0, "linf", "< 2 s"),
    ((40, 40, 40, 1), 0, "l2", ""),
    ((64, 60, 60, 1), 0, "l2", "< 5 s"),
    ((20, 20, 20, 20, 20, 1), 0, "l2", ""),
)
"""Widths, seed, norm, time asked; N(0, 1) / sqrt(fan-in)."""

TRAINED = (("l2", "< 0.5 s"), ("linf", "< 3 s"), ("l1", ""))


def uniform_network(width: int) -> Network:
    """Return n-n-1 without biases."""
    rng = np.random.default_rng(0)
    root = np.sqrt(width)
    return Network(
        [rng.uniform(-1, 1, (width, width)) / root, rng.uniform(-1, 1, (1, width)) / root]
    )


def row(name: str, network: Network, norm: str, asked: str) -> tuple[str, str, str]:
    """Bound one network by branching."""
    start = time.process_time()
    found = lipexplore.bound(network, "exact", norm, strategy="branch")
    seconds = time.process_time() - start
    ends = f"{found.value:.7g}" if found.status.startswith("exact") else found.status
    measured = f"{ends}, {found.size['nodes']} nodes, {seconds:.2f} s"
    return f"P* {name} {norm} (root {found.solver_value:.6g})", measured, asked


def table_row(norm: str) -> tuple[str, str, str]:
    """Bound all margins of the small digit classifier."""
    start = time.process_time()
    table = margins(lipexplore.load_network("digits-64-20-10-relu"), "exact", norm)
    seconds = time.process_time() - start
    measured = f"{len(table.bounds)} bounds, {seconds:.1f} s"
    return f"P* of all margins, digits 64-20-10 {norm}", measured, "< 10 s"


def nodes_per_second(*, cold: bool) -> float:
    """Search 40-40-40-1 for a while; cold: one node at a time, from random vectors."""
    network = normal_network((40, 40, 40, 1), 0)
    batch, sweep = branch_and_bound.BATCH, PartSweeps.sweep
    levels = branch_and_bound.MOST_LEVELS
    if cold:
        branch_and_bound.BATCH = branch_and_bound.MOST_LEVELS = 1

        def from_random(self, parts, rows, sweeps, *, double=False):  # type: ignore[no-untyped-def]
            return sweep(self, parts, [self.start(0)] * len(parts), sweeps, double=double)

        PartSweeps.sweep = from_random  # type: ignore[method-assign]
    slopes = slope_ranges(network, WHOLE_SPACE)
    search = branch_and_bound.PatternSearch(network, slopes, Norm.LINF)
    start = time.process_time()
    found = search.run(time.perf_counter() + 20.0)
    seconds = time.process_time() - start
    closed = found.nodes - search.open
    branch_and_bound.BATCH, PartSweeps.sweep = batch, sweep  # type: ignore[method-assign]
    branch_and_bound.MOST_LEVELS = levels
    return closed / seconds


def main() -> None:
    """Print the rows."""
    rows = [row(f"{n}-{n}-1", uniform_network(n), *rest) for n, *rest in UNIFORM]
    rows += [
        row("-".join(map(str, widths)), normal_network(widths, seed), norm, asked)
        for widths, seed, norm, asked in NORMAL
    ]
    digits = lipexplore.load_network("digits-784-50-10-relu").head(0)
    rows += [row("digits 784-50, output 0,", digits, norm, asked) for norm, asked in TRAINED]
    rows += [table_row(norm) for norm in ("l2", "linf")]
    ratio = nodes_per_second(cold=False) / nodes_per_second(cold=True)
    rows.append(("settled nodes per second against cold starts one by one", f"{ratio:.1f}", "> 5"))
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

"""A sweep of 200 runs on two workers against two processes started by hand and against one.

Every time is that of whole processes, imports and start included, each with one thread of linear
algebra. The sweep keeps its rows in a store, the others keep nothing.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

from lipexplore.bounds import method_class
from lipexplore.experiments.cases import Case
from lipexplore.experiments.store import Store
from lipexplore.experiments.sweep import run_cases
from lipexplore.jobs.process import THREAD_VARIABLES
from lipexplore.networks.generators import random_banded, random_dense
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Ball

WORKERS, REPEATS = 2, 2
METHODS = (
    ("norm-product", {}),
    ("path", {}),
    ("sampled-gradient", {"points": 100_000}),
    ("slope-lmi", {}),
    ("lipopt-lp", {}),
)


def grid() -> list[Case]:
    """Return 200 runs of a millisecond to four seconds each, about a minute together."""
    networks = [
        network
        for seed in range(5)
        for network in (
            random_dense((10, 16, 12, 1), seed),
            random_banded((24, 24, 1), 3, seed),
            random_dense((36, 48, 1), seed),
            random_dense((20, 50, 1), seed),
        )
    ]
    methods = [method_class(name).with_settings(**settings) for name, settings in METHODS]
    return [
        Case(network, region, Norm.LINF, 0, method)
        for network in networks
        for region in (WHOLE_SPACE, Ball(np.zeros(network.n_inputs), 0.1))
        for method in methods
    ]


def child(mode: str) -> None:
    """Run a share of the grid, as ``first:step``, or all of it by "workers"."""
    cases = grid()
    if mode == "workers":
        with tempfile.TemporaryDirectory() as folder, Store(folder) as store:
            assert len(list(run_cases(cases, WORKERS, store))) == len(store) == len(cases)
    else:
        first, step = map(int, mode.split(":"))
        assert len(list(run_cases(cases[first::step]))) == len(cases) // step


def seconds(*modes: str) -> float:
    """Return how long processes take that run at the same time."""
    start = time.perf_counter()
    command = (sys.executable, "-m", "benchmarks.sweep")
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, "1")
    running = [subprocess.Popen((*command, mode), env=environment) for mode in modes]
    assert not any([process.wait() for process in running])
    return time.perf_counter() - start


def main() -> None:
    """Take turns, the best time of each."""
    hand, workers = [], []
    for _ in range(REPEATS):
        workers.append(seconds("workers"))
        hand.append(seconds("0:2", "1:2"))
    alone = seconds("0:1")
    share = min(hand) / min(workers)
    print(
        json.dumps(
            [
                ["200 runs in one process", f"{alone:.1f} s", ""],
                ["by two processes started by hand", f"{min(hand):.1f} s", ""],
                ["by a sweep on two workers with a store", f"{min(workers):.1f} s", ""],
                ["speed-up by hand", f"{alone / min(hand):.2f}", ""],
                ["speed-up of the sweep, share of that by hand", f"{share:.2f}", ">= 0.90"],
            ]
        )
    )


if __name__ == "__main__":
    child(sys.argv[1]) if len(sys.argv) > 1 else main()

"""A sweep that is killed again and again loses nothing and does nothing twice."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from lipexplore.errors import StoreUnavailable
from lipexplore.experiments.spec import read_spec
from lipexplore.experiments.store import Store
from lipexplore.experiments.sweep import run_cases
from tests.jobs.running import seconds_until_gone

SPEC = """
[[grid]]
networks = [{generator = "dense", widths = [[6, 8, 1], [5, 4, 3, 1]], seeds = [0, 1, 2, 3, 4, 5]}]
norms = ["linf", "l1"]
methods = ["path", {name = "sampled-gradient", points = 10000}, "lipopt-lp"]
regions = [{ball = "linf", radius = 0.3}]
"""
KILLS, PATIENCE = 10, 300.0

TRACED = """
import os, sys
from lipexplore.jobs import process
job = '''
import os, time
from lipexplore.bounds import configured
from lipexplore.experiments.cases import Case
from lipexplore.jobs.protocol import Job
from lipexplore.jobs import worker
from lipexplore.norms import Norm
run = Job.run
def traced(self, tick):
    method = configured(self.method, dict(self.settings))
    case = Case(self.network, self.region, Norm.parse(self.norm), self.output, method)
    with open({trace!r}, "a") as file:
        file.write(f"{{os.getpid()}} {{case.run_key}}\\\\n")
    time.sleep(0.15)
    return run(self, tick)
Job.run = traced
worker.WARM_SOLVERS = ()
worker.main()
'''
process.COMMAND = (sys.executable, "-P", "-c", job)
from lipexplore.cli import main
sys.exit(main())
"""
"""The command line with workers that write down who they are and what they begin, not too fast."""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "spec.toml").write_text(SPEC, encoding="utf-8")
    command = ["sweep", str(tmp_path / "spec.toml"), "--out", str(tmp_path / "runs")]
    running = []

    def starter(life):
        trace = tmp_path / f"trace-{life}"
        trace.touch()
        code = TRACED.format(trace=str(trace))
        with (tmp_path / "errors").open("ab") as errors:
            child = subprocess.Popen(
                [sys.executable, "-P", "-c", code, *command],
                cwd=Path(__file__).parents[2],
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        running.append(child)
        return child, trace

    yield starter
    for child in running:
        child.kill()
        child.communicate()


def kept(folder):
    """Return run -> (finished_at, value) of what is in the store now."""
    with suppress(StoreUnavailable), Store(folder, create=False) as store:
        return {row["run"]: (row["finished_at"], row["value"]) for row in store.page(0, 10**6)}
    return {}


def wait_for(count, folder, child):
    end = time.monotonic() + PATIENCE
    while len(kept(folder)) < count and child.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_ten_kills_lose_nothing_and_repeat_nothing(tmp_path, start):
    runs, dice = tmp_path / "runs", random.Random(14)
    cases = read_spec(tmp_path / "spec.toml").cases
    assert len(cases) == 72
    before, begun, kills, workers = {}, 0, 0, set()
    for life in range(KILLS):
        child, trace = start(life)
        wait_for(len(before) + dice.choice((0, 1, 2, 3)), runs, child)
        with suppress(subprocess.TimeoutExpired):
            child.wait(dice.uniform(0.0, 0.1))
        kills += child.poll() is None
        child.kill()
        assert child.wait() in (0, -signal.SIGKILL), (tmp_path / "errors").read_text()
        after = kept(runs)
        assert after.items() >= before.items()
        begun += check_trace(trace, before, workers)
        before = after
    for pid in workers:
        seconds_until_gone(pid, PATIENCE)
    assert kills >= KILLS / 2
    assert before

    child, trace = start(KILLS)
    told, _ = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0, (tmp_path / "errors").read_text()
    assert f"72 runs: {72 - len(before)} now, {len(before)} before, 0 failed" in told
    begun += check_trace(trace, before, workers)
    final = kept(runs)
    assert final.items() >= before.items()
    assert begun >= len(cases)
    with Store(runs) as store:
        assert len(store) == len(cases)
    expected = {row["run"]: row["value"] for _, row in run_cases(cases)}
    assert final.keys() == expected.keys()
    np.testing.assert_equal({run: value for run, (_, value) in final.items()}, expected)


def check_trace(trace, before, workers):
    """Check that one life began nothing that was kept before it, and nothing twice."""
    lines = [line.split() for line in trace.read_text().splitlines()]
    workers.update(int(pid) for pid, _ in lines)
    keys = [key for _, key in lines]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & before.keys()
    return len(keys)

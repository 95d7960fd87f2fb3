"""PICOS's own production tests with our plug-ins.

They come with PICOS's source distribution only. Name a folder that holds it, packed or unpacked,
in LIPEXPLORE_PICOS_SDIST; otherwise pip downloads it.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

VERSION = importlib.metadata.version("picos")
REPOSITORY = Path(__file__).parents[2]

RUN = """
import json, sys, unittest
from lipexplore.solvers import clarabel, highs
clarabel.register()
highs.register()
from tests import ptest
solver, options = json.loads(sys.argv[1])
suite = ptest.makeTestSuite(solvers=[solver], solverOptionSets=[options])
result = unittest.TestResult()
suite.run(result)
failed = [f"{test}: {trace.splitlines()[-1]}" for test, trace in result.failures + result.errors]
print(json.dumps({"run": result.testsRun, "skipped": len(result.skipped), "failed": failed}))
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A folder with the package ``tests`` of PICOS and nothing else of it."""
    folder = tmp_path_factory.mktemp("picos")
    given = os.environ.get("LIPEXPLORE_PICOS_SDIST")
    source = Path(given) if given else _download(folder)
    for packed in source.glob("picos-*.tar.gz"):
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
        source = folder / packed.name.removesuffix(".tar.gz")
    found = next((path.parent for path in sorted(source.rglob("tests/ptest.py"))), None)
    assert found is not None, f"{source} holds no source distribution of PICOS"
    shutil.copytree(found, folder / "bench" / "tests")
    return folder / "bench"


def _download(folder):
    pip = [sys.executable, "-m", "pip", "download", "--retries", "1"]
    pip += ["--no-binary", ":all:", "--no-deps"]
    done = subprocess.run(
        [*pip, "--dest", folder, f"picos=={VERSION}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        pytest.skip(f"PICOS's source distribution is out of reach: {reason}")
    return folder


@pytest.mark.parametrize(
    ("solver", "options", "least"),
    [
        ("highs", {}, 50),
        ("highs", {"lp_root_method": "interior"}, 50),
        ("highs", {"dualize": True}, 40),
        ("clarabel", {}, 130),
        ("clarabel", {"dualize": True}, 115),
    ],
)
def test_no_failure(bench, solver, options, least):
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps([solver, options])],
        cwd=bench,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(bench), str(REPOSITORY)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    print(solver, options, result)  # noqa: T201 (shown by pytest -s)
    assert result["failed"] == []
    assert result["run"] - result["skipped"] >= least

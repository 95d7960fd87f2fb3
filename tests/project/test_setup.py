"""The scripts behind make: right refusals, and nothing done twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A copy of what scripts/setup reads, in a folder with a space in its name."""
    folder = tmp_path / "a checkout"
    (folder / "scripts").mkdir(parents=True)
    for name in ("pyproject.toml", "constraints.txt", "Makefile"):
        shutil.copy(ROOT / name, folder)
    for script in (ROOT / "scripts").iterdir():
        shutil.copy(script, folder / "scripts")
    return folder


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )


def test_old_python_is_refused_with_what_to_do(checkout, tmp_path):
    answer = 'case "$2" in *print*) echo 3.9.2 ;; *) exit 1 ;; esac'
    old = program(tmp_path / "old", answer)
    done = run(checkout, "scripts/setup", PYTHON=str(old))
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "3.9.2" in done.stderr
    assert "PYTHON=" in done.stderr
    assert not (checkout / ".venv").exists()


PIP = """
if test "$*" = "-m pip --version"; then exit; fi
case "$*" in *"pip install"*) echo "$*" >>"$CALLS"; {ending} ;; esac
exit 0
"""


def test_a_second_setup_does_nothing(checkout, tmp_path):
    program(checkout / ".venv/bin/python", PIP.format(ending="exit 0"))
    calls = tmp_path / "calls"

    def setup(*extra: str) -> str:
        done = run(checkout, "scripts/setup", *extra, CALLS=str(calls))
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert setup().count("\n") == 3  # one line per step
    assert setup() == ""
    assert "[2/3]" in setup("test")  # more is wanted
    assert setup() == setup("test") == ""  # and it includes the less
    with (checkout / "constraints.txt").open("a", encoding="utf-8") as file:
        file.write("# another line\n")
    assert "[2/3]" in setup()
    installed = calls.read_text(encoding="utf-8").splitlines()
    assert [line.endswith("--editable .[test]") for line in installed] == [False, True, True]
    assert all("--constraint constraints.txt" in line for line in installed)


def test_no_network_is_explained(checkout, tmp_path):
    ending = (
        'echo "WARNING: Retrying (Retry(total=1)): Temporary failure in name resolution"; exit 1'
    )
    program(checkout / ".venv/bin/python", PIP.format(ending=ending))
    done = run(checkout, "scripts/setup", CALLS=str(tmp_path / "calls"))
    assert done.returncode == 1
    assert "connect to the network" in done.stderr
    assert run(checkout, "scripts/setup", CALLS=str(tmp_path / "calls")).returncode == 1


def test_missing_browser_is_said_or_refused(checkout):
    program(checkout / ".venv/bin/python", 'echo "pytest got: $*"; exit 0')
    nowhere = {"LIPEXPLORE_BROWSER": "/nonexistent/chromium"}
    done = run(checkout, "scripts/test", "-x", LIPEXPLORE_REQUIRE_BROWSER="", **nowhere)
    assert done.returncode == 0
    assert "pytest got: -m pytest -m not browser -x" in done.stdout
    assert "SKIPPED" in done.stdout
    assert "apt-get install chromium" in done.stdout
    done = run(checkout, "scripts/test", LIPEXPLORE_REQUIRE_BROWSER="1", **nowhere)
    assert done.returncode == 1
    assert "pytest got" not in done.stdout
    assert "apt-get install chromium" in done.stderr


def test_explore_prints_instead_of_opening_where_there_is_no_display(checkout):
    program(checkout / ".venv/bin/python", 'for each; do echo "$each"; done')
    done = run(checkout, "scripts/explore", PORT="9000", LIPEXPLORE_NO_BROWSER="1")
    options = done.stdout.splitlines()
    assert "--no-browser" in options
    assert "--ServerApp.port=9000" in options
    assert ("--allow-root" in options) == (os.geteuid() == 0)
    assert "--LabApp.default_url=/lab/tree/notebooks/00-explore.ipynb" in options


def test_help_lists_every_target(checkout):
    shown = run(checkout, "make").stdout
    for target in ("explore", "test", "quick", "check", "bench", "reproduce", "retrain", "clean"):
        assert f"make {target} " in shown


def wait_until_listening(port: str):
    """The address is printed a moment before the port is open."""
    for _ in range(1800):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the server printed its address but never opened the port")


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / ".venv/.lipexplore-setup").exists(), reason="this .venv was not made by make"
)
def test_explore_serves_the_notebook_and_asks_for_no_news(tmp_path):
    server = subprocess.Popen(
        [ROOT / "scripts/explore"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "LIPEXPLORE_NO_BROWSER": "1", "JUPYTER_CONFIG_DIR": str(tmp_path)},
    )
    try:
        address = next(filter(None, (re.search(r"http://127\S+", line) for line in server.stdout)))
        base, query = re.fullmatch(
            r"(http://[^/]+)/lab/tree/notebooks/00-explore\.ipynb(\?token=\w+)", address[0]
        ).groups()

        def get(path: str):
            with urllib.request.urlopen(f"{base}/{path}{query}", timeout=120) as answer:
                return json.load(answer)

        wait_until_listening(base.removeprefix("http://127.0.0.1:"))
        assert get("api/contents/notebooks/00-explore.ipynb")["type"] == "notebook"
        name = "@jupyterlab/apputils-extension:notification"
        properties = get(f"lab/api/settings/{name}")["schema"]["properties"]
        assert properties["fetchNews"]["default"] == "false"
        assert properties["checkForUpdates"]["default"] is False
    finally:
        server.terminate()
        server.communicate(timeout=120)

"""The wheel works on its own: in an environment that does not see this checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def output(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A fresh environment with the wheel, which borrows the dependencies of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    output(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT),
        cwd=folder,
    )
    (wheel,) = folder.glob("lipexplore-*.whl")
    home = folder / "env"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    output(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python),
        *("install", "--quiet", "--no-deps", "--no-index", wheel),
        cwd=folder,
    )
    # a path in a .pth file is searched, but its own .pth files (editable installs) are not read
    site = output(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    pointer = Path(site.strip()) / "borrowed.pth"
    pointer.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home


def test_wheel_bounds_a_shipped_network(environment, tmp_path):
    python = environment / "bin" / "python"
    home = output(python, "-c", "import lipexplore; print(lipexplore.__file__)", cwd=tmp_path)
    assert Path(home.strip()).is_relative_to(environment)
    printed = output(
        *(environment / "bin" / "lipexplore", "bound", "digits-16-12-8-10-relu"),
        *("--method", "lipopt-lp", "--degree", "3", "--output", "3", "--json"),
        cwd=tmp_path,
    )
    answer = json.loads(printed)
    assert answer["verified"] is True
    assert answer["network"] == "digits-16-12-8-10-relu"


def test_wheel_carries_all_data(environment):
    (package,) = environment.glob("lib/python*/site-packages/lipexplore")
    shipped = {path.relative_to(ROOT / "data") for path in (ROOT / "data").rglob("*.np?")}
    assert shipped
    assert {path.relative_to(package / "data") for path in package.rglob("*.np?")} == shipped

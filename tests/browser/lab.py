"""JupyterLab for one test run: a free port, its own settings, and a clean end."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {
        "windowingMode": "none",
        "autoStartDefaultKernel": True,
    },
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


class Lab:
    """A running JupyterLab whose root folder holds a copy of the notebooks."""

    program: ClassVar[str] = "jupyterlab"
    options: ClassVar[tuple[str, ...]] = (
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    )

    def __init__(self, home: Path, theme: str = "JupyterLab Light") -> None:
        self.runtime, cache = home / "runtime", home / "cache"
        cache.mkdir()
        (cache / "lipexplore").touch()  # a file: no page learns run times from another
        self.token = secrets.token_hex(16)
        self.port = _free_port()
        self.root = home / "root"
        shutil.copytree(ROOT / "notebooks", self.root)
        settings = home / "settings"
        wanted = SETTINGS | {
            "@jupyterlab/apputils-extension/themes.jupyterlab-settings": {"theme": theme}
        }
        for name, values in wanted.items():
            path = settings / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values), encoding="utf-8")
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "IPYTHONDIR": str(home / "ipython"),
            "XDG_CACHE_HOME": str(cache),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }
        self._log = (home / "lab.log").open("wb")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", self.program, "--no-browser", "--allow-root"),
                f"--ServerApp.root_dir={self.root}",
                f"--ServerApp.port={self.port}",
                "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={self.token}",
                *self.options,
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_up(home / "lab.log")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def notebook(self, name: str) -> str:
        return f"{self.address}/lab/tree/{name}?token={self.token}&reset"

    def connection_files(self) -> list[Path]:
        return sorted(self.runtime.glob("kernel-*.json"), key=lambda path: path.stat().st_mtime)

    def end_sessions(self) -> None:
        """Shut all kernels down."""
        for session in json.loads(self._ask("GET", "/api/sessions")):
            with contextlib.suppress(urllib.error.HTTPError):  # a kernel that restarts just now
                self._ask("DELETE", f"/api/sessions/{session['id']}")

    def _ask(self, method: str, path: str) -> bytes:
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.address + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return bytes(answer.read())

    def close(self) -> None:
        """Stop the server, which ends its kernels; then whatever is left of its session."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()

    def _wait_until_up(self, log: Path) -> None:
        end = time.monotonic() + 180
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"JupyterLab ended: {log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(urllib.error.URLError, OSError):
                url = f"{self.address}/api?token={self.token}"
                with urllib.request.urlopen(url, timeout=2):
                    return
            time.sleep(0.1)
        self.close()
        raise RuntimeError("JupyterLab did not answer within three minutes")


class ClassicNotebook(Lab):
    """A running Notebook 7: one document per page, without JupyterLab's frame."""

    program = "notebook"
    options = ()

    def notebook(self, name: str) -> str:
        return f"{self.address}/notebooks/{name}?token={self.token}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""`lipexplore explore` for one test run: a free port, its processes, and a clean end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


class App:
    """A running app; ``address`` is the one it printed, as this machine reaches it."""

    def __init__(self, home: Path, *options: str) -> None:
        cache = home / "cache"
        cache.mkdir(exist_ok=True)
        (cache / "lipexplore").touch()  # a file: no page learns run times from another
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "IPYTHONDIR": str(home / "ipython"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "XDG_CACHE_HOME": str(cache),
        }
        self._log = home / "app.log"
        with self._log.open("wb") as log:
            self._server = psutil.Popen(
                [
                    *(sys.executable, "-m", "lipexplore.cli", "explore", "--port", "0"),
                    *("--no-browser", *options),
                ],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        with self._server.stdout as lines:
            found = re.search(r"http://\S+", lines.readline() + lines.readline())
        assert found, self.log()
        self.address = re.sub("//[^:]+", "//127.0.0.1", found[0])

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def kernels(self) -> list[psutil.Process]:
        """Return the kernels' processes."""
        return [p for p in self._server.children() if _runs(p, "ipykernel_launcher")]

    def workers(self, kernel: psutil.Process) -> set[int]:
        """Return the numbers of a kernel's worker processes."""
        return {p.pid for p in kernel.children() if _runs(p, "lipexplore.jobs.worker")}

    def family(self) -> list[psutil.Process]:
        """Return all processes that the server has started and those have."""
        return self._server.children(recursive=True)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal as Control-C in a terminal does; return the exit status."""
        if self._server.poll() is None:
            self._server.send_signal(number)
        try:
            return self._server.wait(120)
        except psutil.TimeoutExpired:
            for process in (*self.family(), self._server):
                process.kill()
            raise


def _runs(process: psutil.Process, module: str) -> bool:
    try:
        return module in process.cmdline()
    except psutil.Error:  # it has ended
        return False

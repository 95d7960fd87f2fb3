"""One worker process and its pipes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from lipexplore.jobs.protocol import NETWORKS_KEPT, Message, Parcel

COMMAND = (sys.executable, "-P", "-m", "lipexplore.jobs.worker")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
LONGEST_COMPLAINT = 2000


class Child:
    """A running worker process, in the process group of this one.

    Parameters
    ----------
    threads
        Threads of its linear algebra.
    folder
        Where it keeps the arrays of its answers.

    Raises
    ------
    OSError
        If the system starts no process.
    """

    def __init__(self, threads: int, folder: Path) -> None:
        self.born = time.perf_counter()
        self.ready = False
        self._known: deque[str] = deque(maxlen=NETWORKS_KEPT)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by end)
        try:
            self._process = subprocess.Popen(
                (*COMMAND, str(folder)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=_environment(threads),
            )
        except OSError:
            self._errors.close()
            raise
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def send(self, line: bytes) -> None:
        """Write one line; a process that is gone is noticed by :meth:`messages`, not here."""
        with contextlib.suppress(OSError, ValueError):
            self._input.write(line)
            self._input.flush()

    def acquaint(self, parcel: Parcel) -> None:
        """Send a network unless it has it: both ends keep the last ones that were sent."""
        if parcel.name not in self._known:
            self._known.append(parcel.name)
            self.send(parcel.line)

    def messages(self) -> Iterator[Message]:
        """Yield what it sends until it ends; a line that a kill cut short is left out."""
        for line in self._output:
            with contextlib.suppress(ValueError):
                yield json.loads(line)

    def kill(self) -> None:
        """End it at once; without effect where it has ended."""
        self._process.kill()

    def end(self) -> str:
        """Wait for its end, close its pipes and return how it ended, in words."""
        code = self._process.wait()
        self._output.close()
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        complaint = self._last_words()
        self._errors.close()
        if code == -9:
            return "ended with code -9 (killed, or the machine ran out of memory)"
        return f"ended with code {code}" + (f" ({complaint})" if complaint else "")

    def _last_words(self) -> str:
        length = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, length - LONGEST_COMPLAINT))
        lines = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _environment(threads: int) -> dict[str, str]:
    """Return this environment with the number of threads and this very package to be found."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
    home = Path(__file__).resolve().parents[2]
    if home.name not in ("site-packages", "dist-packages"):
        paths = [str(home), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment

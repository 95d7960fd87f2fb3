"""The child process: reads one job per line on stdin, answers in lines on stdout.

Run by :mod:`lipexplore.jobs.process` as ``python -m lipexplore.jobs.worker``. It ends when stdin
does, so it never outlives the program that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from lipexplore.jobs.protocol import Job
    from lipexplore.jobs.radii import RadiiJob
    from lipexplore.jobs.survey import Surveyor

SECONDS_BETWEEN_TICKS = 0.05
WARM_SOLVERS = ("highs", "cvxopt")
INTERRUPT = b"interrupt "
"""What a line begins with that asks a survey, by its number, to end early."""

Send = Callable[..., None]


class Ticker:
    """Sends a solver's iterations, at most 20 per second; the first and the last always."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sent_at = -float("inf")
        self._held: dict[str, Any] | None = None

    def __call__(self, data: Mapping[str, Any]) -> None:
        """Send the tick, or hold it back until the next."""
        now = time.perf_counter()
        self._held = dict(data)
        if now - self._sent_at >= SECONDS_BETWEEN_TICKS:
            self._sent_at = now
            self.flush()

    def flush(self) -> None:
        """Send the tick that was held back."""
        if self._held is not None:
            self._send("progress", data=self._held)
            self._held = None


class Inbox:
    """Jobs that wait, as lines, and the number of the last that is to end early."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lines: SimpleQueue[bytes] = SimpleQueue()
        self.interrupted = 0

    def fill(self, source: BinaryIO) -> None:
        """Read until the client is gone; then end this process and leave no file."""
        for line in source:
            if line.startswith(INTERRUPT):
                self.interrupted = int(line[len(INTERRUPT) :])
            else:
                self.lines.put(line)
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)


def main() -> None:
    """Answer jobs until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, target = _claim_pipes()
    folder = Path(sys.argv[1])
    inbox = Inbox(folder)
    threading.Thread(target=inbox.fill, args=(source,), daemon=True).start()
    versions = _warm_up()
    from lipexplore.jobs.protocol import encode
    from lipexplore.jobs.survey import Surveyor

    def send(kind: str, **content: Any) -> None:
        target.write(encode({"kind": kind, **content}))
        target.flush()

    send("ready", data=versions)
    surveyor = Surveyor()
    networks: dict[str, str] = {}
    while True:
        message = json.loads(inbox.lines.get())
        if "parcel" in message:
            _take(message, networks)
        elif "survey" in message["question"]:
            _survey(message, send, surveyor, inbox)
        else:
            _answer(message, send, folder, networks)


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the protocol to descriptors of its own: what libraries print goes to stderr."""
    source, target = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(source, "rb"), os.fdopen(target, "wb")


def _warm_up() -> dict[str, str]:
    """Import what a first job needs by running a tiny one with each solver."""
    from lipexplore.bounds import bound
    from lipexplore.errors import LipexploreError
    from lipexplore.jobs.versions import package_versions
    from lipexplore.networks.feedforward import Network

    tiny = Network([[[1.0, -1.0]], [[1.0]]])
    for solver in WARM_SOLVERS:
        with contextlib.suppress(LipexploreError, ImportError):
            bound(tiny, "lipopt-lp", solver=solver)
    return package_versions()


def _take(message: dict[str, Any], networks: dict[str, str]) -> None:
    """Keep a network; the oldest goes, as the client reckons."""
    from lipexplore.jobs.protocol import NETWORKS_KEPT

    networks[message["parcel"]] = message["content"]
    if len(networks) > NETWORKS_KEPT:
        del networks[next(iter(networks))]


def _answer(
    message: dict[str, Any], send_any: Send, folder: Path, networks: Mapping[str, str]
) -> None:
    from lipexplore.jobs.protocol import FAILURES, one_sentence

    number = message["job"]

    def send(kind: str, **content: Any) -> None:
        send_any(kind, job=number, **content)

    send("started")
    ticker = Ticker(send)
    try:
        found = _job_of(message["question"], networks).run(ticker)
    except FAILURES as error:
        send("error", error=type(error).__name__, expected=True, data=one_sentence(error))
    except Exception as error:  # noqa: BLE001 (a mistake in one method must not end the worker)
        traceback.print_exc()
        send("error", error=type(error).__name__, expected=False, data=one_sentence(error))
    else:
        ticker.flush()
        send("result", **_result(found, folder / f"{number}.pickle"))


def _job_of(question: dict[str, Any], networks: Mapping[str, str]) -> Job | RadiiJob:
    from lipexplore.jobs.protocol import Job

    if "radii" not in question:
        return Job.from_message({**question, "network": networks[question["network"]]})
    from lipexplore.jobs.radii import RadiiJob

    return RadiiJob.from_message(question)


def _result(found: Any, path: Path) -> dict[str, Any]:
    """Return what is sent of an answer: numbers in the line, arrays in a file."""
    from lipexplore.bounds import Bound
    from lipexplore.jobs.arrays import keep
    from lipexplore.jobs.protocol import bound_to_message

    if not isinstance(found, Bound):
        return {"data": None, "arrays": keep(found, path)}
    numbers = {"data": bound_to_message(found)}
    if found.certificate is None and found.witness is None:
        return numbers
    return {**numbers, "arrays": keep((found.certificate, found.witness), path)}


def _survey(message: dict[str, Any], send_any: Send, surveyor: Surveyor, inbox: Inbox) -> None:
    from lipexplore.jobs.protocol import one_sentence
    from lipexplore.jobs.survey import Survey

    number = message["job"]

    def send(kind: str, **content: Any) -> None:
        send_any(kind, job=number, **content)

    send("started")
    try:
        surveyor.answer(
            Survey.from_message(message["question"]),
            lambda data: send("progress", data=data),
            lambda: inbox.interrupted >= number,
        )
    except Exception as error:  # noqa: BLE001 (as above)
        traceback.print_exc()
        send("error", error=type(error).__name__, expected=False, data=one_sentence(error))
    else:
        send("finished")


if __name__ == "__main__":
    main()

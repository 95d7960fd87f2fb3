"""Keeps one worker process alive and feeds it one job at a time."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from lipexplore.errors import WorkerDied
from lipexplore.jobs.arrays import Kept
from lipexplore.jobs.process import Child
from lipexplore.jobs.protocol import (
    Event,
    Kind,
    Message,
    Parcel,
    bound_from_message,
    encode,
    packed,
)

ATTEMPTS_TO_START = 3
LONGEST_END = 5.0


@dataclass
class Run:
    """A job on its way: ``line`` is what the child gets, ``started`` when it said so.

    ``parcel`` is the network that the child needs before, unless it has it.
    """

    number: int
    line: bytes
    parcel: Parcel | None
    started: float | None = None


class Supervisor:
    """Owns the child process.

    One thread starts the child, reads it, and starts the next when it ends, for whatever reason.
    The lock guards the fields and is held for no longer than it takes to hand a job over; it is
    reentrant because a finalizer may close the supervisor at any moment.
    """

    def __init__(self, threads: int) -> None:
        self.events: SimpleQueue[Event] = SimpleQueue()
        self.bell: threading.Event | None = None
        self._threads = threads
        self._folder = Path(tempfile.mkdtemp(prefix="lipexplore-worker-"))
        self._numbers = count(1)
        self._lock = threading.RLock()
        self._waiting: deque[Run] = deque()
        self._running: Run | None = None
        self._child: Child | None = None
        self._closed = False
        self._thread: threading.Thread | None = None
        self._start()

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        with self._lock:
            return self._running is not None or bool(self._waiting)

    @property
    def waiting(self) -> int:
        """Number of jobs that have not started."""
        with self._lock:
            return len(self._waiting)

    @property
    def pid(self) -> int | None:
        """Number of the child process, None while there is none."""
        child = self._child
        return None if child is None else child.pid

    def submit(self, question: Message) -> int:
        """Queue a job and return its number."""
        number = next(self._numbers)
        question, parcel = packed(question)
        line = encode({"job": number, "question": question})
        with self._lock:
            if self._closed:
                raise WorkerDied("this worker was closed: make a new one")
            self._waiting.append(Run(number, line, parcel))
            self._start()
            self._hand_over()
        return number

    def cancel(self, number: int | None) -> None:
        """Drop a waiting job, kill the child of a running one; None means all of them."""
        with self._lock:
            for run in [run for run in self._waiting if number in (None, run.number)]:
                self._waiting.remove(run)
                self._emit("cancelled", run)
            run_now = self._running
            if run_now is not None and number in (None, run_now.number):
                self._running = None
                self._emit("cancelled", run_now)
                if self._child is not None:
                    self._child.kill()
                    self._child = None

    def withdraw(self, number: int) -> bool:
        """Drop a job if it still waits, without an event; return whether it did."""
        with self._lock:
            waiting = [run for run in self._waiting if run.number == number]
            for run in waiting:
                self._waiting.remove(run)
            return bool(waiting)

    def interrupt(self, number: int) -> None:
        """Ask a running survey to end early; drop it if it waits."""
        with self._lock:
            if self._running is None or self._running.number != number:
                self.cancel(number)
            elif self._child is not None:
                self._child.send(b"interrupt %d\n" % number)

    def close(self) -> None:
        """Cancel everything and end the child."""
        self._closed = True
        self.cancel(None)
        child, thread = self._child, self._thread
        if child is not None:
            child.kill()
        if thread is not None and thread is not threading.current_thread():
            thread.join(LONGEST_END)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._supervise, daemon=True)
            self._thread.start()

    def _supervise(self) -> None:
        failures, reason = 0, ""
        while not self._closed and failures < ATTEMPTS_TO_START:
            try:
                child = Child(self._threads, self._folder)
            except OSError as error:
                failures, reason = failures + 1, f"did not start ({error})"
                continue
            reason = self._follow(child)
            failures = 0 if child.ready else failures + 1
        self._give_up(reason)

    def _follow(self, child: Child) -> str:
        """Serve one child until it ends; return how it ended, in words."""
        self._child = child
        if self._closed:
            child.kill()
        for message in child.messages():
            with self._lock:
                if child is self._child:
                    self._receive(child, message)
        reason = child.end()
        with self._lock:
            if child is self._child:
                self._child = None
                self._child_died(reason)
        return reason

    def _receive(self, child: Child, message: Message) -> None:
        kind: Kind = message["kind"]
        if kind == "ready":
            child.ready = True
            self._put(Event("ready", None, message["data"], time.perf_counter() - child.born))
            self._hand_over()
            return
        run = self._running
        if run is None or message["job"] != run.number:
            return
        if kind == "started":
            run.started = time.perf_counter()
        data: Any = message.get("data")
        if kind == "result" and data is not None:
            data = bound_from_message(data)
        arrays = (
            Kept(message["arrays"] and Path(message["arrays"])) if "arrays" in message else None
        )
        failure = {name: message[name] for name in ("error", "expected") if name in message}
        self._emit(kind, run, data, arrays=arrays, **failure)
        if kind in ("result", "finished", "error"):
            self._running = None
            self._hand_over()

    def _hand_over(self) -> None:
        """Give the next job to a child that is ready and idle: it reads at once."""
        child = self._child
        if child is not None and child.ready and self._running is None and self._waiting:
            self._running = self._waiting.popleft()
            if self._running.parcel is not None:
                child.acquaint(self._running.parcel)
            child.send(self._running.line)

    def _child_died(self, reason: str) -> None:
        run, self._running = self._running, None
        if run is None:
            return
        if run.started is None:
            self._waiting.appendleft(run)
        else:
            advice = "choose a lower degree or a smaller network, or run again"
            self._emit("died", run, f"the worker process {reason}: {advice}")

    def _give_up(self, reason: str) -> None:
        with self._lock:
            self._thread = None
            if self._closed:
                return
            text = f"the worker process {reason}: check the installation by `lipexplore doctor`"
            self._put(Event("died", None, text, 0.0))
            while self._waiting:
                self._emit("died", self._waiting.popleft(), text)

    def _emit(self, kind: Kind, run: Run, data: object = None, **more: Any) -> None:
        seconds = 0.0 if run.started is None else time.perf_counter() - run.started
        self._put(Event(kind, run.number, data, seconds, **more))

    def _put(self, event: Event) -> None:
        self.events.put(event)
        if (bell := self.bell) is not None:
            bell.set()

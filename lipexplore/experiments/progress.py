"""How far a sweep is, on a terminal or in a log."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

REFRESH, LOG = 0.5, 10.0
"""Seconds between two looks of a terminal and two lines of a log."""

BAR = 20
SMALLEST = 0.01
"""Seconds that a run takes at least, for what is expected to remain."""

TRUST = 2.0
"""Seconds of expected work after which the pace counts as much as what was expected."""


class Progress:
    """One line that is kept up to date, or one line now and then where there is no terminal.

    Parameters
    ----------
    names, expected
        What each run is called and the seconds it is expected to take.
    stream
        Where to write.
    """

    def __init__(self, names: Sequence[str], expected: Sequence[float], stream: TextIO) -> None:
        self._names = names
        self._expected = [max(seconds, SMALLEST) for seconds in expected]
        self._stream = stream
        self._terminal = stream.isatty()
        self._running: dict[int, None] = {}
        self._done: set[int] = set()
        self._failed = 0
        self._start = time.monotonic()
        self._first: float | None = None
        self._most_at_once = 1
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._refresh, daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()
        self._draw()
        if self._terminal:
            self._stream.write("\n")
            self._stream.flush()

    def started(self, place: int) -> None:
        """Note that a run has started."""
        with self._lock:
            self._running[place] = None
            self._first = self._first or time.monotonic()
            self._most_at_once = max(self._most_at_once, len(self._running))

    def finished(self, place: int, *, failed: bool) -> None:
        """Note that a run has ended."""
        with self._lock:
            self._running.pop(place, None)
            self._done.add(place)
            self._failed += failed

    def line(self) -> str:
        """Return how far it is, in one line."""
        with self._lock:
            running, done, failed = list(self._running), len(self._done), self._failed
            left = self._left()
        total, elapsed = len(self._names), time.monotonic() - self._start
        full = BAR * done // max(total, 1)
        parts = [f"[{'#' * full}{'.' * (BAR - full)}] {done}/{total}"]
        parts += [f"{failed} failed"] if failed else []
        parts += [duration(elapsed)]
        if 0 < done < total:
            parts += [f"about {duration(left)} left"]
        parts += ["; ".join(self._names[place] for place in running)] if running else []
        return ", ".join(parts)

    def _left(self) -> float:
        """Return the seconds that remain by the expectations and the pace so far."""
        spent = sum(self._expected[place] for place in self._done)
        elapsed = 0.0 if self._first is None else time.monotonic() - self._first
        pace = (elapsed + TRUST / self._most_at_once) / (spent + TRUST)
        return pace * (sum(self._expected) - spent)

    def _refresh(self) -> None:
        while not self._end.wait(REFRESH if self._terminal else LOG):
            self._draw()

    def _draw(self) -> None:
        line = self.line()
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r{line[:width]}\x1b[K")
        else:
            self._stream.write(line + "\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """Return a time as a person says it: 12 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if seconds >= 1.0 or seconds == 0.0 else f"{seconds:.1g} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"

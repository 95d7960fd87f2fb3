"""Looking at the clock, the cancel event and the progress callback from inside a solver."""

import time
from collections.abc import Callable
from threading import Event

from lipexplore.solvers.records import Progress


class Monitor:
    """Decides between iterations whether a solve goes on.

    An exception of the progress callback must not cross a solver's own frames (C++ code, or
    handlers of ArithmeticError): it is kept, the solve is stopped, and `reraise` lets it go.

    Parameters
    ----------
    time_limit
        Seconds from now, or None.
    cancel
        Event that another thread sets to stop the solve, or None.
    on_progress
        Called with a `Progress` once per iteration, or None.
    """

    def __init__(
        self,
        time_limit: float | None = None,
        cancel: Event | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.sign = 1.0
        self.offset = 0.0
        self.stopped: str | None = None
        self._error: BaseException | None = None
        self._start = time.perf_counter()
        self._time_limit = time_limit
        self._cancel = cancel
        self._on_progress = on_progress

    def measure(self, sign: float, offset: float) -> None:
        """Report the solver's numbers v as ``sign * v + offset`` from now on."""
        self.sign, self.offset = sign, offset

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def report(self, iteration: int, primal: float | None, dual: float | None) -> None:
        """Pass one iteration on to the callback."""
        if self._on_progress is None or self._error is not None:
            return
        progress = Progress(iteration, self._scaled(primal), self._scaled(dual), self.seconds)
        try:
            self._on_progress(progress)
        except BaseException as error:  # noqa: BLE001 (kept, and raised again by reraise)
            self._error = error

    def should_stop(self) -> bool:
        """Whether to stop now; `stopped` then says why."""
        if self._error is not None or (self._cancel is not None and self._cancel.is_set()):
            self.stopped = "cancelled"
        elif self._time_limit is not None and self.seconds > self._time_limit:
            self.stopped = "time limit"
        return self.stopped is not None

    def reraise(self) -> None:
        """Raise the callback's exception if there was one."""
        if self._error is not None:
            raise self._error

    def _scaled(self, number: float | None) -> float | None:
        return None if number is None else self.sign * float(number) + self.offset

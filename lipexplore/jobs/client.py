"""A worker process as the kernel sees it: submit, poll, cancel."""

from __future__ import annotations

import threading
import time
import weakref
from queue import Empty
from types import TracebackType

from lipexplore.errors import InvalidSetting
from lipexplore.jobs.protocol import Event, Job
from lipexplore.jobs.radii import RadiiJob
from lipexplore.jobs.supervisor import Supervisor
from lipexplore.jobs.survey import Survey

__all__ = ["Event", "Job", "RadiiJob", "Survey", "Worker"]


class Worker:
    """A warm child process that runs one job at a time, in the order they were submitted.

    No method but :meth:`wait` and :meth:`close` waits for anything; all may be called from any
    thread. The process ends with :meth:`close`, with this object, or with this program.

    Parameters
    ----------
    threads
        Threads of the child's linear algebra.

    Raises
    ------
    InvalidSetting
        If ``threads`` is below 1.
    """

    def __init__(self, threads: int = 1) -> None:
        if threads < 1:
            raise InvalidSetting(f"a worker needs at least one thread, not {threads}")
        self._threads = threads
        self._supervisor = Supervisor(threads)
        self._close = weakref.finalize(self, self._supervisor.close)

    def another(self) -> Worker:
        """Return a new worker of the same kind."""
        return Worker(self._threads)

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._supervisor.busy

    @property
    def queued(self) -> int:
        """Number of jobs that wait."""
        return self._supervisor.waiting

    @property
    def pid(self) -> int | None:
        """Number of the child process, None while there is none."""
        return self._supervisor.pid

    def submit(self, job: Job | RadiiJob | Survey) -> int:
        """Queue a job, radii or a survey and return its number, which its events carry.

        Raises
        ------
        InvalidSetting
            If a setting cannot be sent.
        WorkerDied
            If the worker was closed.
        """
        return self._supervisor.submit(job.to_message())

    def ring(self, bell: threading.Event | None) -> None:
        """Set ``bell`` whenever there is something to :meth:`poll`, from another thread."""
        self._supervisor.bell = bell

    def poll(self) -> list[Event]:
        """Return what happened since the last call, oldest first."""
        events = []
        try:
            while True:
                events.append(self._supervisor.events.get_nowait())
        except Empty:
            return events

    def cancel(self, job: int | None = None) -> None:
        """Stop a job, or all of them: its "cancelled" event is there when this returns.

        A running job is stopped by killing the process; a new one starts in the background and
        takes the jobs that still wait.
        """
        self._supervisor.cancel(job)

    def withdraw(self, job: int) -> bool:
        """Take a job back unless it has started: no event of it comes; return whether it worked."""
        return self._supervisor.withdraw(job)

    def interrupt(self, survey: int) -> None:
        """Ask a survey to end soon, by its number; nothing is killed.

        Its last event is "finished", or "cancelled" where it had not begun.
        """
        self._supervisor.interrupt(survey)

    def wait(self, timeout: float | None = None) -> list[Event]:
        """Return the events until no job is left or ``timeout`` seconds have passed."""
        end = float("inf") if timeout is None else time.monotonic() + timeout
        events = self.poll()
        while self.busy and time.monotonic() < end:
            try:
                events.append(self._supervisor.events.get(timeout=0.02))
            except Empty:
                continue
        return events + self.poll()

    def close(self) -> None:
        """Cancel all jobs and end the process."""
        self._close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

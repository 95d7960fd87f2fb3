"""Work that must not hold up the page: only the answer to the newest request is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Runs ``work`` in a thread and hands its result to ``deliver`` on the event loop.

    Where no event loop runs (plain scripts and tests) both happen at once. Requests that were
    overtaken are not delivered, and skipped where they have not begun.

    Parameters
    ----------
    pause
        Seconds that a request waits for the next: for work that need not follow every move.
    """

    def __init__(
        self, work: Callable[[], T], deliver: Callable[[T], None], pause: float = 0.0
    ) -> None:
        self._work = work
        self._deliver = deliver
        self._pause = pause
        self._task: asyncio.Task[None] | None = None
        self._wanted = 0

    def request(self) -> None:
        """Do the work again, for what holds now."""
        self._wanted += 1
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._deliver(self._work())
            return
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        answered = -1
        while answered != self._wanted:
            answered = self._wanted
            await asyncio.sleep(self._pause)
            if answered != self._wanted:
                continue
            result = await asyncio.to_thread(self._work)
            if answered == self._wanted:
                self._deliver(result)

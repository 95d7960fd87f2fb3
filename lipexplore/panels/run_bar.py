"""Run, Cancel and the status line; follows the worker on the event loop of the page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from html import escape

import ipywidgets

from lipexplore.figures.tightness import bound_against_runtime
from lipexplore.panels.state import SECONDS_BETWEEN_POLLS, Change, WorkbenchState


@cache
def _load_plotly() -> None:
    bound_against_runtime([])


class RunBar:
    """Starts and stops runs; ``tick`` is called 20 times per second while something runs."""

    def __init__(self, state: WorkbenchState, tick: Callable[[], None]) -> None:
        self._state = state
        self._tick = tick
        self._pumping: asyncio.Task[None] | None = None
        self.run = ipywidgets.Button(
            description="Run", button_style="primary", tooltip="start the chosen methods"
        )
        self.cancel = ipywidgets.Button(
            description="Cancel", button_style="danger", tooltip="stop everything that runs"
        )
        self.run.add_class("lx-run")
        self.cancel.add_class("lx-cancel")
        self.status = ipywidgets.HTML()
        self.status.add_class("lx-status")
        self.children = (self.run, self.cancel, self.status)
        self.run.on_click(lambda _: self._run())
        self.cancel.on_click(lambda _: self._cancel())
        state.listen(self._hear)

    def start(self, longest: float) -> None:
        """Run at once what is expected to take at most ``longest`` seconds."""
        self._state.run(longest=longest)
        self._tell_status()
        self.follow()

    def follow(self) -> None:
        """Pump on the event loop of whoever called, if there is one and it is not done already."""
        if self._state.busy and (self._pumping is None or self._pumping.done()):
            try:
                self._pumping = asyncio.get_running_loop().create_task(self._pump())
            except RuntimeError:
                return

    async def finished(self) -> None:
        """Wait without blocking until nothing runs."""
        while self._state.busy:
            await asyncio.sleep(SECONDS_BETWEEN_POLLS)
            self.follow()

    def close(self) -> None:
        """Stop following."""
        if self._pumping is not None:
            self._pumping.cancel()

    def say(self, text: str) -> None:
        """Show a sentence; screen readers read it out."""
        self.status.value = f'<div role="status" aria-live="polite">{escape(text)}</div>'

    async def _pump(self) -> None:
        await asyncio.to_thread(_load_plotly)  # while the worker starts
        while self._state.busy:
            self._state.pump()
            self._tick()
            await asyncio.sleep(SECONDS_BETWEEN_POLLS)
        self._tick()

    def _run(self) -> None:
        self.say("Starting.")
        started = self._state.run()
        refused = [cost for cost in self._state.costs if cost.refused]
        if not started and not self._state.busy:
            why = self._state.problem or "choose a method that is not refused"
            self.say(f"Nothing to run: {why}.".replace("..", "."))
        elif refused:
            self._tell_status(f"; {len(refused)} refused, see Cost before Run")
        self.follow()

    def _cancel(self) -> None:
        if self._state.busy:
            self.say("Cancelling.")
            self._state.cancel()
        else:
            self.say("Nothing is running.")

    def _hear(self, change: Change) -> None:
        if change == "rows":
            self._tell_status()

    def _tell_status(self, extra: str = "") -> None:
        rows = self._state.rows
        running = [row for row in rows if row.open]
        counts = [
            f"{sum(row.state == state for row in rows)} {state}"
            for state in ("done", "failed", "cancelled")
            if any(row.state == state for row in rows)
        ]
        done = ", ".join(counts)
        if running:
            first = next((row for row in running if row.state == "running"), running[0])
            begun = f"Running {first.run.label}; {len(running)} to go"
            self.say(f"{begun}{f' ({done})' if done else ''}{extra}.")
        else:
            failed = next((row for row in reversed(rows) if row.state == "failed"), None)
            why = f": {failed.message}" if failed else ""
            self.say(f"Ready. {done}{why}{extra}." if done else "Ready.")

"""The workbench without widgets: settings, costs and runs, driven by anyone who polls it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from lipexplore.bounds import Bound, method_class
from lipexplore.errors import LipexploreError
from lipexplore.jobs.client import Event, Worker
from lipexplore.panels.catalogue import Catalogue
from lipexplore.panels.costs import Cost, cost_of
from lipexplore.panels.history import History
from lipexplore.panels.links import settings_of, state_text
from lipexplore.panels.pins import Pin, pin_of, with_pin, without_pin
from lipexplore.panels.predictions import Predictions
from lipexplore.panels.rows import Row, after, bounds_by_question
from lipexplore.panels.settings import Question, Settings, job_of, plan
from lipexplore.panels.timings import Timings

SECONDS_BETWEEN_POLLS = 0.05
QUICK = 1.0
"""Methods that are expected to take more seconds are not ticked at the beginning."""
Change = Literal["settings", "costs", "rows", "selected", "marked", "pins"]


class WorkbenchState:
    """Settings, costs and rows. Everything happens in the thread that calls.

    Parameters
    ----------
    networks
        The user's networks, as :func:`lipexplore.explore` takes them.
    worker
        Runs the jobs; made when it is None.
    timings_file
        Where run times are kept between sessions, None for nowhere.
    """

    def __init__(
        self, networks: Any = None, worker: Worker | None = None, timings_file: Path | None = None
    ) -> None:
        self.worker = Worker() if worker is None else worker
        self.catalogue = Catalogue(networks)
        self.settings = Settings(network=self.catalogue.first)
        self.question: Question | None = None
        self.problem = ""
        self.costs: tuple[Cost, ...] = ()
        self.rows: tuple[Row, ...] = ()
        self.selected: int | None = None
        self.marked: tuple[int, ...] = ()
        self.pins: tuple[Pin, ...] = ()
        self.history = History()
        self.predictions = Predictions()
        self.timings = Timings(timings_file)
        self._row_of_job: dict[int, int] = {}
        self._listeners: list[Callable[[Change], None]] = []
        self._numbers = 0
        self._resolve()
        self._choose_methods()

    def listen(self, listener: Callable[[Change], None], first: bool = False) -> None:
        """Call ``listener`` with what has changed, after each change; before others if asked."""
        self._listeners.insert(0 if first else len(self._listeners), listener)

    def change(self, **values: Any) -> None:
        """Replace settings by name; costs become unknown until :meth:`set_costs`."""
        settings = replace(self.settings, **values)
        if settings.network != self.settings.network:
            settings = replace(settings, **{"layers": None, "output": 0, "minus": None, **values})
        if settings != self.settings:
            self.history.note(self.settings, values)
            self._set(settings)

    def change_parameter(self, method: str, name: str, value: Any) -> None:
        """Replace one setting of one method."""
        own = {**self.settings.parameters.get(method, {}), name: value}
        self.change(parameters={**self.settings.parameters, method: own})

    def undo(self) -> None:
        """Go back to the settings before the last change."""
        self._set(self.history.undo(self.settings))

    def redo(self) -> None:
        """Change again what was undone last."""
        self._set(self.history.redo(self.settings))

    @property
    def text(self) -> str:
        """The settings as a short string, which :meth:`restore` takes."""
        weights = self.question.network.content_hash if self.question else ""
        return state_text(self.settings, weights)

    def restore(self, text: str) -> None:
        """Set everything to what the string says; nothing changes if it cannot be.

        Raises
        ------
        LipexploreError
            If it is no state, or is about a network that is not here or has other weights.
        """
        settings = settings_of(text, self.catalogue)
        if settings != self.settings:
            self.history.note(self.settings, {"state": text})
            self._set(settings)

    def pin(self, number: int, name: str = "") -> None:
        """Keep a finished run under a name; pinned again, it gets the new name."""
        self.pins = with_pin(self.pins, self.rows, number, name)
        self._tell("pins")

    def pin_bound(self, bound: Bound, name: str) -> None:
        """Keep a bound of the present question that was found elsewhere, in place of its namesake.

        Raises
        ------
        InvalidSetting
            If it is about another question.
        """
        if self.question is not None:
            self._numbers += 1
            pin = pin_of(bound, self.question, self._numbers, name)
            namesakes = [old for old in self.comparable_pins if old.name == name]
            self.pins = (*(old for old in self.pins if old not in namesakes), pin)
            self._tell("pins")

    def unpin(self, number: int) -> None:
        """Let a pinned run go."""
        self.pins = without_pin(self.pins, number)
        self._tell("pins")

    def row(self, number: int | None) -> Row | None:
        """Return the run with this number, pinned or not."""
        rows = (*self.rows, *(pin.row for pin in self.pins))
        return next((row for row in rows if row.number == number), None)

    def count_costs(self) -> tuple[Cost, ...]:
        """Count what the planned runs cost; safe to call in another thread."""
        question = self.question
        if question is None:
            return ()
        return tuple(cost_of(question, run, self.timings) for run in plan(self.settings))

    def set_costs(self, costs: tuple[Cost, ...]) -> None:
        """Show what :meth:`count_costs` returned for the present settings."""
        self.costs = costs
        self._tell("costs")

    def select(self, number: int | None) -> None:
        """Choose the row whose details are shown."""
        if number != self.selected:
            self.selected = number
            self._tell("selected")

    def mark(self, variables: Iterable[int]) -> None:
        """Choose the variables, a clique's for instance, that every panel highlights.

        Input i of the part that is asked about is variable i; hidden units follow layer by layer.
        """
        marked = tuple(int(variable) for variable in variables)
        if marked != self.marked:
            self.marked = marked
            self._tell("marked")

    @property
    def busy(self) -> bool:
        """Whether a run waits or runs."""
        return any(row.open for row in self.rows)

    @property
    def comparable_rows(self) -> tuple[Row, ...]:
        """The finished rows that answer the present question."""
        key = self.question.key if self.question else None
        return tuple(row for row in self.rows if row.bound is not None and row.question.key == key)

    @property
    def comparable_pins(self) -> tuple[Pin, ...]:
        """The pins that answer the present question."""
        key = self.question.key if self.question else None
        return tuple(pin for pin in self.pins if pin.row.question.key == key)

    @property
    def bounds_by_question(self) -> dict[str, list[Bound]]:
        """All finished runs, by the title of their question."""
        return bounds_by_question(self.rows)

    def run(self, longest: float = math.inf) -> int:
        """Start the planned runs that are not refused; return their number.

        Quick upper bounds come first in the order of METHODS, then quick lower bounds, then the
        slow runs by their cost.
        A run that was made before takes the place of its older row. ``longest`` leaves out those
        that are expected to take more seconds.
        """
        question = self.question
        if question is None:
            return 0
        known = {repr(cost.run): cost for cost in self.costs}
        costs = [known.get(repr(run), Cost(run)) for run in plan(self.settings)]
        chosen = [cost for cost in costs if not cost.refused and cost.expected <= longest]
        started = [self._submit(question, cost) for cost in sorted(chosen, key=_turn)]
        self._tell("rows")
        return sum(started)

    def cancel(self) -> None:
        """Stop everything that waits or runs."""
        self.worker.cancel()
        self.pump()

    def pump(self) -> bool:
        """Take in what happened in the worker; return whether rows changed."""
        events = self.worker.poll()
        changed = [self._take(event) for event in events]
        if any(changed):
            self._tell("rows")
        return any(changed)

    def wait(self, timeout: float = math.inf) -> None:
        """Pump until nothing runs or ``timeout`` seconds have passed."""
        end = time.monotonic() + timeout
        while self.busy and time.monotonic() < end:
            self.pump()
            time.sleep(0.2 * SECONDS_BETWEEN_POLLS)

    async def follow(self) -> None:
        """Pump 20 times per second until nothing runs."""
        while self.busy:
            self.pump()
            await asyncio.sleep(SECONDS_BETWEEN_POLLS)

    def close(self) -> None:
        """End the worker process."""
        self.worker.close()

    def _resolve(self) -> None:
        self.costs = ()
        try:
            self.question, self.problem = self.catalogue.question(self.settings), ""
        except LipexploreError as error:
            self.question, self.problem = None, str(error)

    def _choose_methods(self) -> None:
        costs = [cost for cost in self.count_costs() if not cost.refused and cost.expected <= QUICK]
        chosen = tuple(dict.fromkeys(cost.run.method for cost in costs))
        self.settings = replace(self.settings, methods=chosen)
        self.costs = tuple(costs)

    def _submit(self, question: Question, cost: Cost) -> bool:
        run = cost.run
        same = Row(0, question, run).identity
        if any(row.open and row.identity == same for row in self.rows):
            return False
        self._numbers += 1
        job = job_of(question, run, self.settings.time_limit)
        row = Row(self._numbers, question, run, counted_seconds=cost.counted_seconds)
        try:
            self._row_of_job[self.worker.submit(job)] = row.number
        except LipexploreError as error:
            row = replace(row, state="failed", message=str(error))
        self.rows = (*(old for old in self.rows if old.identity != same), row)
        return True

    def _take(self, event: Event) -> bool:
        """Apply one event to its row; events of unknown or finished runs are dropped."""
        number = None if event.job is None else self._row_of_job.get(event.job)
        row = next((row for row in self.rows if row.number == number), None)
        if row is None or not row.open:
            return False
        new = after(row, event)
        if new.bound is not None and new.counted_seconds and "limit" not in new.message:
            self.timings.note(row.run.method, new.counted_seconds, new.bound.seconds)
        self.rows = tuple(new if old is row else old for old in self.rows)
        return True

    def _set(self, settings: Settings) -> None:
        if settings != self.settings:
            self.settings = settings
            self._resolve()
            self._tell("settings")

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)


def _turn(cost: Cost) -> tuple[bool, bool, float]:
    is_slow, is_lower = cost.expected > QUICK, method_class(cost.run.method).side == "lower"
    return is_slow, is_lower, cost.expected if is_slow else 0.0

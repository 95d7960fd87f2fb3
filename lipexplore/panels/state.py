"""The workbench without widgets: settings, costs and runs, driven by anyone who polls it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lipexplore.bounds import Bound, method_class
from lipexplore.errors import LipexploreError
from lipexplore.jobs.client import Event, Job, Worker
from lipexplore.panels.costs import Cost, cost_of
from lipexplore.panels.settings import Catalogue, PlannedRun, Question, Settings, plan

SECONDS_BETWEEN_POLLS = 0.05
TARGET_GAP = 1e-9
LONGEST_BY_DEFAULT = 60.0
"""Methods that are expected to take more seconds are not ticked at the beginning."""
QUICK = 1.0
RunState = Literal["waiting", "running", "done", "failed", "cancelled"]
Change = Literal["settings", "costs", "rows", "selected"]


@dataclass(frozen=True, eq=False)
class Row:
    """One run from its start to its end; replaced, never changed."""

    number: int
    question: Question
    run: PlannedRun
    state: RunState = "waiting"
    bound: Bound | None = None
    message: str = ""
    progress: Mapping[str, Any] = field(default_factory=dict)
    first_gap: float | None = None
    started: float | None = None

    @property
    def open(self) -> bool:
        """Whether the run waits or runs."""
        return self.state in ("waiting", "running")

    @property
    def identity(self) -> tuple[Any, ...]:
        """Equal for runs that ask the same of the same method."""
        return self.question.key, self.run.method, repr(sorted(self.run.settings.items()))

    @property
    def elapsed(self) -> float:
        """Seconds since the run started."""
        return 0.0 if self.started is None else time.perf_counter() - self.started

    @property
    def gap(self) -> float | None:
        """Relative distance of the solver's primal and dual values, None without both."""
        return _gap(self.progress)

    @property
    def share(self) -> float | None:
        """Part of the work that is done, from 0 to 1, where it can be told."""
        if "total" in self.progress:
            return float(self.progress["done"] / self.progress["total"])
        gap = self.gap
        if gap is None or not self.first_gap:
            return None
        if gap <= TARGET_GAP or self.first_gap <= TARGET_GAP:
            return 1.0
        share = math.log(self.first_gap / gap) / math.log(self.first_gap / TARGET_GAP)
        return min(max(share, 0.0), 1.0)


def _gap(progress: Mapping[str, Any]) -> float | None:
    primal, dual = progress.get("primal"), progress.get("dual")
    if primal is None or dual is None:
        return None
    gap = abs(primal - dual) / max(1.0, abs(dual))
    return gap if math.isfinite(gap) else None


class WorkbenchState:
    """Settings, costs and rows. Everything happens in the thread that calls.

    Parameters
    ----------
    networks
        The user's networks, as :func:`lipexplore.explore` takes them.
    worker
        Runs the jobs; made when it is None.
    """

    def __init__(self, networks: Any = None, worker: Worker | None = None) -> None:
        self.worker = Worker() if worker is None else worker
        self.catalogue = Catalogue(networks)
        self.settings = Settings(network=self.catalogue.first)
        self.question: Question | None = None
        self.problem = ""
        self.costs: tuple[Cost, ...] = ()
        self.rows: tuple[Row, ...] = ()
        self.selected: int | None = None
        self._row_of_job: dict[int, int] = {}
        self._listeners: list[Callable[[Change], None]] = []
        self._numbers = 0
        self._resolve()
        self._choose_methods()

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call ``listener`` with what has changed, after each change."""
        self._listeners.append(listener)

    def change(self, **values: Any) -> None:
        """Replace settings by name; costs become unknown until :meth:`set_costs`."""
        settings = replace(self.settings, **values)
        if settings.network != self.settings.network:
            settings = replace(settings, **{"layers": None, "output": 0, "minus": None, **values})
        if settings != self.settings:
            self.settings = settings
            self._resolve()
            self._tell("settings")

    def change_parameter(self, method: str, name: str, value: Any) -> None:
        """Replace one setting of one method."""
        own = {**self.settings.parameters.get(method, {}), name: value}
        self.change(parameters={**self.settings.parameters, method: own})

    def count_costs(self) -> tuple[Cost, ...]:
        """Count what the planned runs cost; safe to call in another thread."""
        question = self.question
        if question is None:
            return ()
        return tuple(cost_of(question, run) for run in plan(self.settings))

    def set_costs(self, costs: tuple[Cost, ...]) -> None:
        """Show what :meth:`count_costs` returned for the present settings."""
        self.costs = costs
        self._tell("costs")

    def select(self, number: int | None) -> None:
        """Choose the row whose details are shown."""
        if number != self.selected:
            self.selected = number
            self._tell("selected")

    @property
    def busy(self) -> bool:
        """Whether a run waits or runs."""
        return any(row.open for row in self.rows)

    @property
    def comparable_rows(self) -> tuple[Row, ...]:
        """The finished rows that answer the present question."""
        key = self.question.key if self.question else None
        return tuple(row for row in self.rows if row.bound is not None and row.question.key == key)

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
        started = [self._submit(question, cost.run) for cost in sorted(chosen, key=_turn)]
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
        costs = [
            cost
            for cost in self.count_costs()
            if not cost.refused and cost.expected <= LONGEST_BY_DEFAULT
        ]
        chosen = tuple(dict.fromkeys(cost.run.method for cost in costs))
        self.settings = replace(self.settings, methods=chosen)
        self.costs = tuple(costs)

    def _submit(self, question: Question, run: PlannedRun) -> bool:
        same = Row(0, question, run).identity
        if any(row.open and row.identity == same for row in self.rows):
            return False
        self._numbers += 1
        job = Job(
            network=question.network,
            method=run.method,
            norm=question.norm,
            region=question.region,
            output=question.output,
            minus=question.minus,
            layers=question.layers,
            settings=run.settings,
            time_limit=self.settings.time_limit,
        )
        row = Row(self._numbers, question, run)
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
        self._replace(_after(row, event))
        return True

    def _replace(self, new: Row) -> None:
        self.rows = tuple(new if row.number == new.number else row for row in self.rows)

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)


def _turn(cost: Cost) -> tuple[bool, bool, float]:
    is_slow, is_lower = cost.expected > QUICK, method_class(cost.run.method).side == "lower"
    return is_slow, is_lower, cost.expected if is_slow else 0.0


def _after(row: Row, event: Event) -> Row:
    match event.kind:
        case "started":
            return replace(row, state="running", started=time.perf_counter())
        case "progress":
            gap = _gap(event.data)
            first = row.first_gap if row.first_gap is not None else gap
            return replace(row, progress=event.data, first_gap=first)
        case "result":
            return replace(row, state="done", bound=event.data, message=event.data.status)
        case "cancelled":
            return replace(row, state="cancelled", message="cancelled")
        case "error" | "died":
            return replace(row, state="failed", message=str(event.data))
        case _:
            return row

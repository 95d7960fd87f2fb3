"""One run from its start to its end, as the panels show it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lipexplore.bounds import Bound
from lipexplore.jobs.arrays import Kept
from lipexplore.jobs.client import Event
from lipexplore.panels.settings import PlannedRun, Question

TARGET_GAP = 1e-9
RunState = Literal["waiting", "running", "done", "failed", "cancelled"]

PROVEN_WHILE_RUNNING = ("exact", "activation-patterns")
"""Methods whose progress has proven ends at any time; that of others proves nothing."""


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
    counted_seconds: float | None = None
    arrays: Kept | None = None

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
    def interval(self) -> tuple[float, float] | None:
        """The proven ends of a run that is not finished, None where it has none yet."""
        if self.state != "running" or self.run.method not in PROVEN_WHILE_RUNNING:
            return None
        lower, upper = (self.progress.get(name) for name in ("lower", "upper"))
        if lower is None or upper is None or not 0.0 < lower <= upper < math.inf:
            return None
        return float(lower), float(upper)

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


def after(row: Row, event: Event) -> Row:
    """Return the row as it is after ``event``."""
    match event.kind:
        case "started":
            return replace(row, state="running", started=time.perf_counter())
        case "progress":
            gap = _gap(event.data)
            first = row.first_gap if row.first_gap is not None else gap
            return replace(row, progress=event.data, first_gap=first)
        case "result":
            found = event.data
            return replace(
                row, state="done", bound=found, message=found.status, arrays=event.arrays
            )
        case "cancelled":
            return replace(row, state="cancelled", message="cancelled")
        case "error" | "died":
            return replace(row, state="failed", message=str(event.data))
        case _:
            return row


def bounds_by_question(rows: Iterable[Row]) -> dict[str, list[Bound]]:
    """Return finished runs by the title of their question; titles that repeat are numbered."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.bound is not None:
            groups.setdefault(row.question.key, []).append(row)
    named: dict[str, list[Bound]] = {}
    for group in groups.values():
        title = group[0].question.title
        name = title if title not in named else f"{title} ({len(named) + 1})"
        named[name] = [row.bound for row in group if row.bound is not None]
    return named

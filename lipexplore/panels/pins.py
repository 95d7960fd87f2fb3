"""Runs that are kept under a name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lipexplore.bounds import Bound, method_class
from lipexplore.errors import InvalidSetting
from lipexplore.figures.comparable import question_key
from lipexplore.panels.rows import Row
from lipexplore.panels.settings import PlannedRun, Question


@dataclass(frozen=True, eq=False)
class Pin:
    """A finished run that is kept, whatever is run later."""

    name: str
    row: Row


def pin_of(bound: Bound, question: Question, number: int, name: str) -> Pin:
    """Return a bound that was found elsewhere as a pin.

    Raises
    ------
    InvalidSetting
        If it is about another question.
    """
    if question_key(bound) != question.key:
        raise InvalidSetting("this run answers another question than that of now")
    usual = method_class(bound.method)().settings()
    settings = {n: v for n, v in bound.settings.items() if n == "degree" or v != usual.get(n)}
    run = PlannedRun(bound.method, settings)
    return Pin(name, Row(number, question, run, "done", bound, bound.status))


def with_pin(pins: tuple[Pin, ...], rows: Iterable[Row], number: int, name: str) -> tuple[Pin, ...]:
    """Return the pins with run ``number`` among them; pinned again, it gets the new name."""
    candidates = [row for row in (*(pin.row for pin in pins), *rows) if row.number == number]
    row = next((row for row in candidates if row.bound is not None), None)
    if row is None:
        return pins
    return (*without_pin(pins, number), Pin(name.strip() or row.run.label, row))


def without_pin(pins: tuple[Pin, ...], number: int) -> tuple[Pin, ...]:
    """Return the pins but that of run ``number``."""
    return tuple(pin for pin in pins if pin.row.number != number)

"""Runs that are kept under a name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lipexplore.panels.rows import Row


@dataclass(frozen=True, eq=False)
class Pin:
    """A finished run that is kept, whatever is run later."""

    name: str
    row: Row


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

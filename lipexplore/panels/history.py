"""Undo and redo of settings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from lipexplore.panels.settings import Settings

SECONDS_OF_ONE_STEP = 1.0
"""Changes of the same control that follow each other faster are one step."""
MOST_STEPS = 200


class History:
    """The settings before and after the present ones, oldest first."""

    def __init__(self) -> None:
        self._past: tuple[Settings, ...] = ()
        self._future: tuple[Settings, ...] = ()
        self._last: tuple[frozenset[str], float] = (frozenset(), -SECONDS_OF_ONE_STEP)

    @property
    def can_undo(self) -> bool:
        """Whether there are settings to go back to."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a step was undone and nothing changed since."""
        return bool(self._future)

    def note(self, before: Settings, changed: Mapping[str, Any]) -> None:
        """Remember the settings before a change of the fields named in ``changed``."""
        names, now = frozenset(changed), time.monotonic()
        same = names == self._last[0] and now - self._last[1] < SECONDS_OF_ONE_STEP
        if not (same and self._past):
            self._past = (*self._past, before)[-MOST_STEPS:]
        self._future, self._last = (), (names, now)

    def undo(self, present: Settings) -> Settings:
        """Return the settings before ``present``, or ``present`` where there are none."""
        if not self._past:
            return present
        *past, previous = self._past
        self._past, self._future = tuple(past), (present, *self._future)
        return self._forget_last(previous)

    def redo(self, present: Settings) -> Settings:
        """Return the settings that were undone last, or ``present`` where there are none."""
        if not self._future:
            return present
        following, *future = self._future
        self._past, self._future = (*self._past, present), tuple(future)
        return self._forget_last(following)

    def _forget_last(self, settings: Settings) -> Settings:
        self._last = (frozenset(), -SECONDS_OF_ONE_STEP)
        return settings

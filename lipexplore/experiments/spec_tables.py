"""Reading the tables of a specification: what is wrong is said with its place and the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeGuard, TypeVar

from lipexplore.errors import InvalidSetting
from lipexplore.jobs.protocol import FAILURES, one_sentence

LARGEST: Final = 2**1023
T = TypeVar("T")


class Fields:
    """A table whose keys are taken one after the other; :meth:`end` refuses what is left.

    Parameters
    ----------
    where
        The file and the table, which begin every message.
    """

    def __init__(self, values: object, where: str) -> None:
        self.where = where
        if not isinstance(values, Mapping):
            raise InvalidSetting(f"{where}: this must be a table of keys, not {values!r}")
        self._left = dict(values)
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def take(self, key: str, default: Any = None) -> Any:
        """Return the value of a key and strike it off."""
        self._known.append(key)
        return self._left.pop(key, default)

    def needed(self, key: str) -> Any:
        """Return the value of a key that must be there."""
        if key not in self._left:
            self._refuse_unknown([*self._known, key])
            raise InvalidSetting(f"{self.where}: the key {key!r} is missing: add it")
        return self.take(key)

    def many(self, key: str, default: Any = None) -> list[Any]:
        """Return the values of a key: a list that is not empty, or one value."""
        found = self.needed(key) if default is None else self.take(key, default)
        values = found if isinstance(found, list) else [found]
        if not values:
            raise self.wrong(key, "the list is empty: name at least one")
        return values

    def rest(self) -> dict[str, Any]:
        """Return all keys that were not taken, and strike them off."""
        left, self._left = self._left, {}
        return left

    def number(self, key: str, least: float = 0.0) -> float | None:
        """Return a number above ``least``, None if the key is not there."""
        value = self.take(key)
        if value is None:
            return None
        if not is_number(value) or not least < value < float("inf"):
            raise self.wrong(key, f"a finite number above {least:g} is needed, not {value!r}")
        return float(value)

    def wrong(self, key: str, text: str) -> InvalidSetting:
        """Return the error about a key's value."""
        return InvalidSetting(f"{self.where}, {key}: {text}")

    def tried(self, key: str, build: Callable[[], T]) -> T:
        """Return what ``build`` makes of a key's value; its refusal is given the place."""
        try:
            return build()
        except FAILURES as problem:
            raise self.wrong(key, one_sentence(problem)) from None
        except (OSError, ValueError) as problem:
            raise self.wrong(key, str(problem)) from None

    def end(self) -> None:
        """Refuse keys that nobody took."""
        self._refuse_unknown(self._known)

    def _refuse_unknown(self, known: Iterable[str]) -> None:
        names = list(dict.fromkeys(known))
        for key in self._left:
            if key not in names:
                raise InvalidSetting(f"{self.where}: there is no key {key!r}: {advice(key, names)}")


def advice(name: str, known: Iterable[str]) -> str:
    """Return what to use in the place of a name that is not known."""
    names = list(known)
    near = get_close_matches(name, names, 1)
    return f"did you mean {near[0]!r}?" if near else f"use {', '.join(names)}"


def is_number(value: object) -> bool:
    """Tell whether TOML's value is a number, and a whole one no larger than floats are."""
    return isinstance(value, float) or (is_integer(value) and -LARGEST <= value <= LARGEST)


def is_integer(value: object) -> TypeGuard[int]:
    """Tell whether TOML's value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """Tell whether TOML's value is a whole number from 0."""
    return is_integer(value) and value >= 0

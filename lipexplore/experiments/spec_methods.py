"""The methods of a specification: names with settings, every list of values spread out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields as fields_of
from functools import partial
from itertools import product
from types import UnionType
from typing import Any, Final

from lipexplore.bounds import METHODS, BoundMethod, method_class
from lipexplore.experiments.spec_tables import Fields, advice

SHARED: Final = {"degrees": "degree", "memory_limit": "memory_limit"}
"""Keys of a grid that set a setting of every method that has it and does not set it itself."""

TYPES: Final[dict[str, tuple[type | UnionType, str]]] = {
    "int": (int, "a whole number"),
    "float": (int | float, "a number"),
    "str": (str, "a text"),
    "bool": (bool, "true or false"),
}


def methods_of(entry: object, where: str, shared: Mapping[str, Any]) -> Iterator[BoundMethod]:
    """Yield the methods of one entry: a name, or a table of a name and its settings.

    Raises
    ------
    InvalidSetting
        If a name, a setting or a value is unknown.
    """
    fields = Fields({"name": entry} if isinstance(entry, str) else entry, where)
    name = fields.needed("name")
    names = [method.name for method in METHODS]
    if name not in names:
        raise fields.wrong("name", f"there is no method {name!r}: {advice(str(name), names)}")
    known = {item.name: str(item.type) for item in fields_of(method_class(name))}
    settings = {key: value for key, value in shared.items() if key in known} | fields.rest()
    choices = []
    for key, value in settings.items():
        if key not in known:
            text = f"there is no setting {key!r}: {advice(key, known) if known else 'remove it'}"
            raise fields.wrong(name, text)
        choices.append([(key, item) for item in _checked(fields, key, value, known[key])])
    for chosen in product(*choices):
        yield fields.tried(name, partial(method_class(name).with_settings, **dict(chosen)))


def unused(shared: Mapping[str, Any], methods: Sequence[BoundMethod]) -> str | None:
    """Return a shared key that no method has."""
    known = {key for method in methods for key in method.settings()}
    return next((key for key, setting in SHARED.items() if setting in shared.keys() - known), None)


def _checked(fields: Fields, key: str, value: Any, annotation: str) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise fields.wrong(key, "the list is empty: name at least one value")
    kinds = [kind for kind in annotation.split(" | ") if kind in TYPES]
    for item in values:
        fits = any(isinstance(item, TYPES[kind][0]) for kind in kinds)
        if not fits or (isinstance(item, bool) and "bool" not in kinds):
            words = " or ".join(TYPES[kind][1] for kind in kinds)
            raise fields.wrong(key, f"{words} is needed, not {item!r}")
    return values

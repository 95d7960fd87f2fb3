"""Settings as one short string that goes into a chat, a slide or an address, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from lipexplore.bounds import method_class
from lipexplore.errors import InvalidSetting
from lipexplore.panels.catalogue import Catalogue
from lipexplore.panels.settings import Settings

ALWAYS: Final = ("network", "methods", "degrees")
"""Fields that are written even where they are the usual ones."""
WEIGHTS: Final = "weights"
HASH_LETTERS = 12
_LISTS = ("methods", "degrees", "layers")


def settings_to_dict(settings: Settings) -> dict[str, Any]:
    """Return the fields as what JSON knows: lists for tuples."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(settings)))
    return plain


def settings_from_dict(values: Mapping[str, Any]) -> Settings:
    """Return the settings that :func:`settings_to_dict` described; missing fields are as usual.

    Raises
    ------
    InvalidSetting
        If a field is unknown or of another type than the usual value.
    """
    known = {item.name: item for item in fields(Settings)}
    chosen: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            raise InvalidSetting(f"a state has no {name!r}: it has {', '.join(known)}")
        chosen[name] = tuple(value) if isinstance(value, list) else value
        if not _fits(name, chosen[name]):
            raise InvalidSetting(f"a state cannot have {value!r} as its {name}")
    return Settings(**chosen)


def state_text(settings: Settings, content_hash: str) -> str:
    """Return the settings as a query string, ``network=...&norm=l2``, with the weights' hash."""
    usual, pairs = Settings(), []
    for name, value in settings_to_dict(settings).items():
        if name == "parameters":
            pairs += [
                (f"{method}.{field}", _word(setting))
                for method, own in value.items()
                for field, setting in own.items()
            ]
        elif name in ALWAYS or getattr(settings, name) != getattr(usual, name):
            pairs.append((name, _field_words(name, value)))
    return urlencode([*pairs, (WEIGHTS, content_hash[:HASH_LETTERS])], safe=",: ").replace(" ", "+")


def read_state(text: str) -> tuple[Settings, str]:
    """Return the settings of :func:`state_text` and the beginning of the weights' hash.

    Raises
    ------
    InvalidSetting
        If the text is no state.
    """
    pairs = parse_qsl(text.strip().lstrip("?#"), keep_blank_values=True)
    if not any(name == "network" for name, _ in pairs):
        raise InvalidSetting("this is no state: copy the whole text, which names a network")
    values: dict[str, Any] = {}
    parameters: dict[str, dict[str, Any]] = {}
    content_hash = ""
    for name, word in pairs:
        method, dot, field = name.partition(".")
        if dot:
            parameters.setdefault(method, {})[field] = _value(word)
        elif name == WEIGHTS:
            content_hash = word
        elif name in _LISTS and word != "null":
            values[name] = [_value(part) for part in word.split(",") if part]
        else:
            values[name] = word if _is_text(name) else _value(word)
    return settings_from_dict({**values, "parameters": parameters}), content_hash


def settings_of(text: str, catalogue: Catalogue) -> Settings:
    """Return the settings that a text describes, for the networks that are here.

    Raises
    ------
    LipexploreError
        If it is no state, or is about a network that is not here or has other weights.
    """
    settings, content_hash = read_state(text)
    if settings.network not in catalogue.names:
        raise InvalidSetting(
            f"there is no network {settings.network!r} here: pass it to explore() as well"
        )
    if not catalogue.question(settings).network.content_hash.startswith(content_hash):
        raise InvalidSetting(
            f"the network {settings.network!r} has other weights than when the state was copied: "
            "pass the same network to explore()"
        )
    for method in (*settings.methods, *settings.parameters):
        method_class(method)
    return settings


def _field_words(name: str, value: Any) -> str:
    if name in _LISTS and value is not None:
        return ",".join(map(_word, value))
    return str(value) if _is_text(name) else _word(value)


def _word(value: Any) -> str:
    """Return strings as they are, unless they would be read as something else; else JSON."""
    if isinstance(value, str) and _value(value) == value:
        return value
    return json.dumps(value)


def _value(word: str) -> Any:
    try:
        return json.loads(word)
    except (ValueError, RecursionError):
        return word


def _usual(name: str) -> Any:
    item = next(item for item in fields(Settings) if item.name == name)
    return item.default if item.default is not MISSING else {}


def _is_text(name: str) -> bool:
    return any(item.name == name for item in fields(Settings)) and isinstance(_usual(name), str)


def _fits(name: str, value: Any) -> bool:
    """Tell whether a value has the type of the field's usual one; None where that is None."""
    usual = _usual(name)
    if name == "layers":
        return value is None or (
            isinstance(value, tuple) and len(value) == 2 and all(type(v) is int for v in value)
        )
    if usual is None:
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    if isinstance(usual, tuple):
        kind = type(usual[0]) if usual else object
        return isinstance(value, tuple) and all(isinstance(item, kind) for item in value)
    if isinstance(usual, float):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(usual, dict):
        return isinstance(value, Mapping)
    return type(value) is type(usual)

"""Two runs side by side: which settings differ, and the numbers with their ratio."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from lipexplore.bounds import Bound
from lipexplore.rounding import text_above, text_below

QUESTION = (
    "network",
    "network_hash",
    "layers",
    "norm",
    "region",
    "output",
    "minus",
    "output_norm",
)
_SECONDS = ("build_seconds", "solve_seconds", "verify_seconds")
_SHORT_HASH, _LONG_HASH, _LONGEST = 12, 64, 60


@dataclass(frozen=True)
class Line:
    """One line of the comparison; ``ratio`` is second over first, None where it means nothing."""

    name: str
    first: str
    second: str
    ratio: float | None = None


def same_question(first: Bound, second: Bound) -> bool:
    """Tell whether two bounds are about the same constant of the same weights."""
    names = [name for name in QUESTION if name != "network"]
    return all(_exact(getattr(first, n)) == _exact(getattr(second, n)) for n in names)


def difference(first: Bound, second: Bound) -> list[Line]:
    """Return what differs between two runs, then their numbers.

    Ends are given rounded outward. Their ratio is left out for different questions: then the
    bounds are about different constants.
    """
    lines = [
        Line(name.replace("_", " "), _plain(one), _plain(other))
        for name, one, other in _settings(first, second)
        if _exact(one) != _exact(other)
    ]
    comparable = same_question(first, second)
    upper = Line(
        "upper bound",
        _above(first.value, first.of),
        _above(second.value, second.of),
        _ratio(first.value, second.value) if comparable else None,
    )
    lower = Line(
        "lower bound",
        _below(first.lower, first.lower_of),
        _below(second.lower, second.lower_of),
        _ratio(first.lower, second.lower) if comparable else None,
    )
    seconds = [
        _number(name.replace("_", " "), getattr(first, name), getattr(second, name))
        for name in ("seconds", *_SECONDS)
    ]
    counts = dict.fromkeys([*first.size, *second.size])
    sizes = [_number(name, first.size.get(name), second.size.get(name)) for name in counts]
    residual = _number("residual", first.residual, second.residual)
    checks = Line("verified", _yes(first.verified), _yes(second.verified))
    return [*lines, upper, lower, checks, *seconds, residual, *sizes]


def _settings(first: Bound, second: Bound) -> list[tuple[str, Any, Any]]:
    names = dict.fromkeys([*first.settings, *second.settings])
    fields = (*QUESTION, "method", "of", "lower_of", "status")
    return [
        *((name, getattr(first, name), getattr(second, name)) for name in fields),
        *((name, first.settings.get(name, "–"), second.settings.get(name, "–")) for name in names),
    ]


def _exact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _plain(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, str):
        return value[:_SHORT_HASH] if len(value) == _LONG_HASH else value
    text = _exact(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _above(value: float, constant: str) -> str:
    return f"{constant} ≤ {text_above(value)}" if math.isfinite(value) else "–"


def _below(value: float, constant: str) -> str:
    return f"{constant} ≥ {text_below(value)}" if value > 0.0 else "–"


def _yes(verified: bool) -> str:
    return "yes" if verified else "no"


def _number(name: str, first: float | None, second: float | None) -> Line:
    return Line(name, _count(first), _count(second), _ratio(first, second))


def _count(number: float | None) -> str:
    if number is None or math.isnan(number):
        return "–"
    return f"{number:,}" if isinstance(number, int) else f"{number:,.4g}"


def _ratio(first: float | None, second: float | None) -> float | None:
    if first is None or second is None or not (math.isfinite(first) and math.isfinite(second)):
        return None
    return second / first if first > 0.0 and second > 0.0 else None

"""What the file of a store holds: one table of runs, its columns and their types."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np

from lipexplore.errors import InvalidSetting

SCHEMA_VERSION: Final = 1
"""Of the file; raised when a column changes its meaning. New columns alone do not raise it."""

APPLICATION: Final = 0x6C697078
"""Number in the file's header that says whose file it is: the letters "lipx"."""

Kind = Literal["text", "whole", "flag", "number", "limit", "any"]

COLUMNS: Final[dict[str, Kind]] = {
    "run": "text",
    "failed": "flag",
    "network": "text",
    "network_hash": "text",
    "widths": "text",
    "density": "number",
    "seed": "whole",
    "region": "text",
    "region_label": "text",
    "region_hash": "text",
    "norm": "text",
    "output": "any",
    "output_norm": "text",
    "minus": "whole",
    "layers": "text",
    "method": "text",
    "settings": "text",
    "time_limit": "limit",
    "label": "text",
    "side": "text",
    "of": "text",
    "lower_of": "text",
    "value": "number",
    "lower": "number",
    "verified": "flag",
    "status": "text",
    "solver_value": "number",
    "residual": "number",
    "size": "text",
    "build_seconds": "number",
    "solve_seconds": "number",
    "verify_seconds": "number",
    "seconds": "number",
    "versions": "text",
    "machine": "text",
    "finished_at": "text",
    "more": "text",
}
"""Columns in their order. A missing "number" is NaN, a missing "limit" None: there is none."""

QUESTION: Final = (
    "network_hash",
    "region_hash",
    "norm",
    "output",
    "output_norm",
    "minus",
    "layers",
)
"""Columns that say which constant of which network a row is about."""

_SQL: Final[dict[Kind, str]] = {
    "text": "TEXT",
    "whole": "INTEGER",
    "flag": "INTEGER NOT NULL",
    "number": "REAL",
    "limit": "REAL",
    "any": "ANY",
}
_NAMED: Final = ", ".join(f'"{name}"' for name in COLUMNS)
_TYPED: Final = ", ".join(
    f'"{name}" {_SQL[kind]}{" NOT NULL UNIQUE" if name == "run" else ""}'
    for name, kind in COLUMNS.items()
)
CREATE: Final = (
    f"CREATE TABLE runs (number INTEGER PRIMARY KEY, {_TYPED}) STRICT",
    f"CREATE INDEX question ON runs ({', '.join(QUESTION)}, method, failed, network)",
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_NEW: Final = ", ".join(f'"{name}" = excluded."{name}"' for name in COLUMNS)
INSERT: Final = (
    f"INSERT INTO runs ({_NAMED}) VALUES ({', '.join('?' * len(COLUMNS))}) "
    f"ON CONFLICT (run) DO UPDATE SET {_NEW} WHERE runs.failed AND NOT excluded.failed"
)
"""An answer takes the place of a failure, and nothing else that of anything."""


def stored(row: Mapping[str, Any]) -> list[Any]:
    """Return the values of COLUMNS; what no column is there for goes into "more" as JSON.

    Raises
    ------
    InvalidSetting
        If the row has no run key, or a value is neither text, number, boolean nor None.
    """
    if not row.get("run"):
        raise InvalidSetting("a row without its key 'run' cannot be kept")
    plain = {name: _plain(name, value) for name, value in row.items()}
    more = {name: value for name, value in plain.items() if name not in COLUMNS}
    plain["more"] = json.dumps(more, sort_keys=True) if more else None
    empty = {name: False for name, kind in COLUMNS.items() if kind == "flag"}
    return [plain.get(name, empty.get(name)) for name in COLUMNS]


def restored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row from what the file holds."""
    row = {name: _value(kind, values[name]) for name, kind in COLUMNS.items() if name != "more"}
    return row | (json.loads(values["more"]) if values["more"] else {})


def where(equal: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Return the condition that columns have these values, and what to put into it.

    Raises
    ------
    InvalidSetting
        If there is no such column.
    """
    unknown = [name for name in equal if name not in COLUMNS]
    if unknown:
        raise InvalidSetting(f"a store has no column {unknown[0]!r}: use {', '.join(COLUMNS)}")
    condition = " AND ".join(f'"{name}" IS ?' for name in equal)
    return condition and f"WHERE {condition}", [_plain(*item) for item in equal.items()]


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # lone surrogates are no text
    if value is None or isinstance(value, bool | int | float):
        return value
    raise InvalidSetting(f"{name!r} of a row must be text, a number or JSON, not {value!r}")


def _value(kind: Kind, value: Any) -> Any:
    if kind == "flag":
        return bool(value)
    return math.nan if kind == "number" and value is None else value

"""Kept runs as tables: from a store, a folder or a file, and into files for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.experiments.export import PARQUET
from lipexplore.experiments.store import FILE, Store
from lipexplore.experiments.store_schema import COLUMNS, Kind

if TYPE_CHECKING:
    import pandas

_TYPES: Mapping[Kind, str] = {
    "flag": "bool",
    "whole": "Int64",
    "number": "float64",
    "limit": "float64",
}


def table_of(rows: Sequence[tuple[Any, ...]]) -> pandas.DataFrame:
    """Return what a store holds as a table with proper types; "more" becomes columns."""
    import pandas

    columns = zip(*rows, strict=True) if rows else ((),) * len(COLUMNS)
    table = pandas.DataFrame(
        {
            name: pandas.Series(column, dtype=_TYPES.get(kind, "object"))
            for (name, kind), column in zip(COLUMNS.items(), columns, strict=True)
        }
    )
    more = table.pop("more")
    if more.notna().any():
        table = table.join(pandas.DataFrame([json.loads(text) if text else {} for text in more]))
    return table


def open_table(source: Any) -> pandas.DataFrame:
    """Return the runs of a store, a folder, a file or a table.

    Parameters
    ----------
    source
        A :class:`Store`, its folder or its file, a table as :func:`lipexplore.sweep` returns it,
        or a file that :func:`write_table` wrote.

    Raises
    ------
    LipexploreError
        If no runs can be read there.
    """
    import pandas

    if isinstance(source, pandas.DataFrame):
        return source
    if isinstance(source, Store):
        return source.table()
    path = Path(source)
    if path.suffix in (".csv", ".parquet", ".jsonl") and path.is_file():
        return _read(path)
    with Store(path.parent if path.name == FILE else path, create=False) as store:
        return store.table()


def write_table(table: pandas.DataFrame, path: str | Path) -> None:
    """Write a table as CSV, Parquet or JSON lines, as the name ends.

    Numbers keep every bit. Parquet has one type per column: outputs are text there. JSON has no
    infinite numbers: an infinite bound is null there, and the status says why.

    Raises
    ------
    LipexploreError
        If the name ends otherwise, the file cannot be written, or pyarrow is missing for Parquet.
    """
    path = Path(path)
    try:
        _write(table, path)
    except OSError as error:
        reason = error.strerror or error
        raise InvalidSetting(f"{path}: the table cannot be written ({reason})") from None


def _write(table: pandas.DataFrame, path: Path) -> None:
    match path.suffix:
        case ".csv":
            table.to_csv(path, index=False, lineterminator="\n")
        case ".jsonl":
            path.write_text("".join(map(_line, table.to_dict("records"))), encoding="utf-8")
        case ".parquet":
            text = {"output": str} if "output" in table else {}
            try:
                table.astype(text).to_parquet(path, engine="pyarrow", index=False)
            except ImportError:
                raise LipexploreError(PARQUET) from None
        case _:
            raise InvalidSetting(f"{path}: tables are written as .csv, .parquet or .jsonl")


def _read(path: Path) -> pandas.DataFrame:
    import pandas

    try:
        match path.suffix:
            case ".csv":
                return _typed(pandas.read_csv(path, dtype=str))
            case ".jsonl":
                with path.open(encoding="utf-8") as lines:
                    return pandas.DataFrame([dict(json.loads(line)) for line in lines])
            case _:
                return pandas.read_parquet(path, engine="pyarrow")
    except ImportError:
        raise LipexploreError(PARQUET) from None
    except (ValueError, TypeError, OSError) as error:
        reason = " ".join(str(error).split())
        raise LipexploreError(f"{path}: no table of runs ({reason})") from None


def _typed(table: pandas.DataFrame) -> pandas.DataFrame:
    """Return a table of text with its numbers read by Python, which loses no bit."""
    for name in table.columns.intersection(list(COLUMNS)):
        if COLUMNS[name] in ("number", "limit"):
            table[name] = table[name].astype(float)
        elif COLUMNS[name] == "flag":
            table[name] = table[name] == "True"
    return table


def _line(row: Mapping[Any, Any]) -> str:
    import pandas

    plain = {
        str(name): None if pandas.isna(value) or value in (math.inf, -math.inf) else value
        for name, value in row.items()
    }
    return json.dumps(plain, allow_nan=False) + "\n"

"""Runs that are kept: one SQLite file, safe under several writers and a kill at any moment."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import quote

from lipexplore.errors import StoreUnavailable
from lipexplore.experiments.store_schema import (
    APPLICATION,
    COLUMNS,
    CREATE,
    INSERT,
    QUESTION,
    SCHEMA_VERSION,
    restored,
    stored,
    where,
)

if TYPE_CHECKING:
    import pandas

FILE: Final = "runs.sqlite"
ROOT: Final = "LIPEXPLORE_RUNS"
"""Environment variable: the folder in which the workbench looks for stores; ./runs without."""
PATIENCE: Final = 60.0
"""Seconds that a writer waits for the others."""

_REASONS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: make room, what is kept so far is safe",
    sqlite3.SQLITE_IOERR: "the file was removed, or the disk failed: look there and try again",
    sqlite3.SQLITE_READONLY: "this store cannot be written: choose a folder that you may write to",
    sqlite3.SQLITE_CANTOPEN: "this file cannot be opened: choose a folder that you may write to",
    sqlite3.SQLITE_BUSY: f"another program held the file for {PATIENCE:g} s: end it or try again",
    sqlite3.SQLITE_CORRUPT: "this store is damaged: move it away or bring back a copy",
    sqlite3.SQLITE_NOTADB: "this is no store of runs: choose another folder",
}


class Store:
    """The runs in ``folder/runs.sqlite``, for the thread that opened it.

    Every :meth:`add` is a transaction that is on the disk when it returns. Several processes may
    write and read at once.

    Parameters
    ----------
    folder
        Made if it is not there.
    create
        False: only what is there already is opened, for reading.

    Raises
    ------
    StoreUnavailable
        Here and in every method, if the file cannot be read or written, is no store, is damaged or
        was written by a newer version.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Store(folder) as store:
    ...     store.add({"run": "1", "value": 2.0}), store.add({"run": "1"}), len(store)
    (True, False, 1)
    """

    def __init__(self, folder: str | Path, *, create: bool = True) -> None:
        self.path = Path(folder) / FILE
        self._thread = get_ident()
        with self._explained():
            if create:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            elif not self.path.is_file():
                raise StoreUnavailable(f"{folder}: no runs are kept here, {FILE} is not there")
            mode = "rwc" if create else "rw"
            self._connection: sqlite3.Connection | None = _connected(self.path, mode)
            try:
                self._prepare(create)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self.count()

    def close(self) -> None:
        """Close the file; nothing is lost without."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def add(self, row: dict[str, Any]) -> bool:
        """Keep a row; return False if its run is there already: then nothing changes.

        An answer takes the place of a failure of the same run.

        Raises
        ------
        InvalidSetting
            If the row has no key "run" or a value is nested.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = stored({"finished_at": now, **row})
        with self._explained(), self._transaction() as connection:
            return connection.execute(INSERT, values).rowcount == 1

    def finished(self) -> frozenset[str]:
        """Return the keys of all runs that are kept, failures among them."""
        return frozenset(key for (key,) in self._read("SELECT run FROM runs"))

    def forget_failures(self, runs: Iterable[str] | None = None) -> int:
        """Remove the failures among ``runs``, or all, so that they are run again; count them."""
        delete = "DELETE FROM runs WHERE failed"
        with self._explained(), self._transaction() as connection:
            if runs is None:
                return connection.execute(delete).rowcount
            keys = [(key,) for key in runs]
            return connection.executemany(f"{delete} AND run = ?", keys).rowcount

    def count(self, **equal: Any) -> int:
        """Return the number of rows whose columns have these values."""
        condition, values = where(equal)
        return int(self._read(f"SELECT count(*) FROM runs {condition}", values)[0][0])

    def page(self, first: int, count: int, **equal: Any) -> list[dict[str, Any]]:
        """Return at most ``count`` rows from number ``first`` on, the newest being number 0."""
        condition, values = where(equal)
        query = f"SELECT * FROM runs {condition} ORDER BY number DESC LIMIT ? OFFSET ?"
        return [restored(dict(row)) for row in self._read(query, [*values, count, first])]

    def choices(self, column: str) -> tuple[Any, ...]:
        """Return the different values of a column, in order."""
        where({column: None})
        found = self._read(f'SELECT DISTINCT "{column}" FROM runs ORDER BY 1')
        return tuple(value for (value,) in found)

    def questions(self, most: int = -1, **equal: Any) -> list[dict[str, Any]]:
        """Return the different questions, the one answered last first.

        Each has the columns of QUESTION, the names of its network and region, ``runs`` and, among
        them, ``failures``.
        """
        condition, values = where(equal)
        key = ", ".join(QUESTION)
        query = (
            f"SELECT network, region_label, q.* FROM (SELECT {key}, count(*) AS runs, "
            f"sum(failed) AS failures, max(number) AS latest FROM runs {condition} GROUP BY {key} "
            "ORDER BY latest DESC LIMIT ?) AS q JOIN runs ON number = latest ORDER BY latest DESC"
        )
        return [dict(row) for row in self._read(query, [*values, most])]

    def table(self, **equal: Any) -> pandas.DataFrame:
        """Return the rows whose columns have these values as a table, the oldest first."""
        return self._table(*where(equal))

    def table_of(self, keys: Iterable[str]) -> pandas.DataFrame:
        """Return the rows of these runs, as far as they are kept, as :meth:`table` does."""
        condition = "WHERE run IN (SELECT value FROM json_each(?))"
        return self._table(condition, [json.dumps(list(keys))])

    def _table(self, condition: str, values: list[Any]) -> pandas.DataFrame:
        from lipexplore.experiments.store_tables import table_of

        names = ", ".join(f'"{name}"' for name in COLUMNS)
        query = f"SELECT {names} FROM runs {condition} ORDER BY number"
        with self._explained():
            cursor = self._open.execute(query, values)
            cursor.row_factory = None
            return table_of(cursor.fetchall())

    def _read(self, query: str, values: list[Any] | None = None) -> list[sqlite3.Row]:
        with self._explained():
            return self._open.execute(query, values or []).fetchall()

    @property
    def _open(self) -> sqlite3.Connection:
        if get_ident() != self._thread:
            advice = "a store belongs to the thread that opened it: open one in each thread"
            raise StoreUnavailable(f"{self.path}: {advice}")
        if self._connection is None:
            raise StoreUnavailable(f"{self.path}: this store was closed: open it again")
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._open
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            reason = _REASONS.get(code, f"{error}: move this store away or bring back a copy")
            raise StoreUnavailable(f"{self.path}: {reason}") from None
        except OverflowError:
            raise StoreUnavailable(f"{self.path}: whole numbers above 2^63 are not kept") from None
        except OSError as error:
            reason = f"{error.strerror}: choose a folder that you may write to"
            raise StoreUnavailable(f"{self.path}: {reason}") from None
        except UnicodeEncodeError:
            reason = "its name is no Unicode text: choose another folder"
            raise StoreUnavailable(f"{self.path}: {reason}") from None

    def _prepare(self, create: bool) -> None:
        self._open.execute("PRAGMA synchronous = EXTRA")
        if not create:
            self._open.execute("PRAGMA query_only = ON")
        if self._is_new() and not create:
            raise StoreUnavailable(f"{self.path}: no runs are kept here yet")
        if self._is_new():
            with self._transaction() as connection:
                for statement in CREATE if self._is_new() else ():  # another was quicker
                    connection.execute(statement)

    def _is_new(self) -> bool:
        """Tell whether the file is empty; refuse what is no store or a newer one."""
        tables, application, version = (  # in this order: another may make the store meanwhile
            self._open.execute(query).fetchone()[0]
            for query in (
                "SELECT count(*) FROM sqlite_master",
                "PRAGMA application_id",
                "PRAGMA user_version",
            )
        )
        if not tables and not application:
            return True
        if application != APPLICATION:
            raise StoreUnavailable(f"{self.path}: {_REASONS[sqlite3.SQLITE_NOTADB]}")
        if version > SCHEMA_VERSION:
            raise StoreUnavailable(
                f"{self.path}: written with schema {version}, and this lipexplore reads schema "
                f"{SCHEMA_VERSION}: update lipexplore"
            )
        return False


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    connection = sqlite3.connect(address, timeout=PATIENCE, isolation_level=None, uri=True)
    connection.row_factory = sqlite3.Row
    return connection

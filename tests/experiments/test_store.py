"""The store gives back what it was given, and says in a sentence why it cannot."""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipexplore.bounds import method_class
from lipexplore.errors import InvalidSetting, LipexploreError, StoreUnavailable
from lipexplore.experiments import store as store_module
from lipexplore.experiments.cases import Case
from lipexplore.experiments.executors import Failure
from lipexplore.experiments.store import FILE, Store
from lipexplore.experiments.store_schema import COLUMNS, CREATE, SCHEMA_VERSION
from lipexplore.experiments.store_tables import open_table, write_table
from lipexplore.networks.generators import random_dense
from lipexplore.norms import Norm
from lipexplore.regions import Ball
from tests.experiments.store_rows import row

texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
wholes = st.integers(-(2**63), 2**63 - 1)
OF_KIND = {
    "text": texts,
    "whole": st.none() | wholes,
    "flag": st.booleans(),
    "number": st.floats(),
    "limit": st.none() | st.floats(allow_nan=False),
    "any": st.none() | wholes | st.text(st.characters(exclude_categories=["Cs"])),
}
rows = st.fixed_dictionaries(
    {
        "run": st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        "an unknown column": st.none() | st.booleans() | wholes | st.floats() | texts,
        **{name: OF_KIND[kind] for name, kind in COLUMNS.items() if name not in ("run", "more")},
    }
)


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "runs") as made:
        yield made


def same(one, other):
    """Tell whether two values are equal and of one type; NaN is equal to NaN."""
    return type(one) is type(other) and (one == other or (one != one and other != other))


@pytest.fixture(scope="module")
def quick_store(tmp_path_factory):
    with Store(tmp_path_factory.mktemp("runs")) as made:
        made._open.execute("PRAGMA synchronous = OFF")
        yield made


@given(rows)
def test_every_value_survives(quick_store, given_row):
    store = quick_store
    store._open.execute("DELETE FROM runs")
    assert store.add(given_row)
    (found,) = store.page(0, 10)
    assert found.keys() == given_row.keys()
    for name, value in given_row.items():
        assert same(found[name], value), name


def test_row_of_a_case_survives_whatever_columns_it_has(store):
    case = Case(
        random_dense((3, 4, 2), 0), Ball([0.0] * 3, 0.5), Norm.L2, "all", method_class("path")()
    )
    for answer in (case.job().run(), Failure("too large", 0.25)):
        given_row = case.row(answer) | {"run": answer.__class__.__name__}
        assert store.add(given_row)
        (found,) = store.page(0, 1)
        for name, value in given_row.items():
            assert same(found[name], value), name


def test_nothing_is_kept_twice_and_an_answer_replaces_a_failure(store):
    assert store.add(row(1, failed=True, status="killed", value=math.inf))
    assert not store.add(row(1, failed=True, status="killed again"))
    assert store.add(row(1, value=3.0))
    assert not store.add(row(1, value=4.0))
    assert not store.add(row(1, failed=True))
    assert [found["value"] for found in store.page(0, 9)] == [3.0]


def test_failures_count_as_finished_until_they_are_forgotten(store):
    for number in range(45, 55):
        store.add(row(number))
    assert len(store.finished()) == len(store) == 10
    assert store.forget_failures([row(49)["run"], row(51)["run"], "unknown"]) == 0
    assert len(store) == 10
    assert store.forget_failures([row(50)["run"]]) == 1
    assert store.add(row(50))
    assert store.forget_failures() == 1
    assert store.finished() == {row(n)["run"] for n in range(45, 55) if n != 50}


def test_questions_pages_and_choices(store):
    for number in range(1, 41):
        store.add(row(number))
    store.add(row(41, minus=2))
    first, *others = store.questions()
    assert (first["network"], first["minus"], first["runs"]) == ("net 1", 2, 1)
    assert len(others) == 10
    assert sum(question["runs"] for question in others) == 40
    assert len(store.questions(3)) == 3
    assert [int(found["run"], 16) for found in store.page(0, 3)] == [41, 40, 39]
    assert [int(found["run"], 16) for found in store.page(2, 2, norm="l2")] == [37, 36]
    assert store.count(network="net 1", minus=None) == 8
    assert store.choices("method") == ("norm-product", "path", "sampled-gradient")
    assert set(store.table(network="net 3")["seed"]) == {3}


def test_table_of_some_runs_has_those_that_are_kept(store):
    for number in range(5):
        store.add(row(number))
    keys = [row(number)["run"] for number in (3, 9, 1, 3)]
    assert list(store.table_of(keys)["run"]) == [keys[2], keys[0]]
    assert list(store.table_of([])["run"]) == []
    assert store.table_of(row(n)["run"] for n in range(5)).equals(store.table())


def test_table_has_types_and_pandas_reads_the_file_in_one_line(store):
    for number in range(48, 53):
        store.add(row(number, value=math.inf if number == 50 else 2.0, output="all", extra=number))
    table = store.table()
    assert table["failed"].dtype == table["verified"].dtype == bool
    assert table["seed"].dtype == "Int64"
    assert table["residual"].isna().all()
    assert list(table["extra"]) == [48, 49, 50, 51, 52]
    connection = sqlite3.connect(store.path)
    plain = pandas.read_sql("SELECT * FROM runs", connection)
    connection.close()
    assert list(plain["value"]) == list(table["value"]) == [2.0, 2.0, math.inf, 2.0, 2.0]
    assert pandas.to_datetime(table["finished_at"], format="ISO8601").notna().all()


def test_numpy_numbers_and_lone_surrogates_are_taken(store):
    store.add(row(1, value=np.float64(2.5), seed=np.int64(4), verified=np.True_, status="\udcff"))
    (found,) = store.page(0, 1)
    assert (found["value"], found["seed"], found["verified"], found["status"]) == (
        2.5,
        4,
        True,
        "?",
    )


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_tables_travel_to_other_programs(store, tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    store.add(row(50, value=math.inf))
    store.add(row(51, value=0.1 + 0.2, output="all"))
    path = tmp_path / f"runs.{ending}"
    write_table(store.table(), path)
    found = open_table(path)
    assert found["value"][1] == 0.1 + 0.2
    assert [str(value) for value in found["output"]] == ["0", "all"]
    assert list(found["failed"]) == [True, False]
    assert list(found["finished_at"]) == list(store.table()["finished_at"])


def refused(act, *said):
    """Check that ``act`` raises one sentence that says what it must."""
    with pytest.raises(LipexploreError) as caught:
        act()
    for part in said:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_that_cannot_be_kept(store):
    for bad in ({}, {"run": ""}, row(1, size={"rows": 2}), row(1, extra=[1])):
        with pytest.raises(InvalidSetting):
            store.add(bad)
    refused(lambda: store.add(row(1, seed=2**63)), "2^63")
    refused(lambda: store.add(row(1, seed=2.5)), "seed")
    refused(lambda: store.table(colour="red"), "no column 'colour'")
    assert store.add(row(1))


def test_what_is_no_store_is_refused_and_left_as_it_was(tmp_path):
    path = tmp_path / FILE
    path.write_text("run,value\n" * 100)
    before = path.read_bytes()
    refused(lambda: Store(tmp_path), FILE, "no store of runs")
    assert path.read_bytes() == before
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (title)")
    connection.close()
    refused(lambda: Store(tmp_path), "no store of runs")


def test_newer_schema_is_refused(tmp_path):
    Store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    refused(lambda: Store(tmp_path), f"schema {SCHEMA_VERSION + 1}", "update lipexplore")


def test_reading_makes_no_files(tmp_path):
    refused(lambda: Store(tmp_path / "none", create=False), "no runs are kept here")
    (tmp_path / FILE).touch()
    refused(lambda: Store(tmp_path, create=False), "no runs are kept here yet")
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_store_opened_for_reading_is_not_written(tmp_path):
    Store(tmp_path).close()
    with Store(tmp_path, create=False) as store:
        refused(lambda: store.add(row(1)), "cannot be written")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path):
    with Store(tmp_path) as store:
        store.add(row(1))
    (tmp_path / FILE).chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with Store(tmp_path, create=False) as store:
            assert len(store) == 1
        with Store(tmp_path) as store:
            refused(lambda: store.add(row(2)), "cannot be written")
        refused(lambda: Store(tmp_path / "inner"), "denied")
    finally:
        tmp_path.chmod(0o700)


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    refused(lambda: Store(tmp_path / "file"), "choose a folder")


def test_folder_without_a_unicode_name(tmp_path):
    refused(lambda: Store(tmp_path / "\udcff"), "no Unicode")


def test_full_disk_loses_nothing(store):
    """SQLite says the same when its own limit of pages is reached."""
    for number in range(20):
        store.add(row(number))
    pages = store._open.execute("PRAGMA page_count").fetchone()[0]
    store._open.execute(f"PRAGMA max_page_count = {pages}")
    refused(lambda: store.add(row(99, status="x" * 100_000)), "disk is full")
    store._open.execute("PRAGMA max_page_count = 1000000")
    assert len(store) == 20
    assert store.add(row(99))


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_damaged_file(tmp_path, share):
    with Store(tmp_path) as store:
        store._open.execute("PRAGMA synchronous = OFF")
        for number in range(100):
            store.add(row(number))
    path = tmp_path / FILE
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])  # torn

    def read():
        with Store(tmp_path) as torn:
            torn.table()

    refused(read, "damaged")


def test_store_that_is_removed_while_it_is_open(tmp_path):
    with Store(tmp_path / "runs") as store:
        store.add(row(1))
        shutil.rmtree(tmp_path / "runs")
        refused(lambda: store.add(row(2)), ": ")


def test_locked_file(tmp_path, monkeypatch):
    monkeypatch.setattr("lipexplore.experiments.store.PATIENCE", 0.01)
    with Store(tmp_path) as one, Store(tmp_path) as other:
        one._open.execute("BEGIN IMMEDIATE")
        refused(lambda: other.add(row(1)), "another program held the file")
        one._open.execute("ROLLBACK")
        assert other.add(row(1))


def test_a_store_belongs_to_one_thread(store):
    caught = []

    def use():
        try:
            store.add(row(1))
        except StoreUnavailable as error:
            caught.append(str(error))

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert "open one in each thread" in caught[0]
    store.close()
    refused(lambda: len(store), "was closed")


def test_four_threads_with_stores_of_their_own(tmp_path):
    added = []

    def work():
        with Store(tmp_path) as own:
            own._open.execute("PRAGMA synchronous = OFF")
            added.extend(number for number in range(50) if own.add(row(number)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == list(range(50))


@pytest.mark.parametrize("moment", ["sqlite_master", "application_id", "user_version", "BEGIN"])
def test_another_process_makes_the_store_at_the_same_time(tmp_path, monkeypatch, moment):
    made = []

    def another(statement):
        if moment in statement and not made:
            made.append(moment)
            connection = sqlite3.connect(tmp_path / FILE)
            connection.executescript("; ".join(["BEGIN", *CREATE, "COMMIT"]))
            connection.close()

    def watched(path, mode):
        connection = connected(path, mode)
        connection.set_trace_callback(another)
        return connection

    connected = store_module._connected
    monkeypatch.setattr(store_module, "_connected", watched)
    with Store(tmp_path) as store:
        assert made == [moment]
        assert store.add(row(1))


def test_machine_is_not_named():
    import getpass
    import platform

    from lipexplore.jobs.machine import machine_facts

    facts = machine_facts()
    assert facts["processors"] >= 1
    assert platform.node() not in map(str, facts.values())
    assert getpass.getuser() not in map(str, facts.values())
    assert str(Path.home()) not in str(facts)

"""Two writers, killed at random moments, lose nothing and write nothing twice."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from lipexplore.experiments.store import FILE, Store
from tests.experiments.store_rows import row

ROWS = 300
RANGES = ((0, ROWS), (ROWS // 2, ROWS // 2 + ROWS))
KILLS = 10
LEAVES_A_JOURNAL = """
import os, signal, sys
from lipexplore.experiments.store import Store
from lipexplore.experiments.store_schema import INSERT, stored
from tests.experiments.store_rows import row
connection = Store(sys.argv[1])._open
connection.execute("PRAGMA cache_size = 5")
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM runs WHERE run = ?", [row(0)["run"]])
for number in range(1000, 1400):
    connection.execute(INSERT, stored(row(number)))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def start():
    """Start a Python program; what still runs at the end is killed."""
    started = []

    def begin(*arguments):
        command = [sys.executable, *map(str, arguments)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def write(start, folder, numbers):
    return start("-m", "tests.experiments.store_rows", folder, *numbers)


def said_before_kill(process, lines, seconds):
    """Kill a writer ``seconds`` after so many lines; return all numbers that it has printed."""
    said = [line for line, _ in zip(process.stdout, range(lines), strict=False)]
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    said += process.stdout.readlines()
    process.wait()
    return [int(line) for line in said]


def healthy(folder):
    connection = sqlite3.connect(folder / FILE)
    try:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    finally:
        connection.close()


def test_two_writers_killed_at_random_moments(tmp_path, start):
    rng, reported, lengths = random.Random(14), [], []
    writers = [write(start, tmp_path, numbers) for numbers in RANGES]
    for kill in range(KILLS):
        turn = kill % 2
        moment = rng.randint(1, 20), rng.uniform(0.0, 0.004)
        reported += said_before_kill(writers[turn], *moment)
        with Store(tmp_path, create=False) as reader:  # while the other one writes
            lengths.append(len(reader))
            assert {f"{n:032x}" for n in reported} <= reader.finished()
        assert healthy(tmp_path)
        writers[turn] = write(start, tmp_path, RANGES[turn])
    for writer in writers:
        said, _ = writer.communicate(timeout=120)
        assert writer.returncode == 0
        reported += map(int, said.split())
    assert lengths == sorted(lengths)
    assert 0 < lengths[0] < RANGES[1][1]  # kills came while there was something to do
    assert healthy(tmp_path)
    assert len(set(reported)) == len(reported)
    with Store(tmp_path, create=False) as store:
        kept = store.page(0, 10_000)
    for found in kept:
        number = int(found["run"], 16)
        assert {name: found[name] for name in ("value", "settings", "failed")} == {
            name: row(number)[name] for name in ("value", "settings", "failed")
        }
    assert sorted(int(found["run"], 16) for found in kept) == list(range(RANGES[1][1]))


def test_what_a_kill_left_half_written_is_rolled_back(tmp_path, start):
    """A transaction larger than the cache is in the file before it ends: the journal undoes it."""
    with Store(tmp_path) as store:
        for number in range(20):
            store.add(row(number))
    writer = start("-c", LEAVES_A_JOURNAL, tmp_path)
    assert writer.wait(60) == -signal.SIGKILL
    journal = tmp_path / f"{FILE}-journal"
    assert journal.stat().st_size > 0
    with Store(tmp_path, create=False) as store:
        assert len(store) == 20
        assert row(0)["run"] in store.finished()
    assert not journal.exists()
    assert healthy(tmp_path)


def test_a_kill_before_the_first_row_leaves_a_folder_to_begin_in(tmp_path):
    (tmp_path / FILE).touch()
    with Store(tmp_path) as store:
        assert store.add(row(1))

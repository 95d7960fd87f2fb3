"""A store of 100,000 runs: opened by the workbench, read by pandas, and other formats beside it."""

import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas

from lipexplore.experiments.store import FILE, Store
from lipexplore.experiments.store_schema import INSERT, stored
from lipexplore.jobs.machine import machine_facts
from lipexplore.jobs.versions import package_versions

ROWS, SINGLE = 100_000, 100


def row(number: int) -> dict[str, Any]:
    """Return a row as a sweep makes them; 5,000 questions of 500 networks."""
    network, method = number % 500, ("path", "norm-product", "lipopt-lp", "shor")[number % 4]
    return {
        "run": f"{number:032x}",
        "failed": number % 97 == 0,
        "network": f"random dense 16-10-6-3 seed {network}",
        "network_hash": f"{network:064x}",
        "widths": "16-10-6-3",
        "density": 1.0,
        "seed": network,
        "region": '{"kind": "whole space"}',
        "region_label": "whole space",
        "region_hash": f"{number % 5:016x}",
        "norm": ("linf", "l2")[number // 500 % 2],
        "output": 0,
        "method": method,
        "settings": json.dumps({"degree": 1 + number // 4 % 3, "slopes": "interval"}),
        "time_limit": 60.0,
        "label": method,
        "side": "upper",
        "of": "P*",
        "lower_of": "L",
        "value": 10.0 + number % 7,
        "lower": 0.0,
        "verified": True,
        "status": "done",
        "solver_value": 10.0,
        "residual": 1e-9,
        "size": json.dumps({"rows": 3127, "columns": 12180, "nonzeros": 27405, "degree": 2}),
        "build_seconds": 0.01,
        "solve_seconds": 0.1 + number % 11,
        "verify_seconds": 0.001,
        "seconds": 0.111 + number % 11,
        "versions": json.dumps(package_versions()),
        "machine": json.dumps(machine_facts()),
        "finished_at": "2026-01-01T00:00:00.000+00:00",
    }


def fill(folder: Path) -> list[dict[str, Any]]:
    """Write the store in one transaction; return its rows."""
    rows = [row(number) for number in range(ROWS)]
    Store(folder).close()
    connection = sqlite3.connect(folder / FILE)
    connection.executemany(INSERT, map(stored, rows))
    connection.commit()
    connection.close()
    return rows


def seconds(act: Callable[[], Any]) -> float:
    """Time a call, the best of five: the machine may be busy."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return min(times)


def opened(folder: Path) -> None:
    """Open the panel on the store, as the tab does: list, page, filters, question, figure."""
    from lipexplore.networks.generators import random_dense
    from lipexplore.panels.runs_panel import RunsPanel
    from lipexplore.panels.state import WorkbenchState

    state = WorkbenchState(random_dense((16, 10, 6, 3), 0), worker=object())  # type: ignore
    panel = RunsPanel(state)
    panel.visible = True
    start = time.perf_counter()
    panel.folder.value = str(folder)
    assert panel.shown is not None
    assert panel.shown.total == ROWS
    assert panel.shown.figure is not None
    opened.seconds = min(opened.seconds, time.perf_counter() - start)


opened.seconds = float("inf")


def one_by_one(folder: Path) -> tuple[float, float]:
    """Return the seconds per row of the store, and of a synced JSON line."""
    with Store(folder / "single") as store:
        start = time.perf_counter()
        for number in range(SINGLE):
            store.add(row(number))
        kept = time.perf_counter() - start
    with (folder / "single.jsonl").open("w", encoding="utf-8") as lines:
        start = time.perf_counter()
        for number in range(SINGLE):
            lines.write(json.dumps(row(number)) + "\n")
            lines.flush()
            os.fsync(lines.fileno())
        line = time.perf_counter() - start
    return kept / SINGLE, line / SINGLE


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = pandas.DataFrame(fill(folder))
        table.to_json(folder / "runs.jsonl", orient="records", lines=True)
        table.to_parquet(folder / "runs.parquet")
        seconds(lambda: opened(folder))
        with Store(folder, create=False) as store:
            reads = {
                "SQLite, keys of all": seconds(store.finished),
                "SQLite, all questions": seconds(store.questions),
                "SQLite, a page": seconds(lambda: store.page(0, 50)),
                "SQLite, one network": seconds(lambda: store.table(network_hash=f"{7:064x}")),
                "SQLite, whole table": seconds(store.table),
            }
        lines, parquet = folder / "runs.jsonl", folder / "runs.parquet"
        reads["JSON lines, whole table"] = seconds(lambda: pandas.read_json(lines, lines=True))
        reads["Parquet, whole table"] = seconds(lambda: pandas.read_parquet(parquet))
        sizes = {
            kind: (folder / f"runs.{kind}").stat().st_size
            for kind in ("sqlite", "jsonl", "parquet")
        }
        kept, line = one_by_one(folder)
    figures = [[f"store of {ROWS:,} rows: tab opens", f"{opened.seconds:.2f} s", "< 2 s"]]
    figures += [[f"{ROWS:,} rows, {what}", f"{time:.3f} s", ""] for what, time in reads.items()]
    figures += [[f"{ROWS:,} rows, {kind}", f"{n / 1e6:.0f} MB", ""] for kind, n in sizes.items()]
    figures += [["a row kept (synced)", f"{1e3 * kept:.1f} ms", ""]]
    figures += [["a JSON line written (synced)", f"{1e3 * line:.1f} ms", ""]]
    print(json.dumps(figures))


if __name__ == "__main__":
    main()

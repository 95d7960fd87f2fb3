"""The command ``lipexplore sweep``: all runs of a specification, kept as they come."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing

from lipexplore.errors import InvalidSetting
from lipexplore.experiments.cases import Case
from lipexplore.experiments.costs import Cost, costs_of
from lipexplore.experiments.progress import Progress, duration
from lipexplore.experiments.spec import Spec, read_spec
from lipexplore.experiments.store import Store
from lipexplore.experiments.sweep import Executor, run_cases
from lipexplore.jobs.client import Worker

WORKERS = min(2, os.cpu_count() or 1)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("spec", metavar="SPEC.toml", help="the grid: networks, norms, regions, methods, outputs")
    add("--out", metavar="RUNS", help="folder of the runs; what it has already is not run again")
    add("--workers", type=int, metavar="N", help=f"worker processes (default {WORKERS})")
    add("--cluster", metavar="ADDRESS", help="a Dask scheduler in their place, or local:N")
    add("--time-limit", type=float, metavar="S", help="seconds per run, over those of the file")
    add("--retry-failed", action="store_true", help="run again what has failed before")
    add("--dry-run", action="store_true", help="print the runs with sizes and expected seconds")


def run(chosen: argparse.Namespace) -> None:
    """Run what the store has not yet and say what came of it.

    Raises
    ------
    InvalidSetting, StoreUnavailable
        If the specification, an option or the store is wrong, before anything runs.
    KeyboardInterrupt
        If the user stopped it, after saying how to go on.
    """
    _check(chosen)
    spec = read_spec(chosen.spec, chosen.time_limit)
    if chosen.dry_run:
        sys.stdout.writelines(_listing(spec))
        return
    with ExitStack() as stack:
        store = stack.enter_context(Store(chosen.out))
        if chosen.retry_failed:
            store.forget_failures(case.run_key for case in spec.cases)
        finished = store.finished()
        todo = [case for case in spec.cases if case.run_key not in finished]
        executor, count = _executor(chosen, len(todo), stack)
        costs = costs_of(todo)
        sys.stderr.write(_announcement(spec, costs, count))
        try:
            if todo:
                _run(todo, costs, executor, store)
        except KeyboardInterrupt:
            kept = len(store.finished() & {case.run_key for case in spec.cases})
            sys.stderr.write(
                f"{kept} of {len(spec.cases)} runs are kept in {chosen.out}: the same command "
                "goes on with the others\n"
            )
            raise
        sys.stdout.write(_closing(spec, len(todo), store))


def _check(chosen: argparse.Namespace) -> None:
    if chosen.out is None and not chosen.dry_run:
        raise InvalidSetting("name the folder that keeps the runs: --out RUNS")
    if chosen.workers is not None and chosen.workers < 1:
        raise InvalidSetting(f"--workers needs at least 1, not {chosen.workers}")
    if chosen.workers is not None and chosen.cluster is not None:
        raise InvalidSetting("choose either --workers or --cluster")
    if chosen.time_limit is not None and not 0.0 < chosen.time_limit < float("inf"):
        raise InvalidSetting(f"--time-limit needs seconds above 0, not {chosen.time_limit:g}")


def _executor(chosen: argparse.Namespace, runs: int, stack: ExitStack) -> tuple[Executor, int]:
    """Return where to run, and the number of processes if it is known, else 0.

    Workers of this machine start here: they get ready while the runs are counted.
    """
    if chosen.cluster is not None:
        return chosen.cluster, 0
    count = min(chosen.workers or WORKERS, runs)
    return [stack.enter_context(Worker()) for _ in range(count)] or None, count


def _run(todo: Sequence[Case], costs: Sequence[Cost], executor: Executor, store: Store) -> None:
    names = [f"{case.method.name} on {case.network.name}, {case.norm.value}" for case in todo]
    with (
        Progress(names, [cost.seconds for cost in costs], sys.stderr) as progress,
        closing(run_cases(todo, executor, store, progress.started)) as rows,
    ):
        for place, row in rows:
            progress.finished(place, failed=row["failed"])


def _announcement(spec: Spec, costs: Sequence[Cost], workers: int) -> str:
    kept = len(spec.cases) - len(costs)
    parts = [f"{spec.title}: {len(spec.cases):,} runs"]
    parts += [f"{kept:,} of them kept already"] if kept else []
    if costs:
        seconds = sum(cost.seconds for cost in costs)
        shared = f" on {workers} workers" if workers > 1 else ""
        parts += [f"expected {duration(seconds / max(workers, 1))}{shared}"]
    if refused := sum(bool(cost.refusal) for cost in costs):
        parts += [f"{refused:,} will be refused"]
    return ", ".join(parts) + "\n"


def _closing(spec: Spec, new: int, store: Store) -> str:
    keys = {case.run_key for case in spec.cases}
    failures = store.page(0, store.count(failed=True), failed=True)
    reasons = Counter(row["status"] for row in failures if row["run"] in keys)
    lines = [
        f"{len(keys):,} runs: {new:,} now, {len(keys) - new:,} before, "
        f"{reasons.total():,} failed; kept in {store.path}"
    ]
    lines += [f"  {count:,} failed: {reason}" for reason, count in reasons.most_common()]
    return "\n".join(lines) + "\n"


def _listing(spec: Spec) -> Iterator[str]:
    costs = costs_of(spec.cases)
    for case, cost in zip(spec.cases, costs, strict=True):
        default = type(case.method)().settings()
        settings = {k: v for k, v in case.method.settings().items() if v != default[k]}
        yield (
            "  ".join(
                [
                    f"{_expected(cost):>9}",
                    case.network.name,
                    str(case.region),
                    case.norm.value,
                    f"output {case.output}",
                    " ".join([case.method.name, *(f"{k}={v}" for k, v in settings.items())]),
                    cost.refusal or ", ".join(f"{n:,} {name}" for name, n in cost.size.items()),
                ]
            ).rstrip()
            + "\n"
        )
    yield _announcement(spec, costs, 0)


def _expected(cost: Cost) -> str:
    return "refused" if cost.refusal else duration(cost.seconds) if cost.counted else "?"

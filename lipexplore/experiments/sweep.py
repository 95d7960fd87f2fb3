"""Every method on every network, as one table."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import product
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipexplore.bounds import BoundMethod, method_class
from lipexplore.errors import InvalidSetting, StoreUnavailable
from lipexplore.experiments.cases import Case, Row
from lipexplore.experiments.executors import (
    Failure,
    OnStart,
    Outcomes,
    run_here,
    run_in_workers,
)
from lipexplore.experiments.store import Store
from lipexplore.jobs.client import Job, Worker
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Region

if TYPE_CHECKING:
    import pandas

Method = str | tuple[str, Mapping[str, Any]] | BoundMethod
Executor = None | int | str | Worker | Sequence[Worker]


def sweep(
    networks: Network | Iterable[Network],
    methods: Iterable[Method],
    norms: Iterable[str | Norm] = ("linf",),
    regions: Iterable[Region] = (WHOLE_SPACE,),
    *,
    outputs: Iterable[int | str] = (0,),
    time_limit: float | None = None,
    executor: Executor = None,
    store: Store | str | Path | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> pandas.DataFrame:
    """Bound every combination and return one row for each, in the order of the grid.

    A combination that fails (a norm that the method does not know, a program that is too large, a
    worker that was killed) is a row with the trivially true value, inf above and 0 below,
    ``verified`` False and the reason as its ``status``.

    Parameters
    ----------
    networks, norms, regions, outputs
        As for :func:`lipexplore.bound`; the last one given varies fastest, methods faster still.
    methods
        Names, pairs of a name and its settings, or methods.
    time_limit
        Seconds per row. Methods stop by themselves; workers are killed some time later.
    executor
        None: in this process. A number of worker processes, or workers of your own, which are left
        open; or the address of a Dask scheduler, "local:N" for N Dask workers here.
    store
        Where rows are kept as they come, a Store or its folder. Runs that it has are not run again;
        their rows, failures among them, are those of the store.
    on_row
        Called with each new row when it is there; what it raises ends the sweep.

    Returns
    -------
    pandas.DataFrame
        Rows with equal KEY columns answer the same question by the same method; ``settings`` and
        ``versions`` are JSON. A question that the grid asks twice is run once.

    Raises
    ------
    InvalidSetting
        If a method, a setting or a norm is unknown, before anything runs.
    StoreUnavailable
        If the store cannot be read or written.

    Examples
    --------
    >>> network = Network([[[1.0, -2.0], [2.0, 1.0]], [[1.0, 1.0]]])
    >>> table = sweep(network, ["path", ("lipopt-lp", {"degree": 3})])
    >>> bool((table.value >= 4.0).all())
    True
    """
    cases = [
        Case(*fields)
        for fields in product(
            [networks] if isinstance(networks, Network) else networks,
            regions,
            map(Norm.parse, norms),
            map(_output, outputs),
            map(_method, methods),
            [_limit(time_limit)],
        )
    ]
    rows: dict[str, Row] = {}
    with ExitStack() as stack:
        kept = stack.enter_context(Store(store)) if isinstance(store, str | Path) else store
        for _, row in stack.enter_context(closing(run_cases(cases, executor, kept))):
            rows[row["run"]] = row
            if on_row is not None:
                on_row(row)
        return _table(cases, rows, kept)


def run_cases(
    cases: Sequence[Case],
    executor: Executor = None,
    store: Store | None = None,
    on_start: OnStart | None = None,
) -> Generator[tuple[int, Row], None, None]:
    """Yield place and row of each case that the store has not, once per run key, as they come.

    A row is kept before it is yielded. A mistake in lipexplore is a row where there is a store and
    is raised where there is none.
    """
    finished: frozenset[str] = frozenset() if store is None else store.finished()
    todo: dict[str, int] = {}
    for place, case in enumerate(cases):
        if case.run_key not in finished:
            todo.setdefault(case.run_key, place)
    places = list(todo.values())

    def started(number: int) -> None:
        if on_start is not None:
            on_start(places[number])

    with ExitStack() as stack:
        answers = _answers([cases[place].job() for place in places], executor, stack, started)
        for number, answer in stack.enter_context(closing(answers)):
            if store is None and isinstance(answer, Failure) and answer.mistake is not None:
                raise answer.mistake
            row = cases[places[number]].row(answer)
            if store is not None:
                store.add(row)
            yield places[number], row


def _answers(
    jobs: Sequence[Job], executor: Executor, stack: ExitStack, on_start: OnStart
) -> Outcomes:
    if executor is None or not jobs:
        return run_here(jobs, on_start)
    if isinstance(executor, str):
        from lipexplore.experiments.distributed import cluster_executor

        return stack.enter_context(cluster_executor(executor))(jobs, on_start=on_start)
    if isinstance(executor, int):
        count = min(executor, len(jobs))
        executor = [stack.enter_context(Worker()) for _ in range(count)]
    workers = [executor] if isinstance(executor, Worker) else executor
    return run_in_workers(jobs, workers, on_start)


def _table(cases: Sequence[Case], rows: Mapping[str, Row], store: Store | None) -> pandas.DataFrame:
    """Return one row per case, all from the store where there is one."""
    import pandas

    keys = [case.run_key for case in cases]
    if store is None:
        table = pandas.DataFrame([rows[key] for key in keys])
    else:
        kept = store.table_of(keys).set_index("run", drop=False)
        gone = [key for key in dict.fromkeys(keys) if key not in kept.index]
        if gone:
            raise StoreUnavailable(
                f"{store.path}: {len(gone)} of the runs are no longer kept there, another program "
                "removed them: sweep again"
            )
        table = kept.loc[keys].reset_index(drop=True)
    if keys:
        table["network"] = [case.network.name for case in cases]
    return table


def _output(given: Any) -> int | str:
    """Return an output's number, one of numpy as Python's, or "all"."""
    if given == "all":
        return "all"
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        raise InvalidSetting(f"output must be a number or 'all', not {given!r}")
    return index(given)


def _limit(time_limit: float | None) -> float | None:
    if time_limit is not None and not time_limit >= 0.0:
        raise InvalidSetting(f"the time limit must be in seconds from 0, not {time_limit}")
    return time_limit


def _method(given: Method) -> BoundMethod:
    if isinstance(given, BoundMethod):
        return given
    name, settings = (given, {}) if isinstance(given, str) else given
    return method_class(name).with_settings(**settings)

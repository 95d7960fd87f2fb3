"""Every method on every network, as one table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from math import inf
from typing import TYPE_CHECKING, Any

from lipexplore.bounds import Bound, BoundMethod, method_class
from lipexplore.experiments.executors import Failure, Outcomes, run_here, run_in_workers
from lipexplore.jobs.client import Job, Worker
from lipexplore.jobs.versions import package_versions
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Region

if TYPE_CHECKING:
    import pandas

Row = dict[str, Any]
Method = str | tuple[str, Mapping[str, Any]] | BoundMethod
Executor = None | int | Worker | Sequence[Worker]

KEY = ("network_hash", "region_hash", "norm", "output", "method", "settings")
"""Columns that say which question a row answers: two rows with equal keys are comparable."""


@dataclass(frozen=True, eq=False)
class Case:
    """One question of the grid."""

    network: Network
    region: Region
    norm: Norm
    output: int | str
    method: BoundMethod

    def job(self, time_limit: float | None) -> Job:
        """Return the case as a job."""
        return Job(
            self.network,
            self.method.name,
            self.norm,
            self.region,
            self.output,
            settings=self.method.settings(),
            time_limit=time_limit,
            output_norm="linf" if self.output == "all" else None,
        )

    def row(self, answer: Bound | Failure) -> Row:
        """Return a table row; a failure states what is true anyway, and why there is no more."""
        found = self._trivial(answer) if isinstance(answer, Failure) else answer
        plain = found.to_dict()
        region = json.dumps(plain["region"], sort_keys=True)
        return {
            "network": found.network,
            "network_hash": found.network_hash,
            "region": str(self.region),
            "region_hash": sha256(region.encode()).hexdigest()[:16],
            "norm": found.norm,
            "output": found.output,
            "method": found.method,
            "settings": json.dumps(plain["settings"], sort_keys=True),
            "label": self.method.label,
            "side": found.side,
            "of": found.of,
            "lower_of": found.lower_of,
            "value": found.value,
            "lower": found.lower,
            "verified": found.verified,
            "status": found.status,
            "solver_value": found.solver_value,
            "residual": found.residual,
            "size": plain["size"],
            "build_seconds": found.build_seconds,
            "solve_seconds": found.solve_seconds,
            "verify_seconds": found.verify_seconds,
            "seconds": found.seconds,
            "versions": json.dumps(package_versions(), sort_keys=True),
        }

    def _trivial(self, failure: Failure) -> Bound:
        empty = self.method.answer(
            inf, 0.0, verified=False, status=failure.reason, solve_seconds=failure.seconds
        )
        return replace(
            empty,
            network=self.network.name,
            network_hash=self.network.content_hash,
            norm=self.norm.value,
            output=self.output,
            region=self.region.to_dict(),
        )


def sweep(
    networks: Network | Iterable[Network],
    methods: Iterable[Method],
    norms: Iterable[str | Norm] = ("linf",),
    regions: Iterable[Region] = (WHOLE_SPACE,),
    *,
    outputs: Iterable[int | str] = (0,),
    time_limit: float | None = None,
    executor: Executor = None,
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
        open.
    on_row
        Called with each row when it is there; what it raises ends the sweep.

    Returns
    -------
    pandas.DataFrame
        Rows with equal KEY columns answer the same question by the same method; ``settings`` and
        ``versions`` are JSON.

    Raises
    ------
    InvalidSetting
        If a method, a setting or a norm is unknown, before anything runs.

    Examples
    --------
    >>> network = Network([[[1.0, -2.0], [2.0, 1.0]], [[1.0, 1.0]]])
    >>> table = sweep(network, ["path", ("lipopt-lp", {"degree": 3})])
    >>> bool((table.value >= 4.0).all())
    True
    """
    import pandas

    cases = [
        Case(*fields)
        for fields in product(
            [networks] if isinstance(networks, Network) else networks,
            regions,
            map(Norm.parse, norms),
            outputs,
            map(_method, methods),
        )
    ]
    rows: list[Row] = [{}] * len(cases)
    with ExitStack() as stack:
        answers = _answers([case.job(time_limit) for case in cases], executor, stack)
        for place, answer in stack.enter_context(closing(answers)):
            rows[place] = cases[place].row(answer)
            if on_row is not None:
                on_row(rows[place])
    return pandas.DataFrame(rows)


def _answers(jobs: Sequence[Job], executor: Executor, stack: ExitStack) -> Outcomes:
    if executor is None or not jobs:
        return run_here(jobs)
    if isinstance(executor, int):
        count = min(executor, len(jobs))
        executor = [stack.enter_context(Worker()) for _ in range(count)]
    workers = [executor] if isinstance(executor, Worker) else executor
    return run_in_workers(jobs, workers)


def _method(given: Method) -> BoundMethod:
    if isinstance(given, BoundMethod):
        return given
    name, settings = (given, {}) if isinstance(given, str) else given
    return method_class(name).with_settings(**settings)

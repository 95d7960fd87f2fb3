"""The jobs of a sweep on Dask workers, on this machine or many."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from hashlib import sha256
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lipexplore import __version__
from lipexplore.bounds import Bound
from lipexplore.errors import InvalidSetting, SolverUnavailable, WorkerDied
from lipexplore.experiments.distributed_task import answer_from_line, other_version, solve
from lipexplore.experiments.executors import Failure, OnStart, Outcomes
from lipexplore.jobs.client import Job
from lipexplore.jobs.protocol import encode, one_sentence

if TYPE_CHECKING:
    from distributed import Client, Future

MISSING = 'Dask is not installed: pip install "lipexplore[cluster]"'
SECONDS_BETWEEN_POLLS = 0.005
SECONDS_TO_CONNECT, SECONDS_TO_CONNECT_HERE = 5.0, 60.0

LOCAL_SETTINGS = {
    "distributed.deploy.lost-worker-timeout": "5 minutes",
    "distributed.scheduler.worker-saturation": 1.0,
}
"""A lost worker has time to come back on a busy machine; no job waits behind a long solve."""

ATTEMPTS = 2
LOSSES_BEFORE_START = 5
"""So often may a worker be lost that had a job, but had not begun it."""

LOCAL, LOOPBACK = "local:", "127.0.0.1:0"

Run = Callable[..., Outcomes]
"""Called with jobs and perhaps ``on_start``, as :func:`run_on_cluster` without its client."""


@contextmanager
def cluster_executor(where: str) -> Iterator[Run]:
    """Yield a function of jobs that runs them on the cluster at an address.

    Parameters
    ----------
    where
        Address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, or ``"local:4"`` for four
        worker processes on this machine, which end with the context.

    Raises
    ------
    SolverUnavailable
        If Dask is not installed.
    InvalidSetting
        If nothing answers at the address.
    """
    distributed = _distributed()
    with ExitStack() as stack:
        address, patience = where, SECONDS_TO_CONNECT
        if where.startswith(LOCAL):
            address = stack.enter_context(_local_cluster(_count(where)))
            patience = SECONDS_TO_CONNECT_HERE
        try:
            if not address.startswith("inproc:"):  # a client that has begun cannot be left quietly
                distributed.comm.get_address_host_port(address)
            client = distributed.Client(address, timeout=patience, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidSetting(
                f"no Dask scheduler answers at {where!r}: give an address such as "
                "tcp://10.0.0.1:8786, or local:4 for four workers on this machine"
            ) from error
        yield partial(run_on_cluster, client=stack.enter_context(client))


def run_on_cluster(
    jobs: Sequence[Job], client: Client, on_start: OnStart | None = None
) -> Outcomes:
    """Yield the place and the answer of each job as they come.

    Solves run in children of the Dask workers under the hard limit of
    :func:`~lipexplore.experiments.executors.run_in_workers`. A job whose Dask worker is lost
    is run once more. Closing the generator ends what runs, within a second. A cluster without
    workers is waited for.

    Raises
    ------
    InvalidSetting
        If a worker has another version of lipexplore, or none.
    WorkerDied
        If the scheduler is lost.
    """
    _check_versions(client)
    submission = _Submission(jobs, client, on_start)
    try:
        yield from submission.outcomes()
    finally:
        submission.cancel()


class _Submission:
    """The jobs of one sweep on their way.

    Dask counts a lost worker against every task that was there, and how many it forgives is a
    setting of the scheduler. Here counts what had begun: solves announce it on a topic.
    """

    def __init__(self, jobs: Sequence[Job], client: Client, on_start: OnStart | None) -> None:
        self._client = client
        self._on_start = on_start
        self._name = f"lipexplore-{uuid4().hex}"
        self._begun: SimpleQueue[int] = SimpleQueue()
        self._starts = [0] * len(jobs)
        self._losses = [0] * len(jobs)
        self._since = [0.0] * len(jobs)
        networks: dict[str, str] = {}
        self._questions = [_without_network(job, networks) for job in jobs]
        client.subscribe_topic(self._name, lambda event: self._begun.put(event[1]))
        self._networks = self._distribute(networks)
        places = range(len(jobs))
        futures = client.map(
            self._task,
            places,
            self._questions,
            networks=self._networks,
            key=[self._key(place) for place in places],
            pure=False,
        )
        self._futures: dict[int, Future] = dict(zip(places, futures, strict=True))
        self._completed = _distributed().as_completed(
            futures, loop=client.loop, with_results=True, raise_errors=False
        )

    def outcomes(self) -> Outcomes:
        while self._futures:
            done = self._completed.next_batch(block=False)
            yield from self._begin()
            for future, result in done:
                place = future.key[1]
                if self._futures.get(place) is not future:
                    continue
                del self._futures[place]
                answer = self._answer(place, future, result)
                if answer is not None:
                    yield place, answer
            time.sleep(SECONDS_BETWEEN_POLLS)

    def cancel(self) -> None:
        """Drop what waits and end what runs."""
        with suppress(Exception):  # a lost scheduler drops it all the same
            self._client.unsubscribe_topic(self._name)
            self._client.cancel([*self._futures.values(), self._networks])

    @property
    def _task(self) -> Callable[..., bytes]:
        return partial(solve, topic=self._name, version=__version__)

    def _key(self, place: int) -> tuple[str, int, int]:
        return (self._name, place, self._losses[place])

    def _distribute(self, networks: dict[str, str]) -> Future:
        """Send the networks once, to all workers; those that join fetch them from others."""
        import dask

        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            sent = self._client.submit(dict, networks, key=f"{self._name}-networks")
        self._client.replicate([sent])
        return sent

    def _begin(self) -> Outcomes:
        """Note which jobs have begun; one that begins once too often is given up."""
        with suppress(Empty):
            while True:
                place = self._begun.get_nowait()
                self._starts[place] += 1
                if self._starts[place] == 1:
                    self._since[place] = time.perf_counter()
                    if self._on_start is not None:
                        self._on_start(place)
                if self._starts[place] > ATTEMPTS and place in self._futures:
                    self._futures.pop(place).cancel()
                    yield place, self._lost_twice(place)

    def _answer(self, place: int, future: Future, result: Any) -> Bound | Failure | None:
        if future.status == "finished":
            return answer_from_line(result)
        if future.status != "error":
            raise WorkerDied(f"the Dask scheduler was lost (runs {future.status}): start it again")
        error = result[1]
        if not isinstance(error, _distributed().scheduler.KilledWorker):
            raise WorkerDied(f"Dask could not run a job: {one_sentence(error)}") from error
        self._losses[place] += 1
        if self._starts[place] >= ATTEMPTS or self._losses[place] > LOSSES_BEFORE_START:
            return self._lost_twice(place)
        self._submit_again(place)
        return None

    def _submit_again(self, place: int) -> None:
        future = self._futures[place] = self._client.submit(
            self._task,
            place,
            self._questions[place],
            networks=self._networks,
            key=self._key(place),
            pure=False,
        )
        self._completed.add(future)

    def _lost_twice(self, place: int) -> Failure:
        seconds = time.perf_counter() - self._since[place] if self._starts[place] else 0.0
        return Failure(
            "its worker was lost twice: the machine may be out of memory, choose a lower degree or "
            "a smaller network",
            seconds,
        )


def _without_network(job: Job, networks: dict[str, str]) -> bytes:
    message = job.to_message()
    text: str = message["network"]
    name = sha256(text.encode()).hexdigest()
    networks[name] = text
    return encode({**message, "network": name})


def _check_versions(client: Client) -> None:
    client.wait_for_workers(1)
    answers = client.run(eval, "__import__('lipexplore').__version__", on_error="return")
    for address, there in answers.items():
        if isinstance(there, ImportError):
            raise InvalidSetting(f"the worker at {address} has no lipexplore: install it there")
        if isinstance(there, str) and there != __version__:
            raise InvalidSetting(other_version(there, __version__))


@contextmanager
def _local_cluster(workers: int) -> Iterator[str]:
    """Yield the address of a scheduler in this process with workers that only it can reach."""
    distributed = _distributed()
    import dask

    with (
        tempfile.TemporaryDirectory(prefix="lipexplore-", ignore_cleanup_errors=True) as folder,
        dask.config.set(LOCAL_SETTINGS),
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
            silence_logs=logging.CRITICAL,
            local_directory=folder,
            scheduler_kwargs={"allowed_failures": 0, "dashboard_address": LOOPBACK},
        ) as cluster,
    ):
        yield cluster.scheduler_address


def _count(where: str) -> int:
    text = where.removeprefix(LOCAL)
    if not text.isdecimal() or int(text) < 1:
        raise InvalidSetting(f"{where!r} names no number of workers: write local:4 for four")
    return int(text)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise SolverUnavailable(MISSING) from None
    return distributed

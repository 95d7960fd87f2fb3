import pytest

from lipexplore.jobs.client import Worker
from tests.jobs.running import changed_workers


@pytest.fixture(scope="module")
def shared():
    with Worker() as worker:
        yield worker


@pytest.fixture
def worker(shared):
    """A worker with no job and no events of the last test."""
    shared.cancel()
    shared.poll()
    return shared


@pytest.fixture
def changed_worker(monkeypatch):
    """Start a worker whose program first runs ``code``; ``job`` there is the class Job."""
    with changed_workers(monkeypatch) as start:
        yield start

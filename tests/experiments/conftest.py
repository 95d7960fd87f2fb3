import pytest

from tests.jobs.running import changed_workers


@pytest.fixture
def changed_worker(monkeypatch):
    """Start a worker whose program first runs ``code``; ``job`` there is the class Job."""
    with changed_workers(monkeypatch) as start:
        yield start

"""Options and profiles of the whole suite."""

import pytest
from hypothesis import settings

settings.register_profile("ordinary", deadline=None, max_examples=50)
settings.register_profile("nightly", deadline=None, max_examples=1000)


def pytest_addoption(parser):
    parser.addoption("--nightly", action="store_true", help="many more random cases")


def pytest_configure(config):
    settings.load_profile("nightly" if config.getoption("--nightly") else "ordinary")


@pytest.fixture(scope="session")
def many(request):
    """Return how many random cases to run: an ordinary and a nightly number."""
    nightly = request.config.getoption("--nightly")
    return lambda ordinary, total: total if nightly else ordinary

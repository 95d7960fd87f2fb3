"""Options and profiles of the whole suite."""

import pytest
from hypothesis import HealthCheck, settings

for profile, cases in {"quick": 20, "ordinary": 100, "nightly": 1000}.items():
    settings.register_profile(
        profile,
        deadline=None,  # nor too_slow: a busy machine is slow
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
        max_examples=cases,
        derandomize=profile != "nightly",  # which looks for new cases; the others repeat theirs
    )

QUICK_SHARE = 5
"""A quick run takes this share of random cases and of every sweep."""


def pytest_addoption(parser):
    parser.addoption("--nightly", action="store_true", help="many more random cases")
    parser.addoption("--quick", action="store_true", help="fewer random cases, a part of sweeps")


def pytest_configure(config):
    quick = "quick" if config.getoption("--quick") else "ordinary"
    settings.load_profile("nightly" if config.getoption("--nightly") else quick)


def pytest_collection_modifyitems(config, items):
    """Keep every fifth case of a test marked ``sweep`` in a quick run, the first one always."""
    if not config.getoption("--quick"):
        return
    seen: dict[str, int] = {}
    kept, left_out = [], []
    for item in items:
        name = item.nodeid.partition("[")[0]
        seen[name] = seen.get(name, -1) + 1
        skipped = item.get_closest_marker("sweep") and seen[name] % QUICK_SHARE
        (left_out if skipped else kept).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


@pytest.fixture(scope="session")
def many(request):
    """Return how many random cases to run: an ordinary and a nightly number."""
    if request.config.getoption("--nightly"):
        return lambda _, total: total
    share = QUICK_SHARE if request.config.getoption("--quick") else 1
    return lambda ordinary, _: -(-ordinary // share)

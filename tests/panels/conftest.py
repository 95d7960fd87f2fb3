import pytest

from lipexplore.panels.state import WorkbenchState
from lipexplore.panels.workbench import Workbench
from tests.panels.fakes import FakeWorker


@pytest.fixture
def fake():
    return FakeWorker()


@pytest.fixture
def state(fake):
    """A state with a fake worker and the two fastest methods."""
    made = WorkbenchState(worker=fake)
    made.change(methods=("norm-product", "path"))
    return made


@pytest.fixture
def panel():
    """A workbench with a real worker, its first runs done."""
    made = Workbench()
    made.wait(300)  # a busy machine is slow: only what the runs say is tested
    assert not made.state.busy
    yield made
    made.close()

"""The workbench in Notebook 7, where that is installed."""

from __future__ import annotations

import pytest

from lipexplore.bounds import bound
from lipexplore.networks.gallery import gallery_network
from lipexplore.rounding import text_above
from tests.browser.lab import ClassicNotebook
from tests.browser.page import PATIENCE, Notebook
from tests.browser.test_workbench import DEFAULT, LABEL, STATUS, on_screen, open_panel, press

pytestmark = [pytest.mark.browser, pytest.mark.slow]
pytest.importorskip("notebook", minversion="7", reason="Notebook 7 is not installed")


class ClassicPage(Notebook):
    """A notebook in Notebook 7, which tells the kernel's state by an icon alone."""

    def wait_until_idle(self) -> None:
        self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(
            timeout=PATIENCE
        )


@pytest.fixture(scope="module")
def classic(tmp_path_factory, browser):
    running = ClassicNotebook(tmp_path_factory.mktemp("classic"))
    yield running
    running.close()


def test_opening_running_and_clicking(page, classic):
    notebook = ClassicPage(page, classic)
    open_panel(notebook)
    value = bound(gallery_network(DEFAULT), "lipopt-lp", degree=2).value
    assert on_screen(notebook)["LiPopt LP 2"] == text_above(value)
    notebook.choose("output", "3")
    press(notebook, "Run", tick=(STATUS, "ing"), point=(LABEL, "degree 2"))
    notebook.status("Ready.")
    value = bound(gallery_network(DEFAULT), "lipopt-lp", output=3, degree=2).value
    assert on_screen(notebook)["LiPopt LP 2"] == text_above(value)
    live = page.locator(".lx-is-live")
    live.get_by_text("L is proven to lie between").wait_for(timeout=PATIENCE)
    box = notebook.panel().bounding_box()
    assert box["x"] + box["width"] <= 1280
    notebook.shoot("11-notebook-7")
    notebook.panel().get_by_role("tab", name="Sparsity", exact=True).click()
    notebook.panel().locator(".heatmaplayer").first.wait_for()
    classic.end_sessions()

"""Compare in JupyterLab: files are really saved, a zoom survives the next run, undo by keyboard."""

from __future__ import annotations

import re

import pytest

from lipexplore.panels.question_panel import NORMS
from tests.browser.page import Notebook
from tests.browser.test_workbench import STATUS, open_panel, press

pytestmark = [pytest.mark.browser, pytest.mark.slow]

X_RANGE = "() => document.querySelector('.lx-panel .js-plotly-plot').layout.xaxis.range.map(Number)"


def test_files_zoom_and_undo(page, lab):
    notebook = Notebook(page, lab)
    open_panel(notebook)
    panel = notebook.panel()

    page.set_viewport_size({"width": 1500, "height": 1300})
    page.wait_for_timeout(1000)
    area = panel.locator(".js-plotly-plot .nsewdrag").first
    area.scroll_into_view_if_needed()
    plot = area.bounding_box()
    before = page.evaluate(X_RANGE)
    page.mouse.move(plot["x"] + 0.2 * plot["width"], plot["y"] + 0.2 * plot["height"])
    page.mouse.down()
    page.mouse.move(plot["x"] + 0.6 * plot["width"], plot["y"] + 0.8 * plot["height"], steps=5)
    page.mouse.up()
    page.wait_for_function(f"(old) => ({X_RANGE})()[0] !== old[0]", arg=before)
    zoomed = page.evaluate(X_RANGE)
    page.wait_for_timeout(500)
    press(notebook, "Run", tick=(STATUS, "ing"))  # or the old "Ready." would be read
    notebook.status("Ready.")
    page.wait_for_timeout(1000)
    assert page.evaluate(X_RANGE) == pytest.approx(zoomed)

    notebook.choose("input norm", next(label for label, name in NORMS if name == "l2"))
    panel.get_by_role("button", name="Undo", exact=True).first.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => [...document.querySelectorAll('.lx-panel select')]"
        ".some((s) => s.selectedOptions[0]?.label.includes('linf'))"
    )

    page.get_by_role("tab", name="Compare", exact=True).click()
    page.wait_for_timeout(3000)  # a run that ends now would clear the files
    for name, start in (("report.html", b"<!DOCTYPE html>"), ("figure.png", b"\x89PNG")):
        link = panel.get_by_role("link", name=re.compile(re.escape(name)))
        if not link.count():
            panel.get_by_role("button", name="Prepare files").click()
        with page.expect_download() as saved:
            link.click()
        assert saved.value.suggested_filename == name
        assert saved.value.path().read_bytes().startswith(start)
    notebook.shoot("compare")

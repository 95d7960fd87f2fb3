"""From a move of the slider to the updated live strip, in Chromium; and a page at a state."""

from __future__ import annotations

import statistics
from urllib.parse import urlencode

import pytest

from tests.browser.page import PATIENCE
from tests.browser.test_app import DEFAULT, AppPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MOVES = 20
WATCH = """
() => {
  const status = document.querySelector(".lx-is-live .widget-hbox > .widget-html");
  window.lxMoves = [];
  let start = null, seen = false;
  document.addEventListener("input", (event) => {
    if (event.target.type === "range") { start = performance.now(); seen = false; }
  }, true);
  new MutationObserver(() => {
    if (start === null) return;
    const stale = status.classList.contains("lx-stale");
    seen = seen || stale;
    if (seen && !stale) { lxMoves.push(performance.now() - start); start = null; }
  }).observe(status, { subtree: true, childList: true, characterData: true, attributes: true });
}
"""
STATES = {
    "64-20-10": {"network": DEFAULT, "methods": "path", "degrees": "2"},
    "784-100-10": {
        "network": "random dense",
        "widths": "784, 100, 10",
        "methods": "path",
        "degrees": "2",
    },
}
LIMITS = {"64-20-10": 0.150, "784-100-10": 0.500}


class StatePage(AppPage):
    """A page that opens at a state."""

    def __init__(self, page, app, state: dict[str, str]) -> None:
        mark = "&" if "?" in app.address else "?"
        self.address = f"{app.address}{mark}{urlencode({'state': urlencode(state)})}"
        super().__init__(page, app)


@pytest.mark.parametrize("size", STATES)
def test_slider_to_updated_strip(page, shared_app, timings, size):
    opened = StatePage(page, shared_app, STATES[size])
    live = page.locator(".lx-is-live")
    live.get_by_text("L is proven to lie between").wait_for(timeout=PATIENCE)
    slider = opened.panel().get_by_label("weights kept slider", exact=True)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(3000)  # the first question of a kind teaches the worker what it takes
    page.evaluate(WATCH)
    for move in range(MOVES):
        page.keyboard.press("ArrowLeft")
        page.wait_for_function("(n) => lxMoves.length > n", arg=move, timeout=PATIENCE)
        page.wait_for_timeout(100)
    seconds = [move / 1000.0 for move in page.evaluate("lxMoves")]
    assert len(seconds) == MOVES
    timings[f"slider to updated strip, {size}: median of {MOVES}"] = statistics.median(seconds)
    timings[f"slider to updated strip, {size}: slowest"] = max(seconds)
    text = opened.panel().get_by_text("of the weights are zero").inner_text()
    assert "21% of the weights are zero" in text or size == "64-20-10"
    # the limits hold on an idle machine: artifacts/browser-timings.json has the figures
    assert statistics.median(seconds) < 10.0 * LIMITS[size]

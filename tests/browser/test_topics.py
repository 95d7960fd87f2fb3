"""Each topic panel draws without WebGL, follows a slider, and shows what Python computes."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

import lipexplore.panels
from lipexplore.bounds.operator_norms.kernels import symbol_bound, symbol_estimate
from lipexplore.networks.implicit_generators import random_implicit
from lipexplore.networks.splines import Splines
from lipexplore.panels import spline_views, unfolded_view
from lipexplore.panels.convolution_controls import KERNELS
from lipexplore.properties.path_regularization import PathProblem, optimum
from lipexplore.properties.reachability import reachable_box
from lipexplore.rounding import text_above, text_below
from tests.browser.page import PATIENCE, Notebook
from tests.browser.test_app import AppPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]

KINDS = [kind for kind in lipexplore.panels.PANELS if kind.place == "topic"]
NO_WEBGL = """
window.lxWebgl = 0;
const getContext = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  if (!/webgl/.test(kind)) return getContext.call(this, kind, ...rest);
  window.lxWebgl += 1;
  return null;
};
"""
WATCH = """
(panel) => {
  const plots = () => [...panel.querySelectorAll(".js-plotly-plot")].filter(
    (plot) => plot.getClientRects().length);
  const before = new Set(plots().map((plot) => plot.data));
  window.lxMoved = null;
  addEventListener("input", () => {
    const start = performance.now();
    const look = () => {
      const redrawn = (plot) => !before.has(plot.data) && plot.querySelector(".main-svg");
      if (plots().some(redrawn)) window.lxMoved = performance.now() - start;
      else requestAnimationFrame(look);
    };
    look();
  }, { once: true, capture: true });
}
"""
DRAWN = """
(panel) => {
  const plots = [...panel.querySelectorAll(".lx-plot")].filter((p) => p.getClientRects().length);
  return plots.some((plot) => plot.querySelector(".main-svg"))
    && plots.every((plot) => plot.querySelector(".main-svg, .lx-note"));
}
"""


def convolution_says(samples: float, panel) -> str:
    kernel, grid = KERNELS["diagonal derivative"][None, None], (int(samples), int(samples))
    return (
        f"The largest at {grid[0]} × {grid[1]} frequencies is {symbol_estimate(kernel, grid):.5g}, "
        "no bound. Certified: no frequency at all has more than "
        f"{text_above(symbol_bound(kernel, grid), 5)}."
    )


def implicit_says(radius: float, panel) -> str:
    x = np.random.default_rng(0).standard_normal(3)
    lower, upper = reachable_box(random_implicit(6, 3, 2, 0.4, 10), x, radius)
    return f"the box by the embedded network: {text_above((upper - lower).max(), 4)};"


def splines_say(level: float, panel) -> str:
    name = panel.get_by_label("network", exact=True).locator("option:checked").inner_text()
    knots, values = spline_views.stored_values(spline_views.Unit(name, 0, 0))
    edited = Splines(knots, [level, *values[1:]])
    return f"{edited.largest_slope:.7g}"


def unfolded_says(layers: float, panel) -> str:
    request = unfolded_view.Request(unfolded_view.MATRICES, int(layers), 12, 3, 1, 1.0, 0.05)
    middle = next(gap for gap in unfolded_view.view(request).gaps if gap.samples >= 10**4)
    return f"the bound is {text_above(middle.value, 4)};"


def paths_say(beta: float, panel) -> str:
    rng = np.random.default_rng(0)
    points, targets = rng.standard_normal((5, 1)), rng.standard_normal(5)
    found = optimum(PathProblem(points, targets, beta, layers=3))
    return f"Three layers: the optimum lies between {text_below(found.lower, 8)} and"


SLIDERS = {
    "implicit": ("radius", implicit_says),
    "convolution": ("grid S", convolution_says),
    "splines": ("value", splines_say),
    "unfolded": ("layers L", unfolded_says),
    "path_regularization": ("β", paths_say),
}
"""By panel the slider that is moved, and what is on the screen then by what is in its box."""


def faults_of(page) -> list[str]:
    """Return a list that grows with what the page reports as errors."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.add_init_script(NO_WEBGL)
    return faults


def assert_sound(page, faults: list[str]) -> None:
    """Check what holds on every page at every time."""
    assert faults == []
    assert page.evaluate("lxWebgl") == 0
    assert "Traceback" not in page.locator("body").inner_text()
    assert page.evaluate("document.body.scrollWidth <= innerWidth")


def drawn(page, kind):
    """Wait until a topic panel has drawn something in each of its places; return it."""
    shown = page.locator(f".lx-is-{kind.name}:visible")
    shown.locator(".main-svg").first.wait_for(timeout=PATIENCE)
    page.wait_for_function(DRAWN, arg=shown.element_handle(), timeout=PATIENCE)
    assert "no solution" not in shown.inner_text()
    return shown


def processor_seconds(app) -> float:
    return sum(sum(kernel.cpu_times()[:2]) for kernel in app.kernels())


def test_each_topic_follows_a_slider_and_shows_what_python_computes(page, shared_app, timings):
    faults = faults_of(page)
    opened = AppPage(page, shared_app)
    for kind in KINDS:  # made when they are chosen
        assert page.locator(f".lx-is-{kind.name}").count() == 0
    page.get_by_role("tab", name="Topics", exact=True).click()
    chooser = page.get_by_label("topic", exact=True)
    titles = [text.replace("\xa0", " ") for text in chooser.locator("option").all_inner_texts()]
    assert titles == [kind.title for kind in KINDS]
    for index, kind in enumerate(KINDS):
        if index:
            chooser.press("ArrowDown")
        panel = drawn(page, kind)
        name, says = SLIDERS[kind.name]
        before = panel.get_by_label(name, exact=True).input_value()
        page.evaluate(WATCH, panel.element_handle())
        used = processor_seconds(shared_app)
        panel.get_by_label(f"{name} slider", exact=True).press("ArrowRight")
        page.wait_for_function("() => lxMoved !== null", timeout=PATIENCE)
        timings[f"topics: {kind.name}, slider to drawn"] = page.evaluate("lxMoved / 1000")
        used = processor_seconds(shared_app) - used
        timings[f"topics: {kind.name}, processor time of the kernel until then"] = used
        after = panel.get_by_label(name, exact=True).input_value()
        assert after != before
        panel.get_by_text(says(float(after), panel)).first.wait_for(timeout=PATIENCE)
        opened.shoot(f"topic-{kind.name}", top=False)
        assert_sound(page, faults)

    opened.panel().get_by_label("large type").check()
    for kind in KINDS:
        chooser.select_option(label=kind.title)
        panel = drawn(page, kind)
        tick = panel.locator(".xtick text:visible").first
        assert float(tick.evaluate("(node) => parseFloat(node.style.fontSize)")) >= 20
        panel.locator(".main-svg").first.evaluate("(node) => node.scrollIntoView()")
        opened.shoot(f"topic-{kind.name}-large", top=False)
        assert_sound(page, faults)


def test_a_topic_stands_alone_in_a_dark_cell(page, dark_lab):
    faults = faults_of(page)
    cells = [f"import lipexplore.panels\n\nlipexplore.panels.{kind.name}()" for kind in KINDS]
    write_notebook(dark_lab.root / "topics.ipynb", cells)
    notebook = Notebook(page, dark_lab, "topics.ipynb")
    page.keyboard.press("Control+b")
    for index, kind in enumerate(KINDS):
        notebook.run_cell(index)
        panel = drawn(page, kind)
        panel.evaluate("(node) => node.scrollIntoView({ block: 'start' })")
        notebook.shoot(f"topic-{kind.name}-dark", top=False)
        for text in panel.locator(".main-svg .xtick text").all()[:3]:
            colour = text.evaluate("(node) => getComputedStyle(node).fill")
            assert min(int(part) for part in re.findall(r"\d+", colour)[:3]) > 150
        assert_sound(page, faults)
    dark_lab.end_sessions()


def write_notebook(path, sources: list[str]) -> None:
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{index}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for index, source in enumerate(sources)
    ]
    book = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(book), encoding="utf-8")

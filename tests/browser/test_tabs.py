"""Each tab of the workbench shows what Python computes, in a page of 1280 x 720."""

from __future__ import annotations

import pytest

import lipexplore
from lipexplore.bounds import bound
from lipexplore.networks.gallery import gallery_network
from lipexplore.panels.sources import shipped_title
from lipexplore.properties.robustness import certified_radii
from lipexplore.rounding import text_above, text_below
from lipexplore.training.images import digits_for
from tests.browser.page import PATIENCE
from tests.browser.test_app import DEFAULT, AppPage, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NETWORK = gallery_network(DEFAULT)


def texts_of(page, selector: str) -> str:
    """Return the text of everything on the screen that a selector finds."""
    return "\n".join(node.inner_text() for node in page.locator(f"{selector}:visible").all())


def row_of(page, table: str, name: str) -> list[str]:
    """Return the cells of the visible row that begins with ``name``."""
    row = page.locator(f"{table} tr:visible").filter(
        has=page.get_by_role("rowheader", name=name, exact=True)
    )
    row.wait_for(timeout=PATIENCE)
    return row.locator("td").all_inner_texts()


def choose_run(page, label: str, method: str) -> None:
    control = page.get_by_label(label, exact=True).filter(visible=True)
    option = control.locator("option", has_text=method)
    control.select_option(value=option.first.get_attribute("value"))


def test_each_tab_shows_what_python_computes(page, shared_app):
    opened = AppPage(page, shared_app)

    def turn_to(title: str) -> None:
        page.get_by_role("tab", name=title, exact=True).click()

    plot = page.locator(".lx-panel .js-plotly-plot:visible").first.bounding_box()
    assert plot["y"] + plot["height"] < 720  # in view without scrolling
    title = opened.panel().get_by_label("network", exact=True).first
    shown = title.locator("option:checked").inner_text().replace("\xa0", " ")
    assert shown == shipped_title(DEFAULT)
    assert title.evaluate("(node) => node.clientWidth") > 280  # wide enough for the longest name

    live = page.locator(".lx-is-live")
    live.get_by_text("L is proven to lie between").wait_for(timeout=PATIENCE)
    assert page.locator(".lx-strip:visible").count() == 0
    live.get_by_label("each method").check()
    path = bound(NETWORK, "path").value
    assert f"P* ≤ {text_above(path, 5)}" in row_of(page, ".lx-strip", "path bound")[0]
    opened.shoot("tab-live", top=False)
    live.get_by_label("each method").uncheck()

    lp = bound(NETWORK, "lipopt-lp", degree=2).value
    turn_to("Sparsity")
    opened.panel().get_by_text(f"of the bound {text_above(lp, 6)}").wait_for(timeout=PATIENCE)
    page.locator(".heatmaplayer:visible").first.wait_for()
    opened.shoot("tab-sparsity", top=False)

    turn_to("Certificate")
    choose_run(page, "run", "LiPopt LP")
    opened.panel().get_by_text(f"P* ≤ {text_above(lp, 9)}").wait_for(timeout=PATIENCE)
    assert row_of(page, ".lx-is-certificate", "verified") == ["✓ yes"]
    opened.shoot("tab-certificate", top=False)

    turn_to("Compare")
    choose_run(page, "run", "path bound")
    choose_run(page, "against", "LiPopt LP")
    uppers = [f"P* ≤ {text_above(path)}", f"P* ≤ {text_above(lp)}"]
    wait_for(lambda: row_of(page, ".lx-is-compare", "upper bound")[:2] == uppers)
    opened.shoot("tab-compare", top=False)

    turn_to("Code")
    call = 'lipexplore.bound(network, "lipopt-lp", **question, degree=2)'
    wait_for(lambda: call in texts_of(page, ".lx-is-code pre"))
    lines = texts_of(page, ".lx-is-code pre").splitlines()
    names: dict = {}
    exec("\n".join(line for line in lines if not line.startswith("lipexplore.")), names)
    assert call in lines
    assert eval(call, names).value == lp
    opened.shoot("tab-code", top=False)


def test_predictions_cover_the_results_and_are_compared(page, shared_app):
    opened = AppPage(page, shared_app)
    page.get_by_role("tab", name="Predict first", exact=True).click()
    page.get_by_label("guess", exact=True).fill("61")
    page.get_by_label("name", exact=True).filter(visible=True).fill("Ada")
    opened.press("Cover the results")
    opened.press("Add the guess")
    opened.panel().get_by_text("Ada: 61. To compare, press Reveal.").wait_for()
    path = text_above(bound(NETWORK, "path").value)
    page.get_by_role("tab", name="Bounds", exact=True).click()
    page.get_by_text("Covered until Reveal is pressed").first.wait_for()
    wait_for(lambda: path not in texts_of(page, ".lx-panel"))
    page.get_by_role("tab", name="Predict first", exact=True).click()
    opened.press("Reveal")
    # where the machine is busy, exact is expected to take long and waits for Run
    best = [bound(NETWORK, name).value for name in ("shor", "exact")]
    guess, ratio = row_of(page, ".lx-is-predict", "Ada")
    assert guess == "61"
    assert ratio in [f"{61 / value:.3g}" for value in best]
    opened.shoot("tab-predict", top=False)
    page.get_by_role("tab", name="Bounds", exact=True).click()
    opened.panel().get_by_text(path).first.wait_for()


def test_radii_are_those_of_python(page, shared_app):
    opened = AppPage(page, shared_app)
    page.get_by_role("tab", name="Robustness", exact=True).click()
    page.get_by_label("Shor by vector pass", exact=True).filter(visible=True).uncheck()
    panel = page.locator(".lx-is-robustness")
    panel.get_by_text("Half of these keep their class").wait_for(timeout=PATIENCE)
    images, _ = digits_for(NETWORK)
    for method, label in (("norm-product", "norm product"), ("path", "path bound")):
        table = lipexplore.margins(NETWORK, method, "linf")
        radius = certified_radii(NETWORK, images[:1], table).radius[0]
        cells = row_of(page, ".lx-is-robustness", f"■ {label}")
        assert cells == [text_below(float(radius), 5)]
    wait_for(lambda: panel.locator(".scatterlayer .trace").count() == 3)
    opened.shoot("tab-robustness", top=False)

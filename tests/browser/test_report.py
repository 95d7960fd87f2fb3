"""The report's page in a browser: interactive, without script, by keyboard, dark, on paper."""

from __future__ import annotations

import pytest

from lipexplore.experiments.sweep import sweep
from lipexplore.figures.sweep_report import write_report
from lipexplore.networks.generators import random_dense
from tests.browser.page import PATIENCE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    table = sweep(random_dense((3, 3, 1), 0), ["norm-product", "path", "sampled-gradient"])
    return write_report(table, tmp_path_factory.mktemp("report")).as_uri()


def test_figures_are_drawn_by_plotly_and_nothing_is_refused(page, address):
    messages = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(address)
    page.locator("#overview .live .main-svg").first.wait_for(timeout=PATIENCE)
    assert page.locator("#overview .still").first.is_hidden()
    assert page.locator("#overview .live .main-svg").first.bounding_box()["width"] > 900
    assert messages == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_question_is_opened_by_keyboard_and_sorted(page, address):
    page.goto(address)
    page.locator("#questions tbody a").first.focus()
    page.keyboard.press("Enter")
    page.locator("details[open] .live .main-svg").first.wait_for(timeout=PATIENCE)
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    button = page.locator("details[open] thead button", has_text="method")
    methods = page.locator("details[open] tbody td:first-child")
    for presses in (1, 2):
        button.press("Enter")
        order = methods.all_text_contents()
        assert order == sorted(order, key=str.lower, reverse=presses == 2)


def test_without_script_every_figure_is_still_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    opened.goto(address)
    assert opened.locator("#overview .still svg").first.is_visible()
    assert opened.locator(".live:visible").count() == 0
    opened.locator("summary").first.click()
    assert opened.locator("details .still svg").first.is_visible()
    context.close()


def test_dark_pages_have_light_letters(browser, address):
    context = browser.new_context(color_scheme="dark")
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    opened.goto(address)
    letters = opened.locator("#overview .xtick text").first
    letters.wait_for(timeout=PATIENCE)
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 22, 22)"
    assert "rgb(230, 230, 230)" in letters.get_attribute("style")
    context.close()


def test_paper_has_the_still_figures(page, address):
    page.goto(address)
    page.locator("#overview .live .main-svg").first.wait_for(timeout=PATIENCE)
    page.emulate_media(media="print")
    assert page.locator("#overview .still svg").first.is_visible()
    assert page.locator("#overview .live").first.is_hidden()
    assert page.pdf().startswith(b"%PDF")

"""Fixtures: a Chromium that reaches no host but this one, and a JupyterLab."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.app import App
from tests.browser.lab import Lab
from tests.browser.page import PATIENCE, Notebook

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
HOW = (
    "no Chromium was found: install one (Debian: apt-get install chromium), or set "
    "LIPEXPLORE_BROWSER to its path"
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MACOS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
HERE = ("127.0.0.1", "", None)


def find_browser() -> str | None:
    """Return the path of a Chromium: LIPEXPLORE_BROWSER, or one of the usual names."""
    named = os.environ.get("LIPEXPLORE_BROWSER")
    for name in (named,) if named else (*NAMES, *MACOS):
        if name and (found := shutil.which(name)):
            return found
    return None


@pytest.fixture(scope="package")
def browser():
    path = find_browser()
    if path is None:
        if os.environ.get("LIPEXPLORE_REQUIRE_BROWSER") == "1":
            pytest.fail(HOW)
        pytest.skip(HOW)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, args=list(OPTIONS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory, browser):
    running = Lab(tmp_path_factory.mktemp("lab"))
    yield running
    running.close()


@pytest.fixture(scope="package")
def shared_app(tmp_path_factory, browser):
    """The app for the tests that need none of their own; each of their pages keeps its place."""
    running = App(tmp_path_factory.mktemp("shared"), "--users", "8")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def dark_lab(tmp_path_factory, browser):
    running = Lab(tmp_path_factory.mktemp("dark"), theme="JupyterLab Dark")
    yield running
    running.close()


@pytest.fixture
def page(browser):
    """A page of 1280 x 720; fails the test if it asked any other host for anything."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    outside = []
    opened.on(
        "request",
        lambda request: (
            outside.append(request.url) if urlsplit(request.url).hostname not in HERE else None
        ),
    )
    yield opened
    context.close()
    assert outside == []


@pytest.fixture
def notebook(page, lab):
    """The notebook in a page, with a kernel of its own."""
    yield Notebook(page, lab)
    lab.end_sessions()


@pytest.fixture(scope="module")
def timings():
    """Seconds by name; saved to artifacts/browser-timings.json, among those of other modules."""
    measured: dict[str, float] = {}
    yield measured
    if measured:
        ARTIFACTS.mkdir(exist_ok=True)
        file = ARTIFACTS / "browser-timings.json"
        before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        text = json.dumps(before | measured, indent=2, sort_keys=True)
        file.write_text(text + "\n", encoding="utf-8")

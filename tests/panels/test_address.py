"""In the app the address carries a state, and the Compare tab gives such an address."""

from __future__ import annotations

from html import unescape
from urllib.parse import urlsplit

import pytest

from lipexplore.panels.address import is_app, link_to, state_in_address
from lipexplore.panels.compare_panel import state_html
from lipexplore.panels.settings import AROUND_DIGIT, Settings
from lipexplore.panels.state import WorkbenchState
from lipexplore.panels.workbench import explore
from tests.panels.fakes import FakeWorker


@pytest.fixture
def app(monkeypatch):
    """Make this process look like a kernel of the app; call it with the page's query."""

    def begin(query):
        monkeypatch.setenv("SERVER_SOFTWARE", "voila/0.5.13")
        monkeypatch.setenv("QUERY_STRING", query)
        monkeypatch.setenv("XDG_CACHE_HOME", "/nonexistent")

    return begin


def opened(monkeypatch, state=None):
    monkeypatch.setattr("lipexplore.panels.state.Worker", FakeWorker)
    made = explore(state=state)
    made.close()
    return made


def test_a_link_carries_the_state_whatever_is_in_it(app):
    state = WorkbenchState(worker=FakeWorker())
    state.change(region=AROUND_DIGIT, digit=7, norm="l2", methods=("path", "shor"))
    address = link_to(state.text)
    assert not set(address) & set(" +#'\"<>")  # nothing that a chat or a terminal cuts off
    app(f"token=secret&{urlsplit(address).query}")
    assert state_in_address() == state.text


def test_the_page_opens_where_its_address_says(app, monkeypatch):
    given = WorkbenchState(worker=FakeWorker())
    given.change(norm="l1", kept=0.5)
    app(link_to(given.text)[1:])
    assert opened(monkeypatch).state.settings == given.settings
    other = opened(monkeypatch, "network=digits-64-20-10-relu&norm=l2&methods=path&degrees=2")
    assert other.state.settings.norm == "l2"  # what is passed comes first


def test_a_wrong_address_is_told_and_the_page_opens(app, monkeypatch):
    app("state=network%3Dnowhere")
    made = opened(monkeypatch)
    assert "there is no network &#x27;nowhere&#x27; here" in made.status.value
    assert made.state.settings.network == Settings().network


def test_only_the_app_reads_the_address_and_gives_a_link(app, monkeypatch):
    monkeypatch.setenv("QUERY_STRING", "state=network%3Dnowhere")
    assert not is_app()
    assert state_in_address() is None
    assert "<a " not in state_html("network=a")
    app("")
    assert state_in_address() is None
    text = 'network=a"b&norm=l2'
    assert f'href="{link_to(text)}"' in unescape(state_html(text))
    assert 'href="?state=network%3Da%22b%26norm%3Dl2"' in state_html(text)

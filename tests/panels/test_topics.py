"""The tab of topics: one chooser, panels made when first chosen and drawn when on screen."""

from __future__ import annotations

import asyncio
import threading

import ipywidgets
import pytest

import lipexplore.panels
import lipexplore.panels.workbench
from lipexplore.panels.panel import Panel
from lipexplore.panels.workbench import Workbench
from tests.panels.fakes import FakeWorker


def topic(name):
    """Return the class of a topic panel that counts what happens to it."""

    class Example(Panel):
        title = f"About {name}"
        explanation = f"Says what {name} is."
        place = "topic"
        beside = ()
        made = 0

        def __init__(self, state):
            super().__init__(state)
            type(self).made += 1
            self.calls = []
            self.children = (ipywidgets.HTML(name),)

        def refresh(self):
            if self.visible:
                self.calls.append(("draw", self.font_size))

        def click(self, clicked):
            self.calls.append(("click", clicked))

        def zoom(self, zoomed):
            self.calls.append(("zoom", zoomed))

        def tick(self):
            self.calls.append("tick")

        def close(self):
            self.calls.append("close")

        def python_call(self):
            return f"lipexplore.{name}()"

    Example.name = name
    return Example


def registered(monkeypatch, *kinds):
    together = (*(kind for kind in lipexplore.panels.PANELS if kind.place != "topic"), *kinds)
    for module in (lipexplore.panels, lipexplore.panels.workbench):
        monkeypatch.setattr(module, "PANELS", together)


@pytest.fixture
def kinds(monkeypatch):
    made = topic("first"), topic("second")
    registered(monkeypatch, *made)
    return made


@pytest.fixture
def panel(kinds):
    made = Workbench(worker=FakeWorker())
    yield made
    made.close()


def test_without_topic_panels_there_is_no_tab(monkeypatch):
    registered(monkeypatch)
    made = Workbench(worker=FakeWorker())
    assert "Topics" not in made.tabs.titles
    made.close()


def test_all_topics_share_one_tab_and_are_made_when_first_chosen(panel, kinds):
    first, second = kinds
    assert panel.tabs.titles.count("Topics") == 1
    assert not {"About first", "About second"} & set(panel.tabs.titles)
    assert (first.made, second.made) == (0, 0)
    topics = panel.panels["topics"]
    assert dict(topics.topic.options) == {"About first": "first", "About second": "second"}
    assert topics.topic.description == "topic"  # which is its name for screen readers
    panel.turn_to("topics")
    assert (first.made, second.made) == (1, 0)
    topics.topic.value = "second"
    topics.topic.value = "first"
    assert (first.made, second.made) == (1, 1)
    shown = [child for child in topics.children[1].children if child.layout.display != "none"]
    assert shown == [topics.made["first"].widget]


def test_a_topic_chosen_while_the_tab_is_hidden_is_not_made(panel, kinds):
    panel.panels["topics"].topic.value = "second"
    assert [kind.made for kind in kinds] == [0, 0]
    panel.turn_to("second")
    assert [kind.made for kind in kinds] == [0, 1]
    assert panel.tabs.get_title(panel.tabs.selected_index) == "Topics"


def test_only_the_topic_on_screen_draws_and_hears(panel):
    panel.turn_to("second")
    panel.turn_to("first")
    first, second = (panel.panels["topics"].made[name] for name in ("first", "second"))
    assert (first.visible, second.visible) == (True, False)
    first.calls.clear()
    second.calls.clear()
    panel.clicks.clicked = {"plot": "x", "point": 1}
    panel.clicks.zoomed = {"plot": "x", "change": {}}
    panel.wait(0.0)
    assert first.calls == [
        ("click", {"plot": "x", "point": 1}),
        ("zoom", {"plot": "x", "change": {}}),
        "tick",
    ]
    panel.turn_to("code")
    assert not first.visible
    panel.large.value = True
    assert second.calls == []
    panel.turn_to("second")
    assert second.calls == [("draw", 20)]


def test_topics_leave_the_state_alone(panel):
    text = panel.state.text
    panel.turn_to("second")
    assert panel.state.text == text
    assert not panel.state.history.can_undo
    second = panel.panels["topics"].made["second"]
    assert "Says what second is." in second.widget.children[0].value
    assert "lipexplore.second()" in second.call.value


def test_closing_the_page_closes_the_topics_that_were_made(kinds):
    made = Workbench(worker=FakeWorker())
    made.turn_to("second")
    second = made.panels["topics"].made["second"]
    made.close()
    assert second.calls[-1] == "close"
    assert kinds[0].made == 0


def test_a_topic_stands_alone_without_the_controls_of_the_workbench(kinds):
    page = lipexplore.panels.second(worker=FakeWorker())
    assert page.panel.calls == [("draw", 14)]
    assert set(page.panels) == {"second"}
    page.close()


def test_what_a_panel_computed_is_drawn_only_while_it_is_on_the_screen(kinds, state):
    panel, drawn = kinds[0](state), []
    go_on = threading.Event()

    async def leave_while_it_computes(come_back):
        loop, begun = asyncio.get_running_loop(), asyncio.Event()

        def work():
            loop.call_soon_threadsafe(begun.set)
            go_on.wait(300)
            return come_back

        latest = panel.latest(work, drawn.append)
        panel.show(True)
        latest.request()
        await begun.wait()
        panel.show(False)
        if come_back:
            panel.show(True)
            latest.request()
        go_on.set()
        await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))

    for come_back in (False, True):
        go_on.clear()
        asyncio.run(leave_while_it_computes(come_back))
    assert drawn == [True]

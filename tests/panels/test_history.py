"""Undo, redo, pins and the string that restores a state; all without widgets."""

from __future__ import annotations

import json
import string
from dataclasses import replace
from urllib.parse import quote

import pytest

from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.networks.generators import random_dense
from lipexplore.panels.links import read_state, settings_from_dict, settings_to_dict, state_text
from lipexplore.panels.settings import AROUND_DIGIT, AROUND_ZERO, Settings
from lipexplore.panels.state import WorkbenchState
from tests.panels.fakes import FakeWorker

MANY = [
    Settings(),
    Settings(methods=(), degrees=()),
    Settings(methods=("path", "lipopt-lp"), degrees=(2, 3), layers=(1, 2), norm="l2"),
    Settings(region=AROUND_DIGIT, digit=7, radius=0.05, ball="l1", output=3, minus=5),
    Settings(network="random sparse", widths="9, 5; 2", density=0.25, seed=4, time_limit=2.5),
    Settings(network="my & odd=name #1?", region=AROUND_ZERO, radius=1e-6),
    Settings(network="12", widths="true", time_limit=3.0),
    Settings(
        parameters={
            "lipopt-lp": {"clique_family": "layerwise", "memory_limit": 2.5, "threads": 2},
            "exact": {"target": "L", "tolerance": None, "strategy": "7"},
        }
    ),
]


@pytest.mark.parametrize("settings", MANY)
def test_settings_survive_the_string_and_json(settings):
    text = state_text(settings, "0123456789abcdef" * 4)
    assert read_state(text) == (settings, "0123456789ab")
    plain = json.loads(json.dumps(settings_to_dict(settings)))
    assert settings_from_dict(plain) == settings
    assert set(text) <= set(string.ascii_letters + string.digits + "=&.,:_-+%~")
    assert quote(text, safe="=&.,:_-+%~") == text


def test_string_is_short_and_readable():
    text = state_text(replace(Settings(), methods=("path",), norm="l2"), "ab" * 32)
    assert text == (
        "network=digits-64-20-10-relu&norm=l2&methods=path&degrees=2&weights=abababababab"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "this is no state"),
        ("hello", "this is no state"),
        ("network=x&colour=red", "no 'colour'"),
        ("network=x&output=many", "cannot have 'many' as its output"),
        ("network=x&output=true", "cannot have True as its output"),
        ("network=x&degrees=2,x", "as its degrees"),
        ("network=x&layers=1", "as its layers"),
        ("network=x&radius=[[]]", "as its radius"),
        ("network=x&time_limit=soon", "as its time_limit"),
        ("network=unknown", "no network 'unknown' here"),
        ("network=digits-64-20-10-relu&weights=000000000000", "other weights"),
        ("network=digits-64-20-10-relu&methods=magic", "unknown method 'magic'"),
        ("network=digits-64-20-10-relu&output=99", "no output 99"),
    ],
)
def test_what_is_no_state_is_said_and_changes_nothing(state, text, words):
    before = state.settings
    with pytest.raises(LipexploreError, match=words) as caught:
        state.restore(text)
    assert "\n" not in str(caught.value)
    assert state.settings == before
    assert not isinstance(caught.value, InvalidSetting) or state.problem == ""


def test_state_goes_to_another_workbench_with_the_same_weights(state):
    state.change(norm="l2", output=4, methods=("path", "lipopt-lp"), degrees=(3,))
    state.change_parameter("lipopt-lp", "solver", "cvxopt")
    other = WorkbenchState(worker=FakeWorker())
    other.restore(state.text)
    assert other.settings == state.settings
    assert other.question.key == state.question.key
    other.undo()
    assert other.settings.norm == "linf"


def test_own_network_of_the_same_name_must_have_the_same_weights():
    first, second = (
        WorkbenchState({"mine": random_dense((3, 2, 1), seed=seed)}, FakeWorker())
        for seed in (0, 1)
    )
    first.restore(first.text)
    with pytest.raises(LipexploreError, match="other weights"):
        second.restore(first.text)


def test_undo_and_redo_walk_through_the_settings(state):
    start = state.settings
    heard = []
    state.listen(heard.append)
    state.change(output=1)
    state.change(norm="l2")
    last = state.settings
    state.undo()
    assert (state.settings.output, state.settings.norm) == (1, "linf")
    state.undo()
    assert state.settings == start
    while state.history.can_undo:
        state.undo()
    state.redo()
    while state.history.can_redo:
        state.redo()
    assert state.settings == last
    assert state.question.norm == "l2"
    assert heard[0] == "settings"
    state.undo()
    state.change(output=5)
    assert not state.history.can_redo, "a new change forgets what was undone"


def test_nothing_to_undo_is_no_error():
    state = WorkbenchState(worker=FakeWorker())
    before = state.settings
    assert not state.history.can_undo
    state.undo()
    state.redo()
    assert state.settings == before


def test_dragging_one_control_is_one_step(state, monkeypatch):
    monkeypatch.setattr("lipexplore.panels.history.time.monotonic", lambda: 0.0)
    for radius in (0.1, 0.2, 0.3, 0.4):
        state.change(radius=radius)
    state.undo()
    assert state.settings.radius == 0.1
    assert state.settings.radius == Settings().radius


def test_steps_of_one_control_far_apart_are_separate(state, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("lipexplore.panels.history.time.monotonic", lambda: now[0])
    state.change(radius=0.2)
    now[0] += 5.0
    state.change(radius=0.3)
    state.undo()
    assert state.settings.radius == 0.2


def answered(state, fake):
    state.run()
    for number in list(fake.jobs):
        fake.answer(number)
    state.pump()
    fake.jobs.clear()


def test_pins_survive_runs_and_belong_to_their_question(state, fake):
    answered(state, fake)
    first = state.rows[0]
    state.pin(first.number, " the old one ")
    answered(state, fake)
    assert first.number not in [row.number for row in state.rows]
    assert [(pin.name, pin.row) for pin in state.comparable_pins] == [("the old one", first)]
    assert state.row(first.number) is first
    state.pin(first.number, "renamed")
    assert [pin.name for pin in state.pins] == ["renamed"]
    state.change(output=1)
    assert state.comparable_pins == ()
    state.unpin(first.number)
    assert state.pins == ()
    assert state.row(first.number) is None


def test_pins_need_a_finished_run_and_have_a_name(state, fake):
    state.run()
    state.pin(state.rows[0].number)
    state.pin(99)
    assert state.pins == ()
    for number in list(fake.jobs):
        fake.answer(number)
    state.pump()
    state.pin(state.rows[0].number)
    assert state.pins[0].name == "norm product"


def test_bounds_are_grouped_by_question(state, fake):
    answered(state, fake)
    state.change(output=1)
    answered(state, fake)
    groups = state.bounds_by_question
    assert [len(bounds) for bounds in groups.values()] == [2, 2]
    for title, bounds in groups.items():
        assert {f"output {bound.output}" in title for bound in bounds} == {True}

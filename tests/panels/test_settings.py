"""Settings make questions and plans; what makes none is said in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import bound
from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.networks.feedforward import Network
from lipexplore.networks.gallery import gallery_names, gallery_network
from lipexplore.panels.catalogue import Catalogue
from lipexplore.panels.script import script
from lipexplore.panels.settings import (
    AROUND_DIGIT,
    AROUND_ZERO,
    RANDOM,
    Settings,
    plan,
)
from lipexplore.panels.sources import parse_widths

TINY = Network([[[1.0, -2.0]], [[3.0]]], name="tiny")

QUESTIONS = [
    {},
    {"output": 3, "minus": 5, "norm": "l2"},
    {"network": "digits-64-32-16-10-relu", "layers": (2, 3)},
    {"region": AROUND_DIGIT, "digit": 7, "radius": 0.05, "ball": "l2"},
    {"network": "digits-16-12-8-10-relu", "region": AROUND_DIGIT, "digit": 2},
    {"network": "random dense", "widths": "6-4-2", "seed": 3, "region": AROUND_ZERO},
    {"network": "random banded", "bandwidth": 1, "output": 2},
    {"network": "random sparse", "density": 0.5, "time_limit": 9.0},
]


@pytest.mark.parametrize("values", QUESTIONS)
def test_code_asks_the_same_question(values):
    settings = Settings(methods=("interval-jacobian", "sampled-gradient"), **values)
    question = Catalogue().question(settings)
    expected = [
        bound(
            question.network,
            run.method,
            question.norm,
            question.region,
            question.output,
            question.minus,
            layers=question.layers,
            **run.settings,
        )
        for run in plan(settings)
    ]
    setup, _, calls = script(question, plan(settings), settings.time_limit).rpartition("\n\n")
    names = {"lipexplore": lipexplore}
    exec(setup, names)
    for call, answer in zip(calls.splitlines(), expected, strict=True):
        found = eval(call, names)
        assert (found.value, found.lower) == (answer.value, answer.lower)
        assert found.network_hash == answer.network_hash
        assert found.region == answer.region


@pytest.mark.parametrize("values", QUESTIONS)
def test_key_is_that_of_the_answer(values):
    from lipexplore.figures.comparable import question_key

    question = Catalogue().question(Settings(**values))
    answer = bound(
        question.network,
        "path",
        question.norm,
        question.region,
        question.output,
        question.minus,
        layers=question.layers,
    )
    assert question_key(answer) == question.key


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"output": 10}, "no output 10"),
        ({"output": 1, "minus": 1}, "two different outputs"),
        ({"layers": (1, 3)}, "layers 1:3 do not exist"),
        ({"region": AROUND_ZERO, "radius": -1.0}, "radius must be positive"),
        ({"region": AROUND_DIGIT, "digit": 999}, "there is no digit 999"),
        ({"network": "random dense", "widths": "5"}, "layer sizes"),
        ({"network": "random dense", "widths": "9, x"}, "layer sizes"),
        ({"network": "random dense", "widths": "9999 9999"}, "too many"),
        ({"network": "random dense", "widths": "20, 1", "region": AROUND_DIGIT}, "square"),
        ({"network": "random sparse", "density": 0.0}, "density"),
        ({"network": "unknown"}, "no shipped network"),
    ],
)
def test_what_makes_no_question_is_said(values, words):
    with pytest.raises(LipexploreError, match=words) as caught:
        Catalogue().question(Settings(**values))
    assert "\n" not in str(caught.value)


def test_own_networks_come_first():
    assert Catalogue({"mine": TINY}).names == ("mine", *gallery_names(), *RANDOM)
    assert Catalogue(TINY).first == "tiny"
    assert Catalogue([TINY, TINY, "digits-64-20-10-elu"]).names[:3] == (
        "tiny",
        "tiny (2)",
        "digits-64-20-10-elu",
    )
    assert Catalogue().first == "digits-64-20-10-relu"


def test_whole_network_and_all_its_layers_are_one_question():
    catalogue = Catalogue()
    assert catalogue.question(Settings()).key == catalogue.question(Settings(layers=(1, 2))).key
    assert catalogue.question(Settings()).key != catalogue.question(Settings(layers=(1, 1))).key


def test_plan_runs_each_degree_and_keeps_own_settings():
    settings = Settings(
        methods=("path", "lipopt-lp"),
        degrees=(2, 3),
        parameters={"lipopt-lp": {"clique_family": "layerwise"}},
    )
    assert [(run.method, run.degree) for run in plan(settings)] == [
        ("path", None),
        ("lipopt-lp", 2),
        ("lipopt-lp", 3),
    ]
    assert plan(settings)[1].settings["clique_family"] == "layerwise"


def test_widths():
    assert parse_widths(" 16, 10;6-3 ") == (16, 10, 6, 3)
    with pytest.raises(InvalidSetting):
        parse_widths("3, 0")


def test_digit_balls_hold_the_image_that_the_network_reads():
    question = Catalogue().question(
        Settings(network="digits-784-50-10-relu", region=AROUND_DIGIT, digit=4)
    )
    assert question.region.center.shape == (784,)
    assert np.isfinite(gallery_network("digits-784-50-10-relu")(question.region.center)).all()

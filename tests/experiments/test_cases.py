"""Run keys and rows."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lipexplore
from lipexplore.bounds import bound, method_class
from lipexplore.experiments.cases import Case
from lipexplore.experiments.executors import Failure
from lipexplore.experiments.store_schema import COLUMNS
from lipexplore.networks.feedforward import Network
from lipexplore.networks.generators import random_dense
from lipexplore.norms import Norm
from lipexplore.regions import WHOLE_SPACE, Ball, Box

NETWORK = random_dense((3, 4, 2), 1)
CASE = Case(NETWORK, WHOLE_SPACE, Norm.LINF, 0, method_class("lipopt-lp").with_settings(degree=2))


def test_the_key_depends_on_every_part_of_the_question_and_on_nothing_else():
    method = CASE.method
    others = [
        replace(CASE, network=random_dense((3, 4, 2), 2)),
        replace(CASE, network=random_dense((3, 4, 2), 1, "tanh")),
        replace(CASE, region=Ball(np.zeros(3), 0.1)),
        replace(CASE, region=Ball(np.zeros(3), 0.1, Norm.L2)),
        replace(CASE, region=Ball(np.full(3, 1e-300), 0.1)),
        replace(CASE, region=Box(np.zeros(3), np.ones(3))),
        replace(CASE, norm=Norm.L1),
        replace(CASE, output=1),
        replace(CASE, output="all"),
        replace(CASE, method=replace(method, degree=3)),
        replace(CASE, method=method_class("path")()),
        replace(CASE, time_limit=1.0),
    ]
    assert len({case.run_key for case in (CASE, *others)}) == len(others) + 1
    renamed = Network(NETWORK.layers, (), NETWORK.activations, "another name")
    same = [
        replace(CASE, network=renamed),
        replace(CASE, method=method_class("lipopt-lp").with_settings(degree=2, solver="auto")),
        replace(CASE, seed=7),
    ]
    assert {case.run_key for case in same} == {CASE.run_key}
    assert replace(CASE, time_limit=1).run_key == replace(CASE, time_limit=1.0).run_key
    whole, real = (replace(method, memory_limit=limit) for limit in (2, 2.0))
    assert replace(CASE, method=whole).run_key == replace(CASE, method=real).run_key
    minus, plus = (replace(CASE, region=Ball([zero, 0.5, 1.0], 0.1)) for zero in (-0.0, 0.0))
    assert minus.run_key == plus.run_key
    hashes = {case.row(Failure("", 0.0))["region_hash"] for case in (minus, plus)}
    assert len(hashes) == 1
    assert len(CASE.run_key) == 32


def test_another_process_finds_the_same_key():
    code = "; ".join(
        [
            f"import sys; sys.path.insert(0, {str(Path(lipexplore.__file__).parents[1])!r})",
            "from tests.experiments.test_cases import CASE",
            "print(CASE.run_key)",
        ]
    )
    home = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == CASE.run_key


def test_a_row_is_flat_and_has_a_column_of_the_store_for_all_it_says():
    case = replace(CASE, seed=1, time_limit=30.0)
    answer = bound(NETWORK, "lipopt-lp", degree=2)
    for row in (case.row(answer), case.row(Failure("no luck", 0.5))):
        assert row.keys() <= COLUMNS.keys()
        assert all(
            value is None or type(value) in (str, int, float, bool) for value in row.values()
        )
        assert (row["run"], row["seed"], row["time_limit"]) == (case.run_key, 1, 30.0)
        assert (row["widths"], row["density"]) == ("3-4-2", 1.0)
        assert json.loads(row["settings"])["degree"] == 2
        assert json.loads(row["region"]) == {"kind": "whole space"}
        assert {"numpy", "python", "lipexplore"} <= json.loads(row["versions"]).keys()
        assert json.loads(row["machine"])
    assert json.loads(case.row(answer)["size"]) == dict(answer.size)
    failed = case.row(Failure("no luck", 0.5))
    assert (failed["failed"], failed["status"], failed["seconds"]) == (True, "no luck", 0.5)
    assert not case.row(answer)["failed"]


@pytest.mark.parametrize("output", [0, "all"])
def test_a_failure_is_about_the_same_question_as_an_answer(output):
    case = Case(NETWORK, Ball(np.zeros(3), 0.1), Norm.L1, output, method_class("path")())
    answered, failed = case.row(case.job().run()), case.row(Failure("", 0.0))
    question = ("run", "network_hash", "region", "region_hash", "norm", "output", "output_norm")
    assert [answered[name] for name in question] == [failed[name] for name in question]


def test_long_centres_are_hashed_and_short_ones_spelt_out():
    wide = random_dense((40, 3, 1), 0)
    rows = [
        replace(CASE, network=wide, region=Ball(center, 0.1)).row(Failure("", 0.0))
        for center in (np.zeros(40), np.full(40, 1e-9))
    ]
    texts = [json.loads(row["region"])["center"] for row in rows]
    assert [text["numbers"] for text in texts] == [40, 40]
    assert texts[0]["sha256"] != texts[1]["sha256"]
    assert rows[0]["region_hash"] != rows[1]["region_hash"]
    short = replace(CASE, region=Ball(np.array([0.1, 0.2, 0.3]), 0.1)).row(Failure("", 0.0))
    assert json.loads(short["region"])["center"] == [0.1, 0.2, 0.3]

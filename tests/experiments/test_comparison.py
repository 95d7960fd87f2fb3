"""Two sets of runs: joined on the question, told apart, held against each other."""

from __future__ import annotations

import json
import math

import pandas
import pytest

from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.experiments.cases import region_hash
from lipexplore.experiments.comparison import compare, contradictions
from lipexplore.experiments.store import Store
from lipexplore.experiments.store_tables import write_table
from lipexplore.experiments.sweep import sweep
from lipexplore.networks.generators import random_dense
from lipexplore.regions import Ball
from tests.experiments.store_rows import row


def table(*rows):
    return pandas.DataFrame(list(rows))


def test_join_ratios_and_what_is_in_one_only():
    first = table(row(1, value=2.0, seconds=3.0), row(2), row(3, value=math.inf))
    second = table(
        row(3, value=4.0), row(1, run="other", network="renamed", value=1.5, seconds=0.5), row(4)
    )
    found = compare(first, second).set_index("settings")
    one = found.loc['{"number": 1}']
    assert (one["in"], one["network"]) == ("both", "net 1")
    assert (one["ratio"], one["speed_up"]) == (0.75, 6.0)
    assert (one["value_first"], one["value_second"]) == (2.0, 1.5)
    assert found.loc['{"number": 2}', "in"] == "first"
    assert found.loc['{"number": 4}', ["in", "network"]].tolist() == ["second", "net 4"]
    three = found.loc['{"number": 3}']
    assert three["in"] == "both"
    assert three["value_first"] == math.inf
    assert math.isnan(three["ratio"])
    assert len(found) == 4


def test_margins_and_layers_are_other_questions():
    first, second = table(row(1)), table(row(1, minus=2), row(1, layers="[1, 2]"))
    assert sorted(compare(first, second)["in"]) == ["first", "second", "second"]


def test_of_several_rows_the_last_answer_counts():
    first = table(
        row(1, value=2.0, time_limit=5.0, finished_at="2026-02-01T00:00:00+00:00"),
        row(1, value=3.0, time_limit=1.0, finished_at="2026-01-01T00:00:00+00:00"),
        row(1, value=math.inf, failed=True, finished_at="2026-03-01T00:00:00+00:00"),
    )
    (found,) = compare(first, table(row(1, value=4.0))).to_dict("records")
    assert (found["value_first"], found["ratio"]) == (2.0, 2.0)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_stores_folders_and_files_are_the_same(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    rows = [row(n) for n in (49, 50)] + [row(51, output="all", minus=None, layers=None)]
    with Store(tmp_path / "a") as store:
        for one in rows:
            store.add(one)
        write_table(store.table(), tmp_path / f"b.{ending}")
        for other in (store, tmp_path / "a", store.path, tmp_path / f"b.{ending}", table(*rows)):
            found = compare(str(store.path.parent), other)
            assert (found["in"] == "both").all()
            assert len(found) == 3
            assert (found["ratio"].dropna() == 1.0).all()


def test_what_is_no_set_of_runs_is_refused(tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "bad.jsonl").write_text("{")
    (tmp_path / "list.jsonl").write_text("[1, 2]\n3\n")
    names = (".", "none", "bad.csv", "bad.jsonl", "list.jsonl")
    for bad in (tmp_path / name for name in names):
        with pytest.raises(LipexploreError) as caught:
            compare(bad, table(row(1)))
        assert "\n" not in str(caught.value)
    with pytest.raises(InvalidSetting, match="needs the columns network_hash"):
        compare(pandas.DataFrame({"value": [1.0]}), table(row(1)))
    with pytest.raises(InvalidSetting, match="numbers"):
        compare(table(row(1, value="high")), table(row(1)))


def test_empty_stores_compare(tmp_path):
    Store(tmp_path / "a").close()
    assert compare(tmp_path / "a", tmp_path / "a").empty
    assert contradictions(tmp_path / "a").empty
    assert compare(tmp_path / "a", table(row(1)))["in"].tolist() == ["second"]


def lower(number, value, of):
    changed = {"settings": "{}", "side": "lower", "method": "below", "lower_of": of}
    return row(1, run=str(number), value=math.inf, lower=value, **changed)


@pytest.mark.parametrize(
    ("of", "lower_of", "value", "alarms"),
    [
        ("P*", "L", 1.9, 0),
        ("P*", "L", 2.0, 0),
        ("P*", "L", 2.1, 1),
        ("L", "L", 2.1, 1),
        ("P*", "P*", 2.1, 1),
        ("L", "P*", 2.1, 0),  # L <= P*: an upper end of L may lie below a lower end of P*
    ],
)
def test_contradictions_by_constant(of, lower_of, value, alarms):
    upper = table(row(1, value=2.0, of=of))
    below = table(lower(1, value, lower_of), lower(2, 0.5, lower_of))
    for sources in ((upper, below), (below, upper), (pandas.concat([upper, below]),)):
        found = contradictions(*sources)
        assert len(found) == alarms
    if alarms:
        (one,) = found.to_dict("records")
        assert (one["upper"], one["lower"], one["lower_method"]) == (2.0, value, "below")
    elsewhere = below.assign(region_hash="another")
    assert contradictions(upper, elsewhere).empty


def test_p_star_of_wider_slope_ranges_is_another_constant():
    network, region = random_dense((3, 5, 5, 1), 4), Ball([0.3] * 3, 0.3)
    tight = {"slopes": "back-substitution"}
    runs = sweep(network, [("exact", tight), "vertex-search", "exact"], regions=[region])
    assert runs["lower"][1] > runs["value"][0]
    assert (runs["of"][0], runs["lower_of"][1]) == ("P*", "P*")
    assert contradictions(runs).empty
    same = runs.assign(settings=runs["settings"][0])
    assert contradictions(same)["lower_method"].tolist() == ["vertex-search"]
    floor = runs.assign(lower_of="L")  # L is one constant, however slopes are enclosed
    assert contradictions(floor)["upper_method"].tolist() == ["exact"]


def test_slope_ranges_make_no_difference_over_the_whole_space():
    everywhere = region_hash({"kind": "whole space"})
    tight, wide = (json.dumps({"slopes": name}) for name in ("back-substitution", "interval"))
    upper = table(row(1, region_hash=everywhere, settings=tight, value=2.0))
    below = table(lower(2, 2.1, "P*")).assign(region_hash=everywhere, settings=wide)
    assert len(contradictions(upper, below)) == 1
    assert contradictions(upper.assign(verified=False), below).empty


def test_settings_written_otherwise_are_the_same_run():
    first, second = (
        table(row(1, settings='{"a": 2, "b": 1e-9}')),
        table(row(1, settings='{"b": 0.000000001, "a": 2.0}')),
    )
    assert compare(first, second)["in"].tolist() == ["both"]
    assert compare(first, second)["settings"].tolist() == ['{"a": 2, "b": 1e-09}']


def test_sweeps_do_not_contradict_themselves(tmp_path):
    network = random_dense((3, 4, 2), 0)
    grid = {
        "methods": ["path", "norm-product", "sampled-gradient", "vertex-search"],
        "norms": ["linf", "l2"],
        "regions": [Ball([0.0] * 3, 0.5)],
    }
    first = sweep(network, **grid)
    kept = sweep(network, store=tmp_path, **grid)
    found = compare(first, tmp_path)
    assert (found["in"] == "both").all()
    assert len(found) == len(kept) == 8
    assert (found["ratio"].dropna() == 1.0).all()
    assert contradictions(first, kept).empty

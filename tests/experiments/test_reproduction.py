"""The experiments of the paper: their grids, their verdicts, and a tiny one from end to end."""

from __future__ import annotations

import json
import math
import re
from functools import partial

import pandas
import pytest

from lipexplore.cli import main
from lipexplore.experiments.questions import questions
from lipexplore.experiments.reproduction import (
    EXPERIMENTS,
    LP2,
    LP3,
    LP4,
    PRODUCT,
    SDP,
    radius,
    specification,
    specifications,
    width,
)
from lipexplore.experiments.reproduction_verdicts import (
    factor_grows,
    grows,
    never_above,
    ratio_at_least,
    seconds_follow,
    where_sparse,
    within,
)
from lipexplore.experiments.spec import read_spec
from lipexplore.experiments.store import Store
from tests.experiments.store_rows import row

TINY = """
title = "Tiny"
time_limit = 60
[[grid]]
networks = [{ generator = "dense", widths = [[2, 2, 1], [3, 3, 1]] }]
methods = ["norm-product", { name = "lipopt-lp", degree = [2, 3] }, "sampled-gradient"]
"""


def rows_of(*settings):
    """Return rows from (width, method, degree, value, seconds)."""
    made = []
    for size, method, degree, value, seconds in settings:
        made.append(
            row(
                1,
                network=f"dense {size}-{size}-1",
                network_hash=f"{size:064x}",
                widths=f"{size}-{size}-1",
                method=method,
                settings=json.dumps({} if degree is None else {"degree": degree}),
                value=value,
                verified=math.isfinite(value),
                failed=not math.isfinite(value),
                solve_seconds=seconds,
            )
        )
    return questions(pandas.DataFrame(made))


GOOD = rows_of(
    *((n, "lipopt-lp", 2, 2.0 * n, 0.1) for n in (5, 10)),
    *((n, "lipopt-lp", 3, 1.0 * n, 0.1 * n) for n in (5, 10)),
    *((n, "shor", None, 1.1 * n, 0.2) for n in (5, 10)),
    *((n, "norm-product", None, 1.0 * n**3, 0.2) for n in (5, 10)),
)


@pytest.mark.parametrize(
    ("verdict", "seen", "numbers"),
    [
        (partial(never_above, LP3, LP2), True, "2 of 2 at most 1"),
        (partial(never_above, LP2, LP3), False, "0 of 2 at most 1"),
        (partial(within, SDP, LP3, 1.25), True, "median 1.1"),
        (partial(within, SDP, LP3, 1.05), False, "largest 1.1"),
        (partial(ratio_at_least, PRODUCT, SDP, 20.0), True, "2 of 2"),
        (partial(ratio_at_least, PRODUCT, SDP, 30.0), False, "1 of 2"),
        (partial(factor_grows, PRODUCT, LP3, width), True, "25 at 5, 100 at 10"),
        (partial(factor_grows, LP3, PRODUCT, width), False, "0.04 at 5, 0.01 at 10"),
        (partial(factor_grows, PRODUCT, LP3, width, ends_above=101.0), False, "100 at 10"),
        (partial(factor_grows, LP2, LP3, width), False, "2 at 5, 2 at 10"),
        (partial(seconds_follow, LP3, SDP, width), False, "2 times longer"),
        (partial(seconds_follow, LP2, SDP, width), False, "1 times longer"),
        (partial(grows, LP3, width), True, "5 at 5, 10 at 10"),
        (partial(never_above, LP4, LP3), None, "too few of 2 questions"),
        (partial(grows, LP4, width), None, "too few"),
    ],
)
def test_verdicts_follow_the_rows(verdict, seen, numbers):
    found = verdict(GOOD)
    assert found.seen is seen, found
    assert numbers in found.numbers
    assert found.words == {True: "shape seen", False: "shape not seen", None: "not decided"}[seen]


def test_sparse_networks_alone():
    made = questions(
        pandas.DataFrame(
            row(
                1,
                network_hash=f"{i:064x}",
                method=method,
                density=density,
                value=value,
                settings=json.dumps({"degree": 3}),
            )
            for i, density in enumerate((0.1, 0.9))
            for method, value in (("lipopt-lp", 1.0 + i), ("shor", 1.5))
        )
    )
    verdict = partial(never_above, LP3, ("shor", None))
    assert verdict(made).seen is False
    assert where_sparse(10.0, verdict, made).seen is True
    assert where_sparse(5.0, verdict, made).seen is None


def test_times_that_grow_are_seen():
    found = rows_of(
        *((n, "lipopt-lp", 3, 1.0, 0.01 * n**2) for n in (5, 20)),
        *((n, "shor", None, 1.0, 0.2) for n in (5, 20)),
    )
    assert seconds_follow(LP3, SDP, width, found).seen is True


def test_a_failed_run_leaves_a_claim_open_unless_another_contradicts_it():
    failed = rows_of((5, "shor", None, 1.0, 1.0), (5, "lipopt-lp", 3, 1.0, 1.0),
                     (10, "shor", None, 1.0, 1.0), (10, "lipopt-lp", 3, math.inf, 1.0))  # fmt: skip
    open_still = never_above(LP3, SDP, failed)
    assert open_still.seen is None
    assert "on 1 other questions a run failed" in open_still.numbers
    assert ratio_at_least(LP3, SDP, 2.0, failed).seen is False


def test_a_local_bound_that_exceeds_the_global_one_is_not_growth():
    balls = [("linf ball of radius 0.1", 3.0), ("whole space", 2.0)]
    made = questions(
        pandas.DataFrame(
            row(
                1,
                region_label=label,
                region_hash=label,
                method="lipopt-lp",
                value=value,
                settings=json.dumps({"degree": 3}),
            )
            for label, value in balls
        )
    )
    assert sorted(map(radius, made)) == [0.1, 10.0]
    assert grows(LP3, radius, made).seen is False


@pytest.mark.parametrize("full", [False, True])
def test_every_experiment_has_its_grid_with_both_ends(full):
    for experiment in EXPERIMENTS:
        spec = read_spec(specification(experiment, specifications(full=full)))
        sides = {case.method.side for case in spec.cases}
        assert "lower" in sides
        assert sides & {"upper", "interval"}
        assert all(case.time_limit for case in spec.cases)
        assert len({experiment.x_title for _ in spec.cases}) == 1
    assert full or len(spec.cases) < 300


def test_reproduce_from_end_to_end_goes_on_where_it_was(tmp_path, capsys):
    specs, runs = tmp_path / "specs", tmp_path / "runs"
    specs.mkdir()
    (specs / "width.toml").write_text(TINY)
    command = ["reproduce", "--out", str(runs), "--specs", str(specs), "--only", "width"]
    assert main([*command, "--workers", "2"]) == 0
    assert "8 now, 0 before, 0 failed" in capsys.readouterr().out
    report = runs / "report"
    text = (report / "report.html").read_text(encoding="utf-8")
    assert "The paper&#x27;s shapes" in text
    markdown = (report / "reproduction.md").read_text(encoding="utf-8")
    verdicts = re.findall(r"\| (shape seen|shape not seen|not decided) \|", markdown)
    assert len(verdicts) == len(EXPERIMENTS[0].claims)
    assert "not decided" in verdicts  # the SDP is not in the tiny grid
    for name in ("width-ratio", "width-seconds"):
        assert (report / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert (report / "tables" / "claims.tex").read_text(encoding="ascii").count(r"\\") >= 5
    assert main(command) == 0
    assert "0 now, 8 before" in capsys.readouterr().out


def test_nothing_is_decided_while_runs_are_missing(tmp_path):
    from lipexplore.cli_reproduce import findings_of

    (tmp_path / "width.toml").write_text(TINY)
    spec = read_spec(tmp_path / "width.toml")
    with Store(tmp_path) as store:
        for case in spec.cases[:-1]:
            store.add(case.row(case.job().run()))
        (finding,) = findings_of([tmp_path / "width.toml"], store.table(), None)
    assert (finding.runs, finding.missing) == (8, 1)
    assert all(verdict.seen is None for verdict in finding.verdicts())
    assert all("1 of 8 runs are not there yet" in v.numbers for v in finding.verdicts())

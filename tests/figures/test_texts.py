"""Bounds in words: L and P* are never confused, upper ends round up and lower ends down."""

from __future__ import annotations

import math

import pytest

from lipexplore.bounds import Bound
from lipexplore.errors import InvalidSetting
from lipexplore.figures.comparable import question_key, summary
from lipexplore.figures.texts import lower_text, run_name, sentence, times_text, upper_text


def upper(value, of="P*", method="norm-product", **details):
    return Bound(
        value=value,
        lower=0.0,
        side="upper",
        of=of,
        lower_of="L",
        method=method,
        verified=True,
        status="done",
        solve_seconds=0.5,
        norm="linf",
        **details,
    )


def lower(value, of, **details):
    return Bound(
        value=math.inf,
        lower=value,
        side="lower",
        of=of,
        lower_of=of,
        method="sampled-gradient" if of == "L" else "vertex-search",
        verified=True,
        status="done",
        solve_seconds=0.25,
        norm="linf",
        **details,
    )


def test_text_rounds_to_the_safe_side():
    assert upper_text(upper(1.23456789)) == "P* ≤ 1.23457"
    assert lower_text(lower(1.23456789, "L")) == "L ≥ 1.23456"
    assert upper_text(lower(1.0, "L")) == "–"


def test_sentence_tells_l_and_p_star_apart():
    text = sentence([upper(4.0), lower(2.0, "L"), lower(3.0, "P*")])
    assert "P* (hence L too) is at most 4 by norm product, in 0.5 s" in text
    assert "L (hence P* too) is at least 2" in text
    assert "P* is at least 3, which says nothing about L" in text


def test_bound_of_l_alone_may_pass_below_p_star():
    bounds = [upper(4.0), upper(2.5, of="L"), lower(3.0, "P*")]
    found = summary(bounds)
    assert not found.contradiction
    assert (found.l_upper.value, found.p_star_upper.value) == (2.5, 4.0)
    assert "L alone is at most 2.5" in sentence(bounds)


@pytest.mark.parametrize("floor", [lower(5.0, "L"), lower(5.0, "P*")])
def test_contradiction_is_said(floor):
    assert summary([upper(4.0), floor]).contradiction
    assert "mistake in lipexplore" in sentence([upper(4.0), floor])


def test_floor_of_wider_slope_ranges_is_none_of_narrower_ones():
    narrow, wide = {"slopes": "back-substitution"}, {"slopes": "interval"}
    ball = {"kind": "ball", "radius": 0.1}
    bounds = [
        upper(2.0, settings=narrow, region=ball),
        lower(3.0, "P*", settings=wide, region=ball),
    ]
    assert summary(bounds).p_star_lower is None
    assert not summary(bounds).contradiction
    bounds[1] = lower(3.0, "P*", settings=narrow, region=ball)
    assert summary(bounds).contradiction
    whole = [upper(2.0, settings=narrow), lower(3.0, "P*", settings=wide)]
    assert summary(whole).contradiction


def test_floor_of_p_star_below_that_of_l_adds_nothing():
    assert summary([lower(2.0, "L"), lower(1.0, "P*")]).p_star_lower is None


def test_different_questions_are_refused():
    with pytest.raises(InvalidSetting, match="different questions"):
        summary([upper(1.0, output=0), upper(1.0, output=1)])
    region = {"kind": "ball", "radius": 0.1}
    assert question_key(upper(1.0)) != question_key(upper(1.0, region=region))


def test_degree_and_times():
    bound = upper(
        1.0, method="lipopt-lp", size={"degree": 3}, build_seconds=0.0171, verify_seconds=0.0079
    )
    assert run_name(bound) == "LiPopt LP, degree 3"
    assert times_text(bound) == "17 + 500 + 7.9 ms"


def test_nothing_proven_is_an_empty_sentence():
    assert sentence([]) == ""

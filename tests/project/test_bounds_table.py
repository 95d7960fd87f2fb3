"""The table of all bounds has every method, network and norm, and rows computed anew agree."""

from __future__ import annotations

import re

import pytest

from docs import bounds_table
from lipexplore.bounds import METHODS
from lipexplore.networks.gallery import gallery_names

PAGE = bounds_table.PAGE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## Norm (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
CHEAP = ("norm-product", "path", "combettes-pesquet", "interval-jacobian")
SMALL = ("digits-16-12-8-10-relu", "digits-64-20-10-relu-zeros95")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")


def columns(section: str) -> list[str]:
    (header,) = re.findall(r"^\| method \| (.*) \|$", section, re.MULTILINE)
    return header.split(" | ")


def lines(section: str) -> dict[str, list[str]]:
    found = re.findall(r"^\| \[`([\w-]+)`\]\(.*?\) \| (.*) \|$", section, re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in found}


def test_every_norm_and_network_has_its_place():
    titles = {title.partition(",")[0] for title in SECTIONS}
    assert titles == set(bounds_table.NORMS)
    for norm in bounds_table.NORMS:
        named = [
            name
            for title in SECTIONS
            if title.startswith(norm)
            for name in columns(SECTIONS[title])
        ]
        assert len(named) == len(gallery_names())
        for short, name in zip(named, sorted(gallery_names(), key=_order), strict=True):
            assert name.endswith(short)


def _order(name: str) -> tuple[bool, str]:
    return name.startswith("spline-"), name


@pytest.mark.parametrize("title", SECTIONS)
def test_every_method_has_a_line_or_a_note(title):
    section = SECTIONS[title]
    notes = set(re.findall(r"^\* `([\w-]+)`: \S", section, re.MULTILINE))
    assert set(lines(section)) | notes == {method.name for method in METHODS}
    letters = set(re.findall(r"\*[a-z]+\*", "\n".join(map(str, lines(section).values()))))
    assert letters == set(re.findall(r"^\* (\*[a-z]+\*): \S", section, re.MULTILINE))
    assert all(len(cells) == len(columns(section)) for cells in lines(section).values())


def test_rows_computed_anew_agree():
    found = bounds_table.rows(SMALL, CHEAP, ("l2", "linf"), None)
    assert len(found) == len(SMALL) * len(CHEAP) * 2
    for row in found:
        section = SECTIONS[f"{row['norm']}, classifiers of digits"]
        place = columns(section).index(row["network"].removeprefix("digits-"))
        printed = float(NUMBER.search(lines(section)[row["method"]][place])[0])
        assert printed == pytest.approx(row["value"], rel=2e-5)
        assert printed >= row["value"] * (1 - 1e-9)


def test_ends_of_one_network_never_cross():
    """Upper ends of P* are never below lower ends of anything; those of L never below L's."""
    for title, section in SECTIONS.items():
        for place, name in enumerate(columns(section)):
            cells = [cells[place] for cells in lines(section).values()]
            floors = [_end(cell, 0) for cell in cells if cell.startswith("≥") and "P" not in cell]
            lows = [_end(cell, 0) for cell in cells if cell.startswith("≥")]
            uppers = [cell for cell in cells if cell[0].isdigit()]
            for cell in uppers:
                upper = _end(cell, -1)
                assert upper >= max(floors if "(L)" in cell else lows), f"{title}: {name}: {cell}"


def _end(cell: str, which: int) -> float:
    return float(NUMBER.findall(cell)[which])


def test_cells_say_what_is_proven():
    letters: dict[str, str] = {}
    row = {"value": 1.23456789, "lower": 0.0, "verified": True, "of": "P*", "lower_of": "L"}
    upper = bounds_table.cell({**row, "status": "done"}, letters)
    late = bounds_table.cell({**row, "lower": 0.5, "status": "time limit"}, letters)
    about_l = bounds_table.cell({**row, "of": "L", "status": "done"}, letters)
    none = {**row, "value": float("inf"), "verified": False, "status": "too large"}
    unproven = bounds_table.cell({**row, "verified": False, "status": "wrong"}, letters)
    assert (upper, late, about_l) == ("1.23457", r"0.5 .. 1.23457\*", "1.23457 (L)")
    assert bounds_table.cell({**none, "lower": 0.5, "lower_of": "P*"}, letters) == r"≥ 0.5 (P\*)"
    assert (unproven, bounds_table.cell(none, letters)) == ("*a*", "*b*")
    assert letters == {"wrong": "*a*", "too large": "*b*"}

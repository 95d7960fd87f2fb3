"""What README.md, CONTRIBUTING.md and the table of methods show works; what they claim holds."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import pytest

import lipexplore
from lipexplore.cli import main
from lipexplore.errors import RelaxationTooLarge, UnsupportedQuestion

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLE = (ROOT / "docs" / "bound-methods.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks(README + CONTRIBUTING, "sh") for line in block.splitlines()]
LIPEXPLORE_COMMANDS = [line for line in COMMANDS if line.startswith("lipexplore ")]


def test_five_lines_of_python_print_what_they_say():
    (snippet,) = blocks(README, "python")
    assert len(snippet.splitlines()) == 5
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(snippet, "README.md", "exec"), {})
    promised = re.findall(r"# ([\d.]+)\.\.\.$", snippet, re.MULTILINE)
    lines = printed.getvalue().splitlines()
    assert len(promised) == len(lines) == 3
    for line, start in zip(lines, promised, strict=True):
        assert line.startswith(start)


def test_two_make_commands_come_first():
    assert COMMANDS[:2] == ["make explore", "make test"]
    assert README.index("make explore") < README.index("docs/workbench.png")
    assert README.index("docs/workbench.png") < README.index("```python")


def test_lipexplore_commands_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for line in LIPEXPLORE_COMMANDS:
        assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().err
        printed = capsys.readouterr().out
        assert printed
        if "--json" in line:
            assert json.loads(printed)["verified"] is True
    assert (tmp_path / "proof.json").exists()


def test_every_make_target_in_the_text_exists():
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    assert {
        "explore",
        "test",
        "quick",
        "check",
        "bench",
        "reproduce",
        "retrain",
        "clean",
    } <= targets
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", README + CONTRIBUTING, re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_links_to_files_lead_somewhere(text):
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


ROWS = re.findall(
    r"^\| `([\w-]+)` \| (P\\\*|L) from (above|below) \| ([\w, ]+) \| ([\w. ]+) \|",
    TABLE,
    re.MULTILINE,
)


def test_table_lists_every_method():
    assert [row[0] for row in ROWS] == [method.name for method in lipexplore.METHODS]


NUMBERED = [row for row in ROWS if row[4][0].isdigit()]


def test_rows_without_a_number_say_why():
    network = lipexplore.load_network("digits-64-20-10-relu")
    reasons = {row[0]: row[4] for row in ROWS if row not in NUMBERED}
    euclidean = {name for name, reason in reasons.items() if reason == "l2 only"}
    assert set(reasons) - euclidean == {"lipopt-lasserre", "coupled-sdp", "activation-patterns"}
    assert reasons["activation-patterns"] == "too many"
    with pytest.raises(RelaxationTooLarge, match="1,048,576 patterns"):
        lipexplore.bound(network, "activation-patterns", output=3)
    for name in euclidean:
        with pytest.raises(UnsupportedQuestion, match="use l2, or another method"):
            lipexplore.bound(network, name, output=3)
    assert reasons["lipopt-lasserre"] == "over a minute"
    assert lipexplore.estimate(network, "lipopt-lasserre", output=3).seconds > 60
    with pytest.raises(UnsupportedQuestion, match="choose a ball or a box"):
        lipexplore.bound(network, "coupled-sdp", output=3)


@pytest.mark.parametrize("row", NUMBERED, ids=[row[0] for row in NUMBERED])
def test_table_row_is_true(row):
    name, constant, side, norms, example = row
    method = next(item for item in lipexplore.METHODS if item.name == name)
    network = lipexplore.load_network("digits-64-20-10-relu")
    answer = lipexplore.bound(network, name, norm="linf", output=3)
    end, about = {"above": (answer.value, answer.of), "below": (answer.lower, answer.lower_of)}[
        side
    ]
    assert method.side in {"above": ("upper", "interval"), "below": ("lower",)}[side]
    assert about == constant.replace("\\", "")
    assert norms == ", ".join(norm.value for norm in method.norms)
    assert answer.verified
    assert end == pytest.approx(float(example), abs=6e-5)

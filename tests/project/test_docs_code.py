"""Every block of code in docs runs, page by page, in an empty folder (README: test_readme.py).

Blocks of one page run in their order and share their names. In ```sh blocks, lines that begin with
``lipexplore`` run; ``make`` lines must name a target; other lines are held to a list.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import lipexplore
from docs._ext import method_pages
from lipexplore import cli_help
from lipexplore.bounds import METHODS
from lipexplore.cli import command_parser, main
from lipexplore.networks.gallery import digits

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GENERATED = {"course", "methods", "reference"}
PAGES = sorted(
    path for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] not in GENERATED
)
BLOCK = re.compile(r"^( *)```(python no-run|python|sh)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
PROMISE = re.compile(r"#[^\n#]*?([\d.]+)\.\.\.$", re.MULTILINE)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

NO_RUN = {
    "docs/cluster.md": "needs a scheduler, Slurm or Kubernetes; tests/experiments has local ones",
    "docs/import.md": "needs a model in ONNX's format, which the page does not make",
}
"""Pages with blocks marked ``python no-run``, and why these cannot run."""

PARSED = ("lipexplore explore", "lipexplore reproduce", "--cluster")
"""What does not end by itself, takes minutes or needs a cluster: parsed, no more."""

OTHER_COMMANDS = (
    "pip install ",
    ".venv/bin/pip install ",
    "source .venv/bin/activate",
    "conda ",
    "dask ",
)
"""How shell lines may begin that are neither ours nor make's."""

OPTIONAL = {"torch": "import torch", "onnx": "import onnx", "distributed": "import distributed"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks_of(path: Path) -> list[tuple[str, str]]:
    text = path.read_text(encoding="utf-8")
    return [
        (kind, re.sub(f"^{indent}", "", code, flags=re.MULTILINE))
        for indent, kind, code in BLOCK.findall(text)
    ]


WITH_CODE = [path for path in PAGES if any(kind != "python no-run" for kind, _ in blocks_of(path))]


def run_shell(line: str) -> None:
    words = shlex.split(line, comments=True)
    if any(part in line for part in PARSED) and words[0] == "lipexplore":
        command_parser().parse_args(words[1:])
    elif words[0] == "lipexplore":
        assert main(words[1:]) == 0, line
    elif words[0] == "make":
        assert len(words) == 1 or words[1] in TARGETS, line
    else:
        assert line.startswith(OTHER_COMMANDS), f"{line}: not run, and not in OTHER_COMMANDS"


@pytest.mark.parametrize("path", WITH_CODE, ids=name_of)
def test_code_runs(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    blocks = blocks_of(path)
    for package, statement in OPTIONAL.items():
        if any(statement in code for _, code in blocks):
            pytest.importorskip(package)
    names, printed = {"__name__": "__main__"}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for kind, code in blocks:
            if kind == "python":
                exec(compile(code, name_of(path), "exec"), names)
            elif kind == "sh":
                for line in code.replace("\\\n", " ").splitlines():
                    if line.strip() and not line.startswith("#"):
                        run_shell(line)
    lines = iter(printed.getvalue().splitlines())
    for kind, code in blocks:
        for start in PROMISE.findall(code) if kind == "python" else ():
            assert any(line.startswith(start) for line in lines), f"{start}... was not printed"


def test_blocks_that_do_not_run_have_a_reason():
    marked = {name_of(p) for p in PAGES if "python no-run" in {kind for kind, _ in blocks_of(p)}}
    assert marked == set(NO_RUN)


def test_every_block_has_a_language_that_is_known():
    known = {
        "python",
        "python no-run",
        "sh",
        "text",
        "toml",
        "json",
        "bibtex",
        "math",
        "dockerfile",
    }
    for path in PAGES:
        fences = re.findall(r"^ *```(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        opened = {fence.strip() for fence in fences[::2]}
        others = {fence for fence in opened - known if not fence.startswith("{")}
        assert others == set(), name_of(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that examples speak of."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", digits()[0][0])
    lipexplore.save_network(lipexplore.load_network("digits-64-20-10-relu"), "net.npz")
    return tmp_path


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_example_of_a_method_runs(method, folder, capsys):
    files = re.search(r"```python\n(.*?)```", method_pages.page(method), re.DOTALL)
    exec(files[1] if files else "", {})
    assert main(shlex.split(method_pages.command(method))[1:]) == 0
    out = capsys.readouterr().out
    assert "(verified)" in out
    value, _ = method_pages.in_the_table()[method.name]
    if value[0].isdigit():  # test_readme.py computes the table anew
        assert re.search(rf"[<>]= {re.escape(value[:-1])}", out)


def test_the_help_starts_with_commands_that_run(folder, capsys):
    lines = [line.strip() for line in cli_help.START.splitlines()[1:]]
    assert len(lines) == 5
    assert lines.pop(0) == "lipexplore doctor"  # a line of the README's: test_readme.py runs it
    for line in lines:
        assert main(shlex.split(line)[1:]) == 0, line
    assert "valid: P* of output 3" in capsys.readouterr().out


ONLY_PARSED = ("explore", "sweep", "report", "compare", "reproduce")
EXAMPLES = [
    line
    for name, text in cli_help.EXAMPLES.items()
    if name not in {*ONLY_PARSED, "doctor", "verify"}
    for line in text.splitlines()
]


def test_examples_of_the_help_run(folder, capsys):
    for line in [*EXAMPLES, cli_help.EXAMPLES["verify"]]:
        assert main(shlex.split(line)[1:]) == 0, line
    assert "valid" in capsys.readouterr().out


@pytest.mark.parametrize("name", ONLY_PARSED)
def test_examples_that_are_not_run_are_parsed(name):
    if name in command_parser().commands:
        words = shlex.split(cli_help.EXAMPLES[name])
        assert command_parser().parse_args(words[1:]).run is not None


def test_every_command_has_a_group_and_an_example(monkeypatch):
    parser = command_parser()
    grouped = {name for group in cli_help.GROUPS.values() for name in group}
    assert set(parser.commands) <= grouped
    assert set(parser.commands) <= set(cli_help.EXAMPLES)
    for columns in (60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        for text in (parser.format_help(), *(c.format_help() for c in parser.commands.values())):
            wrapped = text.partition("example:")[0].partition("start here:")[0]
            assert max(map(len, wrapped.splitlines())) <= columns
    overview = command_parser().format_help()
    assert all(f"  {name} " in overview for name in parser.commands)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("lipop", "lipopt-lp"), ("norm_product", "norm-product"), ("exakt", "exact")],
)
def test_a_mistyped_method_is_answered_with_the_nearest(typed, meant, capsys):
    assert main(["bound", "digits-64-20-10-relu", "--method", typed]) == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err

"""Words are spelt right, in text, notebooks, docstrings and comments (codespell's list)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PLACES = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "Makefile", "pyproject.toml"),
    *("docs", "notebooks", "lipexplore", "tests", "benchmarks", "scripts", "data"),
)
GENERATED = {"course", "methods", "reference"}
AMERICAN = re.compile(r"\b(\w*neighbor\w*|behavior\w*|center(?:ed|ing)|gray|artifact)\b", re.I)
IN_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)


def codespell(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "codespell_lib", "--toml", str(ROOT / "pyproject.toml")]
    return subprocess.run(
        [*command, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def test_words_are_spelt_right():
    done = codespell(*PLACES)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_misspelt_words_are_noticed(tmp_path):
    (tmp_path / "text.md").write_text("We rec" + "ieve it.\n", encoding="utf-8")
    assert codespell("text.md", folder=tmp_path).returncode != 0


def prose() -> list[Path]:
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for path in sorted((ROOT / "docs").rglob("*.md")):
        if path.relative_to(ROOT / "docs").parts[0] not in GENERATED:
            texts.append(path)
    return [*texts, *sorted((ROOT / "notebooks").glob("*.ipynb"))]


@pytest.mark.parametrize("path", prose(), ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_british(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert AMERICAN.findall(IN_CODE.sub("", text)) == []

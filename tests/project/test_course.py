"""The form that all notebooks of the course share; tests/test_notebooks.py runs them."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest

from docs._ext import course_pages
from scripts.notebook_figures import (
    NOTEBOOKS,
    figure_cell,
    figure_path,
    notebook_paths,
    source_hash,
    tags,
)

COURSE = (
    "00-explore",
    "01-by-hand",
    "02-products-of-norms",
    "03-degree",
    "04-sparsity-and-cliques",
    "05-norms",
    "06-local-bounds",
    "07-vector-pass",
    "08-exact",
    "09-against-the-baselines",
    "10-convolutions",
    "11-implicit-networks",
    "12-incremental-constraints",
    "13-splines",
    "14-unfolded-recovery",
    "15-path-regularization",
    "16-your-own-network",
    "17-your-own-bound",
)
LARGEST_FIGURE = 80_000
MOST_STATEMENTS = 10
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)\s]+)\)")
QUESTION = re.compile(r"<details>\s*<summary>.+?</summary>.+?</details>", re.DOTALL)
NOT_LOGIC = (ast.Import, ast.ImportFrom, ast.Assert)


@pytest.fixture(params=notebook_paths(), ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def texts(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def codes(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def statements(source):
    """Count the statements that are neither imports nor assertions, however they are broken."""
    tree = ast.parse(source)
    return sum(isinstance(n, ast.stmt) and not isinstance(n, NOT_LOGIC) for n in ast.walk(tree))


def test_course_is_complete():
    assert tuple(path.stem for path in notebook_paths()) == COURSE


def test_no_figure_without_its_notebook():
    drawn = {path.stem for path in (NOTEBOOKS / "figures").iterdir()}
    assert drawn <= set(COURSE)


def test_opening_says_what_one_will_know_and_from_which_papers(notebook):
    first = texts(notebook)[0]
    assert first.startswith("# ")
    assert "**You will know**" in first
    sources = first.partition("**Sources.**")[2]
    assert re.search(r"\b(19|20)\d\d\b", sources), "the year of a paper"
    assert re.search(r"arXiv \d{4}\.\d{4,5}|arXiv [a-z-]+/\d{7}", sources)


def test_one_prediction_stands_before_one_reveal(notebook):
    cells = notebook.cells
    places = [
        place
        for place, cell in enumerate(cells)
        if cell.cell_type == "markdown" and "**Predict.**" in cell.source
    ]
    assert len(places) == 1
    assert cells[places[0] + 1].cell_type == "code"


def test_three_questions_fold_their_answers(notebook):
    text = "\n".join(texts(notebook))
    assert len(QUESTION.findall(text)) >= 3
    assert text.count("<details>") == text.count("</details>") == len(QUESTION.findall(text))


def test_parameters_come_first_and_claims_last(path, notebook):
    cells = codes(notebook)
    (parameters,) = [place for place, cell in enumerate(cells) if "parameters" in tags(cell)]
    assert parameters == (1 if path.stem == "00-explore" else 0)
    last = notebook.cells[-1]
    assert last.cell_type == "code"
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(last.source)))


def test_no_cell_holds_more_than_ten_lines_of_logic(notebook):
    sources = [cell.source.replace("await ", "") for cell in codes(notebook)]
    long = [source for source in sources if statements(source) > MOST_STATEMENTS]
    assert long == []


def test_static_figure_is_committed_described_and_current(path, notebook):
    assert notebook.cells[figure_cell(notebook)].cell_type == "code"
    ((alternative, target),) = [hit for text in texts(notebook) for hit in IMAGE.findall(text)]
    assert target == f"figures/{path.stem}.svg"
    assert len(alternative.split()) >= 5, "say what the figure shows"
    drawn = figure_path(path)
    assert drawn.stat().st_size < LARGEST_FIGURE
    root = ElementTree.parse(drawn).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    again = f"run python scripts/notebook_figures.py {path.stem[:2]}"
    assert source_hash(notebook) in drawn.read_text(encoding="utf-8"), again


def test_one_sitting(notebook):
    assert 15 <= course_pages.minutes(notebook) <= 30

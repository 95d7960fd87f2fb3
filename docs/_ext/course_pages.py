"""A page for every notebook of the course, made from its cells without running them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from sphinx.application import Sphinx

from docs._ext.pages import ROOT, write_pages

WORDS_A_MINUTE, MINUTES_A_CELL, MINUTES_A_QUESTION = 150, 0.75, 1.5
HEADING = re.compile(r"^#\s+(.+)$", re.MULTILINE)
LINKS = {
    re.compile(r"\]\((?=figures/)"): "](../../notebooks/",
    re.compile(r"\]\(([0-9][0-9]-[\w-]+)\.ipynb"): r"](\1.md",
    re.compile(r"\]\(\.\./docs/"): "](../",
}
"""How links from a notebook to its figure, other notebooks and docs change on the site."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir) / "course", pages()))
    return {"parallel_read_safe": True}


def notebook_paths() -> list[Path]:
    """Return the notebooks in the order of the course."""
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.ipynb"))


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    found = {path: nbformat.read(path, as_version=4) for path in notebook_paths()}
    texts = {f"{path.stem}.md": page(path, notebook) for path, notebook in found.items()}
    return {"index.md": index(found)} | texts


def title(notebook: nbformat.NotebookNode) -> str:
    """Return the first heading of the first markdown cell."""
    return next(HEADING.findall(cell.source)[0] for cell in markdown(notebook))


def summary(notebook: nbformat.NotebookNode) -> str:
    """Return the first paragraph of the text."""
    text = HEADING.sub("", next(markdown(notebook)).source, count=1).strip()
    return text.split("\n\n")[0].replace("\n", " ")


def markdown(notebook: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """Yield the cells of text that say anything."""
    return (c for c in notebook.cells if c.cell_type == "markdown" and c.source.strip())


def minutes(notebook: nbformat.NotebookNode) -> int:
    """Return the time to read text and code and to think about the questions, in whole minutes."""
    text = "\n".join(cell.source for cell in markdown(notebook))
    codes = sum(cell.cell_type == "code" for cell in notebook.cells)
    thought = MINUTES_A_CELL * codes + MINUTES_A_QUESTION * text.count("<details>")
    return round(len(text.split()) / WORDS_A_MINUTE + thought)


def index(notebooks: dict[Path, nbformat.NotebookNode]) -> str:
    """Return the table of contents."""
    parts = [
        "# Course",
        "Each notebook is one sitting: it states a claim, asks before it reveals, and asserts the "
        "claim in its last cell. `make explore` opens them in JupyterLab; the pages here show text "
        "and code and one figure each, without running anything. {doc}`/teaching` plans 90 minutes "
        "with them.",
    ]
    for path, notebook in notebooks.items():
        parts.append(f"## [{path.stem[:2]} {title(notebook)}]({path.stem}.md)")
        parts.append(f"{summary(notebook)} *{minutes(notebook)} minutes.*")
    names = "\n".join(path.stem for path in notebooks)
    parts.append(f"```{{toctree}}\n:hidden:\n\n{names}\n```")
    return "\n\n".join(parts) + "\n"


def page(path: Path, notebook: nbformat.NotebookNode) -> str:
    """Return the page of one notebook."""
    parts = [f"# {path.stem[:2]} {title(notebook)}"]
    note = f"Notebook {{download}}`{path.name} <../../notebooks/{path.name}>`"
    parts.append(f"*{note}, {minutes(notebook)} minutes to read; `make explore` runs it.*")
    first = True
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.source.strip():
            parts.append(f"```python\n{cell.source.rstrip()}\n```")
        elif cell.cell_type == "markdown":
            parts.append(text_of(cell.source, first))
            first = first and not HEADING.search(cell.source)
    return "\n\n".join(part for part in parts if part) + "\n"


def text_of(source: str, with_title: bool) -> str:
    """Return a cell's text: the title is on the page already, later ones go one level down."""
    if with_title:
        source = HEADING.sub("", source, count=1)
    source = HEADING.sub(r"## \1", source)
    for link, target in LINKS.items():
        source = link.sub(target, source)
    return source.strip()

"""Draw the static figure of each notebook again: scripts/notebook_figures.py [NAME ...].

Each notebook has one code cell with the tag "figure". The notebook is executed up to that cell, and
the matplotlib figure it leaves is saved as notebooks/figures/NAME.svg: the same bytes for the same
versions. The file carries a hash of the code that drew it, so that a stale one is noticed.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
TAG = "figure"
SAVE = """
import matplotlib.pyplot as _pyplot
with _pyplot.rc_context({{"svg.hashsalt": "lipexplore", "svg.fonttype": "path"}}):
    _pyplot.gcf().savefig(
        {target!r},
        format="svg",
        bbox_inches="tight",
        metadata={{"Date": None, "Creator": None, "Source": {source!r}}},
    )
"""


def notebook_paths() -> list[Path]:
    """Return the notebooks of the course in their order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))


def figure_path(path: Path) -> Path:
    """Return where the static figure of a notebook lies."""
    return path.parent / "figures" / f"{path.stem}.svg"


def tags(cell: nbformat.NotebookNode) -> list[str]:
    """Return the tags of a cell."""
    return list(cell.metadata.get("tags", []))


def figure_cell(notebook: nbformat.NotebookNode) -> int:
    """Return the place of the one cell that draws the static figure."""
    (place,) = [place for place, cell in enumerate(notebook.cells) if TAG in tags(cell)]
    return place


def source_hash(notebook: nbformat.NotebookNode) -> str:
    """Return a hash of the code down to the cell that draws the figure."""
    cells = notebook.cells[: figure_cell(notebook) + 1]
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:32]


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells in a fresh kernel whose working directory is ``folder``."""
    NotebookClient(
        notebook,
        timeout=400,
        startup_timeout=300,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def draw(path: Path) -> Path:
    """Execute a notebook down to its figure, save the figure and return its path."""
    notebook = nbformat.read(path, as_version=4)
    source, target = source_hash(notebook), figure_path(path)
    target.parent.mkdir(exist_ok=True)
    notebook.cells = notebook.cells[: figure_cell(notebook) + 1]
    notebook.cells[-1].source += SAVE.format(target=str(target), source=source)
    with tempfile.TemporaryDirectory() as folder:
        execute(notebook, Path(folder))
    text = target.read_text(encoding="utf-8")
    lines = [line.rstrip() for line in text.splitlines()]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def main(names: list[str]) -> None:
    """Draw the figures of the named notebooks, or of all."""
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    for path in notebook_paths():
        if not names or path.stem in names or path.stem[:2] in names:
            target = draw(path)
            sys.stdout.write(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Every notebook runs from top to bottom without a browser, and its claims hold."""

from __future__ import annotations

import matplotlib
import nbformat
import pytest

from scripts.notebook_figures import NOTEBOOKS, ROOT, execute, figure_cell, notebook_paths


@pytest.mark.notebook
@pytest.mark.slow
@pytest.mark.parametrize("path", notebook_paths(), ids=lambda path: path.name)
def test_notebook_runs(path, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("MPLCONFIGDIR", matplotlib.get_cachedir())
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "lipexplore").touch()  # no folder: run times are not learned
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, tmp_path)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type in ("error", "stream")]
    drawn = notebook.cells[figure_cell(notebook)].outputs
    assert [output for output in drawn if "image/png" in output.get("data", {})]


def test_first_cell_opens_the_workbench():
    notebook = nbformat.read(NOTEBOOKS / "00-explore.ipynb", as_version=4)
    first = notebook.cells[0]
    assert first.cell_type == "code"
    assert first.source.split() == ["import", "lipexplore", "lipexplore.explore()"]

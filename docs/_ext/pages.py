"""Pages that are written before Sphinx reads the folder; git ignores them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Make ``folder`` hold exactly these pages; those that stay as they are keep their time."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def cell(text: str) -> str:
    """Return a text that fits into one cell of a table."""
    return text.replace("|", r"\|").replace("*", r"\*").replace("\n", " ")

"""Links lead somewhere, offline: files and headings exist, outside addresses are well formed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from markdown_it import MarkdownIt

from docs._ext import course_pages, method_pages, reference_pages

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GENERATED = {"course": course_pages, "methods": method_pages, "reference": reference_pages}
TEXTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md")),
    *sorted(p for p in DOCS.rglob("*.md") if p.relative_to(DOCS).parts[0] not in GENERATED),
]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HOST = re.compile(r"^([a-z0-9-]+\.)+[a-z]{2,}$")
ROLE = re.compile(r"\{doc\}`(?:[^`<]*<)?(/?[\w/.-]+)>?`")


def cells_of(path: Path) -> Iterator[str]:
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, as_version=4)
        yield from (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    else:
        yield path.read_text(encoding="utf-8")


def links_of(text: str) -> Iterator[str]:
    """Yield the targets of links and pictures, in Markdown or as HTML."""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "html_block":
            yield from re.findall(r"(?:href|src)=\"([^\"]+)\"", token.content)
        for child in token.children or ():
            target = child.attrGet("href") or child.attrGet("src")
            if isinstance(target, str):
                yield target


def anchors_of(path: Path) -> set[str]:
    """Return the names that headings of a page have, as GitHub and the site make them."""
    found: dict[str, int] = {}
    anchors = set()
    for text in cells_of(path):
        tokens = MarkdownIt("commonmark").enable("table").parse(text)
        for opening, inline in pairwise(tokens):
            if opening.type == "heading_open":
                plain = "".join(child.content for child in inline.children or () if not child.attrs)
                slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
                anchors.add(f"{slug}-{found[slug]}" if slug in found else slug)
                found[slug] = found.get(slug, 0) + 1
    return anchors


def is_generated(target: Path) -> bool:
    """Return whether the site writes this page when it is built."""
    if not target.is_relative_to(DOCS):
        return False
    folder, _, name = target.relative_to(DOCS).as_posix().partition("/")
    return folder in GENERATED and name in GENERATED[folder].pages()


def problem_of(link: str, page: Path) -> str | None:
    address = urlsplit(link)
    if address.scheme or address.netloc:
        good = address.scheme == "https" and HOST.match(address.hostname or "")
        return None if good and " " not in link else f"{link}: not a well-formed https address"
    target = (page.parent / unquote(address.path)).resolve() if address.path else page
    if not target.exists():
        return None if is_generated(target) else f"{link}: there is no such file"
    if not target.is_relative_to(ROOT):
        return f"{link}: outside the project"
    if address.fragment and address.fragment not in anchors_of(target):
        return f"{link}: there is no such heading"
    return None


@pytest.mark.parametrize("page", [*TEXTS, *NOTEBOOKS], ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = "\n\n".join(cells_of(page))
    problems = [problem_of(link, page) for link in links_of(text)]
    for name in ROLE.findall(text):
        base = DOCS if name.startswith("/") else page.parent
        target = base / (name.lstrip("/") + ".md")
        problems.append(None if target.exists() or is_generated(target) else f"{name}: no page")
    assert [problem for problem in problems if problem] == []


def test_wrong_links_are_noticed(tmp_path):
    page = DOCS / "exact.md"
    assert problem_of("vector-pass.md#the-program", page) is None
    assert problem_of("methods/shor.md", page) is None
    assert "no such heading" in problem_of("vector-pass.md#the-programme", page)
    assert "no such file" in problem_of("vector-past.md", page)
    assert "no such file" in problem_of("methods/shore.md", page)
    assert "https" in problem_of("http://example.org/", page)
    assert "https" in problem_of("https://example/", page)
    assert list(links_of('[a](b.md) ![c](d.png)\n\n<img src="e.svg">\n\n`[f](g)`')) == [
        "b.md",
        "d.png",
        "e.svg",
    ]


def test_every_page_is_read_by_someone():
    """Every page of docs is linked from the index's tables of contents (Sphinx checks it too)."""
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    trees = "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL)).splitlines()
    names = {str(p.relative_to(DOCS).with_suffix("")) for p in TEXTS if p.is_relative_to(DOCS)}
    assert names - set(trees) == {"index"}

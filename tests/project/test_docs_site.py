"""The site builds without a warning, is whole, and needs no other host; CITATION.cff is valid."""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from sphinx.util.inventory import InventoryFile

import lipexplore
from docs._ext import course_pages
from docs._ext.public_names import public_names
from lipexplore.bounds import METHODS

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RESOURCES = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}
OUTSIDE_IN_SCRIPTS = re.compile(r"(?:fetch|import|src\s*=)\s*\(?['\"]https?:")
OUTSIDE_IN_CSS = re.compile(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//")


def built(folder: Path) -> Path:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(folder / "trees"), "docs", str(folder / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


class Page(HTMLParser):
    """What a page points to, what it loads, and the names inside it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.resources: list[str] = []
        self.names: set[str] = set()
        self.formulas = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.names |= {found[key] for key in ("id", "name") if found.get(key)}
        self.formulas += tag == "math"
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in RESOURCES and found.get(RESOURCES[tag]):
            self.resources.append(found[RESOURCES[tag]])


@pytest.mark.slow
def test_the_site_is_built_without_warnings_and_whole(tmp_path):
    """One test, for the build is what takes the time."""
    site = built(tmp_path)
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    check_pages(site)
    check_public_names(site)
    assert [
        lost for path, page in pages.items() for lost in lost_links(site, path, page, pages)
    ] == []
    check_hosts(site, pages)
    check_formulas(site, pages)


def check_pages(site: Path) -> None:
    for name in ("index", "tutorial", "bounds-table", "reference/lipexplore", "search"):
        assert (site / f"{name}.html").exists(), name
    for method in METHODS:
        assert (site / "methods" / f"{method.name}.html").exists(), method.name
    for path in course_pages.notebook_paths():
        assert (site / "course" / f"{path.stem}.html").exists(), path.name
        assert list(site.rglob(path.name)), f"{path.name} cannot be downloaded"


def check_public_names(site: Path) -> None:
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    known = {name for kind in inventory for name in inventory[kind] if kind.startswith("py:")}
    assert set(public_names()) - known == set()


def lost_links(site: Path, path: Path, page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    """Yield the links of a page that lead to no file of the site, or to no name on its page."""
    for link in {*page.links, *page.resources}:
        address = urlsplit(link)
        if address.scheme in ("https", "data") or link == "#":
            continue
        target = (path.parent / unquote(address.path)).resolve() if address.path else path
        target = target / "index.html" if target.is_dir() else target
        inside = not address.scheme and target.is_relative_to(site) and target.exists()
        names = pages[target].names if target in pages else {unquote(address.fragment)}
        if not inside or unquote(address.fragment) not in names | {""}:
            yield f"{path.relative_to(site)}: {link}"


def check_hosts(site: Path, pages: dict[Path, Page]) -> None:
    assert {link for page in pages.values() for link in page.resources if "//" in link} == set()
    for path in [*site.rglob("*.css"), *site.rglob("*.html")]:
        assert not OUTSIDE_IN_CSS.search(path.read_text(encoding="utf-8")), path
    for path in site.rglob("*.js"):
        assert not OUTSIDE_IN_SCRIPTS.search(path.read_text(encoding="utf-8")), path


def check_formulas(site: Path, pages: dict[Path, Page]) -> None:
    mathematics = {path: page for path, page in pages.items() if path.parent.name == "mathematics"}
    assert sum(page.formulas for page in mathematics.values()) > 100
    for path in mathematics:
        assert "<merror" not in path.read_text(encoding="utf-8"), path


def test_citation_is_valid_and_about_this_version():
    """The fields of the Citation File Format 1.2.0, checked by hand."""
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    required = {"cff-version", "message", "title", "authors"}
    optional = {
        *("abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords"),
        *("license", "license-url", "preferred-citation", "references", "repository"),
        *("repository-artifact", "repository-code", "type", "url", "version"),
    }
    assert required <= set(cff) <= required | optional
    assert cff["cff-version"] == "1.2.0"
    assert cff["type"] in ("software", "dataset")
    assert cff["version"] == PROJECT["version"] == lipexplore.__version__
    assert cff["license"] == PROJECT["license"]
    assert len(set(cff["keywords"])) == len(cff["keywords"])
    assert isinstance(cff.get("date-released", datetime.date.today()), datetime.date)
    people = {"family-names", "given-names", "orcid", "affiliation", "name-suffix", "email"}
    for source in [cff, *cff["references"]]:
        assert source["title"]
        for author in source["authors"]:
            assert author.keys() <= people or author.keys() <= {"name", "website", "email"}
    kinds = {"article", "conference-paper", "software", "generic", "book", "report"}
    for source in cff["references"]:
        assert source["type"] in kinds
        assert {item["type"] for item in source["identifiers"]} <= {"doi", "url", "swh", "other"}
        assert all(item["value"] for item in source["identifiers"])

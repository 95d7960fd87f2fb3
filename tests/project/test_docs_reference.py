"""Every public name says what it is, takes and raises; every method is explained on its page."""

from __future__ import annotations

import ast
import enum
import inspect
import re
import textwrap
from dataclasses import fields

import pytest

import lipexplore
from docs._ext import method_pages, reference_pages
from docs._ext.pages import cell
from docs._ext.public_names import DATA, public_names, resolve
from lipexplore.bounds import METHODS
from lipexplore.panels import PANELS

NAMES = [name for name in public_names() if name not in DATA]
SECTION = r"(?ms)^ *{0}\n *-+\n(.*?)(?=^ *[A-Z]\w+\n *-+\n|\Z)"


def section(doc: str, title: str) -> str:
    found = re.search(SECTION.format(title), inspect.cleandoc(doc) + "\n")
    return found[1] if found else ""


def arguments(value) -> list[str]:
    """Return the arguments of a function or of a class that users construct."""
    if inspect.isclass(value) and (
        inspect.isabstract(value)
        or issubclass(value, (enum.Enum, BaseException))
        or value.__init__ is object.__init__
    ):
        return []
    return [name for name in inspect.signature(value).parameters if not name.startswith("_")]


def documented(doc: str) -> set[str]:
    lines = section(doc, "Parameters").splitlines()
    heads = [line for line in lines if line and not line.startswith(" ")]
    return {name.strip(" *") for line in heads for name in line.partition(":")[0].split(",")}


def raises_itself(value) -> bool:
    """Return whether a function, or a class while it is made, has a raise of its own."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(value)))
    (node,) = tree.body
    if isinstance(node, ast.ClassDef):
        made = ("__init__", "__post_init__")
        bodies = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name in made]
    else:
        bodies = [node]
    inside = [item for body in bodies for item in ast.walk(body)]
    return any(isinstance(item, ast.Raise) and item.exc is not None for item in inside)


@pytest.mark.parametrize("name", NAMES)
def test_public_name_is_described(name):
    value = resolve(name)
    doc = inspect.getdoc(value) or ""
    first = doc.partition("\n\n")[0]
    assert first.endswith((".", ":")), "the first paragraph is a sentence"
    assert len(first) > 10
    missing = set(arguments(value)) - documented(doc)
    assert missing == set() or (inspect.isclass(value) and _is_record(value, doc, missing))
    if raises_itself(value):
        assert section(doc, "Raises"), "it raises, and does not say what"


def _is_record(value, doc: str, missing: set[str]) -> bool:
    """Return whether the missing names are fields that a record's text names."""
    return hasattr(value, "__dataclass_fields__") and all(
        re.search(rf"\b{name}\b", doc + inspect.getsource(value)) for name in missing
    )


def test_every_name_of_the_package_is_public():
    assert {f"lipexplore.{name}" for name in lipexplore.__all__} <= set(public_names())
    assert len(set(public_names())) == len(public_names())
    assert all(resolve(name) is not None for name in DATA)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_page_of_a_method_has_all_that_is_known_about_it(method):
    page = method_pages.pages()[f"{method.name}.md"]
    assert page.startswith(f"# `{method.name}`: {method.label}\n")
    assert method.explanation in page
    assert all(source in page for source in method.sources)
    assert all(f"| `{item.name}` | `--" in page for item in fields(method))
    assert all(cell(item.metadata["help"]) in page for item in fields(method))
    assert f"{method.__module__}.{method.__qualname__}" in page
    assert f"({method.name}.md)" in method_pages.index()
    example, _ = method_pages.in_the_table()[method.name]
    assert example in page


def test_every_panel_is_listed():
    table = reference_pages.panels()
    assert all(f"| `{panel.name}(network)` | {panel.title} |" in table for panel in PANELS)


def test_the_help_of_every_command_is_a_page():
    page = reference_pages.command_line()
    for name in ("bound", "verify", "sweep", "explore"):
        assert (f"\n## lipexplore {name}\n" in page) == (name in page.partition("## ")[0])
    assert "--method NAME" in page

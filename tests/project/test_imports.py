"""Modules import downwards only, `import lipexplore` is light, and METHODS is complete."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from lipexplore.bounds import METHODS, BoundMethod

PACKAGE = Path(__file__).parents[2] / "lipexplore"
LAYERS = (
    {"errors", "norms", "rounding", "regions"},
    {"networks"},
    {"polynomials"},
    {"relaxations", "solvers", "certificates", "exact"},
    {"bounds", "properties", "training"},
    {"jobs"},
    {"experiments"},
    {"figures"},
    {
        "panels",
        "app",
        "cli",
        "cli_compare",
        "__main__",
        "cli_help",
        "cli_implicit",
        "cli_incremental",
        "cli_regions",
        "cli_report",
        "cli_reproduce",
        "cli_sweep",
        "doctor",
    },
)
SOLVING = {"relaxations", "solvers"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """Return the first name below the package: a folder or a module."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def layer_of(part: str) -> int:
    found = [height for height, layer in enumerate(LAYERS) if part in layer]
    assert found, f"lipexplore/{part} belongs to no layer: add it to LAYERS"
    return found[0]


def without_type_checking(tree: ast.Module) -> ast.Module:
    body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    ]
    return ast.Module(body=body, type_ignores=[])


def imported_names(path: Path, *, annotations: bool) -> Iterator[str]:
    """Yield what a module imports, wherever in it, as dotted names.

    ``annotations`` says whether imports under ``if TYPE_CHECKING:`` count.
    """
    package = ("lipexplore", *path.relative_to(PACKAGE).parts[:-1])
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree if annotations else without_type_checking(tree)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            home = ".".join((*above, *([node.module] if node.module else [])))
            yield from (f"{home}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    if path == PACKAGE / "__init__.py":
        return  # its imports are lazy: see test_import_is_light
    own = layer_of(part_of(path))
    for name in imported_names(path, annotations=True):
        if name.startswith("lipexplore.") and name != "lipexplore.__version__":
            other = name.split(".")[1]
            assert layer_of(other) <= own, f"{path.name} imports {name} from above"
        assert name != "lipexplore", f"{path.name} imports the whole package"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_relaxations_and_solvers_import_picos(path):
    if part_of(path) not in SOLVING:
        names = {name.partition(".")[0] for name in imported_names(path, annotations=False)}
        assert "picos" not in names


IMPORT_AND_REPORT = """
import json, sys, time
before = set(sys.modules)
start = time.process_time()
import lipexplore
seconds = time.process_time() - start
tops = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([seconds, sorted(tops - set(sys.stdlib_module_names))]))
"""


def test_import_is_light():
    reports = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", IMPORT_AND_REPORT],
                cwd=PACKAGE.parent,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for _ in range(5)
    ]
    assert reports[0][1] == ["lipexplore", "numpy"]
    assert min(seconds for seconds, _ in reports) < 1.5


def test_methods_are_complete():
    modules = [import_module(f"lipexplore.bounds.{p.stem}") for p in PACKAGE.glob("bounds/*.py")]
    written = {
        item
        for module in modules
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, BoundMethod) and not inspect.isabstract(item)
    }
    assert written == set(METHODS)
    assert len({method.name for method in METHODS}) == len(METHODS)

"""pyproject.toml, environment.yml and constraints.txt say the same.

pyproject.toml is the source. environment.yml repeats its list for the reader, so the two lists must
be equal, lower limits included; constraints.txt pins what ``.[test]`` brings and, where they are
installed, the extras ``torch`` and ``onnx``.
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEPENDENCIES = PROJECT["dependencies"]
EXTRAS = PROJECT["optional-dependencies"]
OURS, TOOLS = EXTRAS["test"][0], EXTRAS["test"][1:]
NEEDED = DEPENDENCIES + TOOLS + [text for name in Requirement(OURS).extras for text in EXTRAS[name]]
IMPORTS = [*EXTRAS["torch"], *EXTRAS["onnx"], "onnxruntime"]
"""Optional packages; the last one is for the tests alone."""

OF_GPUS = ("nvidia-", "cuda-", "triton")
"""What some builds of torch bring."""


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def is_installed(requirement: Requirement) -> bool:
    try:
        metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return True


def installed_closure() -> set[str]:
    """Return the names of all packages that the extras bring on this platform."""
    optional = filter(is_installed, map(Requirement, IMPORTS))
    todo, seen = [*map(Requirement, NEEDED), *optional], set()
    while todo:
        wanted = todo.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        for text in metadata.requires(wanted.name) or ():
            further = Requirement(text)
            extras = {"", *wanted.extras}
            if further.marker is None or any(
                further.marker.evaluate({"extra": extra}) for extra in extras
            ):
                todo.append(further)
    return {name for name, _ in seen if not name.startswith(OF_GPUS)}


def test_environment_lists_the_dependencies_of_pyproject():
    content = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pip_lines,) = [item["pip"] for item in content["dependencies"] if isinstance(item, dict)]
    options = [line for line in pip_lines if line.startswith("-")]
    assert options == ["-c constraints.txt", "-e ."]
    assert [line for line in pip_lines if not line.startswith("-")] == DEPENDENCIES
    assert f"python{PROJECT['requires-python']}" in content["dependencies"]


def test_every_dependency_is_pinned_within_its_limits():
    pinned = pins()
    for requirement in map(Requirement, NEEDED + IMPORTS):
        version = pinned[canonicalize_name(requirement.name)]
        assert version in requirement.specifier, f"{requirement} is pinned to {version}"


def test_every_dependency_states_a_lower_limit():
    for requirement in map(Requirement, DEPENDENCIES):
        assert ">=" in [part.operator for part in requirement.specifier], str(requirement)


def test_constraints_are_exact_versions_and_nothing_else():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.!+]*", line), line


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the pins are made on Linux")
def test_constraints_pin_what_the_installation_brings_and_no_more():
    installed, pinned = installed_closure(), set(pins())
    assert installed - pinned == set()
    whole = all(is_installed(requirement) for requirement in map(Requirement, IMPORTS))
    if whole and sys.version_info[:2] == (3, 11):  # later ones need fewer
        assert pinned - installed == set()


def test_the_pins_are_what_the_tests_run_with():
    known = installed_closure() & set(pins())
    found = {name: metadata.version(name).partition("+")[0] for name in known}
    assert found == {name: pins()[name] for name in found}


def test_the_pins_install_on_the_oldest_python():
    # 3.11.2 is Debian 12's; some packages want a later 3.11
    for name in installed_closure() & set(pins()):
        limits = metadata.metadata(name).get("Requires-Python", "")
        assert "3.11.2" in SpecifierSet(limits), f"{name} requires Python {limits}"


def test_all_is_every_optional_extra():
    (everything,) = EXTRAS["all"]
    assert Requirement(everything).extras == set(EXTRAS) - {"all", "test"}


def test_python_floor():
    assert "3.11" in SpecifierSet(PROJECT["requires-python"])
    assert "3.10" not in SpecifierSet(PROJECT["requires-python"])

"""Which versions produced a number."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from platform import python_version

from lipexplore import __version__

PACKAGES = ("numpy", "scipy", "picos", "cvxopt", "highspy", "clarabel")


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of Python, lipexplore and the installed packages that compute."""
    found = {"python": python_version(), "lipexplore": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found

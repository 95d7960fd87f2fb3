"""What ``lipexplore doctor`` looks at."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

import numpy as np

from lipexplore.bounds import bound
from lipexplore.networks.gallery import gallery_names, gallery_network

PACKAGES = (
    "numpy",
    "scipy",
    "picos",
    "cvxopt",
    "highspy",
    "clarabel",
    "pandas",
    "jupyterlab",
    "ipywidgets",
    "anywidget",
    "plotly",
    "matplotlib",
    "voila",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SAMPLE = "digits-16-12-8-10-relu"
"""The shipped network that the solvers are tried on."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    text: str
    good: bool = True


def findings() -> Iterator[Finding]:
    """Yield what was found: Python, packages, shipped networks, solvers at work, a browser."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", version, sys.version_info >= (3, 11))
    for package in PACKAGES:
        try:
            yield Finding(package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, "missing: run the installation again", good=False)
    yield _arithmetic()
    names = gallery_names()
    yield Finding("shipped networks", str(len(names)), bool(names))
    if SAMPLE in names:
        yield from _solvers()
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    yield Finding("browser for tests", browser or "none (only the browser tests need one)")


def _arithmetic() -> Finding:
    """Look whether this process rounds to nearest and keeps subnormal numbers, as proofs assume."""
    one, tiny = np.ones(1), np.full(1, np.finfo(float).tiny)
    nearest = (one + 2.0**-53 == 1.0) & (one + 3 * 2.0**-53 == 1.0 + 2.0**-51)
    gradual = 0.5 * tiny > 0.0
    if not nearest[0]:
        return Finding("arithmetic", "does not round to nearest: bounds are not proven", good=False)
    if not gradual[0]:
        advice = "flushes tiny numbers to zero: start Python without the library that does it"
        return Finding("arithmetic", advice, good=False)
    return Finding("arithmetic", "IEEE 754, to nearest, with subnormal numbers")


def _solvers() -> Iterator[Finding]:
    network = gallery_network(SAMPLE)
    for solver in ("highs", "cvxopt"):
        answer = bound(network, "lipopt-lp", solver=solver, time_limit=120)
        good = answer.verified and answer.status == "optimal"
        yield Finding(
            f"solver {solver}",
            f"{answer.status}, verified bound {answer.value:.6g} of {network.name}, "
            f"{answer.seconds:.2g} s",
            good,
        )

"""One question of a sweep, the key of its run and the row of its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from hashlib import sha256
from math import inf
from typing import Any, Final

from lipexplore.bounds import Bound, BoundMethod
from lipexplore.experiments.executors import Failure
from lipexplore.jobs.client import Job
from lipexplore.jobs.machine import machine_facts
from lipexplore.jobs.versions import package_versions
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.regions import Region

Row = dict[str, Any]
"""Flat: strings, numbers, booleans and None; what is nested is JSON."""

KEY: Final = ("network_hash", "region_hash", "norm", "output", "method", "settings")
"""Columns that say which question a row answers: two rows with equal keys are comparable."""

KEY_VERSION: Final = 1
"""Part of every run key: raised when the same settings come to mean another run."""

LONGEST_LIST: Final = 32
"""Numbers of a centre or a box's end that a row spells out; longer ones are hashed."""


@dataclass(frozen=True, eq=False)
class Case:
    """One question of the grid.

    Parameters
    ----------
    time_limit
        Seconds, None for no limit.
    seed
        What the network was drawn with, None for a network that was not.
    """

    network: Network
    region: Region
    norm: Norm
    output: int | str
    method: BoundMethod
    time_limit: float | None = None
    seed: int | None = None

    def job(self) -> Job:
        """Return the case as a job."""
        return Job(
            self.network,
            self.method,
            self.norm,
            self.region,
            self.output,
            settings=self.method.settings(),
            time_limit=self.time_limit,
            output_norm=self._output_norm,
        )

    @property
    def _output_norm(self) -> str | None:
        return "linf" if self.output == "all" else None

    @cached_property
    def run_key(self) -> str:
        """32 hexadecimal digits, equal exactly for equal questions with equal settings and limit.

        The network counts by its content, not by its name.
        """
        parts = {
            "version": KEY_VERSION,
            "network": self.network.content_hash,
            "region": _unsigned(self.region.to_dict()),
            "norm": self.norm.value,
            "output": self.output,
            "method": self.method.name,
            "settings": _settings(self.method),
            "time_limit": None if self.time_limit is None else float(self.time_limit),
        }
        return _hash(parts)[:32]

    def row(self, answer: Bound | Failure) -> Row:
        """Return a table row; a failure states what is true anyway, and why there is no more."""
        failed = isinstance(answer, Failure)
        found = self._trivial(answer) if isinstance(answer, Failure) else answer
        plain = found.to_dict()
        return {
            "run": self.run_key,
            "network": found.network,
            "network_hash": found.network_hash,
            "widths": "-".join(map(str, self.network.widths)),
            "density": self.network.density,
            "seed": self.seed,
            "region": _text(_shortened(plain["region"])),
            "region_label": str(self.region),
            "region_hash": region_hash(plain["region"]),
            "norm": found.norm,
            "output": found.output,
            "output_norm": found.output_norm,
            "method": found.method,
            "settings": _text(plain["settings"]),
            "time_limit": self.time_limit,
            "label": self.method.label,
            "side": found.side,
            "of": found.of,
            "lower_of": found.lower_of,
            "value": found.value,
            "lower": found.lower,
            "verified": found.verified,
            "failed": failed,
            "status": found.status,
            "solver_value": found.solver_value,
            "residual": found.residual,
            "size": _text(plain["size"]),
            "build_seconds": found.build_seconds,
            "solve_seconds": found.solve_seconds,
            "verify_seconds": found.verify_seconds,
            "seconds": found.seconds,
            "versions": _text(package_versions()),
            "machine": _text(machine_facts()),
        }

    def _trivial(self, failure: Failure) -> Bound:
        empty = self.method.answer(
            inf, 0.0, verified=False, status=failure.reason, solve_seconds=failure.seconds
        )
        return replace(
            empty,
            network=self.network.name,
            network_hash=self.network.content_hash,
            norm=self.norm.value,
            output=self.output,
            output_norm=self._output_norm,
            region=self.region.to_dict(),
        )


def region_hash(region: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits, equal exactly for equal regions."""
    return _hash(_unsigned(region))[:16]


def _unsigned(region: Mapping[str, Any]) -> dict[str, Any]:
    """Return a region with 0.0 in the place of -0.0, which is the same number."""
    return {
        name: [item + 0.0 for item in value] if isinstance(value, list) else value
        for name, value in region.items()
    }


def _settings(method: BoundMethod) -> dict[str, Any]:
    """Return the settings, a real number that was given as 2 being 2.0."""
    real = {item.name for item in fields(method) if "float" in str(item.type)}
    return {
        name: float(value) if name in real and isinstance(value, int) else value
        for name, value in method.settings().items()
    }


def _shortened(region: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"numbers": len(value), "sha256": _hash(value)[:16]}
        if isinstance(value, list) and len(value) > LONGEST_LIST
        else value
        for name, value in region.items()
    }


def _hash(content: Any) -> str:
    return sha256(_text(content).encode()).hexdigest()


def _text(content: Any) -> str:
    return json.dumps(content, sort_keys=True)

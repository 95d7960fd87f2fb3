"""A sweep in a file: the grids of SPEC.toml as a list of cases, checked before anything runs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

from lipexplore.bounds import BoundMethod
from lipexplore.errors import InvalidSetting
from lipexplore.experiments.cases import Case
from lipexplore.experiments.spec_methods import SHARED, methods_of, unused
from lipexplore.experiments.spec_networks import networks_of
from lipexplore.experiments.spec_regions import regions_of
from lipexplore.experiments.spec_tables import Fields, is_whole
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm

LARGEST_GRID: Final = 1_000_000


@dataclass(frozen=True)
class Spec:
    """What a specification asks for: its title and its cases, each question once."""

    title: str
    cases: tuple[Case, ...]


def read_spec(path: str | Path, time_limit: float | None = None) -> Spec:
    """Return what a file asks for; docs/sweeps.md describes every key.

    Parameters
    ----------
    time_limit
        Seconds per run, over those of the file.

    Raises
    ------
    InvalidSetting
        If the file is missing or something in it is wrong: one sentence with file, table and key.
    """
    path = Path(path)
    fields = Fields(_content(path), str(path))
    title = str(fields.take("title", path.stem))
    limit = fields.number("time_limit")
    grids = fields.many("grid")
    fields.end()
    cases: dict[str, Case] = {}
    for number, grid in enumerate(grids, 1):
        for case in _grid(Fields(grid, f"{path}, grid {number}"), path.parent, limit):
            asked = case if time_limit is None else replace(case, time_limit=time_limit)
            cases.setdefault(asked.run_key, asked)
    return Spec(title, tuple(cases.values()))


def _content(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidSetting(f"{path}: there is no such file: name a specification") from None
    except IsADirectoryError:
        raise InvalidSetting(f"{path}: this is a folder: name a specification in it") from None
    except OSError as problem:
        raise InvalidSetting(f"{path}: it cannot be read ({problem.strerror})") from None
    except RecursionError:
        raise InvalidSetting(f"{path}: lists or tables are nested too deeply") from None
    except ValueError as problem:
        raise InvalidSetting(f"{path}: this is no TOML: {problem}") from None


def _grid(fields: Fields, folder: Path, limit: float | None) -> Iterator[Case]:
    entries = fields.many("networks")
    methods = _methods(fields)
    norms = [
        fields.tried("norms", partial(Norm.parse, norm)) for norm in fields.many("norms", "linf")
    ]
    regions = fields.many("regions", "whole space")
    outputs = fields.many("outputs", 0)
    seeds = fields.many("seeds", 0)
    limit = fields.number("time_limit") or limit
    fields.end()
    drawn = [
        item
        for place, entry in enumerate(entries, 1)
        for item in networks_of(entry, f"{fields.where}, networks {place}", folder, seeds)
    ]
    if len(drawn) * len(regions) * len(norms) * len(outputs) * len(methods) > LARGEST_GRID:
        raise fields.wrong("networks", f"above {LARGEST_GRID:,} runs: split the grid")
    for network, seed in drawn:
        places = [
            region
            for place, entry in enumerate(regions, 1)
            for region in regions_of(
                entry, f"{fields.where}, regions {place}", folder, network.n_inputs
            )
        ]
        chosen = [_output(fields, output, network) for output in outputs]
        for region, norm, output, method in product(places, norms, chosen, methods):
            yield Case(network, region, norm, output, method, limit, seed)


def _methods(fields: Fields) -> list[BoundMethod]:
    entries = fields.many("methods")
    shared = {SHARED[key]: fields.take(key) for key in SHARED}
    shared = {key: value for key, value in shared.items() if value is not None}
    methods = [
        method
        for place, entry in enumerate(entries, 1)
        for method in methods_of(entry, f"{fields.where}, methods {place}", shared)
    ]
    if key := unused(shared, methods):
        raise fields.wrong(key, f"no method of this grid has a {SHARED[key]}: remove the key")
    return methods


def _output(fields: Fields, output: Any, network: Network) -> int | str:
    if output == "all":
        return "all"
    if not is_whole(output):
        raise fields.wrong("outputs", f'output numbers from 0 or "all" are needed, not {output!r}')
    if output >= network.n_outputs:
        text = f"{network.name} has no output {output}: use 0 to {network.n_outputs - 1}"
        raise fields.wrong("outputs", text)
    return int(output)

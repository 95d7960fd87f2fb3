"""Kept runs for the workbench: which stores there are, one page of one of them, one question."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lipexplore.bounds import METHODS, Bound, method_class
from lipexplore.errors import InvalidSetting, LipexploreError
from lipexplore.experiments.cases import Case
from lipexplore.experiments.executors import Failure
from lipexplore.experiments.questions import bound_of
from lipexplore.experiments.store import FILE, ROOT, Store
from lipexplore.experiments.store_schema import QUESTION
from lipexplore.figures.texts import sentence
from lipexplore.norms import Norm
from lipexplore.panels.address import is_app
from lipexplore.panels.rows import Row
from lipexplore.panels.settings import Question

if TYPE_CHECKING:
    import plotly.graph_objects as go

PAGE: Final = 50
MOST_QUESTIONS, MOST_DRAWN = 200, 300
FILTERS: Final = ("network", "norm", "method")

Key = tuple[Any, ...]
Kept = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """What the controls of the panel ask for; ``question`` is None for the one to begin with."""

    folder: str
    equal: tuple[tuple[str, str], ...] = ()
    first: int = 0
    question: Key | None = None
    present: Question | None = None
    font_size: int = 14


@dataclass(frozen=True)
class View:
    """What is shown: ``drawn`` are the rows of the chosen question, ``bounds`` what they say."""

    request: Request
    total: int
    matching: int
    page: Sequence[Kept]
    choices: Mapping[str, Sequence[str]]
    questions: Sequence[Kept]
    question: Key | None
    is_present: bool
    drawn: Sequence[Kept]
    bounds: Sequence[Bound]
    told: str
    figure: go.Figure | None


def stores() -> tuple[str, ...]:
    """Return the folders of runs that are found: the usual one and those in it."""
    root = _root()
    try:
        found = sorted(path.parent for path in (*root.glob(FILE), *root.glob(f"*/{FILE}")))
    except OSError:
        return ()
    return tuple(str(path.relative_to(root.parent)) for path in found)


def folder_of(text: str) -> Path:
    """Return the folder that is meant by what was typed.

    Raises
    ------
    InvalidSetting
        In the app, for a folder outside the usual one: the page may have other readers than us.
    """
    root, path = _root(), _root().parent / (text.strip() or _root().name)
    if is_app() and not path.resolve().is_relative_to(root.resolve()):
        raise InvalidSetting(f"in the app runs are kept in the folder {root.name} or below it")
    return path


def view(request: Request) -> View:
    """Read what is shown. Opens the store anew: safe in any thread.

    Raises
    ------
    LipexploreError
        If there is no store that can be read.
    """
    equal = dict(request.equal)
    present = None if request.present is None else key_of(request.present)
    with Store(folder_of(request.folder), create=False) as store:
        questions = store.questions(MOST_QUESTIONS, **equal)
        keys = [key_of_row(row) for row in questions]
        if present not in keys and present is not None:
            extra = store.page(0, 1, **dict(zip(QUESTION, present, strict=True)))
            questions, keys = [*extra, *questions], [*(present for _ in extra), *keys]
        wanted = request.question if request.question in keys else present
        key = wanted if wanted in keys else next(iter(keys), None)
        drawn = _drawn(store, key)
        return _seen(
            request,
            total=len(store),
            matching=store.count(**equal),
            page=store.page(request.first, PAGE, **equal),
            choices={name: [v for v in store.choices(name) if v] for name in FILTERS},
            questions=questions,
            question=key,
            is_present=key == present,
            drawn=[row for row, _ in drawn],
            bounds=[bound for _, bound in drawn],
        )


def key_of(question: Question) -> Key:
    """Return the values of QUESTION that rows about this question have."""
    row = _case(question, METHODS[0].name, {}, None).row(Failure("", 0.0)) | _part(question)
    return tuple(row.get(name) for name in QUESTION)


def key_of_row(row: Kept) -> Key:
    """Return the values of QUESTION that a row has."""
    return tuple(row[name] for name in QUESTION)


def kept_row(row: Row, time_limit: float | None) -> dict[str, Any]:
    """Return a finished run of the workbench as a row of a store.

    A run that its limit did not stop counts as one without limit: it would have ended the same.
    """
    if row.bound is None:
        raise InvalidSetting("only finished runs are kept")
    question, bound = row.question, row.bound
    limit = (time_limit or bound.seconds) if "limit" in bound.status else None
    part = _part(question)
    case = _case(question, row.run.method, row.run.settings, limit)
    made = case.row(bound) | part
    if part:
        made["run"] = sha256(json.dumps([case.run_key, part]).encode()).hexdigest()[:32]
    return made


def keep(rows: Iterable[Row], time_limit: float | None, folder: str) -> tuple[int, int]:
    """Write finished runs into a store, made if needed; return how many are new and how many not.

    Raises
    ------
    LipexploreError
        If the store cannot be written.
    """
    with Store(folder_of(folder)) as store:
        added = [store.add(kept_row(row, time_limit)) for row in rows if row.bound is not None]
    return sum(added), len(added) - sum(added)


def bound_for(row: Kept, question: Question) -> Bound:
    """Return a kept row as a bound of the question of the workbench that it is about."""
    return replace(
        bound_of(row),
        region=question.region.to_dict(),
        output=question.output,
        minus=question.minus,
        layers=question.layers,
        output_norm=None,
    )


def _seen(request: Request, **found: Any) -> View:
    bounds = found["bounds"]
    told = sentence(bounds) if bounds else "No run of this question has an answer."
    return View(request, told=told, figure=_figure(bounds, request.font_size), **found)


def _figure(bounds: Sequence[Bound], font_size: int) -> go.Figure | None:
    from lipexplore.figures.tightness import bound_against_runtime

    figure = bound_against_runtime(bounds, font_size=font_size) if bounds else None
    if figure is None or not figure.data:
        return None
    return figure.update_layout(meta="runs")


def _drawn(store: Store, key: Key | None) -> list[tuple[Kept, Bound]]:
    """Return the newest answers to a question; rows that this version cannot read are left out."""
    if key is None:
        return []
    found: list[tuple[Kept, Bound]] = []
    for row in store.page(0, MOST_DRAWN, failed=False, **dict(zip(QUESTION, key, strict=True))):
        try:
            method_class(row["method"])
            found.append((row, bound_of(row)))
        except (LipexploreError, ValueError, TypeError, KeyError):
            continue
    return found


def _case(question: Question, method: str, settings: Any, limit: float | None) -> Case:
    made = method_class(method).with_settings(**settings)
    norm = Norm.parse(question.norm)
    return Case(question.network, question.region, norm, question.output, made, limit)


def _part(question: Question) -> dict[str, Any]:
    """Return the columns of a margin or a slice, which sweeps do not ask for."""
    part: dict[str, Any] = {} if question.minus is None else {"minus": question.minus}
    return part | ({"layers": json.dumps(question.layers)} if question.layers else {})


def _root() -> Path:
    return Path(os.environ.get(ROOT) or "runs")

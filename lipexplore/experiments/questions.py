"""The rows of a sweep by the question that they answer, as bounds again."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lipexplore.bounds import METHODS, Bound
from lipexplore.experiments.store_schema import QUESTION

if TYPE_CHECKING:
    import pandas

Row = Mapping[str, Any]

_KNOWN: Final = frozenset(method.name for method in METHODS)
_SEED = re.compile(r" seed \d+\b")


@dataclass(frozen=True)
class Question:
    """One constant of one network, what was run about it, and what failed.

    Parameters
    ----------
    bounds
        One per finished run; those that are not verified have no ends.
    failures
        Rows of runs without an answer.
    """

    name: str
    title: str
    rows: Sequence[Row]
    bounds: Sequence[Bound]
    failures: Sequence[Row]

    @property
    def norm(self) -> str:
        """The input norm."""
        return str(self.rows[0]["norm"])

    @property
    def family(self) -> str:
        """The network's name without its seed: networks of a family differ in the seed alone."""
        return _SEED.sub("", str(self.rows[0]["network"]))

    @property
    def widths(self) -> tuple[int, ...]:
        """Layer sizes, the input first."""
        return tuple(int(part) for part in str(self.rows[0]["widths"]).split("-"))

    @property
    def density(self) -> float:
        """Share of the weights that are not zero."""
        return float(self.rows[0]["density"])

    @property
    def generated(self) -> bool:
        """Whether the network was drawn with a seed."""
        row = self.rows[0]
        return row.get("seed") is not None or bool(_SEED.search(str(row["network"])))

    @property
    def region(self) -> str:
        """The region in words."""
        return str(self.rows[0]["region_label"])

    @property
    def floor(self) -> float:
        """The best proven lower end of L, 0 where there is none."""
        return max((b.lower for b in self.bounds if b.lower_of == "L"), default=0.0)

    @property
    def ceiling(self) -> float:
        """The best proven upper end of L, inf where there is none."""
        return min((b.value for b in self.bounds), default=math.inf)


def questions(table: pandas.DataFrame) -> list[Question]:
    """Return the questions of a table of runs, by network, norm, region and output."""
    groups: dict[str, list[Row]] = {}
    plain = table.astype(object).where(table.notna(), None)
    for values in plain.itertuples(index=False, name=None):
        row = dict(zip(map(str, plain.columns), values, strict=True))
        groups.setdefault(_key(row), []).append(row)
    ordered = sorted(groups.values(), key=lambda rows: (_natural(_title(rows[0])), _key(rows[0])))
    return [_question(index, rows) for index, rows in enumerate(ordered, 1)]


def bound_of(row: Row) -> Bound:
    """Return a row as a bound; a row that is not verified proves nothing and has no ends."""
    verified = bool(row["verified"])
    value, lower = row["value"], row["lower"]
    return Bound(
        value=float(value) if verified and value is not None else math.inf,
        lower=float(lower) if verified and lower is not None else 0.0,
        side=row["side"],
        of=row["of"],
        lower_of=row["lower_of"],
        method=str(row["method"]),
        verified=verified,
        status=str(row["status"]),
        network=str(row["network"]),
        network_hash=str(row["network_hash"]),
        norm=str(row["norm"]),
        output=str(row["output"]),
        region=json.loads(row["region"]) | {"hash": row["region_hash"]},
        settings=json.loads(row["settings"]),
        size=json.loads(row["size"]),
        solver_value=_number(row["solver_value"]),
        residual=_number(row["residual"]),
        build_seconds=float(row["build_seconds"]),
        solve_seconds=float(row["solve_seconds"]),
        verify_seconds=float(row["verify_seconds"]),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _question(index: int, rows: Sequence[Row]) -> Question:
    finished = [row for row in rows if not row["failed"] and row["method"] in _KNOWN]
    bounds = sorted(map(bound_of, finished), key=lambda b: (b.value, -b.lower, b.method))
    failures = [row for row in rows if row["failed"] or row["method"] not in _KNOWN]
    return Question(f"question-{index:03}", _title(rows[0]), rows, bounds, failures)


def _title(row: Row) -> str:
    output = "all outputs" if row["output"] == "all" else f"output {row['output']}"
    if row.get("minus") is not None:
        output += f" minus {row['minus']}"
    if row.get("layers"):
        output += f", layers {row['layers']}"
    return f"{row['network']}, {row['norm']}, {row['region_label']}, {output}"


def _key(row: Row) -> str:
    return json.dumps([str(row.get(name)) for name in QUESTION])


def _natural(text: str) -> list[str]:
    """Return parts that sort "net 9" before "net 10"."""
    return [part.zfill(9) if part.isdigit() else part for part in re.split(r"(\d+)", text)]

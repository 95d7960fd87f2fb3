"""Two sets of kept runs side by side: what changed, and whether they contradict each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from lipexplore.errors import InvalidSetting
from lipexplore.experiments.cases import KEY, region_hash
from lipexplore.experiments.store_schema import QUESTION
from lipexplore.experiments.store_tables import open_table
from lipexplore.regions import WHOLE_SPACE

if TYPE_CHECKING:
    import pandas

JOINED: Final = (*QUESTION, "method", "settings")
"""Rows are the same run when these are equal; names and time limits do not count."""

EVERYWHERE: Final = region_hash(WHOLE_SPACE.to_dict())

_SHOWN: Final = ("network", "region_label")
_COMPARED: Final = ("value", "lower", "seconds", "status")


def compare(first: Any, second: Any) -> pandas.DataFrame:
    """Join two sets of runs on the question, the method and its settings.

    Where one set has several rows of a run (other time limits, or a table put together by hand) the
    answer that finished last counts; a failure counts only where there is no answer.

    Parameters
    ----------
    first, second
        Stores, their folders, tables, or files of tables: see
        :func:`lipexplore.experiments.store_tables.open_table`.

    Returns
    -------
    pandas.DataFrame
        The columns of JOINED, ``network`` and ``region_label``, and for both sides ``value``,
        ``lower``, ``seconds`` and ``status`` with ``_first`` or ``_second``; ``ratio``, the upper
        end of the second over that of the first; ``speed_up``, the seconds of the first over those
        of the second; ``in``, which is "both", "first" or "second".

    Raises
    ------
    LipexploreError
        If one of them is no set of runs.
    """
    left, right = (_runs(source) for source in (first, second))
    sides = ("_first", "_second")
    table = left.merge(right, on=list(JOINED), how="outer", suffixes=sides, indicator="in")
    for name in _SHOWN:
        one, other = (table.pop(f"{name}{side}").astype(object) for side in sides)
        table[name] = one.where(one.notna(), other)
    names = {"left_only": "first", "right_only": "second", "both": "both"}
    table["in"] = table["in"].map(names).astype(str)
    finite = table[["value_first", "value_second"]].abs().max(axis=1) < float("inf")
    table["ratio"] = (table["value_second"] / table["value_first"]).where(finite)
    table["speed_up"] = table["seconds_first"] / table["seconds_second"].where(lambda s: s > 0.0)
    ends = [f"{name}{side}" for name in _COMPARED for side in sides]
    return table[[*_SHOWN, *JOINED, *ends, "ratio", "speed_up", "in"]]


def contradictions(*sources: Any) -> pandas.DataFrame:
    """Return the questions of which some upper end lies below some lower end, with both.

    L <= P*: a lower end of L must not exceed any upper end, one of P* none of P*. Over a ball or a
    box P* depends on how slopes are enclosed, so those with another setting ``slopes`` are left
    apart. Bounds of all methods of all sets are held against each other; a row here is a mistake
    in a proof, in a file or in lipexplore.

    Returns
    -------
    pandas.DataFrame
        The columns of QUESTION, ``network`` and ``region_label``, ``upper``, ``upper_method``,
        ``upper_of``, ``lower``, ``lower_method`` and ``lower_of``: at most two rows per question.
    """
    import pandas

    runs = pandas.concat([_ends(source) for source in sources], ignore_index=True)
    runs = runs[~runs["failed"].eq(True)]
    pairs = runs[["region_hash", "settings"]].itertuples(index=False, name=None)
    runs["slopes"] = [_slopes(*pair) for pair in pairs]
    found = []
    for lower_of, of, constant in (
        ("L", ("L", "P*"), [*QUESTION]),
        ("P*", ("P*",), [*QUESTION, "slopes"]),
    ):
        uppers = runs[runs["of"].isin(of) & (runs["value"] < float("inf"))]
        uppers = uppers[~uppers["verified"].eq(False)]
        lowers = runs[runs["lower_of"].eq(lower_of) & (runs["lower"] > 0.0)]
        least = uppers.loc[uppers.groupby(constant)["value"].idxmin()]
        largest = lowers.loc[lowers.groupby(constant)["lower"].idxmax()]
        both = least.merge(largest, on=constant, suffixes=("", "_lower"))
        found.append(both[both["lower_lower"] > both["value"]])
    table = pandas.concat(found, ignore_index=True)
    names = {
        "value": "upper",
        "method": "upper_method",
        "of": "upper_of",
        "lower_lower": "lower",
        "method_lower": "lower_method",
        "lower_of_lower": "lower_of",
    }
    return table[[*_SHOWN, *QUESTION, *names]].rename(columns=names)


def _runs(source: Any) -> pandas.DataFrame:
    """Return one row per run, with the columns that are compared."""
    table = _ends(source)
    if "finished_at" in table:
        table = table.sort_values("finished_at", kind="stable")
    answered = table["failed"].eq(True).map({True: 0, False: 1})
    ordered = table.loc[answered.sort_values(kind="stable").index]
    return ordered.drop_duplicates(list(JOINED), keep="last")[[*_SHOWN, *JOINED, *_COMPARED]]


def _ends(source: Any) -> pandas.DataFrame:
    """Return the rows with key columns as text, an end that is not there trivially true."""
    table = open_table(source).reset_index(drop=True)
    needed = [*KEY, *_COMPARED, "of", "lower_of"]
    missing = [name for name in needed if name not in table]
    if missing:
        raise InvalidSetting(f"a table of runs needs the columns {', '.join(missing)}")
    optional = [name for name in (*_SHOWN, *JOINED, "failed", "verified") if name not in table]
    table = table.assign(**dict.fromkeys(optional))
    for name in (*_SHOWN, *JOINED):
        table[name] = [_text(value) for value in table[name]]
    table["settings"] = [_sorted(text) for text in table["settings"]]
    try:
        return table.assign(
            value=table["value"].astype(float).fillna(float("inf")),
            lower=table["lower"].astype(float).fillna(0.0),
            seconds=table["seconds"].astype(float),
        )
    except (ValueError, TypeError) as error:
        raise InvalidSetting(f"value, lower and seconds of runs are numbers ({error})") from None


def _text(value: Any) -> str:
    """Return a value as text, equal for 1, 1.0 and "1"; files have their own ideas of types."""
    import pandas

    if value is None or value is pandas.NA or value != value:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _sorted(settings: str) -> str:
    """Return settings as JSON, equal for 2 and 2.0."""
    try:
        return json.dumps(json.loads(settings, parse_float=_number), sort_keys=True)
    except ValueError:
        return settings


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _slopes(region: str, settings: str) -> str:
    """Return how slopes are enclosed, which over the whole space makes no difference."""
    if region == EVERYWHERE:
        return ""
    try:
        return str(json.loads(settings)["slopes"])
    except (ValueError, TypeError, KeyError):
        return ""

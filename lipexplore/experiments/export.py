"""Tables of bounds for other programs: CSV, Parquet, LaTeX."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from lipexplore.bounds import Bound, method_class
from lipexplore.errors import LipexploreError
from lipexplore.rounding import text_above, text_below

if TYPE_CHECKING:
    import pandas

PARQUET: Final = "Parquet needs pyarrow: install it by `pip install pyarrow`"
"""What to say where it is missing."""

_NESTED: Final = ("layers", "region", "settings", "size")
LATEX: Final = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
_HEAD: Final = (
    r"\begin{tabular}{lrrrr}",
    r"\hline",
    r"method & degree & upper bound & lower bound & seconds \\",
    r"\hline",
)


def flat_table(bounds: Sequence[Bound]) -> pandas.DataFrame:
    """Return one row per bound, all fields but arrays; what is nested is written as JSON."""
    import pandas

    rows = [item.to_dict() for item in bounds]
    for row in rows:
        row |= {name: json.dumps(row[name], sort_keys=True) for name in _NESTED}
        row["output"] = str(row["output"])
    table = pandas.DataFrame(rows)
    return table.astype({"minus": "Int64"}) if rows else table


def csv_text(bounds: Sequence[Bound]) -> str:
    """Return the table as comma-separated values; numbers as Python prints them.

    Parameters
    ----------
    bounds
        Answers of :func:`lipexplore.bound`, one row each.
    """
    return str(flat_table(bounds).to_csv(index=False, lineterminator="\n"))


def parquet_bytes(bounds: Sequence[Bound]) -> bytes:
    """Return the table as a Parquet file.

    Parameters
    ----------
    bounds
        Answers of :func:`lipexplore.bound`, one row each.

    Raises
    ------
    LipexploreError
        If pyarrow is not installed.
    """
    content = io.BytesIO()
    try:
        flat_table(bounds).to_parquet(content, engine="pyarrow", index=False)
    except ImportError:
        raise LipexploreError(PARQUET) from None
    return content.getvalue()


def latex_text(bounds: Sequence[Bound]) -> str:
    """Return a tabular that needs no package: ends rounded outward, with their constant.

    Parameters
    ----------
    bounds
        Answers of :func:`lipexplore.bound`, one row each.
    """
    lines = [_latex_row(item) for item in bounds]
    return "\n".join([*_HEAD, *lines, r"\hline", r"\end{tabular}", ""])


def _latex_row(bound: Bound) -> str:
    degree = bound.size.get("degree", bound.settings.get("degree", ""))
    upper = f"${_constant(bound.of)} \\le {text_above(bound.value)}$"
    lower = f"${_constant(bound.lower_of)} \\ge {text_below(bound.lower)}$"
    cells = (
        "".join(LATEX.get(sign, sign) for sign in method_class(bound.method).label),
        str(degree),
        upper if math.isfinite(bound.value) else "",
        lower if bound.lower > 0.0 else "",
        f"{bound.seconds:.3g}",
    )
    return " & ".join(cells) + r" \\"


def _constant(name: str) -> str:
    return "P^*" if name == "P*" else name

"""Numbers and bounds as words: upper ends are rounded up, lower ends down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lipexplore.bounds import Bound, method_class
from lipexplore.figures.comparable import summary
from lipexplore.rounding import text_above, text_below


def seconds_text(seconds: float) -> str:
    """Return a duration for people.

    >>> seconds_text(0.00015), seconds_text(0.4071), seconds_text(27.06), seconds_text(25000)
    ('0.15 ms', '0.41 s', '27 s', '6.9 h')
    """
    if seconds < 0.0995:
        return f"{1e3 * seconds:.2g} ms"
    if seconds < 9.95:
        return f"{seconds:.2g} s"
    if seconds < 600:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h" if seconds < 3.6e5 else f"{seconds / 86400:,.0f} days"


def times_text(bound: Bound) -> str:
    """Return build + solve + verify in one unit: "17 + 490 + 7.9 ms"; steps of no time left out."""
    unit, scale = ("ms", 1e3) if bound.seconds < 1.0 else ("s", 1.0)
    steps = (bound.build_seconds, bound.solve_seconds, bound.verify_seconds)
    return " + ".join(_two_digits(scale * step) for step in steps if step > 0.0) + f" {unit}"


def _two_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 9.95 else f"{number:.2g}"


def bytes_text(count: float) -> str:
    """Return an amount of memory for people.

    >>> bytes_text(9_591_750), bytes_text(886_977_642_600)
    ('9.6 MB', '887 GB')
    """
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= 0.9995 * scale:
            number = count / scale
            return f"{number:,.0f} {unit}" if number >= 99.5 else f"{number:.2g} {unit}"
    return f"{count:.0f} B"


def upper_text(bound: Bound, digits: int = 6) -> str:
    """Return the upper end with the constant that it is about, or a dash."""
    if math.isinf(bound.value):
        return "–"
    return f"{bound.of} ≤ {text_above(bound.value, digits)}"


def lower_text(bound: Bound, digits: int = 6) -> str:
    """Return the lower end with the constant that it is about, or a dash."""
    if bound.lower <= 0.0:
        return "–"
    return f"{bound.lower_of} ≥ {text_below(bound.lower, digits)}"


def short_label(method: str) -> str:
    """Return the method's label without what stands in parentheses."""
    return method_class(method).label.partition(" (")[0]


def degree_of(bound: Bound) -> int | None:
    """Return the degree of a relaxation, None for methods without one."""
    degree = bound.size.get("degree", bound.settings.get("degree"))
    return None if degree is None else int(degree)


def run_name(bound: Bound) -> str:
    """Return the method's label and, where there is one, the degree."""
    degree, label = degree_of(bound), method_class(bound.method).label
    return label if degree is None else f"{label}, degree {degree}"


def changed_settings(method: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the settings that differ from the method's own, in words, the degree left out."""
    usual = method_class(method)().settings()
    return [
        value if isinstance(value, str) else f"{name.replace('_', ' ')} {value}"
        for name, value in settings.items()
        if name != "degree" and value != usual.get(name)
    ]


def shape_text(bound: Bound) -> str:
    """Return the size in short: rows x columns of a linear program, else its counts."""
    if {"rows", "columns"} <= set(bound.size):
        return f"{bound.size['rows']:,} × {bound.size['columns']:,}"
    hidden = ("degree", "iterations", "programs")
    return ", ".join(f"{n:,} {name}" for name, n in bound.size.items() if name not in hidden)


def size_text(bound: Bound) -> str:
    """Return the counts of a run: "3,127 rows, 12,180 columns, 27,405 nonzeros"."""
    return ", ".join(f"{count:,} {name}" for name, count in bound.size.items() if name != "degree")


def sentence(bounds: Sequence[Bound]) -> str:
    """Say in one sentence what ``bounds`` of one question prove together."""
    best = summary(bounds)
    if best.contradiction:
        return "A lower bound exceeds an upper bound: this is a mistake in lipexplore, report it."
    parts = []
    if best.p_star_upper is not None:
        parts.append(_upper_sentence(best.p_star_upper, "P* (hence L too)"))
    if best.l_upper is not None and best.l_upper.of == "L":
        parts.append(_upper_sentence(best.l_upper, "L alone"))
    if best.l_lower is not None:
        parts.append(
            f"a point of the network proves that L (hence P* too) is at least "
            f"{text_below(best.l_lower.lower)}"
        )
    if best.p_star_lower is not None:
        parts.append(
            f"a choice of slopes proves that P* is at least {text_below(best.p_star_lower.lower)}, "
            "which says nothing about L"
        )
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _upper_sentence(bound: Bound, constant: str) -> str:
    return (
        f"{constant} is at most {text_above(bound.value)} by {run_name(bound)}, in "
        f"{seconds_text(bound.seconds)}"
    )

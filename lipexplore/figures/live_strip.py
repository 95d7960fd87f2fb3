"""One line per method on one axis: upper ends, lower ends and what is left between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lipexplore.bounds import Bound
from lipexplore.figures.comparable import summary
from lipexplore.figures.palette import STYLES
from lipexplore.figures.texts import seconds_text, short_label
from lipexplore.rounding import text_above, text_below

WIDTH, HEIGHT, MARGIN = 190.0, 22.0, 9.0
DIGITS = 5


@dataclass(frozen=True)
class Line:
    """What one method says; ``fresh`` is False while its answer is to an older question."""

    bound: Bound
    fresh: bool


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from ``low`` to ``high``."""

    low: float
    high: float

    def place(self, value: float) -> float:
        """Return the horizontal place of a value, moved to the nearer end where it is outside."""
        share = math.log(value / self.low) / math.log(self.high / self.low) if value > 0.0 else 0.0
        return MARGIN + (WIDTH - 2.0 * MARGIN) * min(max(share, 0.0), 1.0)


def axis_of(bounds: Sequence[Bound]) -> Axis | None:
    """Return an axis that holds all ends, None where there are none."""
    ends = [end for b in bounds for end in (b.value, b.lower) if 0.0 < end < math.inf]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    return Axis(low / 1.05, high * 1.05) if math.log(high / low) < 700.0 else None


def strip_html(lines: Sequence[Line], left_out: str = "") -> str:
    """Return the strip as a table: method, its ends on the axis, and its numbers.

    Ends of older questions are grey. The shaded part is where L can still lie, by the fresh lines.
    """
    axis = axis_of([line.bound for line in lines])
    if axis is None:
        return f'<p class="lx-note">No values yet. {escape(left_out)}</p>'
    band = _band(lines, axis)
    body = "".join(_row(line, axis, band) for line in lines)
    scale = f"{axis.low * 1.05:.3g} to {axis.high / 1.05:.3g}, logarithmic"
    heads = ("method", "proven", scale)
    head = "".join(f'<th scope="col" class="lx-text">{text}</th>' for text in heads)
    caption = "◀ upper, ▶ lower end; hollow: for one constant only; grey ↻: recomputing"
    return (
        f'<table class="lx-table lx-strip"><caption>{caption}</caption><thead><tr>{head}</tr>'
        f'</thead><tbody>{body}</tbody></table><p class="lx-note">{escape(left_out)}</p>'
    )


def strip_sentence(bounds: Sequence[Bound]) -> str:
    """Say between which numbers L and P* lie, for people who do not see the strip."""
    best = summary(bounds)
    if best.contradiction:
        return "A lower bound exceeds an upper bound: this is a mistake in lipexplore, report it."
    low = "0" if best.l_lower is None else text_below(best.l_lower.lower, DIGITS)
    if best.l_upper is None:
        return f"L is at least {low}."
    high, by = text_above(best.l_upper.value, DIGITS), short_label(best.l_upper.method)
    return f"L is proven to lie between {low} and {high} (by {by})."


def _band(lines: Sequence[Line], axis: Axis) -> tuple[float, float]:
    best = summary([line.bound for line in lines if line.fresh])
    low = axis.place(best.l_lower.lower) if best.l_lower else 0.0
    high = axis.place(best.l_upper.value) if best.l_upper else WIDTH
    return low, max(high, low)


def _row(line: Line, axis: Axis, band: tuple[float, float]) -> str:
    bound, label = line.bound, short_label(line.bound.method)
    name = "lx-fresh" if line.fresh else "lx-stale"
    marks, numbers = _ends(bound, axis), _numbers(bound)
    note = _mark(bound) if line.fresh else '<span title="recomputing">↻</span>'
    return (
        f'<tr class="{name}"><th scope="row" class="lx-text">{escape(label)}</th>'
        f'<td class="lx-text" title="{seconds_text(bound.seconds)}">{numbers} {note}</td>'
        f'<td><svg width="{WIDTH:.0f}" height="{HEIGHT:.0f}" aria-hidden="true">'
        f'<rect class="lx-band" x="{band[0]:.1f}" y="0" width="{band[1] - band[0]:.1f}" '
        f'height="{HEIGHT:.0f}"/>{marks}</svg></td></tr>'
    )


def _mark(bound: Bound) -> str:
    if bound.verified:
        return '<span title="verified in exact or outward-rounded arithmetic">✓</span>'
    return '<span class="lx-refused">not verified</span>'


def _numbers(bound: Bound) -> str:
    parts = []
    if math.isfinite(bound.value):
        parts.append(f"{bound.of} ≤ {text_above(bound.value, DIGITS)}")
    if bound.lower > 0.0:
        parts.append(f"{bound.lower_of} ≥ {text_below(bound.lower, DIGITS)}")
    return ", ".join(parts) or "nothing proven"


def _ends(bound: Bound, axis: Axis) -> str:
    """Draw an upper end as a bar's right end, a lower end as its left, an interval with both."""
    middle, colour = HEIGHT / 2.0, STYLES[bound.method].colour
    has_upper, has_lower = math.isfinite(bound.value), bound.lower > 0.0
    left = axis.place(bound.lower) if has_lower else 0.0
    right = axis.place(bound.value) if has_upper else WIDTH
    if not has_upper and not has_lower:
        return ""
    dash = "" if has_upper and has_lower else ' stroke-dasharray="2 4"'
    drawn = f'<path d="M{left:.1f} {middle}H{right:.1f}" stroke="{colour}" stroke-width="2"{dash}/>'
    if has_upper:
        drawn += _triangle(right, middle, -1.0, colour, bound.of == "P*")
    if has_lower:
        drawn += _triangle(left, middle, 1.0, colour, bound.lower_of == "L")
    return drawn


def _triangle(x: float, y: float, direction: float, colour: str, filled: bool) -> str:
    """Point from an end into the interval; hollow where the end holds for one constant alone."""
    base = x - 8.0 * direction
    fill = colour if filled else "none"
    return (
        f'<path d="M{x:.1f} {y}L{base:.1f} {y - 6}V{y + 6}Z" fill="{fill}" stroke="{colour}" '
        f'stroke-width="2"/><path d="M{x:.1f} {y - 9}V{y + 9}" stroke="{colour}" '
        'stroke-width="2.5"/>'
    )

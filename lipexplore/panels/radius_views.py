"""Radii as words and tables: one digit beside its attack, and how far the work has come."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

from lipexplore.figures.palette import STYLES
from lipexplore.figures.robustness import Robustness
from lipexplore.figures.texts import short_label
from lipexplore.jobs.radii import ATTACK
from lipexplore.networks.feedforward import Network
from lipexplore.norms import Norm
from lipexplore.panels.question_panel import digit_svg
from lipexplore.panels.radii import RadiusBook
from lipexplore.properties.attack import Attacks
from lipexplore.properties.local_radius import LocalRadius
from lipexplore.rounding import Array, text_above, text_below


def digit_html(
    network: Network,
    image: Array,
    label: int,
    number: int,
    found: Robustness,
    attacks: Attacks,
    local: Mapping[str, LocalRadius],
) -> str:
    """Return one digit and its closest attack as pictures, with the radii of every method."""
    told, after = (int(c) for c in network(np.array([image, attacks.points[number]])).argmax(1))
    radii = {method: float(values[number]) for method, values in found.certified.items()}
    near = {method: one.radius for method, one in local.items()}
    rows = "".join(
        f'<tr><th scope="row" class="lx-text"><span style="color:{STYLES[m].colour}">■</span> '
        f"{escape(short_label(m))}{place}</th><td>{text_below(radius, 5)}</td></tr>"
        for place, group in (("", radii), (", in the ball", near))
        for m, radius in group.items()
    )
    length = float(attacks.radius[number])
    rows += (
        f'<tr><th scope="row" class="lx-text">attack: class {after}</th>'
        f"<td>{text_above(length, 5)}</td></tr>"
    )
    attacked = np.clip(attacks.points[number], 0.0, 1.0)
    symbol = Norm.parse(found.norm).symbol
    best = text_below(max((*radii.values(), *near.values()), default=0.0), 5)
    wrong = "" if told == label else ", wrongly"
    return (
        f'<div class="lx-digit">{digit_svg(image, label)}{digit_svg(attacked, after)}'
        f"<p>Left: test image {number}, a handwritten {label}, read as {told}{wrong}. It stays a "
        f"{told} under every change of {symbol} length up to {best}. Right: a "
        f"change of length {text_above(length, 5)} makes it a {after} (drawn with its pixels "
        f"cut off at black and white).</p></div>{_reach_text(local, symbol)}"
        '<table class="lx-table"><caption>Radii of this image: certified, and where the attack '
        f'succeeds</caption><thead><tr><th scope="col" class="lx-text">method</th><th scope="col">'
        f"radius ({symbol})</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _reach_text(local: Mapping[str, LocalRadius], symbol: str) -> str:
    reach = next((one.reach for one in local.values()), None)
    if reach is None:
        return ""
    return (
        "<p>Bounds in the ball that the question asks about are tighter, but prove nothing beyond "
        f"it: no radius above {text_below(reach, 5)} ({symbol}) fits inside.</p>"
    )


def progress_html(book: RadiusBook) -> str:
    """Say what is being computed and how far it has come."""
    item = book.current
    if item is None:
        return ""
    if item.method == ATTACK:
        return "<p>Attacking the test images …</p>"
    where = "" if item.ball is None else " in the ball"
    label = escape(short_label(item.method))
    done, total = book.progress.get("done"), book.progress.get("total")
    count = ""
    if total:
        count = (
            f' <progress max="{total}" value="{done}" aria-label="progress of {label}"></progress> '
            f"{done} of {total}"
        )
    return f"<p>Bounding the margins{where}: {label} …{count}</p>"

"""A network as columns of units and lines of weights; chosen layers, outputs and units marked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lipexplore.figures.palette import BLUE, CLIQUE_COLOUR, VERMILLION
from lipexplore.networks.feedforward import Network
from lipexplore.rounding import Array

MOST_UNITS = 16
"""Columns with more units show the first and the last ones."""

MOST_LINES = 90
"""Of the weights between two columns only so many are drawn, the largest."""

WIDTH, HEIGHT, MARGIN, FOOT = 300.0, 190.0, 18.0, 34.0
LABEL = 72.0  # the widest "⋮ 999 marked"
RADIUS, THICKEST, THINNEST = 4.0, 2.6, 0.35


@dataclass(frozen=True)
class Column:
    """The units of one layer that are drawn: their numbers, and their places from the top."""

    size: int
    shown: NDArray[np.intp]
    places: Array
    x: float


def network_svg(
    network: Network,
    layers: tuple[int, int] | None = None,
    output: int | None = None,
    minus: int | None = None,
    marked: Collection[int] = (),
) -> str:
    """Return the drawing as SVG; each weight layer is a button with its number as data-choice.

    Positive weights are solid blue lines, negative ones dashed orange ones, the thicker the larger
    in their layer.

    Parameters
    ----------
    layers
        Weight layers (first, last), 1-based, that are chosen; the others are faint.
    output, minus
        Output units of the last chosen layer that are asked about.
    marked
        Variables of the chosen part: input i is i, its hidden units follow layer by layer.
    """
    first, last = layers or (1, len(network.weights))
    columns = columns_of(network.widths)
    marks = _marked_units(network.widths, first, last, marked)
    asked = {last: {unit for unit in (output, minus) if unit is not None}}
    drawn = [
        _layer(index, weight, left, right, first <= index <= last)
        for index, (weight, (left, right)) in enumerate(
            zip(network.weights, pairwise(columns), strict=True), 1
        )
    ]
    for index, column in enumerate(columns):
        chosen = first - 1 <= index <= last
        drawn.append(_units(column, chosen, marks.get(index, set()), asked.get(index, set())))
    title = "network of layers " + "-".join(map(str, network.widths))
    return (
        f'<svg role="group" aria-label="{title}: choose layers" width="100%" '
        f'viewBox="0 0 {WIDTH:.0f} {HEIGHT + FOOT:.0f}" font-size="11" '
        f'style="max-width: {1.6 * WIDTH:.0f}px">{"".join(drawn)}</svg>'
    )


def columns_of(widths: Sequence[int]) -> list[Column]:
    """Return where the units of each layer are drawn, at most MOST_UNITS of each."""
    spacing = (WIDTH - 2.0 * MARGIN) / max(len(widths) - 1, 1)
    columns = []
    for index, size in enumerate(widths):
        half = MOST_UNITS // 2
        wide = size > MOST_UNITS
        shown = np.r_[0:half, size - half : size] if wide else np.arange(size)
        slots = np.arange(len(shown)) + (np.arange(len(shown)) >= half) * wide
        step = (HEIGHT - 2.0 * MARGIN) / max(MOST_UNITS, 1)
        places = HEIGHT / 2.0 + (slots - slots[-1] / 2.0) * step
        columns.append(Column(size, shown, places, MARGIN + index * spacing))
    return columns


def largest_lines(weight: Array, left: Column, right: Column) -> list[tuple[int, int, float]]:
    """Return (row, column, w / max |w|) of the largest weights between drawn units.

    Row and column count the drawn units; zeros are left out.
    """
    part = weight[np.ix_(right.shown, left.shown)]
    top = float(np.abs(weight).max())
    if top == 0.0:
        return []
    order = np.argsort(-np.abs(part), axis=None, kind="stable")[:MOST_LINES]
    rows, columns = np.unravel_index(order, part.shape)
    shares = part[rows, columns] / top
    lines = zip(rows.tolist(), columns.tolist(), shares.tolist(), strict=True)
    return [line for line in lines if line[2] != 0.0]


def _layer(index: int, weight: Array, left: Column, right: Column, chosen: bool) -> str:
    nonzeros = int(np.count_nonzero(weight))
    name = (
        f"weight layer {index}: {left.size} to {right.size}, "
        f"{nonzeros:,} of {weight.size:,} weights not zero"
    )
    lines = "".join(
        _line(left, right, row, column, share)
        for row, column, share in largest_lines(weight, left, right)
    )
    middle, width = (left.x + right.x) / 2.0, right.x - left.x
    opacity, shade, bold = (1.0, 0.07, 700) if chosen else (0.25, 0.0, 400)
    return (
        f'<g role="button" tabindex="0" data-choice="{index}" '
        f'aria-pressed="{str(chosen).lower()}" aria-label="{name}"><title>{name}</title>'
        f'<rect x="{left.x + 1:.1f}" y="2" width="{width - 2:.1f}" '
        f'height="{HEIGHT + FOOT - 4:.0f}" rx="4" fill="currentColor" fill-opacity="{shade}"/>'
        f'<g opacity="{opacity}">{lines}<text x="{middle:.1f}" y="{HEIGHT + 26:.0f}" '
        f'text-anchor="middle" font-weight="{bold}" fill="currentColor">W{index}</text></g></g>'
    )


def _line(left: Column, right: Column, row: int, column: int, share: float) -> str:
    style = f'stroke="{BLUE}"' if share > 0.0 else f'stroke="{VERMILLION}" stroke-dasharray="4 2"'
    width = max(THICKEST * abs(share), THINNEST)
    return (
        f'<path d="M{left.x:.0f} {left.places[column]:.1f}L{right.x:.0f} {right.places[row]:.1f}" '
        f'{style} stroke-width="{width:.2f}"/>'
    )


def _units(column: Column, chosen: bool, marked: set[int], asked: set[int]) -> str:
    drawn = [
        _unit(column.x, place, unit in marked, unit in asked)
        for unit, place in zip(column.shown.tolist(), column.places.tolist(), strict=True)
    ]
    if len(column.shown) < column.size:
        more = len(marked - set(column.shown.tolist()))
        told = f"⋮ {more} marked" if more else "⋮"
        margin = LABEL / 2.0 if more else 0.0
        x = min(max(column.x, margin), WIDTH - margin)
        drawn.append(
            f'<text x="{x:.1f}" y="{HEIGHT / 2.0 + 4:.1f}" text-anchor="middle" '
            f'fill="currentColor">{told}</text>'
        )
    drawn.append(
        f'<text x="{column.x:.1f}" y="{HEIGHT + 10:.0f}" text-anchor="middle" '
        f'fill="currentColor">{column.size}</text>'
    )
    return f'<g opacity="{1.0 if chosen else 0.35}" pointer-events="none">{"".join(drawn)}</g>'


def _unit(x: float, y: float, marked: bool, asked: bool) -> str:
    radius = RADIUS + 1.5 if marked else RADIUS
    fill = CLIQUE_COLOUR if marked else "currentColor"
    ring = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS + 3.5}" fill="none" '
        'stroke="currentColor" stroke-width="1.5"/>'
    )
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}"/>'
    return circle + (ring if asked else "")


def _marked_units(
    widths: Sequence[int], first: int, last: int, marked: Collection[int]
) -> dict[int, set[int]]:
    """Return the marked units by column, counted from 0 in each."""
    starts = np.cumsum([0, *widths[first - 1 : last]])
    return {
        first - 1 + place: {m - int(start) for m in marked if start <= m < stop}
        for place, (start, stop) in enumerate(pairwise(starts))
    }

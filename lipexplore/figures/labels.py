"""Where the labels of points go, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Box = tuple[float, float, float, float]

_PLACES: Final = {
    "middle right": (0.0, -0.5),
    "middle left": (-1.0, -0.5),
    "top center": (-0.5, 0.3),
    "bottom center": (-0.5, -1.3),
}
_LETTER, _LINE = 0.55, 1.15
"""Width and height of a letter, in font sizes."""


@dataclass(frozen=True)
class Label:
    """A text beside the point (x, y), in pixels from the lower left corner."""

    x: float
    y: float
    text: str


def places(
    labels: Sequence[Label], font_size: float, width: float, marker: float = 13.0
) -> list[str]:
    """Return for each label where it stands ("middle right", ...), or "" where there is no room.

    Greedy, in the order given: a label never covers a marker, a label before it or the edge.
    """
    half = 0.5 * marker
    taken: list[Box] = [
        (item.x - half, item.y - half, item.x + half, item.y + half) for item in labels
    ]
    chosen = []
    for item in labels:
        boxes = {name: _box(item, place, font_size, half) for name, place in _PLACES.items()}
        free = (
            name
            for name, box in boxes.items()
            if box[0] >= 0.0 and box[2] <= width and not any(_meet(box, one) for one in taken)
        )
        found = next(free, "") if item.text else ""
        if found:
            taken.append(boxes[found])
        chosen.append(found)
    return chosen


def _box(item: Label, place: tuple[float, float], font_size: float, half: float) -> Box:
    """Return the rectangle of a label; ``place`` is its lower left corner in its own sizes."""
    across, upward = place
    width, height = _LETTER * font_size * len(item.text), _LINE * font_size
    left = item.x + across * width + half * {0.0: 1.5, -1.0: -1.5}.get(across, 0.0)
    bottom = item.y + upward * height + half * ((upward > 0.0) - (upward < -1.0))
    return left, bottom, left + width, bottom + height


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]

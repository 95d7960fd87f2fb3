"""Grey images as PNG inside HTML: a strip of them, and one large."""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lipexplore.rounding import Array

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_bytes(image: Array) -> bytes:
    """Return a square grey image (side^2,), 0 white and 1 black, as a PNG file.

    References
    ----------
    PNG specification, third edition, W3C 2025: chunks IHDR, IDAT, IEND; one filter byte per row.
    """
    side = math.isqrt(len(image))
    levels = np.round(255.0 * (1.0 - np.clip(image, 0.0, 1.0))).astype(np.uint8)
    rows = np.pad(levels.reshape(side, side), ((0, 0), (1, 0)))
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b"")
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def image_html(image: Array, told: str, size: int) -> str:
    """Return an image as an element of ``size`` pixels that is read out as ``told``."""
    data = base64.b64encode(png_bytes(image)).decode("ascii")
    return (
        f'<img alt="{told}" width="{size}" height="{size}" '
        f'style="image-rendering: pixelated" src="data:image/png;base64,{data}"/>'
    )


def strip_html(
    images: Array, labels: NDArray[np.int64], numbers: Sequence[int], chosen: int, size: int = 34
) -> str:
    """Return some images in a row of buttons; each has its number as data-choice."""
    buttons = [
        f'<button type="button" data-choice="{number}" '
        f'aria-pressed="{str(number == chosen).lower()}" '
        f'title="test image {number}, handwritten {labels[number]}">'
        f"{image_html(images[number], f'test image {number}, handwritten {labels[number]}', size)}"
        "</button>"
        for number in numbers
    ]
    return (
        '<div class="lx-strip-of-images" role="group" aria-label="digits to choose from">'
        f"{''.join(buttons)}</div>"
    )


def examples(labels: NDArray[np.int64], told: NDArray[np.int64], misread: int = 2) -> list[int]:
    """Return the first image of each label that is read rightly, then the first misread ones."""
    right = [np.flatnonzero((labels == label) & (told == label)) for label in np.unique(labels)]
    wrong = [int(place) for place in np.flatnonzero(labels != told)[:misread]]
    return [int(places[0]) for places in right if len(places)] + wrong

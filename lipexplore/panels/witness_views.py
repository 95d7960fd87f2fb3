"""Witnesses of lower bounds: an input as a picture, a pattern of slopes as rows of squares."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lipexplore.bounds import Bound
from lipexplore.errors import InvalidSetting
from lipexplore.panels.question_panel import digit_svg
from lipexplore.panels.settings import Question
from lipexplore.rounding import Array, text_below
from lipexplore.training.images import digits_for

MOST_UNITS = 200


def point_html(question: Question, point: Array, proof: Bound) -> str:
    """Return an input at which the gradient is proven to be large, beside a real digit."""
    words = (
        f"{proof.lower_of} is at least {text_below(proof.lower)}: the gradient at this input is "
        "proven to be that large."
    )
    try:
        images, labels = digits_for(question.network)
    except InvalidSetting:
        images = None
    if images is None or question.layers is not None or len(point) != images.shape[1]:
        numbers = ", ".join(f"{value:.4g}" for value in point[:12].tolist())
        rest = "" if len(point) <= 12 else f", … ({len(point)} numbers)"
        return f"<p>{words} Witness: ({numbers}{rest}).</p>"
    nearest = int(np.linalg.norm(images - point, axis=1).argmin())
    low, high = float(point.min()), float(point.max())
    scaled = (point - low) / (high - low) if high > low else np.full_like(point, 0.5)
    real = digit_svg(images[nearest], int(labels[nearest]))
    return (
        f'<div class="lx-digit">{_labelled(digit_svg(scaled, 0))}{real}<p>{words} Left: the '
        f"witness, its values from {low:.3g} to {high:.3g} drawn from white to black. Right: the "
        f"nearest test image, number {nearest}, a handwritten {labels[nearest]} (pixels from 0 to "
        "1).</p></div>"
    )


def _labelled(svg: str) -> str:
    return svg.replace('aria-label="handwritten digit 0"', 'aria-label="witness as an image"')


def pattern_html(pattern: Iterable[Array], proof: Bound) -> str:
    """Return slopes layer by layer: full squares at the upper end of the range."""
    layers = [np.asarray(layer, dtype=np.float64) for layer in pattern]
    rows = "".join(
        f"<p>layer {number}: {_squares(layer)}</p>" for number, layer in enumerate(layers, 1)
    )
    return (
        f"<p>{proof.lower_of} is at least {text_below(proof.lower)}: these slopes attain it"
        f"{'' if proof.lower_of == 'L' else ', whether or not an input has them'}.</p>{rows}"
    )


def _squares(slopes: Array) -> str:
    if len(slopes) > MOST_UNITS:
        return f"{len(slopes):,} units, mean slope {slopes.mean():.3g}"
    low, high = float(slopes.min(initial=0.0)), float(slopes.max(initial=0.0))
    middle = 0.5 * (low + high)
    text = "".join("■" if slope > middle else "□" for slope in slopes.tolist())
    count = int((slopes > middle).sum())
    return (
        f'<span role="img" aria-label="{count} of {len(slopes)} units have the larger slope">'
        f"{text}</span> (■ {high:.3g}, □ {low:.3g})"
    )

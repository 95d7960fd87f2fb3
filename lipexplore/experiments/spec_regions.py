"""The regions of a specification, made for the number of inputs of each network."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lipexplore.errors import InvalidRegion
from lipexplore.experiments.spec_tables import Fields, is_number
from lipexplore.regions import WHOLE_SPACE, Ball, Box, Region
from lipexplore.rounding import Array


def regions_of(entry: object, where: str, folder: Path, n_inputs: int) -> Iterator[Region]:
    """Yield the regions of one entry: "whole space", balls or a box.

    Raises
    ------
    InvalidSetting
        If the entry is none, or does not fit the number of inputs.
    """
    if entry == WHOLE_SPACE.kind:
        yield WHOLE_SPACE
        return
    if isinstance(entry, str):
        entry = {entry: None}
    fields = Fields(entry, where)
    if "ball" in fields:
        yield from _balls(fields, folder, n_inputs)
    elif "box" in fields or "lower" in fields:
        yield _box(fields, folder, n_inputs)
    else:
        raise fields.wrong(
            "regions",
            'a region is "whole space", {ball = "linf", center = "zero", radius = 0.1} or '
            "{lower = 0, upper = 1}",
        )


def _balls(fields: Fields, folder: Path, n_inputs: int) -> Iterator[Ball]:
    norms = fields.many("ball")
    center = _vector(fields, "center", fields.take("center", "zero"), folder, n_inputs)
    radii = fields.many("radius")
    fields.end()
    for norm in norms:
        for radius in radii:
            yield fields.tried("ball", partial(_ball, center, radius, norm))


def _ball(center: Array, radius: Any, norm: Any) -> Ball:
    if not is_number(radius):
        raise InvalidRegion(f"the radius must be a number, not {radius!r}")
    return Ball(center, radius, norm)


def _box(fields: Fields, folder: Path, n_inputs: int) -> Box:
    if "box" in fields:
        path = folder / str(fields.needed("box"))
        ends = [fields.tried("box", partial(_stored, path, key)) for key in ("lower", "upper")]
    else:
        ends = [fields.needed("lower"), fields.needed("upper")]
    lower, upper = (
        _vector(fields, key, end, folder, n_inputs)
        for key, end in zip(("lower", "upper"), ends, strict=True)
    )
    fields.end()
    return fields.tried("upper", lambda: Box(lower, upper))


def _vector(fields: Fields, key: str, given: Any, folder: Path, n_inputs: int) -> Array:
    """Return one number per input, of a number for all of them, a list, an array or a file."""
    if is_number(given):
        return np.full(n_inputs, float(given))
    if isinstance(given, str) and given == "zero":
        return np.zeros(n_inputs)
    if isinstance(given, str):
        given = fields.tried(key, lambda: _stored(folder / given))
    try:
        vector = np.asarray(given).astype(np.float64, casting="same_kind").ravel()
    except (TypeError, ValueError):
        raise fields.wrong(key, f"numbers, a .npy file or zero is needed, not {given!r}") from None
    if vector.size != n_inputs:
        raise fields.wrong(
            key, f"it has {vector.size} numbers, but a network of this grid has {n_inputs} inputs"
        )
    return vector


def _stored(path: Path, key: str | None = None) -> Array:
    try:
        loaded = np.load(path, allow_pickle=False)
        return np.asarray(loaded if key is None else loaded[key])
    except FileNotFoundError:
        raise InvalidRegion(f"{path}: there is no such file") from None
    except (OSError, ValueError, EOFError, KeyError, IndexError, TypeError):
        wanted = "an .npy file of numbers" if key is None else f"an .npz file with {key!r}"
        raise InvalidRegion(f"{path}: {wanted} is needed") from None
